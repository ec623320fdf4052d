#include "tap.h"

#include <zlib.h>

#include "dicom_fixture.h"

static const mmn_dicom_element *
find(const mmn_dicom *d, uint32_t tag)
{
	return mmn_dicom_find(d, tag);
}

static void
test_encodings(void)
{
	static const char *const syntaxes[] = {EXPLICIT_LITTLE, IMPLICIT_LITTLE,
										   EXPLICIT_BIG};

	for (int i = 0; i < 3; i++)
	{
		mmn_dicom *d;
		int64_t v = 0;
		double number = 0;
		char text[65];
		float slope = 1.5f;
		uint32_t bits;

		fx_begin(syntaxes[i]);
		fx_text(0x00080060, "CS", "CT");
		fx_text(0x00200013, "IS", " 42 ");
		fx_text(0x00280030, "DS", "0.5\\0.25");
		fx_us(0x00280010, 513);
		fx_head(0x00189461, "FL", 4);
		memcpy(&bits, &slope, 4);
		fx_u32(bits);
		d = fx_open();
		ok(d, "%s: opens: %s", syntaxes[i], fx_error.text);
		if (!d)
			continue;
		is_str(mmn_dicom_transfer_syntax(d), syntaxes[i], "its syntax");
		is_int(find(d, 0x00280010)->big_endian, i == 2, "its byte order");
		ok(mmn_dicom_string(d, find(d, 0x00080060), 0, text, sizeof text),
		   "text");
		is_str(text, "CT", "its value");
		ok(mmn_dicom_int(d, find(d, 0x00200013), 0, &v) && v == 42, "IS");
		ok(mmn_dicom_int(d, find(d, 0x00280010), 0, &v) && v == 513, "US");
		ok(mmn_dicom_double(d, find(d, 0x00280030), 1, &number), "DS");
		is_near(number, 0.25, 0, "its second value");
		ok(!mmn_dicom_double(d, find(d, 0x00280030), 2, &number),
		   "no third value");
		ok(mmn_dicom_double(d, find(d, 0x00189461), 0, &number), "FL");
		is_near(number, 1.5, 0, "its value");
		is_str(find(d, 0x00189461)->vr, "FL", "VR of the file or dictionary");
		ok(!find(d, 0x00100010), "an absent element");
		mmn_dicom_close(d);
	}
}

static void
test_without_meta(void)
{
	mmn_dicom *d;

	for (int i = 0; i < 3; i++)
	{
		fx_empty();
		fx_implicit = i == 1;
		fx_big = i == 2;
		fx_text(0x00080005, "CS", "ISO_IR 100");
		fx_us(0x00280010, 7);
		d = fx_open();
		ok(d && find(d, 0x00280010), "bare data set, encoding %d", i);
		is_str(d ? mmn_dicom_transfer_syntax(d) : NULL,
			   i == 0	? EXPLICIT_LITTLE
			   : i == 1 ? IMPLICIT_LITTLE
						: EXPLICIT_BIG,
			   "the syntax it is in");
		mmn_dicom_close(d);
	}
	fx_begin(EXPLICIT_LITTLE);
	fx_implicit = 1;
	fx_text(0x00080005, "CS", "ISO_IR 100");
	d = fx_open();
	is_str(d ? mmn_dicom_transfer_syntax(d) : NULL, IMPLICIT_LITTLE,
		   "a file that lies about its syntax");
	mmn_dicom_close(d);

	fx_empty();
	mmn_buffer_text(&fx, "This is a text that is no DICOM file at all.");
	ok(!fx_open(), "text is refused");
	is_str(fx_error.text, "not a DICOM file", "and named");
	fx_empty();
	ok(!fx_open(), "nothing is refused");
	ok(!mmn_dicom_probe("\x08\0", 2), "two bytes are not DICOM");
}

static void
test_deflated(void)
{
	uint8_t packed[512];
	mmn_buffer plain;
	z_stream z = {0};
	mmn_dicom *d;
	static const uint8_t zeros[4096];

	fx_empty();
	fx_text(0x00080060, "CS", "MR");
	fx_bytes(0x00281201, "OW", zeros, sizeof zeros);
	plain = fx;
	memset(&fx, 0, sizeof fx);
	deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	z.next_in = plain.bytes;
	z.avail_in = (unsigned)plain.length;
	z.next_out = packed;
	z.avail_out = sizeof packed;
	deflate(&z, Z_FINISH);
	fx_begin("1.2.840.10008.1.2.1.99");
	mmn_buffer_append(&fx, packed, z.total_out);
	d = fx_open();
	ok(d && find(d, 0x00281201) && find(d, 0x00281201)->length == sizeof zeros,
	   "a deflated data set");
	mmn_dicom_close(d);
	ok(mmn_dicom_open(&mmn_env_default, fx.bytes, fx.length, 1000, &d,
					  &fx_error) == MMN_LIMIT,
	   "is bounded");
	fx.length -= 4;
	ok(!fx_open(), "cut off, it is refused");
	is_int(fx_error.code, MMN_BAD_DATA, "as bad data");
	deflateEnd(&z);
	mmn_buffer_reset(&plain);
}

/* Sequence of two items, the second with a nested one, in all forms. */
static void
test_sequences(void)
{
	for (int undefined = 0; undefined < 2; undefined++)
	{
		uint32_t u = UNDEFINED_LENGTH;
		const mmn_dicom_element *s, *e;
		mmn_dicom *d;

		fx_begin(EXPLICIT_LITTLE);
		fx_head(0x00081140, "SQ", undefined ? u : 8 + 10 + 8 + 12 + 8 + 10);
		fx_item(undefined ? u : 10);
		fx_us(0x00280010, 1);
		if (undefined)
			fx_item_end();
		fx_item(undefined ? u : 12 + 8 + 10);
		fx_head(0x00081199, "SQ", undefined ? u : 8 + 10);
		fx_item(undefined ? u : 10);
		fx_us(0x00280010, 2);
		if (undefined)
		{
			fx_item_end();
			fx_sequence_end();
			fx_item_end();
			fx_sequence_end();
		}
		fx_us(0x00280010, 3);
		d = fx_open();
		ok(d, "sequences, undefined length %d: %s", undefined, fx_error.text);
		if (!d)
			continue;
		s = find(d, 0x00081140);
		is_int(s->items, 2, "two items");
		e = mmn_dicom_find_in(d, s, 0, 0x00280010);
		ok(e && e->value[0] == 1 && e->parent >= 0, "first item");
		ok(!mmn_dicom_find_in(d, s, 1, 0x00280010),
		   "what is nested deeper is not in the item");
		e = mmn_dicom_find_in(d, s, 1, 0x00081199);
		e = mmn_dicom_find_in(d, e, 0, 0x00280010);
		ok(e && e->value[0] == 2, "item of the nested sequence");
		ok(!mmn_dicom_find_in(d, s, 2, 0x00280010), "no third item");
		e = find(d, 0x00280010);
		ok(e && e->value[0] == 3 && e->parent == -1, "top level goes on");
		mmn_dicom_close(d);
	}
}

static void
test_unknown_vr(void)
{
	mmn_dicom *d;
	const mmn_dicom_element *e;

	/* PS3.5 6.2.2: UN of undefined length is an implicit VR sequence */
	fx_begin(EXPLICIT_BIG);
	fx_text(0x00080060, "CS", "CT");
	fx_head(0x00091001, "UN", UNDEFINED_LENGTH);
	fx_big = 0;
	fx_implicit = 1;
	fx_item(UNDEFINED_LENGTH);
	fx_us(0x00280010, 258);
	fx_item_end();
	fx_sequence_end();
	fx_implicit = 0;
	fx_big = 1;
	fx_us(0x00280011, 259);
	d = fx_open();
	ok(d, "UN of undefined length: %s", fx_error.text);
	e = d ? mmn_dicom_find_in(d, find(d, 0x00091001), 0, 0x00280010) : NULL;
	{
		int64_t v = 0;

		ok(d && mmn_dicom_int(d, e, 0, &v) && v == 258,
		   "little endian in a big endian file");
		ok(d && mmn_dicom_int(d, find(d, 0x00280011), 0, &v) && v == 259,
		   "and big endian after it");
	}
	mmn_dicom_close(d);

	/* of defined length, with a known tag: read where it can be */
	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00081140, "UN", 18);
	fx_implicit = 1;
	fx_item(10);
	fx_us(0x00280010, 5);
	fx_implicit = 0;
	fx_bytes(0x00081110, "UN", "no sequence.", 12);
	fx_bytes(0x00280010, "UN", "\x09\0", 2);
	d = fx_open();
	ok(d, "UN of known tags: %s", fx_error.text);
	if (d)
	{
		int64_t v = 0;

		is_str(find(d, 0x00081140)->vr, "SQ", "a sequence is one");
		ok(mmn_dicom_find_in(d, find(d, 0x00081140), 0, 0x00280010),
		   "with its element");
		is_str(find(d, 0x00081110)->vr, "UN", "what is none is bytes");
		is_int((long long)find(d, 0x00081110)->length, 12, "all of them");
		ok(mmn_dicom_int(d, find(d, 0x00280010), 0, &v) && v == 9, "a number");
	}
	mmn_dicom_close(d);
}

/*
 * A little image with a name and a private element, the VR of element "odd"
 * (from 0; -1: none) being two bytes that are none, in the short or wide form.
 */
static void
write_odd_vr(int odd, const char *letters, bool wide)
{
	static const struct
	{
		uint32_t tag;
		const char *vr, *value;
		size_t length;
	} elements[] = {
		{0x00080018, "UI", "1.2.3.4", 8},
		{0x00080060, "CS", "OT", 2},
		{0x00090010, "LO", "ACME PRIVATE", 12},
		{0x00091001, "LO", "secret value", 12},
		{0x00100010, "PN", "DOE^JANE", 8},
		{0x00100030, "DA", "", 0},
		{0x00280010, "US", "\2\0", 2},
		{0x00280011, "US", "\2\0", 2},
		{PIXEL_DATA, "OW", "abcdefgh", 8},
	};

	for (int i = 0; i < 9; i++)
	{
		if (i != odd)
		{
			fx_bytes(elements[i].tag, elements[i].vr, elements[i].value,
					 elements[i].length);
			continue;
		}
		fx_u16(elements[i].tag >> 16);
		fx_u16(elements[i].tag & 0xFFFF);
		mmn_buffer_append(&fx, letters, 2);
		if (wide)
			fx_u16(0);
		if (wide)
			fx_u32((uint32_t)elements[i].length);
		else
			fx_u16((unsigned)elements[i].length);
		mmn_buffer_append(&fx, elements[i].value, elements[i].length);
	}
}

/* Whether the file in fx has all of them, after "before" others. */
static bool
has_all(size_t before)
{
	static const size_t lengths[9] = {8, 2, 12, 12, 8, 0, 2, 2, 8};
	mmn_dicom *d = fx_open();
	bool all = d && mmn_dicom_count(d) == before + 9;

	for (size_t i = 0; all && i < 9; i++)
		all = mmn_dicom_at(d, before + i)->length == lengths[i];
	all = all && memcmp(mmn_dicom_at(d, before + 8)->value, "abcdefgh", 8) == 0;
	mmn_dicom_close(d);
	return all;
}

/* Files whose writer had no VR to write: each element in turn has none. */
static void
test_no_vr(void)
{
	static const char letters[][3] = {"\0", "??",	"  ", "--", "XX",	   "us",
									  "00", "\1\2", "un", "ox", "\xFF\xFE"};
	int64_t rows = 0;
	mmn_dicom *d;
	int bad = 0;

	for (int odd = -1; odd < 9; odd++)
		for (size_t k = 0; k < sizeof letters / sizeof *letters; k++)
			for (int wide = 0; wide < 2; wide++)
			{
				fx_begin(EXPLICIT_LITTLE);
				write_odd_vr(odd, letters[k], wide);
				if (!has_all(1))
					bad++;
				/* what stands first tells how a bare data set is encoded */
				fx_empty();
				write_odd_vr(odd, letters[k], wide);
				if (odd != 0 && !has_all(0))
					bad++;
			}
	is_int(bad, 0, "files in which one element has no VR have all elements");

	fx_begin(EXPLICIT_LITTLE);
	write_odd_vr(6, "\0", false);
	d = fx_open();
	ok(d && mmn_dicom_int(d, find(d, 0x00280010), 0, &rows) && rows == 2,
	   "whose VR is that of the dictionary");
	mmn_dicom_close(d);
	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080018, "UI", "1.2.3.4");
	fx_u32(0x00600008);
	fx_u32(2);
	mmn_buffer_text(&fx, "OT");
	fx_us(0x00280010, 2);
	d = fx_open();
	ok(d && find(d, 0x00280010), "or an implicit length: %s", fx_error.text);
	mmn_dicom_close(d);
}

static void
test_tolerance(void)
{
	int64_t v = 0;
	mmn_dicom *d;

	fx_begin(EXPLICIT_LITTLE);
	fx_bytes(0x00080060, "CS", "CT ", 3);
	fx_us(0x00280010, 3);
	mmn_buffer_append(&fx, "\0\0\0\0\0\0\0\0\0\0", 10);
	d = fx_open();
	ok(d && find(d, 0x00280010), "odd length, and zeros at the end");
	mmn_dicom_close(d);

	/* little endian, it says; of an empty element one cannot tell */
	fx_begin(EXPLICIT_LITTLE);
	fx_big = 1;
	fx_bytes(0x00080005, "CS", "", 0);
	fx_text(0x00080060, "CS", "CT");
	fx_us(0x00280010, 3);
	d = fx_open();
	ok(d && mmn_dicom_int(d, find(d, 0x00280010), 0, &v) && v == 3,
	   "big endian after all");
	mmn_dicom_close(d);

	/* explicit, it says; a group's length is how far the next is from here */
	fx_begin(EXPLICIT_LITTLE);
	fx_implicit = 1;
	fx_head(0x00080000, "UL", 4);
	fx_u32(10);
	fx_text(0x00080060, "CS", "CT");
	fx_head(0x00280000, "UL", 4);
	fx_u32(10);
	fx_us(0x00280010, 3);
	d = fx_open();
	ok(d && mmn_dicom_int(d, find(d, 0x00280010), 0, &v) && v == 3 &&
		   find(d, 0x00080060),
	   "implicit after all, with group lengths: %s", fx_error.text);
	mmn_dicom_close(d);

	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280010, 3);
	fx_bytes(PIXEL_DATA, "OB", "abcd", 4);
	mmn_buffer_text(&fx, "garbage after the pixel data");
	d = fx_open();
	ok(d && find(d, PIXEL_DATA), "garbage after pixel data");
	mmn_dicom_close(d);

	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280010, 3);
	fx_head(PIXEL_DATA, "OW", 1000);
	mmn_buffer_text(&fx, "abcd");
	d = fx_open();
	is_int(d ? (long long)find(d, PIXEL_DATA)->length : -1, 4,
		   "truncated native pixel data have what is there");
	mmn_dicom_close(d);

	/* file meta information in big endian, as the data set once was */
	fx_begin(EXPLICIT_BIG);
	fx.length = 132;
	fx_text(0x00020010, "UI", EXPLICIT_LITTLE);
	fx_big = 0;
	fx_us(0x00280010, 3);
	d = fx_open();
	ok(d && mmn_dicom_int(d, find(d, 0x00280010), 0, &v) && v == 3 &&
		   mmn_dicom_find(d, 0x00020010),
	   "big endian, little endian after it: %s", fx_error.text);
	mmn_dicom_close(d);

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00081140, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	fx_us(0x00280010, 3);
	fx_sequence_end(); /* without the item's delimiter */
	fx_us(0x00280011, 4);
	d = fx_open();
	ok(d && find(d, 0x00280011), "a forgotten item delimiter");
	mmn_dicom_close(d);
}

/* A sequence of one item and what follows; read as that? */
static bool
is_sequence(bool implicit, const char *vr, bool items_implicit, bool undefined)
{
	const mmn_dicom_element *e;
	int64_t v = 0, rows = 0;
	mmn_dicom *d;
	bool good;

	fx_begin(implicit ? IMPLICIT_LITTLE : EXPLICIT_LITTLE);
	fx_text(0x00080060, "CS", "CT");
	fx_head(0x00081140, vr, undefined ? UNDEFINED_LENGTH : 28);
	fx_implicit = items_implicit;
	fx_item(undefined ? UNDEFINED_LENGTH : 20);
	fx_us(0x00280010, 5);
	fx_us(0x00280100, 77);
	if (undefined)
	{
		fx_item_end();
		fx_sequence_end();
	}
	fx_implicit = implicit;
	fx_us(0x00280010, 6);
	fx_us(0x00280011, 7);
	d = fx_open();
	if (!d)
		return false;
	e = mmn_dicom_find_in(d, find(d, 0x00081140), 0, 0x00280100);
	good = mmn_dicom_int(d, e, 0, &v) && v == 77 &&
		   mmn_dicom_int(d, find(d, 0x00280010), 0, &rows) && rows == 6;
	mmn_dicom_close(d);
	return good;
}

/* The same in implicit data, where its length reads like a VR's letters. */
static bool
is_sequence_of(const char *letters)
{
	uint32_t length = (uint32_t)letters[0] | (uint32_t)letters[1] << 8;
	const mmn_dicom_element *e;
	int64_t v = 0;
	mmn_dicom *d;
	bool good;

	fx_begin(IMPLICIT_LITTLE);
	fx_text(0x00080060, "CS", "CT");
	fx_head(0x00081140, "SQ", length);
	fx_item(length - 8);
	fx_head(0x00281201, "OW", length - 8 - 18);
	mmn_buffer_extend(&fx, length - 8 - 18);
	memset(fx.bytes + fx.length - (length - 8 - 18), 0, length - 8 - 18);
	fx_us(0x00281203, 77);
	fx_us(0x00280010, 6);
	d = fx_open();
	if (!d)
		return false;
	e = mmn_dicom_find_in(d, find(d, 0x00081140), 0, 0x00281203);
	good = mmn_dicom_int(d, e, 0, &v) && v == 77 && find(d, 0x00280010);
	mmn_dicom_close(d);
	return good;
}

/*
 * Items in the other encoding, as from another file, and sequences under other
 * VRs: all of them toolkits read.
 */
static void
test_strange_sequences(void)
{
	static const char vrs[][3] = {"SQ", "UN", "OB", "OW"};
	mmn_dicom *d;

	for (int i = 0; i < 8; i++)
	{
		bool implicit = i & 1, items = i & 2, undefined = i & 4;

		ok(is_sequence(implicit, "SQ", items, undefined),
		   "%s items in %s data, %s length", items ? "implicit" : "explicit",
		   implicit ? "implicit" : "explicit",
		   undefined ? "undefined" : "defined");
	}
	for (int i = 0; i < 4; i++)
		ok(is_sequence(false, vrs[i], strcmp(vrs[i], "UN") == 0, true),
		   "a sequence as %s", vrs[i]);
	ok(is_sequence(false, "UN", false, true), "as UN, with explicit items");

	ok(is_sequence_of("DA") && is_sequence_of("LO") && is_sequence_of("FD"),
	   "a length that reads like a VR, before an item");

	/* of a sequence shorter than its item the item is right */
	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00081140, "SQ", 10);
	fx_item(10);
	fx_us(0x00280010, 5);
	fx_us(0x00280011, 7);
	d = fx_open();
	ok(d && find(d, 0x00280011) && find(d, 0x00081140)->length == 18,
	   "a sequence shorter than its item: %s", fx_error.text);
	mmn_dicom_close(d);
}

static void
refused(mmn_status code, const char *text, const char *name)
{
	mmn_dicom *d = fx_open();

	ok(!d, "%s: refused", name);
	is_int(fx_error.code, code, "%s: status", name);
	is_str(fx_error.text, text, "%s: text", name);
	mmn_dicom_close(d);
}

static void
test_refusals(void)
{
	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00100010, "PN", 100);
	mmn_buffer_text(&fx, "Doe^John");
	refused(
		MMN_BAD_DATA,
		"(0010,0010) at offset 160 is longer than the 8 bytes that are left",
		"cut off element");

	fx_begin(EXPLICIT_LITTLE);
	mmn_buffer_text(&fx, "Waylon Smithers^");
	refused(MMN_BAD_DATA,
			"data element at offset 160 is longer than the 8 bytes that are "
			"left",
			"text taken for a header is not repeated");

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00081140, "SQ", UNDEFINED_LENGTH);
	fx_item(1000);
	refused(MMN_BAD_DATA, "item at offset 172 wants 1000 bytes, 0 are left",
			"cut off item");

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x7FE00008, "OF", UNDEFINED_LENGTH);
	refused(MMN_BAD_DATA, "(7FE0,0008) at offset 160 has undefined length",
			"undefined length of floating-point pixels");

	fx_begin(EXPLICIT_LITTLE);
	for (int i = 0; i <= MMN_DICOM_MAX_DEPTH; i++)
	{
		fx_head(0x00081140, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
	}
	ok(!fx_open() && fx_error.code == MMN_LIMIT, "nested too deep: %s",
	   fx_error.text);

	fx_begin(EXPLICIT_LITTLE);
	for (int i = 0; i <= MMN_DICOM_MAX_ELEMENTS; i++)
		fx_us(0x00280010, 1);
	ok(!fx_open() && fx_error.code == MMN_LIMIT, "too many elements: %s",
	   fx_error.text);

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00081140, "SQ", UNDEFINED_LENGTH);
	for (int i = 0; i <= MMN_DICOM_MAX_ELEMENTS; i++)
		fx_item(0);
	ok(!fx_open() && fx_error.code == MMN_LIMIT, "too many items: %s",
	   fx_error.text);
}

/* No prefix of a file reads beyond its end (the sanitizers look on). */
static void
test_prefixes(void)
{
	size_t whole;
	int opened = 0;

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00081140, "SQ", UNDEFINED_LENGTH);
	fx_item(10);
	fx_us(0x00280010, 3);
	fx_sequence_end();
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_fragment("", 0);
	fx_fragment("\xFF\xD8\xFF\xD9", 4);
	fx_sequence_end();
	whole = fx.length;
	for (size_t n = 0; n <= whole; n++)
	{
		mmn_dicom *d;

		fx.length = n;
		d = fx_open();
		opened += d != NULL;
		mmn_dicom_close(d);
	}
	ok(opened > 0 && (size_t)opened < whole, "prefixes of a file");
}

static void
test_dictionary(void)
{
	is_str(mmn_dictionary_vr(0x00100010), "PN", "PatientName");
	is_str(mmn_dictionary_vr(PIXEL_DATA), "ox", "PixelData");
	is_str(mmn_dictionary_vr(0x00280106), "xs", "SmallestImagePixelValue");
	is_str(mmn_dictionary_vr(0x60023000), "ox", "OverlayData");
	is_str(mmn_dictionary_vr(0x00090010), "LO", "a private creator");
	is_str(mmn_dictionary_vr(0x00091001), NULL, "a private element");
	is_str(mmn_dictionary_vr(0x00100011), NULL, "no element");
	is_str(mmn_dictionary_vr(0x00100000), "UL", "a group length");
	ok(mmn_vr_find("UT")->wide && !mmn_vr_find("LT")->wide, "wide VRs");
	ok(!mmn_vr_find("XX"), "no VR");
}

/* What is kept of the functional groups when one frame is asked for. */
static void
test_one_frame(void)
{
	for (int undefined = 0; undefined < 2; undefined++)
	{
		mmn_dicom *d;
		const mmn_dicom_element *groups;
		int64_t v = 0;

		fx_begin(EXPLICIT_LITTLE);
		fx_text(0x00080060, "CS", "CT");
		fx_head(0x52009230, "SQ", UNDEFINED_LENGTH);
		for (unsigned f = 1; f <= 3; f++)
		{
			fx_item(undefined ? UNDEFINED_LENGTH : 30);
			fx_head(0x00209111, "SQ", 18);
			fx_item(10);
			fx_us(0x00209157, f);
			if (undefined)
				fx_item_end();
		}
		fx_sequence_end();
		fx_us(0x60000010, 5);
		mmn_dicom_close(fx_open());
		mmn_dicom_open_frames(&mmn_env_default, fx_copy, fx.length, 1 << 20, 2,
							  2, &d, &fx_error);
		if (!ok(d != NULL, "opened for frame 2"))
			return;
		groups = mmn_dicom_find(d, 0x52009230);
		is_int(groups->items, 3, "items are counted");
		ok(!mmn_dicom_find_in(d, groups, 0, 0x00209111) &&
			   !mmn_dicom_find_in(d, groups, 2, 0x00209111),
		   "the others are empty");
		mmn_dicom_int(
			d,
			mmn_dicom_find_in(d, mmn_dicom_find_in(d, groups, 1, 0x00209111), 0,
							  0x00209157),
			0, &v);
		is_int(v, 2, "its own is there");
		ok(mmn_dicom_find(d, 0x60000010) != NULL, "and what follows");
		mmn_dicom_close(d);
	}
}

int
main(void)
{
	test_encodings();
	test_without_meta();
	test_deflated();
	test_sequences();
	test_unknown_vr();
	test_no_vr();
	test_strange_sequences();
	test_tolerance();
	test_refusals();
	test_one_frame();
	test_prefixes();
	test_dictionary();
	free(fx_copy);
	mmn_buffer_reset(&fx);
	return done_testing();
}
