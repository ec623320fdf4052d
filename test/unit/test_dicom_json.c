#include "tap.h"

#include "dicom_fixture.h"

#include "dicom/json.h"

static mmn_charsets *charsets;
static mmn_buffer out;

/* The fixture as JSON; the error's text when there is one. */
static const char *
json(void)
{
	mmn_dicom *d = fx_open();

	mmn_buffer_reset(&out);
	if (d && mmn_dicom_json(charsets, d, &out, &fx_error) == MMN_OK)
		mmn_buffer_byte(&out, '\0');
	mmn_dicom_close(d);
	return fx_error.code ? fx_error.text : (const char *)out.bytes;
}

/* Text of a VR, converted; escaped as C would not have to. */
static const char *
text(const char *term, const char *vr, const char *bytes, size_t length)
{
	mmn_dicom *d;
	mmn_charset charset;

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080005, "CS", term);
	d = fx_open();
	charset = mmn_charset_of(d, mmn_dicom_find(d, 0x00080005));
	mmn_buffer_reset(&out);
	mmn_charset_to_utf8(charsets, charset, vr, (const uint8_t *)bytes, length,
						&out);
	mmn_buffer_byte(&out, '\0');
	mmn_dicom_close(d);
	return (const char *)out.bytes;
}

#define TEXT(term, vr, s) text(term, vr, s, sizeof(s) - 1)

/* Mostly the names of PS3.5 Annexes H, I, J and K. */
static void
test_charsets(void)
{
	is_str(TEXT("ISO_IR 100", "PN", "Buc^J\xE9r\xF4me"), "Buc^Jérôme",
		   "Latin 1");
	is_str(TEXT("ISO_IR 144", "PN", "\xBB\xEE\xDA"), "Люк", "Cyrillic");
	is_str(TEXT("ISO_IR 126", "PN", "\xC4\xE9\xEF\xED"), "Διον", "Greek");
	is_str(TEXT("ISO_IR 192", "PN", "Wang^XiaoDong=王^小東"),
		   "Wang^XiaoDong=王^小東", "UTF-8");
	is_str(TEXT("GB18030", "PN", "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB"),
		   "Wang^XiaoDong=王^小东", "GB18030");
	is_str(TEXT("GBK", "LO", "\x81\x5C"), "乗",
		   "a backslash within a GBK character");
	is_str(TEXT("ISO 2022 IR 6\\ISO 2022 IR 87", "PN",
				"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B="
				"\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B"),
		   "Yamada^Tarou=山田^太郎=やまだ^たろう", "Japanese, H.3.1");
	is_str(TEXT("ISO 2022 IR 13\\ISO 2022 IR 87", "PN",
				"\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\x1B$B;3ED\x1B(J^"
				"\x1B$BB@O:\x1B(J"),
		   "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎", "Japanese with half-width katakana, H.3.2");
	is_str(TEXT("\\ISO 2022 IR 149", "PN",
				"Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7="
				"\x1B$)C\xC8\xAB^\x1B$)C\xB1\xE6\xB5\xBF"),
		   "Hong^Gildong=洪^吉洞=홍^길동", "Korean, I.2");
	is_str(TEXT("\\ISO 2022 IR 58", "PN",
				"Zhang^XiaoDong=\x1B$)A\xD5\xC5^\x1B$)A\xD0\xA1\xB6\xAB="),
		   "Zhang^XiaoDong=张^小东=", "Chinese, K.2");
	is_str(TEXT("iso-ir 100", "LO", "\xFC"), "ü", "a term written otherwise");

	/* what should not be */
	is_str(TEXT("ISO_IR 192", "LO", "a\xFF\xC3"), "a\xEF\xBF\xBD\xEF\xBF\xBD",
		   "bytes that are no UTF-8");
	is_str(TEXT("ISO_IR 192", "LO", "\xED\xA0\x80\xC0\x80"),
		   "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
		   "surrogates and overlong forms");
	is_str(TEXT("ISO_IR 192", "LO", "a\0b\x01\x1B\x7F\xC2\x85 c"), "ab c",
		   "control characters");
	is_str(TEXT("ISO_IR 192", "LT", "a\r\n\tb"), "a\r\n\tb",
		   "lines of a long text");
	is_str(TEXT("ISO_IR 192", "LO", "a\r\nb"), "a  b",
		   "lines where there are none");
	is_str(TEXT("", "LO", "M\xFCller"), "Müller", "Latin 1 undeclared");
	is_str(TEXT("", "LO", "Müller"), "Müller", "UTF-8 undeclared");
	is_str(TEXT("ISO_IR 13", "LO", "\xFE"), "\xEF\xBF\xBD", "no such katakana");
	is_str(TEXT("ISO 2022 IR 87", "LO", "\x1B$B;"), ";",
		   "half a Japanese character");
	is_str(TEXT("ISO 2022 IR 149", "LO", "\xC8"), "\xEF\xBF\xBD",
		   "half a Korean character");
}

static void
test_values(void)
{
	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00080000, "UL", 4);
	fx_u32(100);
	fx_text(0x00080005, "CS", "ISO_IR 100");
	fx_text(0x00080008, "CS", "ORIGINAL\\\\ AXIAL");
	fx_text(0x00080016, "UI", "1.2.840");
	fx_text(0x00081030, "LO", "say \"\xE4\"");
	fx_text(0x00100010, "PN", "A^B=C");
	fx_text(0x00100020, "LO", "");
	fx_bytes(0x00189461, "FL", "\0\0\xC0\x7F\xCD\xCC\xCC\x3D", 8);
	fx_text(0x00200013, "IS", "+7");
	fx_text(0x00204000, "LT", " a\\b ");
	fx_bytes(0x00280009, "AT", "\x18\0\x63\x10", 4);
	fx_us(0x00280010, 65535);
	fx_text(0x00280030, "DS", "0.10\\1e2\\x");
	fx_bytes(0x00281201, "OW", "\1\2", 2);
	fx_bytes(0x00291010, "UN", "\1\2", 2);
	is_str(json(),
		   "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
		   "\"00080008\":{\"vr\":\"CS\",\"Value\":[\"ORIGINAL\",null,"
		   "\"AXIAL\"]},"
		   "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.840\"]},"
		   "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"say \\\"ä\\\"\"]},"
		   "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\","
		   "\"Ideographic\":\"C\"}]},"
		   "\"00100020\":{\"vr\":\"LO\"},"
		   "\"00189461\":{\"vr\":\"FL\",\"Value\":[null,0.1]},"
		   "\"00200013\":{\"vr\":\"IS\",\"Value\":[7]},"
		   "\"00204000\":{\"vr\":\"LT\",\"Value\":[\" a\\\\b\"]},"
		   "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\"]},"
		   "\"00280010\":{\"vr\":\"US\",\"Value\":[65535]},"
		   "\"00280030\":{\"vr\":\"DS\",\"Value\":[0.1,100,\"x\"]},"
		   "\"00281201\":{\"vr\":\"OW\"},"
		   "\"00291010\":{\"vr\":\"UN\"}}",
		   "values of all kinds");
	fx_begin(EXPLICIT_LITTLE);
	is_str(json(), "{}", "nothing but file meta information");
}

static void
test_structure(void)
{
	const uint32_t u = UNDEFINED_LENGTH;

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080005, "CS", "ISO_IR 100");
	fx_head(0x00081140, "SQ", u);
	fx_item(0);
	fx_item(u);
	fx_text(0x00080005, "CS", "ISO_IR 144");
	fx_text(0x00081155, "UI", "1.2");
	fx_head(0x00081199, "SQ", u);
	fx_item(0);
	fx_item(u);
	fx_text(0x00081030, "LO", "\xB0");
	fx_item_end();
	fx_item(0);
	fx_sequence_end();
	fx_item_end();
	fx_item(0);
	fx_sequence_end();
	fx_head(0x00081145, "SQ", 0);
	fx_text(0x00081030, "LO", "\xE9");
	is_str(json(),
		   "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
		   "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{},"
		   "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
		   "\"00081155\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
		   "\"00081199\":{\"vr\":\"SQ\",\"Value\":[{},"
		   "{\"00081030\":{\"vr\":\"LO\",\"Value\":[\"А\"]}},{}]}},"
		   "{}]},"
		   "\"00081145\":{\"vr\":\"SQ\"},"
		   "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"é\"]}}",
		   "sequences, empty items, character sets of items");

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00080000, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	fx_us(0x00280010, 1);
	fx_item_end();
	fx_sequence_end();
	is_str(json(), "{}", "a sequence where a group's length should be");

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00204000, "LT", "\x01 and \x7F");
	is_str(json(), "{\"00204000\":{\"vr\":\"LT\",\"Value\":[\" and\"]}}",
		   "control characters are gone");

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00280010, "US", 2 * (MMN_JSON_MAX_NUMBERS + 1));
	for (int i = 0; i <= MMN_JSON_MAX_NUMBERS; i++)
		fx_u16(1);
	is_str(json(), "{\"00280010\":{\"vr\":\"US\"}}",
		   "very many numbers are bulk data");
}

static void
test_limits(void)
{
	mmn_buffer tiny;
	mmn_dicom *d;

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00204000, "LT", "more than a few bytes of text");
	d = fx_open();
	mmn_buffer_init(&tiny, &mmn_env_default, 20);
	is_int(mmn_dicom_json(charsets, d, &tiny, &fx_error), MMN_LIMIT,
		   "the buffer's limit");
	mmn_buffer_reset(&tiny);
	mmn_dicom_close(d);
}

int
main(void)
{
	mmn_buffer_init(&out, &mmn_env_default, (size_t)1 << 24);
	ok(mmn_charsets_open(&mmn_env_default, &charsets, &fx_error) == MMN_OK,
	   "character sets");
	test_charsets();
	test_values();
	test_structure();
	test_limits();
	mmn_charsets_close(charsets);
	mmn_buffer_reset(&out);
	free(fx_copy);
	mmn_buffer_reset(&fx);
	return done_testing();
}
