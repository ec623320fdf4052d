#define _GNU_SOURCE /* memmem */

#include "tap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "image/strip.h"

static mmn_buffer in, out;
static mmn_error error;

static void
begin(const void *bytes, size_t length)
{
	mmn_buffer_reset(&in);
	mmn_buffer_append(&in, bytes, length);
}

static void
chunk(const char *type, const char *data, size_t length)
{
	uint8_t word[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16),
					   (uint8_t)(length >> 8), (uint8_t)length};
	size_t start;
	uLong crc;

	mmn_buffer_append(&in, word, 4);
	start = in.length;
	mmn_buffer_text(&in, type);
	mmn_buffer_append(&in, data, length);
	crc = crc32(0, in.bytes + start, (uInt)(in.length - start));
	for (int i = 24; i >= 0; i -= 8)
		mmn_buffer_byte(&in, (uint8_t)(crc >> i));
}

#define PNG "\x89PNG\r\n\x1A\n"
#define HEADER "\0\0\0\1\0\0\0\1\10\0\0\0\0"

/* Strips a copy of exactly the file's size. */
static mmn_status
strip(bool png)
{
	uint8_t *copy = malloc(in.length ? in.length : 1);
	mmn_status status;

	if (in.length)
		memcpy(copy, in.bytes, in.length);
	mmn_buffer_reset(&out);
	error.text[0] = '\0';
	status = png ? mmn_png_strip(copy, in.length, &out, &error)
				 : mmn_jpeg_strip(copy, in.length, &out, &error);
	free(copy);
	return status;
}

static bool
holds(const void *bytes, size_t length)
{
	return out.length && memmem(out.bytes, out.length, bytes, length);
}

static void
refused_png(mmn_status code, const char *text)
{
	is_int(strip(true), code, "refused: %s", text);
	is_str(error.text, text, "says so");
}

static void
test_png(void)
{
	size_t bare;

	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("IDAT", "data", 4);
	chunk("IEND", "", 0);
	bare = in.length;
	is_int(strip(true), MMN_OK, "a bare PNG: %s", error.text);
	ok(out.length == bare && memcmp(out.bytes, in.bytes, bare) == 0,
	   "stays as it is");

	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("tEXt", "Author\0Doe", 10);
	chunk("eXIf", "MM\0*", 4);
	chunk("pHYs", "\0\0\1\0\0\0\1\0\1", 9);
	chunk("IDAT", "data", 4);
	chunk("tIME", "\7\344\1\2\3\4\5", 7);
	chunk("IEND", "", 0);
	mmn_buffer_text(&in, "Doe's trailer");
	is_int(strip(true), MMN_OK, "a PNG with metadata: %s", error.text);
	is_int((long long)out.length, (long long)bare + 21, "loses them");
	ok(!holds("Doe", 3) && holds("pHYs", 4), "but keeps the pixel size");

	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("gAMA", "John Doe", 8);
	chunk("pHYs", "\0\0\1\0\0\0\1\0\1", 9);
	chunk("pHYs", "John Doe!", 9);
	chunk("IDAT", "data", 4);
	chunk("IEND", "", 0);
	is_int(strip(true), MMN_OK, "chunks too long, or again");
	is_int((long long)out.length, (long long)bare + 21, "are left out");

	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("IDAT", "data", 4);
	chunk("IEND", "Doe", 3);
	refused_png(MMN_BAD_DATA, "PNG chunk out of place at offset 49");

	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("tEXt", "Author\0Doe", 10);
	in.bytes[45] ^= 1;
	refused_png(MMN_BAD_DATA, "PNG chunk at offset 33 has a wrong CRC");
	begin(PNG, 8);
	chunk("IDAT", "data", 4);
	refused_png(MMN_BAD_DATA, "PNG without a proper IHDR chunk at its start");
	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("IDAT", "data", 4);
	refused_png(MMN_BAD_DATA, "PNG ends without IEND");
	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("IEND", "", 0);
	refused_png(MMN_BAD_DATA, "PNG without image data");
	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("IDAT", "data", 4);
	chunk("tIME", "\7\344\1\2\3\4\5", 7);
	chunk("IDAT", "data", 4);
	refused_png(MMN_BAD_DATA, "PNG chunk out of place at offset 68");
	begin(PNG, 8);
	chunk("IHDR", HEADER, 13);
	chunk("ABCD", "data", 4);
	refused_png(MMN_UNSUPPORTED,
				"PNG with an unknown critical chunk at offset 33");
	begin(PNG "\xFF\xFF\xFF\xFFIHDR1234", 20);
	refused_png(MMN_BAD_DATA, "PNG chunk at offset 8 wants 4294967295 bytes, "
							  "0 are left");
	begin("text", 4);
	refused_png(MMN_BAD_DATA, "not a PNG file");
}

static void
segment(int marker, const void *payload, size_t length)
{
	mmn_buffer_byte(&in, 0xFF);
	mmn_buffer_byte(&in, (uint8_t)marker);
	mmn_buffer_byte(&in, (uint8_t)((length + 2) >> 8));
	mmn_buffer_byte(&in, (uint8_t)(length + 2));
	mmn_buffer_append(&in, payload, length);
}

static const uint8_t frame[] = {8, 0, 1, 0, 1, 1, 1, 0x11, 0};
static const uint8_t scan[] = {1, 1, 0, 0, 63, 0};

static void
put_scan(void)
{
	segment(0xC0, frame, sizeof frame);
	segment(0xDA, scan, sizeof scan);
	mmn_buffer_append(&in, "\x12\xFF\0\x34\xFF\xD0\x56", 7);
}

static void
test_jpeg(void)
{
	/* little endian, two entries: a description and orientation 6 */
	static const uint8_t exif[] = "Exif\0\0II*\0\10\0\0\0\2\0"
								  "\x0E\1\2\0\4\0\0\0Doe\0"
								  "\x12\1\3\0\1\0\0\0\6\0\0\0"
								  "\0\0\0\0";
	size_t bare;

	begin("\xFF\xD8", 2);
	put_scan();
	mmn_buffer_append(&in, "\xFF\xD9", 2);
	bare = in.length;
	is_int(strip(false), MMN_OK, "a bare JPEG: %s", error.text);
	ok(out.length == bare && memcmp(out.bytes, in.bytes, bare) == 0,
	   "stays as it is");

	begin("\xFF\xD8", 2);
	segment(0xE0, "JFIF\0\1\2\1\0\x48\0\x48\1\1rgb", 17);
	segment(0xE1, exif, sizeof exif - 1);
	segment(0xE1, "http://ns.adobe.com/xap/1.0/\0Doe", 32);
	segment(0xEE, "Adobe\0\x64\0\0\0\0\1Doe", 15);
	segment(0xED, "Photoshop Doe", 13);
	segment(0xFE, "Doe", 3);
	segment(0xF0, "Doe", 3);
	mmn_buffer_byte(&in, 0xFF); /* a fill byte */
	put_scan();
	segment(0xFE, "Doe", 3);
	mmn_buffer_append(&in, "\xFF\xD9 and Doe's preview", 20);
	is_int(strip(false), MMN_OK, "a JPEG with metadata: %s", error.text);
	ok(!holds("Doe", 3) && !holds("rgb", 3), "loses them");
	ok(holds("\xFF\xE0\0\x10JFIF\0\1\2\1\0\x48\0\x48\0\0", 18),
	   "but keeps its density");
	ok(holds("\xFF\xEE\0\x0E"
			 "Adobe\0\x64\0\0\0\0\1",
			 16),
	   "its colour transform");
	ok(holds("Exif\0\0MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0",
			 32),
	   "its orientation");
	ok(holds("\x12\xFF\0\x34\xFF\xD0\x56\xFF\xD9", 9), "and its scan");
	is_int((long long)out.length, (long long)bare + 18 + 16 + 36,
		   "nothing else");

	begin("\xFF\xD8", 2);
	put_scan();
	is_int(strip(false), MMN_OK, "a JPEG without its end");
	is_int((long long)out.length, (long long)bare, "gets it");

	begin("\xFF\xD8", 2);
	segment(0xDA, scan, sizeof scan);
	is_int(strip(false), MMN_BAD_DATA, "a scan without a frame");
	begin("\xFF\xD8\xFF\xC0\0\x20zz", 8);
	is_int(strip(false), MMN_BAD_DATA, "a segment that is cut off");
	is_str(error.text, "JPEG segment cut off at offset 2", "says where");
	begin("\xFF\xD8\xFF\xD9", 4);
	is_int(strip(false), MMN_BAD_DATA, "no image in it");
	begin("\xFF\xD8", 2);
	is_int(strip(false), MMN_BAD_DATA, "two bytes");
}

/* Scrubs what is in "in", in place. */
static mmn_status
scrub(void)
{
	error.text[0] = '\0';
	mmn_buffer_reset(&out);
	mmn_buffer_append(&out, in.bytes, in.length);
	return mmn_codestream_scrub(out.bytes, out.length, &error);
}

/* A JPEG 2000 code stream with comments in both headers. */
static void
put_j2k(void)
{
	mmn_buffer_append(&in, "\xFF\x4F\xFF\x51\0\4sz", 8);
	segment(0x64, "\0\1Doe", 5);
	segment(0x65, "Doe", 3);
	mmn_buffer_append(&in, "\xFF\x90\0\12\0\0\0\0\0\34\0\1", 12);
	segment(0x64, "\0\0Doe", 5);
	mmn_buffer_append(&in, "\xFF\x93\xFF\xD9\1", 5);
	/* the tile-part is 26 bytes long, the false end among its packets */
	in.bytes[in.length - 26 + 9] = 26;
	mmn_buffer_append(&in, "\xFF\xD9", 2);
}

static void
test_scrub(void)
{
	begin("\xFF\xD8", 2);
	segment(0xE0, "JFIF\0\1\2\1\0\x48\0\x48\1\1rgb", 17);
	segment(0xE1, "Exif\0\0MM Doe", 12);
	segment(0xEE, "Adobe\0\x64\0\0\0\0\1Doe", 15);
	segment(0xE8, "mrfx\1Doe", 8);
	segment(0xFE, "Doe", 3);
	segment(0xF8, "\1lse", 4);
	put_scan();
	mmn_buffer_append(&in, "\xFF\xD9 Doe", 6);
	is_int(scrub(), MMN_OK, "a JPEG frame: %s", error.text);
	ok(!holds("Doe", 3) && !holds("rgb", 3) && !holds("Exif", 4),
	   "loses its metadata");
	ok(holds("JFIF\0\1\2\1\0\x48\0\x48\0\0\0\0\0", 17) &&
		   holds("Adobe\0\x64\0\0\0\0\1\0\0\0", 15) &&
		   holds("mrfx\1\0\0\0", 8) && holds("\1lse", 4) &&
		   holds("\x12\xFF\0\x34\xFF\xD0\x56\xFF\xD9\0\0\0\0", 13),
	   "and nothing else");

	begin("\xFF\xD8\xFF\xF7\0\2\xFF\xDA\0\2\xFF\x7F\xFF\xFE\0\5Doe\xFF\xD9",
		  22);
	is_int(scrub(), MMN_OK, "JPEG-LS stuffs with one bit");
	ok(!holds("Doe", 3), "so that the comment is found");

	begin("", 0);
	put_j2k();
	mmn_buffer_text(&in, "Doe");
	is_int(scrub(), MMN_OK, "a JPEG 2000 frame: %s", error.text);
	ok(!holds("Doe", 3), "loses its comments");
	ok(holds("\0\7\0\1\0\0\0", 7) && holds("sz", 2) &&
		   holds("\xFF\x93\xFF\xD9\1\xFF\xD9\0\0\0", 10),
	   "and keeps its packets");

	begin("\0\0\0\14jP  \r\n\x87\n\0\0\0\13xml Doe\0\0\0\0jp2c", 31);
	put_j2k();
	is_int(scrub(), MMN_OK, "JPEG 2000 in boxes: %s", error.text);
	ok(!holds("Doe", 3) && holds("xml \0\0\0", 7), "loses them there");

	begin("Doe^John", 8);
	is_int(scrub(), MMN_BAD_DATA, "something else");
	begin("\xFF\xD8\xFF\xFE\0\x20"
		  "Doe",
		  9);
	is_int(scrub(), MMN_BAD_DATA, "a segment that is cut off");
}

int
main(void)
{
	mmn_buffer_init(&in, &mmn_env_default, 1 << 20);
	mmn_buffer_init(&out, &mmn_env_default, 1 << 20);
	test_png();
	test_jpeg();
	test_scrub();
	mmn_buffer_reset(&in);
	mmn_buffer_reset(&out);
	return done_testing();
}
