/* values of data elements: PS3.5 6.2, table 6.2-1 */

#include "tap.h"

#include "dicom_fixture.h"

#define PRIVATE MMN_TAG(0x0009, 0x1001)

static mmn_dicom *dicom;

static const mmn_dicom_element *
element(const char *syntax, const char *vr, const void *value, size_t length)
{
	mmn_dicom_close(dicom);
	fx_begin(syntax);
	fx_bytes(PRIVATE, vr, value, length);
	dicom = fx_open();
	return dicom ? mmn_dicom_find(dicom, PRIVATE) : NULL;
}

static void
test_binary(void)
{
	static const struct
	{
		const char *vr;
		const char *bytes;
		size_t length;
		size_t position;
		long long want;
	} cases[] = {
		{"US", "\xFE\xFF\x01\x00", 4, 0, 65534},
		{"US", "\xFE\xFF\x01\x00", 4, 1, 1},
		{"SS", "\xFE\xFF", 2, 0, -2},
		{"UL", "\xFE\xFF\xFF\xFF", 4, 0, 4294967294},
		{"SL", "\xFE\xFF\xFF\xFF", 4, 0, -2},
		{"OL", "\xFE\xFF\xFF\xFF", 4, 0, 4294967294},
		{"UV", "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 8, 0, 9223372036854775806},
		{"SV", "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, 0, -2},
		{"AT", "\x28\x00\x10\x00", 4, 0, 0x00280010},
		{"OB", "\x07\xFF", 2, 1, 255},
		{"OW", "\x07\xFF", 2, 0, 0xFF07},
		{"FL", "\x00\x00\x40\xC0", 4, 0, -3},
		{"FD", "\x00\x00\x00\x00\x00\x00\x08\x40", 8, 0, 3},
		{"OD", "\x00\x00\x00\x00\x00\x00\x08\x40", 8, 0, 3},
		{"OF", "\x00\x00\x40\xC0", 4, 0, -3},
		{"IS", " 1\\ -42 \\3 ", 10, 1, -42},
		{"DS", "2.50e1", 6, 0, 25},
		{"DS", "1\\", 2, 0, 1},
		{"DS", "-25,0e1 ", 8, 0, -250},
		{"DS", "\t3\r\n", 4, 0, 3},
	};
	static const struct
	{
		const char *vr;
		const char *bytes;
		size_t length;
		size_t position;
		const char *name;
	} none[] = {
		{"US", "\x01\x00", 2, 1, "no second number"},
		{"US", "\x01", 1, 0, "half a number"},
		{"US", "", 0, 0, "no number at all"},
		{"UV", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, 0, "beyond 63 bits"},
		{"FL", "\x00\x00\xC0\x7F", 4, 0, "not a number"},
		{"FD", "\x00\x00\x00\x00\x00\x00\xF0\x7F", 8, 0, "infinite"},
		{"FL", "\x00\x00\x20\x40", 4, 0, "2.5 is no integer"},
		{"FD", "\x00\x00\x00\x00\x00\x00\x50\x43", 8, 0, "beyond 2^53"},
		{"IS", "1\\2", 3, 2, "no third number"},
		{"DS", "1\\ ", 3, 1, "an empty one"},
		{"DS", "0x10", 4, 0, "in hexadecimal"},
		{"DS", "1 2", 3, 0, "with a space in it"},
		{"DS", "1e", 2, 0, "cut off"},
		{"DS", "1,000.0", 7, 0, "with thousands set apart"},
		{"DS", "1,000,000", 9, 0, "and more of them"},
		{"DS", "1e999", 5, 0, "too large"},
		{"DS", "nan ", 4, 0, "a word"},
		{"DS", "1\0" "2", 3, 0, "with a zero in it"},
		{"DS",
		 "00000000000000000000000000000000000000000000000000000000000000001", 65,
		 0, "far too long"},
		{"LT", "1\\2", 3, 1, "text that has one value only"},
		{"SQ", "", 0, 0, "a sequence"},
	};
	int64_t i;
	double d;

	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
	{
		const mmn_dicom_element *e = element(
			EXPLICIT_LITTLE, cases[k].vr, cases[k].bytes, cases[k].length);

		ok(e && mmn_dicom_int(dicom, e, cases[k].position, &i) &&
			   i == cases[k].want,
		   "%s, %zu: %lld", cases[k].vr, cases[k].position, cases[k].want);
		ok(e && mmn_dicom_double(dicom, e, cases[k].position, &d) &&
			   d == (double)cases[k].want,
		   "as a double");
	}
	for (size_t k = 0; k < sizeof none / sizeof *none; k++)
	{
		const mmn_dicom_element *e = element(EXPLICIT_LITTLE, none[k].vr,
											 none[k].bytes, none[k].length);

		ok(!mmn_dicom_int(dicom, e, none[k].position, &i), "%s: %s",
		   none[k].vr, none[k].name);
	}
	ok(!mmn_dicom_int(dicom, NULL, 0, &i) &&
		   !mmn_dicom_double(dicom, NULL, 0, &d),
	   "an element that is not there has no number");
	ok(mmn_dicom_double(dicom,
						element(EXPLICIT_LITTLE, "UV",
								"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8),
						0, &d) &&
		   d == 18446744073709551616.0,
	   "a double holds about 2^64");
}

static void
test_big_endian(void)
{
	int64_t i;
	double d;

	ok(mmn_dicom_int(dicom, element(EXPLICIT_BIG, "US", "\x01\x02", 2), 0, &i) &&
		   i == 0x0102,
	   "US, big-endian");
	ok(mmn_dicom_int(
		   dicom, element(EXPLICIT_BIG, "SL", "\xFF\xFF\xFF\xFE", 4), 0, &i) &&
		   i == -2,
	   "SL");
	ok(mmn_dicom_int(dicom,
					 element(EXPLICIT_BIG, "SV",
							 "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", 8),
					 0, &i) &&
		   i == -2,
	   "SV");
	ok(mmn_dicom_int(
		   dicom, element(EXPLICIT_BIG, "AT", "\x00\x28\x00\x10", 4), 0, &i) &&
		   i == 0x00280010,
	   "AT");
	ok(mmn_dicom_double(
		   dicom, element(EXPLICIT_BIG, "FL", "\xC0\x40\x00\x00", 4), 0, &d) &&
		   d == -3,
	   "FL");
	ok(mmn_dicom_double(dicom,
						element(EXPLICIT_BIG, "FD", "\x40\x08\0\0\0\0\0\0", 8),
						0, &d) &&
		   d == 3,
	   "FD");
}

static void
test_text(void)
{
	char text[16];
	const mmn_dicom_element *e;

	e = element(EXPLICIT_LITTLE, "LO", "  one \\two\0\\\\a\x1b[2Jb ", 20);
	ok(mmn_dicom_string(dicom, e, 0, text, sizeof text), "text");
	is_str(text, "one", "without its padding");
	mmn_dicom_string(dicom, e, 1, text, sizeof text);
	is_str(text, "two", "nor zeros");
	ok(!mmn_dicom_string(dicom, e, 2, text, sizeof text) && text[0] == '\0',
	   "an empty value is none");
	mmn_dicom_string(dicom, e, 3, text, sizeof text);
	is_str(text, "a[2Jb", "nor control characters");
	mmn_dicom_string(dicom, e, 0, text, 3);
	is_str(text, "on", "cut to the room there is");
	ok(!mmn_dicom_string(dicom, e, 4, text, sizeof text), "no fifth value");
	ok(!mmn_dicom_string(dicom, e, 0, text, 0), "no room, no text");
	ok(!mmn_dicom_string(dicom, NULL, 0, text, sizeof text), "no element");
	e = element(EXPLICIT_LITTLE, "UT", "a\\b", 3);
	mmn_dicom_string(dicom, e, 0, text, sizeof text);
	is_str(text, "a\\b", "text of one value keeps its backslashes");
	ok(!mmn_dicom_string(dicom, e, 1, text, sizeof text), "and has no second");
	e = element(EXPLICIT_LITTLE, "US", "12", 2);
	ok(!mmn_dicom_string(dicom, e, 0, text, sizeof text),
	   "a binary number is no text");
	e = element(EXPLICIT_LITTLE, "LO", "\x01\x02", 2);
	ok(!mmn_dicom_string(dicom, e, 0, text, sizeof text),
	   "nor are control characters alone");
}

int
main(void)
{
	test_binary();
	test_big_endian();
	test_text();
	mmn_dicom_close(dicom);
	return done_testing();
}
