/*
 * Lossless JPEG. The first two bytes choose the frame's size and kind, all
 * others are the codestream.
 */

#include <stdlib.h>
#include <string.h>

#include "image/jpeg_lossless.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t width, height;
	unsigned components, cell;
	uint8_t *out;

	if (size < 2)
		return 0;
	width = data[0] % 64 + 1u;
	height = data[1] % 64 + 1u;
	cell = data[0] >> 7 ? 1 : 2;
	components = data[1] >> 7 ? 3 : 1;
	out = malloc((size_t)width * height * components * cell);
	mmn_jpeg_lossless_decode(&mmn_env_default, data + 2, size - 2, width,
							 height, components, cell, out, NULL);
	free(out);
	return 0;
}
