/*
 * Text by Specific Character Set: the input is a line for (0008,0005), the VR
 * and the text.  What comes out must be UTF-8 without control characters,
 * whose length the input bounds.
 */

#include <stdlib.h>
#include <string.h>

#include "dicom/charset.h"

#define MAX_BYTES ((size_t)1 << 22)
#define MAX_TERM 254

static mmn_charsets *charsets;

static void
check(bool holds)
{
	if (!holds)
		abort();
}

/* Bytes of the UTF-8 character at p, as RFC 3629 lists them. */
static size_t
utf8(const uint8_t *p, size_t left)
{
	uint8_t a = p[0], b = left > 1 ? p[1] : 0;
	size_t n = a < 0x80 ? 1 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;

	check(a < 0x80 || (a >= 0xC2 && a <= 0xF4));
	check(n <= left);
	for (size_t i = 1; i < n; i++)
		check((p[i] & 0xC0) == 0x80);
	check(!(a == 0xE0 && b < 0xA0) && !(a == 0xED && b > 0x9F) &&
		  !(a == 0xF0 && b < 0x90) && !(a == 0xF4 && b > 0x8F));
	return n;
}

/* A data set of nothing but Specific Character Set. */
static mmn_dicom *
data_set(const uint8_t *term, size_t length, uint8_t *file)
{
	static const uint8_t head[] = {8, 0, 5, 0, 'C', 'S'};
	mmn_dicom *d = NULL;
	size_t even = (length + 1) / 2 * 2;

	memcpy(file, head, sizeof head);
	file[6] = (uint8_t)even;
	file[7] = 0;
	memcpy(file + 8, term, length);
	if (even > length)
		file[8 + length] = ' ';
	if (mmn_dicom_open(&mmn_env_default, file, 8 + even, MAX_BYTES, &d, NULL) !=
		MMN_OK)
		return NULL;
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char vrs[][3] = {"PN", "LO", "LT", "UT", "SH", "ST", "UC", "CS"};
	const uint8_t *line = length ? memchr(bytes, '\n', length) : NULL;
	uint8_t file[8 + MAX_TERM + 1];
	size_t term, rest;
	const char *vr;
	bool lines;
	mmn_dicom *d;
	mmn_charset charset;
	mmn_buffer out;

	if (!line)
		return 0;
	term = (size_t)(line - bytes);
	rest = length - term - 1;
	if (term > MAX_TERM || rest < 1)
		return 0;
	if (!charsets)
		check(mmn_charsets_open(&mmn_env_default, &charsets, NULL) == MMN_OK);
	vr = vrs[line[1] % 8];
	lines = strcmp(vr, "LT") == 0 || strcmp(vr, "UT") == 0 ||
			strcmp(vr, "ST") == 0;
	d = data_set(bytes, term, file);
	if (!d)
		return 0;
	charset = mmn_charset_of(d, mmn_dicom_find(d, 0x00080005));
	mmn_buffer_init(&out, &mmn_env_default, MAX_BYTES);
	mmn_charset_to_utf8(charsets, charset, vr, line + 2, rest - 1, &out);
	/* two bytes of JIS X 0212, none of them a character, become 3 U+FFFD */
	check(out.length <= 5 * rest);
	for (size_t i = 0; i < out.length;)
	{
		uint8_t c = out.bytes[i];

		check(c != 0x7F);
		check(c >= ' ' || (lines && (c == '\t' || c == '\n' || c == '\r')));
		check(c != 0xC2 || out.bytes[i + 1] >= 0xA0);
		i += utf8(out.bytes + i, out.length - i);
	}
	mmn_buffer_reset(&out);
	mmn_dicom_close(d);
	return 0;
}
