/*
 * What a client can send as type pixels: both forms; what is accepted must
 * be written as it was read, and go through all that is made of pixels.
 */

#include <stdlib.h>
#include <string.h>

#include "image/hash.h"
#include "image/image_io.h"
#include "image/png_write.h"
#include "image/render.h"
#include "image/resize.h"

/* Small, so that many inputs are tried. */
#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use(const mmn_image *image)
{
	mmn_error err;
	mmn_image out;
	uint8_t hash[32], *png;
	uint64_t bits;
	size_t length;

	if (mmn_image_content_hash(image, hash, &err) != MMN_OK ||
		mmn_image_phash(&mmn_env_default, image, &bits, &err) != MMN_OK)
		abort();
	if (mmn_image_render(&mmn_env_default, image, "full", &out, &err) != MMN_OK)
		abort();
	if (mmn_png_write(&mmn_env_default, &out, &png, &length, &err) != MMN_OK)
		abort();
	free(png);
	free(out.samples);
	if (mmn_image_resize(&mmn_env_default, image, 1 + image->height % 50,
						 1 + image->width % 50, &out, &err) != MMN_OK)
		abort();
	free(out.samples);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mmn_error err;
	mmn_image image;
	const uint8_t *samples;
	const char *hex;
	size_t bytes;
	char *text;

	if (mmn_image_binary_parse(data, size, LIMIT, &image, &samples, &bytes,
							   &err) == MMN_OK)
	{
		uint8_t header[MMN_IMAGE_BINARY_HEADER];

		mmn_image_binary_header(&image, header);
		if (memcmp(header, data, sizeof header) != 0)
			abort();
		image.samples = malloc(bytes);
		mmn_copy_little_endian(image.samples, samples, bytes,
							   mmn_sample_size(image.sample_type));
		image.voi = malloc(2 * (size_t)image.voi_entries + 1);
		if (image.voi_entries)
		{
			size_t size = mmn_image_binary_table_size(&image);
			uint8_t *table = malloc(size);

			mmn_image_binary_entries(&image, samples, bytes, image.voi);
			mmn_image_binary_table(&image, table);
			if (memcmp(table, samples + bytes, size) != 0)
				abort();
			free(table);
		}
		use(&image);
		free(image.samples);
		free(image.voi);
	}

	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	if (mmn_image_text_parse(text, LIMIT, &image, &hex, &bytes, &err) == MMN_OK)
	{
		image.samples = malloc(bytes);
		image.voi = malloc(2 * (size_t)image.voi_entries + 1);
		mmn_image_text_entries(text, &image, image.voi);
		if (mmn_image_text_samples(&mmn_env_default, &image, hex, bytes,
								   image.samples, &err) == MMN_OK)
			use(&image);
		free(image.samples);
		free(image.voi);
	}
	free(text);
	return 0;
}
