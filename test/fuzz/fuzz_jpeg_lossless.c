/*
 * Lossless JPEG. The first two bytes choose the frame's size and kind, all
 * others are the codestream.
 */

#include <stdlib.h>
#include <string.h>

#include "image/jpeg_lossless.h"

/* Into memory that is full of something else; NULL: refused. */
static uint8_t *
decode(const uint8_t *data, size_t size, int fill, size_t *bytes)
{
	uint32_t width = data[0] % 64 + 1u, height = data[1] % 64 + 1u;
	unsigned cell = data[0] >> 7 ? 1 : 2, components = data[1] >> 7 ? 3 : 1;
	uint8_t *out;

	*bytes = (size_t)width * height * components * cell;
	out = malloc(*bytes);
	memset(out, fill, *bytes);
	if (mmn_jpeg_lossless_decode(&mmn_env_default, data + 2, size - 2, width,
								 height, components, cell, out, NULL) == MMN_OK)
		return out;
	free(out);
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *out, *again;
	size_t bytes;

	if (size < 2 || !(out = decode(data, size, 0, &bytes)))
		return 0;
	/* whatever was there before is gone */
	again = decode(data, size, 0xFF, &bytes);
	if (!again || memcmp(out, again, bytes) != 0)
		abort();
	free(out);
	free(again);
	return 0;
}
