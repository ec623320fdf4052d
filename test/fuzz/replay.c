/*
 * Runs a fuzz target over files, without libFuzzer: `make coverage` counts
 * with gcov what the corpus reaches.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MAX_BYTES (1 << 20)

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		FILE *f = fopen(argv[i], "rb");
		uint8_t *bytes = malloc(MAX_BYTES);
		size_t length;

		if (!f || !bytes)
		{
			perror(argv[i]);
			return 1;
		}
		length = fread(bytes, 1, MAX_BYTES, f);
		fclose(f);
		LLVMFuzzerTestOneInput(bytes, length);
		free(bytes);
	}
	return 0;
}
