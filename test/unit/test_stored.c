/* from stored samples to an image */

#include <stdlib.h>
#include <string.h>

#include "dicom/colour.h"
#include "dicom/stored.h"
#include <math.h>

#include "tap.h"

static mmn_image image;
static mmn_error err;

static mmn_pixel_description
grey(uint16_t allocated, uint16_t stored, bool is_signed)
{
	return (mmn_pixel_description){
		.photometric = MMN_MONOCHROME2,
		.rows = 1,
		.columns = 4,
		.frames = 1,
		.samples_per_pixel = 1,
		.bits_allocated = allocated,
		.bits_stored = stored,
		.high_bit = stored - 1,
		.is_signed = is_signed,
	};
}

static int kept, differ; /* images converted in place, and other than else */

/* The same once more, of cells whose memory the image may keep. */
static void
convert_in_place(mmn_stored stored, const mmn_modality_transform *t,
				 mmn_status status)
{
	void *cells = malloc(stored.length);
	mmn_image other = {.samples = NULL};
	size_t size;

	memcpy(cells, stored.bytes, stored.length);
	stored.bytes = cells;
	stored.room = &mmn_env_default;
	differ += mmn_stored_image(&mmn_env_default, &stored, t, NULL, 1 << 20,
							   &other, NULL) != status;
	if (status == MMN_OK)
	{
		mmn_image_check(&image, 1 << 20, &size, NULL);
		differ += other.sample_type != image.sample_type ||
				  other.flags != image.flags ||
				  memcmp(other.samples, image.samples, size) != 0;
	}
	if (other.samples == cells)
		kept++;
	else
		free(other.samples);
	free(cells);
}

static mmn_status
convert(mmn_pixel_description pixels, const void *bytes, size_t length,
		double slope, double intercept)
{
	mmn_stored stored = {.pixels = pixels, .bytes = bytes, .length = length};
	mmn_modality_transform t = {.slope = slope, .intercept = intercept};
	mmn_status status;

	free(image.samples);
	status = mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 1 << 20,
							  &image, &err);
	convert_in_place(stored, &t, status);
	return status;
}

/* The first four samples are these. */
static void
is_samples(uint8_t type, double a, double b, double c, double d,
		   const char *name)
{
	ok(image.sample_type == type && mmn_image_sample(&image, 0) == a &&
		   mmn_image_sample(&image, 1) == b &&
		   mmn_image_sample(&image, 2) == c && mmn_image_sample(&image, 3) == d,
	   "%s", name);
}

static void
test_grey(void)
{
	static const uint8_t bytes[] = {0, 1, 127, 255};
	static const uint16_t words[] = {0, 1, 0x0FFF, 0xF800};
	static const uint16_t wide[] = {0, 1, 0x7FFF, 0xFFFF};
	static const uint16_t high[] = {1024, 1025, 0x8000, 0xFFFF};
	static const uint16_t small[] = {0, 24, 1024, 3000};
	mmn_pixel_description p;

	is_int(convert(grey(8, 8, false), bytes, 4, 1, 0), MMN_OK, "8 bits");
	is_samples(MMN_U8, 0, 1, 127, 255, "stay u8");
	convert(grey(8, 8, true), bytes, 4, 1, 0);
	is_samples(MMN_I16, 0, 1, 127, -1, "signed, they become i16");
	convert(grey(16, 12, false), words, 8, 1, 0);
	is_samples(MMN_U16, 0, 1, 0xFFF, 0x800,
			   "12 of 16 bits: what is above them is masked off");
	convert(grey(16, 12, true), words, 8, 1, 0);
	is_samples(MMN_I16, 0, 1, -1, -2048, "the sign is the highest stored bit");
	p = grey(16, 12, false);
	p.high_bit = 15;
	convert(p, words, 8, 1, 0);
	is_samples(MMN_U16, 0, 0, 0xFF, 0xF80, "bits at the top of their cell");
	convert(grey(16, 16, false), wide, 8, 1, -1024);
	is_samples(MMN_F32, -1024, -1023, 31743, 64511,
			   "values that no integer type holds become f32");
	convert(grey(16, 16, false), high, 8, 1, -1024);
	is_samples(MMN_U16, 0, 1, 31744, 64511, "those of u16 alone become that");
	convert(grey(16, 16, false), small, 8, 1, -1024);
	is_samples(MMN_I16, -1024, -1000, 0, 1976, "those that one holds do not");
	convert(grey(16, 12, false), small, 8, 2, 0);
	is_samples(MMN_U16, 0, 48, 2048, 6000, "an integral slope");
	convert(grey(16, 12, false), small, 8, 0.5, 0.25);
	is_samples(MMN_F32, 0.25, 12.25, 512.25, 1500.25, "a fractional slope");
	convert(grey(16, 12, false), small, 8, 1e9, 0);
	is_samples(MMN_F32, 0, 24e9, 1024e9, 3000e9f, "a slope beyond integers");
	p = grey(8, 8, false);
	p.photometric = MMN_MONOCHROME1;
	convert(p, bytes, 4, 1, 0);
	ok(image.flags == MMN_IMAGE_INVERTED, "MONOCHROME1 is a flag");
	is_samples(MMN_U8, 0, 1, 127, 255, "and changes no sample");
	is_int(convert(grey(16, 12, false), small, 7, 1, 0), MMN_BAD_DATA,
		   "too few bytes are refused");
	p = grey(16, 12, false);
	p.high_bit = 10;
	is_int(convert(p, small, 8, 1, 0), MMN_BAD_DATA,
		   "bits outside of their cell are refused");
}

static void
test_wide(void)
{
	static const uint32_t cells[] = {0, 1, 70000, 0xFFFFFFFF};
	static const uint32_t low[] = {0, 1, 2, 40000};
	static const uint8_t big[] = {0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFE,
								  0, 0, 0, 0, 0,	0,	  0,	7};
	static const float reals[] = {-1.5f, 0, 1e30f, 3};
	static const double doubles[] = {-1.5, 0, 1e30, 3};
	mmn_stored stored;
	mmn_modality_transform t = {.slope = 1};
	mmn_pixel_description p;

	convert(grey(32, 32, false), cells, 16, 1, 0);
	is_samples(MMN_F32, 0, 1, 70000, 4294967296.0, "32 bits become f32");
	convert(grey(32, 32, false), low, 16, 1, 0);
	is_samples(MMN_U16, 0, 1, 2, 40000, "unless an integer type holds them");
	convert(grey(32, 32, true), low, 16, 1, -5);
	is_samples(MMN_F32, -5, -4, -3, 39995, "and none does");
	stored = (mmn_stored){grey(32, 32, true), big, 16, 0, true};
	free(image.samples);
	mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 1 << 20, &image,
					 &err);
	is_samples(MMN_I16, 256, -2, 0, 7, "big-endian cells");
	p = grey(32, 32, false);
	p.kind = MMN_PIXELS_FLOAT;
	convert(p, reals, 16, 2, 1);
	is_samples(MMN_F32, -2, 1, 2e30f, 7, "floating point");
	p = grey(64, 64, false);
	p.kind = MMN_PIXELS_DOUBLE;
	convert(p, doubles, 32, 1, 0);
	is_samples(MMN_F32, -1.5, 0, 1e30f, 3, "double precision");
}

static void
test_bits(void)
{
	static const uint8_t bits[] = {0xB0, 0x02};
	mmn_stored stored = {grey(1, 1, false), bits, 1, 4, false};
	mmn_modality_transform t = {.slope = 1};

	free(image.samples);
	is_int(
		mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 99, &image, &err),
		MMN_OK, "1-bit pixels from inside a byte");
	is_samples(MMN_U8, 1, 1, 0, 1, "lowest bit first");
	stored.bit_offset = 6;
	is_int(
		mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 99, &image, &err),
		MMN_BAD_DATA, "bits behind the end are refused");
	image.samples = NULL;
}

static void
test_lut(void)
{
	uint16_t values[] = {500, 600, 700};
	uint16_t colours[] = {1, 2, 3, 4, 5, 6};
	mmn_lut lut = {.entries = 3,
				   .first = 10,
				   .bits = 16,
				   .channels = 1,
				   .unit = MMN_UNIT_OD,
				   .values = values};
	mmn_lut palette = {
		.entries = 2, .first = 0, .bits = 8, .channels = 3, .values = colours};
	static const uint8_t cells[] = {0, 10, 11, 255};
	mmn_stored stored = {grey(8, 8, false), cells, 4, 0, false};
	mmn_modality_transform t = {.slope = 3, .lut = &lut};

	free(image.samples);
	mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 99, &image, &err);
	is_samples(MMN_U16, 500, 500, 600, 700,
			   "a modality LUT, with what lies outside at its ends");
	is_int(image.unit, MMN_UNIT_OD, "and its unit");
	free(image.samples);
	stored.pixels.photometric = MMN_PALETTE_COLOR;
	mmn_stored_image(&mmn_env_default, &stored, &t, &palette, 99, &image, &err);
	ok(image.channels == 3 && image.sample_type == MMN_U8 &&
		   memcmp(image.samples, "\1\2\3\4\5\6\4\5\6\4\5\6", 12) == 0,
	   "a palette");
	free(image.samples);
	image.samples = NULL;
	is_int(
		mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 99, &image, &err),
		MMN_BAD_DATA, "PALETTE COLOR without one is refused");
}

/* Of more than 16 bits, and of floating point: no table, but limits. */
static void
test_limits(void)
{
	static const uint32_t cells[] = {1, 2, 3, 70000};
	static const float floats[] = {0.5f, 2, 3.25f, 4};
	mmn_stored stored = {grey(32, 32, false), (const uint8_t *)cells, 16, 0,
						 false};
	mmn_modality_transform t = {
		.slope = 2, .intercept = 1, .limited = true, .first = 2, .last = 3.5};
	const float *v;

	for (int i = 0; i < 2; i++)
	{
		free(image.samples);
		image.samples = NULL;
		mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 99, &image, &err);
		v = image.samples;
		ok(v && image.sample_type == MMN_F32 && isnan(v[0]) && v[1] == 5 &&
			   v[2] == (i ? 7.5f : 7) && isnan(v[3]),
		   "%s outside a mapping's range have none", i ? "floats" : "integers");
		stored.pixels.kind = MMN_PIXELS_FLOAT;
		stored.bytes = (const uint8_t *)floats;
	}
}

static void
test_colour(void)
{
	static const uint8_t planes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	/* white, black, red, blue (PS3.3 C.7.6.3.1.2) */
	static const uint8_t ybr[] = {255, 128, 128, 0,	 128, 128,
								  76,  85,	255, 29, 255, 107};
	static const uint8_t subsampled[] = {10, 20, 128, 128, 76, 76, 85, 255};
	static const uint16_t deep[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 4095};
	const uint8_t *s;
	mmn_pixel_description p = grey(8, 8, false);

	p.samples_per_pixel = 3;
	p.photometric = MMN_RGB;
	convert(p, planes, 12, 1, 0);
	ok(image.unit == MMN_UNIT_RGB && memcmp(image.samples, planes, 12) == 0,
	   "interleaved RGB is kept");
	p.planar = 1;
	convert(p, planes, 12, 1, 0);
	ok(memcmp(image.samples, "\1\5\11\2\6\12\3\7\13\4\10\14", 12) == 0,
	   "planes are interleaved");
	p.planar = 0;
	p.photometric = MMN_YBR_FULL;
	convert(p, ybr, 12, 1, 0);
	ok(memcmp(image.samples, "\377\377\377\0\0\0\376\0\0\0\0\376", 12) == 0,
	   "YBR becomes RGB");
	p.photometric = MMN_YBR_FULL_422;
	convert(p, subsampled, 8, 1, 0);
	s = image.samples;
	ok(s[0] == 10 && s[1] == 10 && s[3] == 20 && s[6] == 254 && s[9] == 254 &&
		   s[10] == 0,
	   "subsampled YBR too");
	p.photometric = MMN_YBR_PARTIAL_422;
	convert(p, "\353\20\200\200\121\121\132\360", 8, 1, 0);
	s = image.samples;
	ok(s[0] == 255 && s[1] == 255 && s[3] == 0 && s[5] == 0 && s[6] == 254 &&
		   s[7] == 0 && s[8] == 0,
	   "and of the narrow range of video: white, black, red");
	p.photometric = MMN_YBR_ICT;
	is_int(convert(p, ybr, 12, 1, 0), MMN_UNSUPPORTED,
		   "a transform of JPEG 2000 without JPEG 2000 is refused");
	image.samples = NULL;
	p = grey(16, 12, false);
	p.samples_per_pixel = 3;
	p.photometric = MMN_RGB;
	convert(p, deep, 24, 1, 0);
	ok(image.sample_type == MMN_U16 && mmn_image_sample(&image, 11) == 4095,
	   "more than 8 bits of colour are u16");
}

/* Colours that no modality makes, but a file can claim to have. */
static void
test_odd_colour(void)
{
	static const uint32_t wide[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70000};
	static const uint8_t zeros[200];
	uint16_t colours[] = {1, 2, 3};
	mmn_lut grey_lut = {.entries = 1, .bits = 8, .channels = 1, .values = colours};
	mmn_lut palette = {.entries = 1, .bits = 8, .channels = 3, .values = colours};
	mmn_modality_transform t = {.slope = 1};
	mmn_stored stored = {grey(8, 8, false), zeros, 4, 0, false};
	mmn_pixel_description p = grey(32, 32, false);

	p.samples_per_pixel = 3;
	p.photometric = MMN_RGB;
	is_int(convert(p, wide, 48, 1, 0), MMN_OK, "RGB of 32 bits");
	ok(image.sample_type == MMN_F32 && mmn_image_sample(&image, 11) == 70000,
	   "becomes f32");
	p.planar = 1;
	convert(p, wide, 48, 1, 0);
	ok(mmn_image_sample(&image, 1) == 4 && mmn_image_sample(&image, 11) == 70000,
	   "also from planes");
	free(image.samples);
	image.samples = NULL;
	p.photometric = MMN_YBR_FULL;
	is_int(convert(p, wide, 48, 1, 0), MMN_UNSUPPORTED, "YBR of 32 bits");
	p = grey(1, 1, false);
	p.samples_per_pixel = 3;
	p.photometric = MMN_RGB;
	is_int(convert(p, zeros, 2, 1, 0), MMN_UNSUPPORTED, "colour of single bits");
	p = grey(16, 12, false);
	p.samples_per_pixel = 3;
	p.photometric = MMN_YBR_FULL_422;
	is_int(convert(p, zeros, 48, 1, 0), MMN_UNSUPPORTED, "4:2:2 of 16 bits");
	p = grey(8, 8, false);
	p.samples_per_pixel = 3;
	p.photometric = MMN_RGB;
	p.columns = 60;
	stored = (mmn_stored){p, zeros, 180, 0, false};
	is_int(mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 179, &image,
							&err),
		   MMN_LIMIT, "colour beyond the limit of a frame");

	p = grey(8, 8, false);
	p.photometric = MMN_PALETTE_COLOR;
	stored = (mmn_stored){p, zeros, 4, 0, false};
	is_int(mmn_stored_image(&mmn_env_default, &stored, &t, &palette, 11, &image,
							&err),
		   MMN_LIMIT, "a palette beyond it");
	is_int(mmn_stored_image(&mmn_env_default, &stored, &t, &grey_lut, 99,
							&image, &err),
		   MMN_BAD_DATA, "a palette of greys");
	p = grey(32, 32, false);
	p.photometric = MMN_PALETTE_COLOR;
	stored = (mmn_stored){p, zeros, 16, 0, false};
	is_int(mmn_stored_image(&mmn_env_default, &stored, &t, &palette, 99, &image,
							&err),
		   MMN_UNSUPPORTED, "indices of 32 bits");
	image.samples = NULL;
}

static void
test_packed(void)
{
	/* 0x123 0x456 0x789 0xABC, lowest bits first */
	static const uint8_t cells[] = {0x23, 0x61, 0x45, 0x89, 0xC7, 0xAB};
	mmn_pixel_description p = grey(12, 12, false);
	mmn_stored stored = {p, cells + 1, 5, 4, false};
	mmn_modality_transform t = {.slope = 1};

	convert(p, cells, 6, 1, 0);
	is_samples(MMN_U16, 0x123, 0x456, 0x789, 0xABC, "12 bits packed");
	p.is_signed = true;
	convert(p, cells, 6, 1, 0);
	is_samples(MMN_I16, 0x123, 0x456, 0x789, 0xABC - 4096, "and signed");
	stored.pixels.columns = 3;
	free(image.samples);
	is_int(
		mmn_stored_image(&mmn_env_default, &stored, &t, NULL, 99, &image, &err),
		MMN_OK, "from inside a byte");
	ok(mmn_image_sample(&image, 0) == 0x456 &&
		   mmn_image_sample(&image, 2) == 0xABC,
	   "as they are");
	free(image.samples);
	image.samples = NULL;
	is_int(convert(p, cells, 5, 1, 0), MMN_BAD_DATA, "5 bytes are too few");
}

static void
test_supplemental(void)
{
	static const uint16_t cells[] = {0, 5, 10, 11};
	uint16_t colours[] = {1, 2, 3, 4, 5, 6}, deep[] = {1, 2, 300, 4, 5, 600};
	mmn_lut palette = {
		.entries = 2, .first = 10, .bits = 8, .channels = 3, .values = colours};
	mmn_supplemental s = {.palette = &palette, .slope = 2, .intercept = -4};
	mmn_stored stored = {grey(16, 16, false), (const uint8_t *)cells, 8, 0,
						 false};

	free(image.samples);
	mmn_stored_supplemental(&mmn_env_default, &stored, &s, 99, &image, &err);
	ok(image.channels == 3 &&
		   memcmp(image.samples, "\1\2\3\1\2\3\1\2\3\4\5\6", 12) == 0,
	   "COLOR: all through the palette");
	s.mixed = true;
	free(image.samples);
	mmn_stored_supplemental(&mmn_env_default, &stored, &s, 99, &image, &err);
	ok(memcmp(image.samples, "\0\0\0\216\216\216\1\2\3\4\5\6", 12) == 0,
	   "MIXED: gray up to the palette's first");
	s.window_center = 6;
	s.window_width = 1;
	free(image.samples);
	mmn_stored_supplemental(&mmn_env_default, &stored, &s, 99, &image, &err);
	ok(memcmp(image.samples, "\0\0\0\377\377\377\1\2\3\4\5\6", 12) == 0,
	   "by the window, of transformed values");
	palette.bits = 16;
	palette.values = deep;
	free(image.samples);
	mmn_stored_supplemental(&mmn_env_default, &stored, &s, 99, &image, &err);
	ok(image.sample_type == MMN_U16 && mmn_image_sample(&image, 3) == 65535 &&
		   mmn_image_sample(&image, 8) == 300,
	   "of 16 bits");
	free(image.samples);
	image.samples = NULL;
	is_int(
		mmn_stored_supplemental(&mmn_env_default, &stored, &s, 3, &image, &err),
		MMN_LIMIT, "beyond the limit");
}

/* Every remainder of the block length, against the definition. */
static void
test_tails(void)
{
	uint16_t *cells = malloc(2 * 1100);
	int wrong = 0;

	for (int i = 0; i < 1100; i++)
		cells[i] = (uint16_t)(i * 7919);
	for (uint32_t columns = 1; columns <= 1100; columns += 3)
	{
		mmn_pixel_description p = grey(16, 16, true);

		p.columns = columns;
		if (convert(p, cells, 2 * columns, 1, 0) != MMN_OK)
			wrong++;
		for (uint32_t i = 0; i < columns; i++)
			wrong += mmn_image_sample(&image, i) != (int16_t)cells[i];
	}
	is_int(wrong, 0, "any number of samples");
	free(cells);
}

int
main(void)
{
	test_grey();
	test_wide();
	test_bits();
	test_lut();
	test_limits();
	test_colour();
	test_odd_colour();
	test_packed();
	test_supplemental();
	test_tails();
	is_int(differ, 0, "in place of the cells, the same samples");
	ok(kept > 370, "which many do not leave");
	free(image.samples);
	return done_testing();
}
