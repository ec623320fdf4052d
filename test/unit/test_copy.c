/* Copies past the caches: the same as memcpy(), from and to any address. */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/copy.h"
#include "tap.h"

#define SIZE 600
#define CANARY 0xa5

/* Whether exactly n bytes from one address came to the other. */
static bool
copies(size_t from, size_t to, size_t n)
{
	uint8_t in[SIZE], out[SIZE], want[SIZE];

	for (size_t i = 0; i < SIZE; i++)
		in[i] = (uint8_t)rand();
	memset(out, CANARY, SIZE);
	memset(want, CANARY, SIZE);
	memcpy(want + to, in + from, n);
	mmn_copy_past_caches(out + to, in + from, n);
	return memcmp(out, want, SIZE) == 0;
}

int
main(void)
{
	int wrong = 0;

	srand(1);
	for (size_t n = 0; n < 400; n++)
		for (size_t to = 0; to < 64; to++)
			wrong += !copies((size_t)rand() % 64, to, n);
	is_int(wrong, 0, "each length to each alignment");
	return done_testing();
}
