/* what compressed images say of themselves */

#include "image/codestream.h"
#include "tap.h"

#define PEEK(bytes)                                                            \
	mmn_codestream_peek((const uint8_t *)(bytes), sizeof(bytes) - 1, &c, &err)

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
	is_int(PEEK("RIFF"), MMN_BAD_DATA, "something else");
	return done_testing();
}
