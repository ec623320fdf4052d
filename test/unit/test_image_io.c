/* image/image_io: the text and binary forms of an image */

#include <stdint.h>
#include <stdlib.h>

#include "image/image_io.h"
#include "tap.h"

#define LIMIT 1000

static mmn_error err;

static void
refuses_text(const char *text, mmn_status status, const char *part)
{
	mmn_image image;
	const char *hex;
	size_t bytes;
	uint8_t samples[LIMIT];
	mmn_status got =
		mmn_image_text_parse(text, LIMIT, &image, &hex, &bytes, &err);

	if (got == MMN_OK)
		got = mmn_image_text_samples(&mmn_env_default, &image, hex, bytes,
									 samples, &err);
	if (!ok(got == status && strstr(err.text, part), "\"%.40s\" is refused",
			text))
		printf("#   status %d: %s\n", got, err.text);
}

static void
test_text(void)
{
	mmn_image image;
	const char *hex;
	size_t bytes;
	int16_t samples[2] = {0, 0};

	is_int(mmn_image_text_parse(" 2x1x1\ti16 HU  window=40,4e2 inverted "
								"spacing=0.5,0.25 \\x18fC2800 \n",
								LIMIT, &image, &hex, &bytes, &err),
		   MMN_OK, "parts after the unit may come in any order");
	ok(image.width == 2 && image.height == 1 && image.channels == 1 &&
		   image.sample_type == MMN_I16 && image.unit == MMN_UNIT_HU &&
		   image.flags == MMN_IMAGE_INVERTED,
	   "geometry, type, unit, flag");
	ok(image.spacing_row == 0.5 && image.spacing_column == 0.25 &&
		   image.window_center == 40 && image.window_width == 400,
	   "spacing and window");
	is_int(bytes, 4, "4 bytes of samples");
	is_int(mmn_image_text_samples(&mmn_env_default, &image, hex, bytes, samples,
								  &err),
		   MMN_OK, "samples");
	ok(samples[0] == -1000 && samples[1] == 40, "are little-endian");

	refuses_text("", MMN_SYNTAX, "<width>");
	refuses_text("2x1 u8 raw \\x00", MMN_SYNTAX, "<width>");
	refuses_text("-2x1x1 u8 raw \\x00", MMN_SYNTAX, "<width>");
	refuses_text("4294967297x1x1 u8 raw \\x00", MMN_SYNTAX, "<width>");
	refuses_text("2x1x257 u8 raw \\x0000", MMN_SYNTAX, "<width>");
	refuses_text("2x1x1u8 raw \\x0000", MMN_SYNTAX, "<width>");
	refuses_text("2x1x2 u8 raw \\x00000000", MMN_BAD_DATA, "channels is 2");
	refuses_text("0x1x1 u8 raw \\x", MMN_BAD_DATA, "size 0x1");
	refuses_text("65536x1x1 u8 raw \\x", MMN_BAD_DATA, "size 65536x1");
	refuses_text("1000x2x1 u8 raw \\x", MMN_LIMIT, "limit of 1000");
	refuses_text("2x1x1 u9 raw \\x0000", MMN_SYNTAX, "sample type");
	refuses_text("2x1x1 averyveryverylongword", MMN_SYNTAX, "sample type");
	refuses_text("2x1x1 u8 mm \\x0000", MMN_SYNTAX, "unit");
	refuses_text("2x1x1 u8 raw", MMN_SYNTAX, "after the unit");
	refuses_text("2x1x1 u8 raw 0000", MMN_SYNTAX, "after the unit");
	refuses_text("2x1x1 u8 raw\\x0000", MMN_SYNTAX, "after the unit");
	refuses_text("2x1x1 u8 raw invertedinverted \\x0000", MMN_SYNTAX,
				 "after the unit");
	refuses_text("2x1x1 u8 raw spacing=1 \\x0000", MMN_SYNTAX,
				 "after the unit");
	refuses_text("2x1x1 u8 raw spacing=1, 2 \\x0000", MMN_SYNTAX,
				 "after the unit");
	refuses_text("2x1x1 u8 raw spacing=-1,2 \\x0000", MMN_BAD_DATA, "spacing");
	refuses_text("2x1x1 u8 raw window=nan,2 \\x0000", MMN_BAD_DATA, "window");
	refuses_text("2x1x1 u8 raw window=1,1e400 \\x0000", MMN_BAD_DATA, "window");
	refuses_text("2x1x1 u8 raw \\x00", MMN_SYNTAX, "ends after 1");
	refuses_text("2x1x1 u8 raw \\x000", MMN_SYNTAX, "ends after 1");
	refuses_text("2x1x1 u8 raw \\x000g", MMN_SYNTAX, "no hexadecimal");
	refuses_text("2x1x1 u8 raw \\x00\xff\xff", MMN_SYNTAX, "no hexadecimal");
	refuses_text("2x1x1 u8 raw \\x000000", MMN_SYNTAX, "goes on");
}

static void
test_binary(void)
{
	float values[3] = {-0.0f, NAN, 1e-40f};
	mmn_image image = {.width = 1,
					   .height = 1,
					   .channels = 3,
					   .sample_type = MMN_F32,
					   .unit = MMN_UNIT_RGB,
					   .flags = MMN_IMAGE_INVERTED,
					   .spacing_row = 0.1,
					   .spacing_column = 1e-300,
					   .window_center = -0.0,
					   .window_width = 5e-324,
					   .samples = values};
	uint8_t bytes[MMN_IMAGE_BINARY_HEADER + sizeof values];
	float back[3];
	mmn_image read;
	const uint8_t *samples;
	size_t n;

	mmn_image_binary_header(&image, bytes);
	mmn_copy_little_endian(bytes + MMN_IMAGE_BINARY_HEADER, values,
						   sizeof values, 4);
	is_int(mmn_image_binary_parse(bytes, sizeof bytes, LIMIT, &read, &samples,
								  &n, &err),
		   MMN_OK, "what is written can be read");
	mmn_copy_little_endian(back, samples, n, 4);
	ok(n == sizeof values && memcmp(back, values, n) == 0,
	   "samples come back in every bit");
	image.samples = read.samples = NULL;
	ok(memcmp(&image.spacing_row, &read.spacing_row, 4 * sizeof(double)) == 0 &&
		   read.flags == image.flags && read.unit == image.unit,
	   "and so does the header");

	for (size_t cut = 0; cut < sizeof bytes; cut++)
		if (mmn_image_binary_parse(bytes, cut, LIMIT, &read, &samples, &n,
								   &err) != MMN_BAD_DATA)
			ok(0, "cut to %zu bytes is refused", cut);
	is_int(mmn_image_binary_parse(bytes, sizeof bytes, 11, &read, &samples, &n,
								  &err),
		   MMN_LIMIT, "the limit holds");
	bytes[0] = 2;
	is_int(mmn_image_binary_parse(bytes, sizeof bytes, LIMIT, &read, &samples,
								  &n, &err),
		   MMN_UNSUPPORTED, "another version is refused");
	bytes[0] = 1;
	for (int at = 1; at < 4; at++)
	{
		uint8_t keep = bytes[at];

		bytes[at] = 99;
		is_int(mmn_image_binary_parse(bytes, sizeof bytes, LIMIT, &read,
									  &samples, &n, &err),
			   MMN_BAD_DATA, "bad code in byte %d is refused", at);
		bytes[at] = keep;
	}
	bytes[13] = 1; /* 256 */
	is_int(mmn_image_binary_parse(bytes, sizeof bytes, LIMIT, &read, &samples,
								  &n, &err),
		   MMN_BAD_DATA, "an unknown flag is refused");
}

static void
test_table(void)
{
	uint16_t table[3] = {0, 0x1234, 65535}, back[3];
	uint8_t pixel = 7, bytes[MMN_IMAGE_BINARY_HEADER + 1 + 8 + 6];
	mmn_image image = {.width = 1,
					   .height = 1,
					   .channels = 1,
					   .sample_type = MMN_U8,
					   .flags = MMN_IMAGE_VOI_TABLE | MMN_IMAGE_SIGMOID,
					   .samples = &pixel,
					   .voi_first = -5,
					   .voi_entries = 3,
					   .voi = table};
	const char *text = "1x1x1 u8 raw voi=0,ffff sigmoid "
					   "voi=-5,00003412ffFF measured \\x07";
	mmn_image read;
	const uint8_t *samples;
	const char *hex;
	size_t n;

	is_int(mmn_image_binary_table_size(&image), 14, "a table's size");
	mmn_image_binary_header(&image, bytes);
	bytes[MMN_IMAGE_BINARY_HEADER] = pixel;
	mmn_image_binary_table(&image, bytes + MMN_IMAGE_BINARY_HEADER + 1);
	is_int(mmn_image_binary_parse(bytes, sizeof bytes, LIMIT, &read, &samples,
								  &n, &err),
		   MMN_OK, "a table behind the samples is read");
	memset(back, 0, sizeof back);
	mmn_image_binary_entries(&read, samples, n, back);
	ok(n == 1 && samples[0] == 7 && read.flags == image.flags &&
		   read.voi_first == -5 && read.voi_entries == 3 &&
		   memcmp(back, table, sizeof back) == 0,
	   "all of it");
	for (size_t cut = 0; cut < sizeof bytes; cut++)
		if (mmn_image_binary_parse(bytes, cut, LIMIT, &read, &samples, &n,
								   &err) != MMN_BAD_DATA)
			ok(0, "a table cut to %zu bytes is refused", cut);
	bytes[MMN_IMAGE_BINARY_HEADER + 5] = 0;
	is_int(mmn_image_binary_parse(bytes, sizeof bytes, LIMIT, &read, &samples,
								  &n, &err),
		   MMN_BAD_DATA, "a table of no entries is refused");
	bytes[MMN_IMAGE_BINARY_HEADER + 7] = 2;
	is_int(mmn_image_binary_parse(bytes, sizeof bytes, LIMIT, &read, &samples,
								  &n, &err),
		   MMN_BAD_DATA, "and one of too many");

	is_int(mmn_image_text_parse(text, LIMIT, &read, &hex, &n, &err), MMN_OK,
		   "a table as text");
	memset(back, 0, sizeof back);
	mmn_image_text_entries(text, &read, back);
	ok(read.voi_first == -5 && read.voi_entries == 3 &&
		   memcmp(back, table, sizeof back) == 0 &&
		   read.flags ==
			   (MMN_IMAGE_VOI_TABLE | MMN_IMAGE_SIGMOID | MMN_IMAGE_MEASURED),
	   "the last one counts");
	refuses_text("1x1x1 u8 raw voi=0, \\x07", MMN_SYNTAX, "voi=");
	refuses_text("1x1x1 u8 raw voi=0,fff \\x07", MMN_SYNTAX, "voi=");
	refuses_text("1x1x1 u8 raw voi=99999999999,ffff \\x07", MMN_SYNTAX, "voi=");
	refuses_text("1x1x1 u8 raw voi= 0,ffff \\x07", MMN_SYNTAX, "voi=");
	refuses_text("1x1x3 u8 rgb voi=0,ffff \\x070707", MMN_BAD_DATA,
				 "VOI table");
	refuses_text("1x1x1 u8 raw sigmoid linear_exact \\x07", MMN_BAD_DATA,
				 "unknown flags");
}

int
main(void)
{
	char hex[7] = "";

	mmn_hex_encode("\x00\x9a\xff", 3, hex);
	is_str(hex, "009aff", "bytes to hexadecimal");
	test_text();
	test_binary();
	test_table();
	return done_testing();
}
