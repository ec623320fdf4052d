/*
 * PNG and JPEG files, told apart by their signatures.  What is decoded must be
 * an image that can be trusted.
 *
 * Chunks of a PNG file get the checksums that they should have, or no input
 * would get far; and what has neither signature becomes a PNG file: 13 bytes
 * that are its header, 1 that tells how long palette and transparency are, and
 * then these and the rows, which are compressed for it.
 */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../src/decoder/codec.h"
#include "base/bytes.h"
#include "image/sniff.h"

#define MAX_BYTES ((size_t)1 << 22)

static volatile unsigned sink; /* so that reads are not left out */

/* Reads every sample, so that a short buffer is seen. */
static void
check(const mmn_image *image)
{
	size_t bytes;

	if (mmn_image_check(image, MAX_BYTES, &bytes, NULL) != MMN_OK)
		abort();
	for (size_t i = 0; i < bytes; i++)
		sink += ((const uint8_t *)image->samples)[i];
}

static void
decode_frame(const uint8_t *data, size_t size)
{
	mmn_pixel_description pixels = {
		.photometric = MMN_YBR_FULL_422,
		.rows = 16,
		.columns = 16,
		.frames = 1,
		.samples_per_pixel = 3,
		.bits_allocated = 8,
		.bits_stored = 8,
		.high_bit = 7,
	};
	uint8_t *out = malloc(16 * 16 * 3);

	mmn_jpeg_decode_frame(&mmn_env_default, data, size, &pixels, out, NULL);
	free(out);
}

static void
png(const uint8_t *data, size_t size)
{
	mmn_image image;

	if (mmn_png_decode(&mmn_env_default, data, size, MAX_BYTES, &image, NULL) ==
		MMN_OK)
	{
		check(&image);
		free(image.samples);
	}
	else if (image.samples)
		abort();
}

static void
store_u32be(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void
png_with_checksums(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	memcpy(copy, data, size);
	for (size_t pos = 8; size - pos >= 12;)
	{
		uint32_t n = mmn_load_u32be(copy + pos);

		if (n > size - pos - 12)
			break;
		store_u32be(copy + pos + 8 + n,
					(uint32_t)crc32(0, copy + pos + 4, n + 4));
		pos += (size_t)n + 12;
	}
	png(copy, size);
	free(copy);
}

/* Appends a chunk of a PNG file. */
static uint8_t *
chunk(uint8_t *p, const char *type, const uint8_t *data, size_t size)
{
	store_u32be(p, (uint32_t)size);
	memcpy(p + 4, type, 4);
	memmove(p + 8, data, size);
	store_u32be(p + 8 + size, (uint32_t)crc32(0, p + 4, (unsigned)size + 4));
	return p + size + 12;
}

static void
png_of_parts(const uint8_t *data, size_t size)
{
	static const uint8_t depths[] = {1, 2, 4, 8, 16, 3};
	uint8_t header[13], *file, *p, *packed;
	size_t palette, transparency;
	uLongf packed_size;

	if (size < 14)
		return;
	memcpy(header, data, 13);
	/* small, and mostly of a depth that there is */
	store_u32be(header, mmn_load_u32be(data) % 67);
	store_u32be(header + 4, mmn_load_u32be(data + 4) % 67);
	header[8] = depths[data[8] % 6];
	header[9] = data[9] % 8;
	header[12] = data[12] % 3;
	palette = data[13] % 64 * 3u;
	transparency = data[13] / 64 * 2u;
	data += 14;
	size -= 14;
	if (palette + transparency > size)
		return;
	packed_size = compressBound((uLong)size);
	packed = malloc(packed_size);
	if (compress2(packed, &packed_size, data + palette + transparency,
				  (uLong)(size - palette - transparency), 1) != Z_OK)
		abort();
	file = malloc(packed_size + palette + transparency + 100);
	memcpy(file, "\x89PNG\r\n\x1a\n", 8);
	p = chunk(file + 8, "IHDR", header, 13);
	if (palette)
		p = chunk(p, "PLTE", data, palette);
	if (transparency)
		p = chunk(p, "tRNS", data + palette, transparency);
	p = chunk(p, "IDAT", packed, packed_size);
	p = chunk(p, "IEND", header, 0);
	png(file, (size_t)(p - file));
	free(file);
	free(packed);
}

static void
jpeg(const uint8_t *data, size_t size)
{
	mmn_image image;

	if (mmn_jpeg_decode(&mmn_env_default, data, size, MAX_BYTES, &image,
						NULL) == MMN_OK)
	{
		check(&image);
		free(image.samples);
	}
	else if (image.samples)
		abort();
	decode_frame(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *type = mmn_media_type(data, size);

	if (!type)
		png_of_parts(data, size);
	else if (strcmp(type, MMN_MEDIA_PNG) == 0)
	{
		png(data, size);
		png_with_checksums(data, size);
	}
	else if (strcmp(type, MMN_MEDIA_JPEG) == 0)
		jpeg(data, size);
	return 0;
}
