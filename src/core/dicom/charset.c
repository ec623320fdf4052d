#include "dicom/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

/*
 * DICOM uses ISO 2022 in a small way: G0 holds ASCII or a two-byte set of
 * Japanese, G1 one of the right-hand sides of ISO 8859 or a two-byte set of
 * Korean or Chinese; escape sequences put them there, and delimiters restore
 * what Specific Character Set names first.  So text is cut into runs of one
 * repertoire each, and iconv converts the runs.  Japanese sets go through
 * EUC-JP, where they are the same codes with the high bits set.
 */

typedef enum repertoire
{
	ASCII,
	NONE, /* nothing defined: high bytes are a mistake of the writer */
	LATIN1,
	LATIN2,
	LATIN3,
	LATIN4,
	CYRILLIC,
	ARABIC,
	GREEK,
	HEBREW,
	LATIN5,
	LATIN9,
	THAI,
	KATAKANA,
	JIS0208,
	JIS0212,
	KSX1001,
	GB2312,
	/* not ISO 2022: the whole text is in it */
	UTF8,
	GB18030,
	GBK,
	REPERTOIRES
} repertoire;

static const char *const iconv_names[REPERTOIRES] = {
	[LATIN2] = "ISO-8859-2",
	[LATIN3] = "ISO-8859-3",
	[LATIN4] = "ISO-8859-4",
	[CYRILLIC] = "ISO-8859-5",
	[ARABIC] = "ISO-8859-6",
	[GREEK] = "ISO-8859-7",
	[HEBREW] = "ISO-8859-8",
	[LATIN5] = "ISO-8859-9",
	[LATIN9] = "ISO-8859-15",
	[THAI] = "TIS-620",
	[JIS0208] = "EUC-JP",
	[KSX1001] = "EUC-KR",
	[GB2312] = "GB2312",
	[GB18030] = "GB18030",
	[GBK] = "GBK",
};

/* ISO registration numbers of PS3.3 C.12.1.1.2: what G1 holds at first. */
static const struct
{
	int number;
	repertoire g1;
} registrations[] = {
	{6, NONE},	   {13, KATAKANA}, {58, GB2312},  {87, NONE},
	{100, LATIN1}, {101, LATIN2},  {109, LATIN3}, {110, LATIN4},
	{126, GREEK},  {127, ARABIC},  {138, HEBREW}, {144, CYRILLIC},
	{148, LATIN5}, {149, KSX1001}, {159, NONE},	  {166, THAI},
	{192, UTF8},   {203, LATIN9},
};

static const struct
{
	const char *sequence; /* after ESC */
	bool g1;
	repertoire set;
} escapes[] = {
	{"(B", false, ASCII},	{"(J", false, ASCII},	 {"$B", false, JIS0208},
	{"$@", false, JIS0208}, {"$(D", false, JIS0212}, {")I", true, KATAKANA},
	{"$)A", true, GB2312},	{"$)C", true, KSX1001},	 {"-A", true, LATIN1},
	{"-B", true, LATIN2},	{"-C", true, LATIN3},	 {"-D", true, LATIN4},
	{"-F", true, GREEK},	{"-G", true, ARABIC},	 {"-H", true, HEBREW},
	{"-L", true, CYRILLIC}, {"-M", true, LATIN5},	 {"-T", true, THAI},
	{"-b", true, LATIN9},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NO_ICONV ((iconv_t)-1)

struct mmn_charsets
{
	const mmn_env *env;
	iconv_t open[REPERTOIRES];
};

mmn_status
mmn_charsets_open(const mmn_env *env, mmn_charsets **out, mmn_error *err)
{
	mmn_charsets *c = mmn_alloc_zero(env, 1, sizeof *c);

	*out = c;
	if (!c)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	c->env = env;
	for (int i = 0; i < REPERTOIRES; i++)
		c->open[i] =
			iconv_names[i] ? iconv_open("UTF-8", iconv_names[i]) : NO_ICONV;
	return MMN_OK;
}

void
mmn_charsets_close(mmn_charsets *charsets)
{
	if (!charsets)
		return;
	for (int i = 0; i < REPERTOIRES; i++)
	{
		if (charsets->open[i] != NO_ICONV)
			iconv_close(charsets->open[i]);
	}
	mmn_free(charsets->env, charsets);
}

/*
 * The defined terms are "ISO_IR 100", "ISO 2022 IR 100", "GB18030" and "GBK";
 * writers vary the blanks and underscores, which are passed over.
 */
mmn_charset
mmn_charset_of(const mmn_dicom *dicom, const mmn_dicom_element *specific)
{
	mmn_charset found = {ASCII, NONE};
	char term[33], squeezed[33];
	size_t n = 0;
	const char *number;

	if (!mmn_dicom_string(dicom, specific, 0, term, sizeof term))
		return found;
	for (const char *p = term; *p; p++)
	{
		char c = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;

		if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			squeezed[n++] = c;
	}
	squeezed[n] = '\0';
	if (strcmp(squeezed, "GB18030") == 0)
		found.g1 = GB18030;
	else if (strcmp(squeezed, "GBK") == 0)
		found.g1 = GBK;
	else if (strcmp(squeezed, "UTF8") == 0)
		found.g1 = UTF8;
	else
	{
		number = strstr(squeezed, "IR");
		for (size_t i = 0; number && i < COUNT(registrations); i++)
		{
			if (registrations[i].number == atoi(number + 2))
				found.g1 = (uint8_t)registrations[i].g1;
		}
	}
	return found;
}

/* ---- UTF-8 out ---- */

static void
put_replacement(mmn_buffer *out)
{
	mmn_buffer_append(out, "\xEF\xBF\xBD", 3);
}

/* Bytes of the valid UTF-8 character at p; 0 when there is none. */
static size_t
utf8_length(const uint8_t *p, size_t left)
{
	size_t n;
	uint32_t c;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (n > left)
		return 0;
	c = p[0] & (0x7F >> n);
	for (size_t i = 1; i < n; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3F);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10FFFF)) ||
		(c >= 0xD800 && c <= 0xDFFF))
		return 0;
	return n;
}

/* Appends what should be UTF-8, without control characters C0 and C1. */
static void
put_utf8(mmn_buffer *out, const uint8_t *p, size_t length, bool lines)
{
	while (length > 0)
	{
		size_t n = utf8_length(p, length);

		if (n == 0)
		{
			put_replacement(out);
			n = 1;
		}
		else if (n == 1)
		{
			bool white = *p == '\t' || *p == '\n' || *p == '\r';

			if ((*p >= ' ' && *p != 0x7F) || (white && lines))
				mmn_buffer_byte(out, *p);
			else if (white)
				mmn_buffer_byte(out, ' ');
		}
		else if (!(p[0] == 0xC2 && p[1] < 0xA0))
			mmn_buffer_append(out, p, n);
		p += n;
		length -= n;
	}
}

static bool
is_utf8(const uint8_t *p, size_t length)
{
	while (length > 0)
	{
		size_t n = utf8_length(p, length);

		if (n == 0)
			return false;
		p += n;
		length -= n;
	}
	return true;
}

/* Converts a run by iconv; unreadable bytes one by one become U+FFFD. */
static void
put_iconv(iconv_t cd, const uint8_t *bytes, size_t length, bool lines,
		  mmn_buffer *out)
{
	char *in = (char *)bytes;

	if (cd == NO_ICONV)
	{
		if (length)
			put_replacement(out);
		return;
	}
	iconv(cd, NULL, NULL, NULL, NULL);
	while (length > 0)
	{
		char utf8[256], *o = utf8;
		size_t room = sizeof utf8, result;
		int reason;

		result = iconv(cd, &in, &length, &o, &room);
		reason = errno;
		put_utf8(out, (uint8_t *)utf8, (size_t)(o - utf8), lines);
		if (result != (size_t)-1 || reason == E2BIG)
			continue;
		put_replacement(out);
		in++;
		length--;
	}
}

/* ---- runs ---- */

/* High bytes of G1. */
static void
put_g1(mmn_charsets *c, repertoire set, const uint8_t *p, size_t n, bool lines,
	   mmn_buffer *out)
{
	if (set == NONE && is_utf8(p, n))
		put_utf8(out, p, n, lines);
	else if (set == NONE || set == LATIN1)
	{
		for (; n > 0; p++, n--)
		{
			uint8_t two[2] = {(uint8_t)(0xC0 | *p >> 6),
							  (uint8_t)(0x80 | (*p & 0x3F))};

			put_utf8(out, two, 2, lines);
		}
	}
	else if (set == KATAKANA)
	{
		for (; n > 0; p++, n--)
		{
			/* 0xA1.. are U+FF61.. */
			unsigned u = 0xFF61u + *p - 0xA1;
			uint8_t three[3] = {0xEF, (uint8_t)(0x80 | (u >> 6 & 0x3F)),
								(uint8_t)(0x80 | (u & 0x3F))};

			if (*p >= 0xA1 && *p <= 0xDF)
				put_utf8(out, three, 3, lines);
			else
				put_replacement(out);
		}
	}
	else
		put_iconv(c->open[set], p, n, lines, out);
}

/* One two-byte character of G0; returns the bytes it took. */
static size_t
put_japanese(mmn_charsets *c, repertoire set, const uint8_t *p, size_t left,
			 bool lines, mmn_buffer *out)
{
	uint8_t euc[3] = {0x8F, 0, 0};

	if (*p < 0x21 || left < 2 || p[1] < 0x21)
	{
		/* blanks stand for themselves */
		put_utf8(out, p, 1, lines);
		return 1;
	}
	euc[1] = p[0] | 0x80;
	euc[2] = p[1] | 0x80;
	if (set == JIS0212)
		put_iconv(c->open[JIS0208], euc, 3, lines, out);
	else
		put_iconv(c->open[JIS0208], euc + 1, 2, lines, out);
	return 2;
}

/* The escape sequence after ESC at p; the bytes it took, 0: unknown. */
static size_t
escape(const uint8_t *p, size_t left, mmn_charset *state)
{
	for (size_t i = 0; i < COUNT(escapes); i++)
	{
		size_t n = strlen(escapes[i].sequence);

		if (n > left || memcmp(p, escapes[i].sequence, n) != 0)
			continue;
		if (escapes[i].g1)
			state->g1 = (uint8_t)escapes[i].set;
		else
			state->g0 = (uint8_t)escapes[i].set;
		return n;
	}
	return 0;
}

void
mmn_charset_to_utf8(mmn_charsets *charsets, mmn_charset charset, const char *vr,
					const uint8_t *bytes, size_t length, mmn_buffer *out)
{
	bool lines =
		strcmp(vr, "LT") == 0 || strcmp(vr, "ST") == 0 || strcmp(vr, "UT") == 0;
	bool name = strcmp(vr, "PN") == 0;
	mmn_charset state = charset;
	size_t i = 0;

	if (charset.g1 == UTF8)
	{
		put_utf8(out, bytes, length, lines);
		return;
	}
	if (charset.g1 == GB18030 || charset.g1 == GBK)
	{
		put_iconv(charsets->open[charset.g1], bytes, length, lines, out);
		return;
	}
	while (i < length)
	{
		uint8_t b = bytes[i];

		if (b == 0x1B)
			i += 1 + escape(bytes + i + 1, length - i - 1, &state);
		else if (b >= 0x80)
		{
			size_t start = i;

			while (i < length && bytes[i] >= 0x80)
				i++;
			put_g1(charsets, state.g1, bytes + start, i - start, lines, out);
		}
		else if (b >= ' ' && state.g0 != ASCII)
			i += put_japanese(charsets, state.g0, bytes + i, length - i, lines,
							  out);
		else
		{
			/* PS3.5 6.1.2.5.3: delimiters restore the initial sets */
			if (b < ' ' || (b == '\\' && !lines) ||
				(name && (b == '^' || b == '=')))
				state = charset;
			put_utf8(out, &b, 1, lines);
			i++;
		}
	}
}
