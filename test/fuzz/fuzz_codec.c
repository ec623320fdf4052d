/*
 * PNG and JPEG files, told apart by their signatures. What is decoded must be
 * an image that can be trusted.
 */

#include <stdlib.h>
#include <string.h>

#include "../../src/decoder/codec.h"
#include "image/sniff.h"

static volatile unsigned sink; /* so that reads are not left out */

#define MAX_BYTES ((size_t)1 << 22)

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *type = mmn_media_type(data, size);
	mmn_image image;
	mmn_status status;
	mmn_error err;

	if (!type || strcmp(type, MMN_MEDIA_DICOM) == 0)
		return 0;
	if (strcmp(type, MMN_MEDIA_PNG) == 0)
		status = mmn_png_decode(&mmn_env_default, data, size, MAX_BYTES, &image,
								&err);
	else
	{
		status = mmn_jpeg_decode(&mmn_env_default, data, size, MAX_BYTES,
								 &image, &err);
		decode_frame(data, size);
	}
	if (status == MMN_OK)
	{
		check(&image);
		free(image.samples);
	}
	else if (image.samples)
		abort();
	return 0;
}
