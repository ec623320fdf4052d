/* image/png_write: files that libpng reads back as they were */

#include <stdint.h>
#include <stdlib.h>

#include <png.h>

#include "image/png_write.h"
#include "tap.h"

static mmn_error err;

typedef struct source
{
	const uint8_t *data;
	size_t length, at;
} source;

static void
read_bytes(png_structp png, png_bytep out, size_t n)
{
	source *s = png_get_io_ptr(png);

	if (s->length - s->at < n)
		png_error(png, "end of data");
	memcpy(out, s->data + s->at, n);
	s->at += n;
}

/* Writes, reads again, compares; want has 16-bit samples big-endian. */
static void
round_trip(const mmn_image *image, const void *want, const char *name)
{
	source s = {0};
	uint8_t *file;
	size_t bits = 8 * mmn_sample_size(image->sample_type), stride;
	png_structp png;
	png_infop info;
	png_uint_32 x = 0, y = 0;
	int unit = 0, differ = 0;

	if (!ok(mmn_png_write(&mmn_env_default, image, &file, &s.length, &err) ==
				MMN_OK,
			"%s is written", name))
		return;
	s.data = file;
	png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	info = png_create_info_struct(png);
	png_set_read_fn(png, &s, read_bytes);
	png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
	ok(png_get_image_width(png, info) == image->width &&
		   png_get_image_height(png, info) == image->height &&
		   png_get_channels(png, info) == image->channels &&
		   png_get_bit_depth(png, info) == bits,
	   "%s: geometry and depth", name);
	stride = image->width * image->channels * bits / 8;
	for (uint32_t row = 0; row < image->height; row++)
		differ += memcmp(png_get_rows(png, info)[row],
						 (const uint8_t *)want + row * stride, stride) != 0;
	is_int(differ, 0, "%s: samples", name);
	png_get_pHYs(png, info, &x, &y, &unit);
	ok(x == (image->spacing_column > 0 ? lround(1000 / image->spacing_column)
									   : 0) &&
		   y == (image->spacing_row > 0 ? lround(1000 / image->spacing_row)
										: 0),
	   "%s: pixels per metre", name);
	png_destroy_read_struct(&png, &info, NULL);
	free(file);
}

static int
stop(void *ctx)
{
	(void)ctx;
	return 1;
}

static int allocations, allocations_left;

static void *
limited_alloc(void *ctx, size_t size)
{
	(void)ctx;
	if (allocations_left-- <= 0)
		return NULL;
	allocations++;
	return malloc(size);
}

static void
counted_free(void *ctx, void *p)
{
	(void)ctx;
	allocations -= p != NULL;
	free(p);
}

static void
test_failures(mmn_image *image)
{
	mmn_env limited = {limited_alloc, counted_free, NULL, NULL};
	uint8_t *file;
	size_t length;
	int bad = 0, room;

	for (room = 0; room < 100; room++)
	{
		allocations_left = room;
		if (mmn_png_write(&limited, image, &file, &length, &err) == MMN_OK)
			break;
		bad += allocations != 0;
	}
	ok(room > 5 && room < 100 && bad == 0,
	   "no allocation that fails leaks or goes unnoticed");
	counted_free(NULL, file);
	limited.poll = stop;
	allocations_left = 100;
	is_int(mmn_png_write(&limited, image, &file, &length, &err), MMN_CANCELED,
		   "writing is interruptible");
	is_int(allocations, 0, "and does not leak");
	image->sample_type = MMN_F32;
	is_int(mmn_png_write(&limited, image, &file, &length, &err),
		   MMN_UNSUPPORTED, "f32 is refused");
	image->sample_type = MMN_I16;
	is_int(mmn_png_write(&limited, image, &file, &length, &err),
		   MMN_UNSUPPORTED, "i16 is refused");
}

int
main(void)
{
	uint8_t gray[6] = {0, 1, 2, 253, 254, 255};
	uint8_t turned[6] = {255, 254, 253, 2, 1, 0};
	uint16_t deep[6] = {0, 1, 256, 65535, 4095, 0x1234};
	static const uint8_t deep_big[] = {0,	 0,	   0,	 1,	   1,	 0,
									   0xff, 0xff, 0x0f, 0xff, 0x12, 0x34};
	uint8_t *noise = malloc(200 * 100 * 3);
	mmn_image image = {.width = 3,
					   .height = 2,
					   .channels = 1,
					   .sample_type = MMN_U8,
					   .spacing_row = 0.5,
					   .spacing_column = 0.7,
					   .samples = gray};

	round_trip(&image, gray, "8-bit gray");
	image.flags = MMN_IMAGE_INVERTED;
	round_trip(&image, turned, "inverted 8-bit gray");
	image.flags = 0;
	image.sample_type = MMN_U16;
	image.samples = deep;
	round_trip(&image, deep_big, "16-bit gray");
	image = (mmn_image){.width = 200,
						.height = 100,
						.channels = 3,
						.sample_type = MMN_U8,
						.samples = noise};
	for (int i = 0; i < 200 * 100 * 3; i++)
		noise[i] = (uint8_t)(i * 2654435761u >> 24);
	round_trip(&image, noise, "colour");
	test_failures(&image);
	free(noise);
	return done_testing();
}
