#include "base/copy.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__

#include <emmintrin.h>

#define LINE 64
#define VECTOR sizeof(__m128i)

void
mmn_copy_past_caches(void *to, const void *from, size_t n)
{
	size_t head = -(uintptr_t)to % LINE, lines;
	const char *in;
	char *out;

	if (head > n)
		head = n;
	memcpy(to, from, head);
	out = (char *)to + head;
	in = (const char *)from + head;
	lines = (n - head) / LINE;
	for (size_t i = 0; i < lines; i++, in += LINE, out += LINE)
	{
		__m128i v[LINE / VECTOR];

		memcpy(v, in, LINE);
		for (size_t k = 0; k < LINE / VECTOR; k++)
			_mm_stream_si128((__m128i *)out + k, v[k]);
	}
	/* or a message could overtake them that says they are done */
	_mm_sfence();
	memcpy(out, in, (n - head) % LINE);
}

#else

void
mmn_copy_past_caches(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
}

#endif
