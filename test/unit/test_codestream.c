/* what compressed images say of themselves */

#include "image/codestream.h"
#include "tap.h"

#define PEEK(bytes)                                                            \
	mmn_codestream_peek((const uint8_t *)(bytes), sizeof(bytes) - 1, &c, &err)

/* What has the signature of JPEG, but no frame header that can be used. */
static void
test_damaged_jpeg(void)
{
	static const struct
	{
		const char *bytes;
		size_t length;
		const char *name;
	} cases[] = {
		{"\xff\xd8\xff\xe0", 4, "nothing after the first marker"},
		{"\xff\xd8\xff\xe0\0\2\0\0\0\0", 10, "no marker after a segment"},
		{"\xff\xd8\xff\xe0\0\1\xff\xc0", 8, "a segment shorter than its length"},
		{"\xff\xd8\xff\xe0\0\x0c\xff\xc0", 8, "a segment beyond the end"},
		{"\xff\xd8\xff\xc0\0\7\x08\0\1\0\1", 11, "a frame header cut short"},
		{"\xff\xd8\xff\xc4\0\2\xff\xc8\0\2\xff\xcc\0\2\xff\xd9\0\2", 18,
		 "tables, and the end"},
		{"\xff\xd8\xff\x01\xff\xd0\xff\xd8\xff\xd7\xff\xd9\0\2", 14,
		 "markers without a segment, and the end"},
	};
	mmn_codestream c;
	mmn_error err;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_int(mmn_codestream_peek((const uint8_t *)cases[i].bytes,
								   cases[i].length, &c, &err),
			   MMN_BAD_DATA, "%s", cases[i].name);
	is_int(PEEK("\xff\xd8\xff\x01\xff\xd3\xff\xc3\0\x0b\x10\0\1\0\2\1\1\x11\0"),
		   MMN_OK, "a frame header after markers without a segment");
	ok(c.process == 3 && c.precision == 16, "is found");
}

/* Each box of JP2 by itself, around a codestream or not. */
static void
test_boxes(const char *j2k, size_t length)
{
	static const char signature[] = "\0\0\0\x0cjP  \r\n\x87\n";
	uint8_t file[200];
	mmn_codestream c;
	mmn_error err;

	memcpy(file, signature, 12);
	memcpy(file + 12, "\0\0\0\1jp2c\0\0\0\0\0\0\0\x40", 16);
	memcpy(file + 28, j2k, length);
	is_int(mmn_codestream_peek(file, 28 + length, &c, &err), MMN_OK,
		   "a box whose length takes 64 bits");
	is_int((long long)c.offset, 28, "starts later");
	is_int(mmn_codestream_peek(file, 26, &c, &err), MMN_BAD_DATA,
		   "if all of it is there");
	memcpy(file + 12, "\0\0\0\1free\0\0\0\1\0\0\0\x10", 16);
	is_int(mmn_codestream_peek(file, 28 + length, &c, &err), MMN_BAD_DATA,
		   "a box of 4 GB");
	memcpy(file + 12, "\0\0\0\0jp2c", 8);
	memcpy(file + 20, j2k, length);
	is_int(mmn_codestream_peek(file, 20 + length, &c, &err), MMN_OK,
		   "a box up to the end of the file");
	is_int(mmn_codestream_peek(file, 20 + 42, &c, &err), MMN_BAD_DATA,
		   "a codestream cut short in its header");
	file[23] = 0x52;
	is_int(mmn_codestream_peek(file, 20 + length, &c, &err), MMN_BAD_DATA,
		   "a codestream that does not begin with its size");
	memcpy(file + 12, "\0\0\0\7free", 8);
	is_int(mmn_codestream_peek(file, 20 + length, &c, &err), MMN_BAD_DATA,
		   "a box shorter than its header");
}

/* Whether samples come out as they went in. */
static void
test_lossy(void)
{
#define SIZ                                                                    \
	"\xff\x4f\xff\x51\0\x29\0\0\0\0\0\2\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2"       \
	"\0\0\0\0\0\0\0\0\0\1\7\1\1"
#define COD(wavelet) "\xff\x52\0\x0c\0\0\0\1\0\0\4\4\0" wavelet
#define SOF55 "\xff\xd8\xff\xf7\0\x0b\x08\0\1\0\2\1\1\x11\0"
	static const struct
	{
		const char *bytes;
		size_t length;
		bool lossy;
		const char *name;
	} cases[] = {
#define CASE(bytes, lossy, name) {bytes, sizeof(bytes) - 1, lossy, name}
		CASE("\xff\xd8\xff\xc0\0\x0b\x08\0\1\0\2\1\1\x11\0", true,
			 "JPEG baseline"),
		CASE("\xff\xd8\xff\xc3\0\x0b\x08\0\1\0\2\1\1\x11\0", false,
			 "JPEG lossless"),
		CASE(SOF55 "\xff\xda\0\x08\1\1\0\0\0\0", false, "JPEG-LS"),
		CASE(SOF55 "\xff\xf8\0\3\1\xff\xda\0\x08\1\1\0\3\0\0", true,
			 "JPEG-LS near lossless, behind another segment"),
		CASE(SOF55 "\xff\xda\0\5\1\1\0\0", false, "a scan without a head"),
		CASE(SOF55 "\xff\xd9\0\0", false, "JPEG-LS without a scan"),
		CASE(SOF55, false, "and nothing behind the frame header"),
		CASE(SIZ COD("\1"), false, "JPEG 2000, reversible"),
		CASE(SIZ COD("\0"), true, "irreversible"),
		CASE(SIZ "\xff\x64\0\4\0\0" COD("\0"), true, "behind a comment"),
		CASE(SIZ "\xff\x52\0\x0c\0\0\0\1\0\0\4\4\0", false, "cut short"),
		CASE(SIZ "\xff\x90\0\x0a" COD("\0"), false, "behind the first tile"),
		CASE(SIZ "\0\0\0\0" COD("\0"), false, "behind what is no marker"),
	};
	mmn_codestream c;
	mmn_error err;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		is_int(mmn_codestream_peek((const uint8_t *)cases[i].bytes,
								   cases[i].length, &c, &err),
			   MMN_OK, "%s is read", cases[i].name);
		is_int(c.lossy, cases[i].lossy, "%s: %s", cases[i].name,
			   cases[i].lossy ? "lossy" : "lossless");
	}
}

int
main(void)
{
	static const char jpeg[] =
		"\xff\xd8\xff\xfe\0\6text\xff\xff\xc1\0\x0b\x0c\0\x10\0\x20\1\1\x11\0";
	static const char jpeg_ls[] =
		"\xff\xd8\xff\xf7\0\x0b\x08\0\1\0\2\3\1\x11\0";
	static const char scan_first[] =
		"\xff\xd8\xff\xda\0\x0b\x08\0\1\0\2\3\1\x11\0";
	static const char j2k[] =
		"\xff\x4f\xff\x51\0\x29\0\0\0\0\1\x10\0\0\0\x90\0\0\0\x10\0\0\0\x10"
		"\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\1\x8f\1\1";
	char jp2[sizeof j2k + 40];
	char changed[sizeof j2k];
	mmn_codestream c;
	mmn_error err;

	is_int(PEEK(jpeg), MMN_OK, "JPEG: comment and fill byte are skipped");
	ok(c.kind == MMN_CODESTREAM_JPEG && c.process == 1 && c.precision == 12 &&
		   c.height == 16 && c.width == 32 && c.components == 1,
	   "process, precision and size are found");
	is_int(PEEK(jpeg_ls), MMN_OK, "JPEG-LS");
	ok(c.kind == MMN_CODESTREAM_JPEG_LS && c.components == 3, "is told apart");
	is_int(PEEK(scan_first), MMN_BAD_DATA, "a scan before the frame header");
	is_int(mmn_codestream_peek((const uint8_t *)jpeg, 18, &c, &err),
		   MMN_BAD_DATA, "a cut-off frame header");

	is_int(PEEK(j2k), MMN_OK, "JPEG 2000");
	ok(c.kind == MMN_CODESTREAM_J2K && c.width == 256 && c.height == 128 &&
		   c.components == 1 && c.precision == 16 && c.is_signed,
	   "size without its offset, precision, sign");
	ok(c.tiles == 2 && c.offset == 0, "tiles, of which the image starts one");
	memcpy(changed, j2k, sizeof j2k);
	changed[26] = 0;
	is_int(PEEK(changed), MMN_BAD_DATA, "tiles without area");
	changed[27] = changed[31] = 1;
	changed[30] = 0;
	is_int(PEEK(changed), MMN_OK, "tiles of one pixel");
	is_int(c.tiles, 272 * 144, "are counted");
	memcpy(changed, j2k, sizeof j2k);
	changed[11] = 0x10;
	changed[10] = 0;
	is_int(PEEK(changed), MMN_BAD_DATA, "an image without area");

	memcpy(jp2,
		   "\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x08"
		   "free\0\0\0\0jp2c",
		   28);
	memcpy(jp2 + 28, j2k, sizeof j2k - 1);
	is_int(mmn_codestream_peek((const uint8_t *)jp2, 28 + sizeof j2k - 1, &c,
							   &err),
		   MMN_OK, "JPEG 2000 inside JP2 boxes");
	ok(c.width == 256 && c.offset == 28, "is found");
	is_int(mmn_codestream_peek((const uint8_t *)jp2, 26, &c, &err),
		   MMN_BAD_DATA, "boxes without a codestream");
	memcpy(changed, j2k, sizeof j2k);
	changed[32] = 2;
	is_int(PEEK(changed), MMN_BAD_DATA, "tiles that begin beyond the image");
	test_boxes(j2k, sizeof j2k - 1);
	test_damaged_jpeg();
	test_lossy();
	is_int(PEEK("RIFF"), MMN_BAD_DATA, "something else");
	is_int(PEEK(""), MMN_BAD_DATA, "nothing");
	return done_testing();
}
