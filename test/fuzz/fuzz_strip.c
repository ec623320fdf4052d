/*
 * Stripping metadata from PNG and JPEG files, and from frames.  What comes out
 * of files and JPEG XL frames must strip to itself.  A PNG chunk's CRC is
 * repaired first, or no input would get far.
 */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "image/jpegxl.h"
#include "image/strip.h"

static void
repair(uint8_t *p, size_t length)
{
	for (size_t pos = 8; length - pos >= 12;)
	{
		uint32_t n = mmn_load_u32be(p + pos), crc;

		if (n > length - pos - 12)
			return;
		crc = (uint32_t)crc32(0, p + pos + 4, n + 4);
		for (int i = 0; i < 4; i++)
			p[pos + 8 + n + i] = (uint8_t)(crc >> (24 - 8 * i));
		pos += (size_t)n + 12;
	}
}

static void
strip(mmn_status (*f)(const uint8_t *, size_t, mmn_buffer *, mmn_error *),
	  const uint8_t *bytes, size_t length)
{
	mmn_buffer once, twice;

	mmn_buffer_init(&once, &mmn_env_default, (size_t)1 << 22);
	mmn_buffer_init(&twice, &mmn_env_default, (size_t)1 << 22);
	if (f(bytes, length, &once, NULL) == MMN_OK)
	{
		if (f(once.bytes, once.length, &twice, NULL) != MMN_OK ||
			once.length != twice.length ||
			memcmp(once.bytes, twice.bytes, once.length) != 0)
			abort();
	}
	mmn_buffer_reset(&once);
	mmn_buffer_reset(&twice);
}

/* In place. */
static void
scrub(uint8_t *bytes, size_t length)
{
	uint8_t *once = malloc(length ? length : 1);

	if (mmn_codestream_scrub(bytes, length, NULL) == MMN_OK &&
		mmn_is_jpegxl(bytes, length))
	{
		memcpy(once, bytes, length);
		if (mmn_codestream_scrub(bytes, length, NULL) != MMN_OK ||
			memcmp(once, bytes, length) != 0)
			abort();
	}
	free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	if (length)
		memcpy(copy, bytes, length);
	if (length >= 8 && bytes[0] == 0x89)
		repair(copy, length);
	strip(mmn_png_strip, copy, length);
	strip(mmn_jpeg_strip, copy, length);
	scrub(copy, length);
	free(copy);
	return 0;
}
