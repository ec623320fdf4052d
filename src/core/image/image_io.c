#include "image/image_io.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* Bytes of samples read as text between two polls: a few milliseconds. */
#define POLL_BYTES 1048576

#define TABLE_NAME "voi="

const mmn_image_flag mmn_image_flags[MMN_IMAGE_FLAGS] = {
	{MMN_IMAGE_INVERTED, "inverted"},
	{MMN_IMAGE_LINEAR_EXACT, "linear_exact"},
	{MMN_IMAGE_SIGMOID, "sigmoid"},
	{MMN_IMAGE_MEASURED, "measured"},
};

static void
store_double(uint8_t *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	mmn_store_u64le(out, bits);
}

static double
load_double(const uint8_t *in)
{
	uint64_t bits = mmn_load_u64le(in);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

void
mmn_image_binary_header(const mmn_image *image,
						uint8_t out[MMN_IMAGE_BINARY_HEADER])
{
	out[0] = MMN_IMAGE_BINARY_VERSION;
	out[1] = image->sample_type;
	out[2] = image->channels;
	out[3] = image->unit;
	mmn_store_u32le(out + 4, image->width);
	mmn_store_u32le(out + 8, image->height);
	mmn_store_u32le(out + 12, image->flags);
	store_double(out + 16, image->spacing_row);
	store_double(out + 24, image->spacing_column);
	store_double(out + 32, image->window_center);
	store_double(out + 40, image->window_width);
}

#define TABLE_HEADER 8

size_t
mmn_image_binary_table_size(const mmn_image *image)
{
	return image->voi_entries ? TABLE_HEADER + 2 * (size_t)image->voi_entries
							  : 0;
}

void
mmn_image_binary_table(const mmn_image *image, uint8_t *out)
{
	if (image->voi_entries == 0)
		return;
	mmn_store_u32le(out, (uint32_t)image->voi_first);
	mmn_store_u32le(out + 4, image->voi_entries);
	mmn_copy_little_endian(out + TABLE_HEADER, image->voi,
						   2 * (size_t)image->voi_entries, 2);
}

void
mmn_image_binary_entries(const mmn_image *image, const uint8_t *samples,
						 size_t sample_bytes, uint16_t *out)
{
	mmn_copy_little_endian(out, samples + sample_bytes + TABLE_HEADER,
						   2 * (size_t)image->voi_entries, 2);
}

mmn_status
mmn_image_binary_parse(const void *data, size_t length, size_t max_bytes,
					   mmn_image *out, const uint8_t **samples,
					   size_t *sample_bytes, mmn_error *err)
{
	const uint8_t *in = data;
	size_t rest;
	mmn_status status;

	if (length < MMN_IMAGE_BINARY_HEADER)
		return mmn_fail(err, MMN_BAD_DATA,
						"%zu bytes are too few for a header of %d", length,
						MMN_IMAGE_BINARY_HEADER);
	if (in[0] != MMN_IMAGE_BINARY_VERSION)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"binary form has version %d, only %d is known", in[0],
						MMN_IMAGE_BINARY_VERSION);
	memset(out, 0, sizeof *out);
	out->sample_type = in[1];
	out->channels = in[2];
	out->unit = in[3];
	out->width = mmn_load_u32le(in + 4);
	out->height = mmn_load_u32le(in + 8);
	out->flags = mmn_load_u32le(in + 12);
	out->spacing_row = load_double(in + 16);
	out->spacing_column = load_double(in + 24);
	out->window_center = load_double(in + 32);
	out->window_width = load_double(in + 40);
	*samples = in + MMN_IMAGE_BINARY_HEADER;
	rest = length - MMN_IMAGE_BINARY_HEADER;
	/* where the table is, only the rest of the header tells */
	out->voi_entries = out->flags & MMN_IMAGE_VOI_TABLE ? 1 : 0;
	status = mmn_image_check(out, max_bytes, sample_bytes, err);
	if (status != MMN_OK)
		return status;
	if (out->voi_entries && rest >= *sample_bytes &&
		rest - *sample_bytes >= TABLE_HEADER)
	{
		const uint8_t *table = *samples + *sample_bytes;

		out->voi_first = (int32_t)mmn_load_u32le(table);
		out->voi_entries = mmn_load_u32le(table + 4);
		status = mmn_image_check(out, max_bytes, sample_bytes, err);
		if (status != MMN_OK)
			return status;
	}
	if (rest != *sample_bytes + mmn_image_binary_table_size(out))
		return mmn_fail(err, MMN_BAD_DATA,
						"header announces %zu bytes of samples and %zu of a "
						"VOI table, %zu follow",
						*sample_bytes, mmn_image_binary_table_size(out), rest);
	return MMN_OK;
}

/* ------------------------------------------------------------- text ---- */

static const char *
skip_space(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* A decimal number without sign; false unless one of 1..9 digits is there. */
static bool
read_count(const char **s, uint32_t *out)
{
	const char *p = *s;
	uint32_t v = 0;

	while (isdigit((unsigned char)*p) && p - *s < 9)
		v = v * 10 + (uint32_t)(*p++ - '0');
	if (p == *s || isdigit((unsigned char)*p))
		return false;
	*s = p;
	*out = v;
	return true;
}

/* "name=a,b": true and past it when s is that. */
static bool
read_pair(const char **s, const char *name, double *a, double *b)
{
	const char *p = *s;
	char *end;

	if (strncmp(p, name, strlen(name)) != 0)
		return false;
	p += strlen(name);
	*a = strtod(p, &end);
	if (end == p || isspace((unsigned char)*p) || *end != ',')
		return false;
	p = end + 1;
	*b = strtod(p, &end);
	if (end == p || isspace((unsigned char)*p))
		return false;
	*s = end;
	return true;
}

/* "voi=first,digits": past it, with the numbers of the table in *out. */
static bool
read_table(const char **s, mmn_image *out)
{
	size_t digits;
	char *end;
	long first;

	if (strncmp(*s, TABLE_NAME, sizeof TABLE_NAME - 1) != 0)
		return false;
	*s += sizeof TABLE_NAME - 1;
	first = strtol(*s, &end, 10);
	if (end == *s || isspace((unsigned char)**s) || *end != ',' ||
		first < INT32_MIN || first > INT32_MAX)
		return false;
	*s = end + 1;
	digits = strspn(*s, "0123456789abcdefABCDEF");
	*s += digits;
	if (digits == 0 || digits % 4 != 0 || digits / 4 > MMN_IMAGE_MAX_VOI)
		return false;
	out->voi_first = (int32_t)first;
	out->voi_entries = (uint32_t)(digits / 4);
	out->flags |= MMN_IMAGE_VOI_TABLE;
	return true;
}

/* A word that stands for a flag: past it, with the flag set. */
static bool
read_flag(const char **s, mmn_image *out)
{
	for (size_t i = 0; i < sizeof mmn_image_flags / sizeof *mmn_image_flags;
		 i++)
	{
		size_t n = strlen(mmn_image_flags[i].word);

		if (strncmp(*s, mmn_image_flags[i].word, n) != 0)
			continue;
		*s += n;
		out->flags |= mmn_image_flags[i].flag;
		return true;
	}
	return false;
}

/* The next word, up to 15 characters; empty when it is longer. */
static const char *
read_word(const char *s, char out[16])
{
	size_t n = strcspn(s, " \t\r\n\v\f\\");

	out[0] = '\0';
	if (n < 16)
	{
		memcpy(out, s, n);
		out[n] = '\0';
	}
	return s + n;
}

static bool
read_geometry(const char **s, mmn_image *out)
{
	uint32_t channels;
	const char *p = *s;

	if (!read_count(&p, &out->width) || *p++ != 'x' ||
		!read_count(&p, &out->height) || *p++ != 'x' ||
		!read_count(&p, &channels) || channels > 3 ||
		!isspace((unsigned char)*p))
		return false;
	out->channels = (uint8_t)channels;
	*s = p;
	return true;
}

mmn_status
mmn_image_text_parse(const char *text, size_t max_bytes, mmn_image *out,
					 const char **hex, size_t *sample_bytes, mmn_error *err)
{
	const char *s = skip_space(text);
	char word[16];

	memset(out, 0, sizeof *out);
	if (!read_geometry(&s, out))
		return mmn_fail(
			err, MMN_SYNTAX,
			"expected \"<width>x<height>x<channels>\" at the start");
	s = read_word(skip_space(s), word);
	if (!mmn_sample_type_parse(word, &out->sample_type))
		return mmn_fail(err, MMN_SYNTAX,
						"expected a sample type: u8, u16, i16 or f32");
	s = read_word(skip_space(s), word);
	if (!mmn_unit_parse(word, &out->unit))
		return mmn_fail(err, MMN_SYNTAX,
						"expected a unit: raw, rgb, HU, SUV, OD, BQML, US, "
						"mm2/s, um2/s, ms, s or %%");
	for (;;)
	{
		bool spaced = isspace((unsigned char)*s);

		s = skip_space(s);
		if (spaced && s[0] == '\\' && s[1] == 'x')
			break;
		if (!spaced || (!read_flag(&s, out) &&
						!read_pair(&s, "spacing=", &out->spacing_row,
								   &out->spacing_column) &&
						!read_pair(&s, "window=", &out->window_center,
								   &out->window_width) &&
						!read_table(&s, out)))
			return mmn_fail(err, MMN_SYNTAX,
							"expected \"spacing=<row>,<column>\", "
							"\"window=<center>,<width>\", "
							"\"voi=<first>,<entries>\", \"inverted\", "
							"\"linear_exact\", \"sigmoid\", \"measured\", or "
							"\"\\x\" and the samples, after the unit");
	}
	*hex = s + 2;
	return mmn_image_check(out, max_bytes, sample_bytes, err);
}

/* Value of a hexadecimal digit, 0xff for anything else. */
static inline uint8_t
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0');
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return (uint8_t)(c - 'a' + 10);
	return 0xff;
}

void
mmn_image_text_entries(const char *text, const mmn_image *image, uint16_t *out)
{
	const char *s = NULL, *end = strchr(text, '\\');

	/* the last one counts, as with all that is told twice */
	for (const char *p = text; (p = strstr(p, TABLE_NAME)) && p < end; p++)
		s = p;
	if (!s)
		return;
	s = strchr(s, ',') + 1;
	for (uint32_t i = 0; i < image->voi_entries; i++, s += 4)
		out[i] = (uint16_t)(hex_value(s[0]) << 4 | hex_value(s[1]) |
							hex_value(s[2]) << 12 | hex_value(s[3]) << 8);
}

mmn_status
mmn_image_text_samples(const mmn_env *env, const mmn_image *image,
					   const char *hex, size_t sample_bytes, void *samples,
					   mmn_error *err)
{
	uint8_t *out = samples;

	for (size_t i = 0; i < sample_bytes; i++, hex += 2)
	{
		uint8_t high = hex_value(hex[0]);
		uint8_t low = high > 15 ? high : hex_value(hex[1]);

		if (i % POLL_BYTES == 0 && mmn_poll(env, err) != MMN_OK)
			return MMN_CANCELED;
		if ((high | low) > 15)
			return mmn_fail(err, MMN_SYNTAX,
							hex[0] == '\0' || (high < 16 && hex[1] == '\0')
								? "%zu bytes of samples are needed, the text "
								  "ends after %zu"
								: "%zu bytes of samples are needed, after %zu "
								  "follows something that is no hexadecimal "
								  "digit",
							sample_bytes, i);
		out[i] = (uint8_t)(high << 4 | low);
	}
	if (*skip_space(hex) != '\0')
		return mmn_fail(err, MMN_SYNTAX,
						"text goes on after %zu bytes of samples",
						sample_bytes);
	mmn_copy_little_endian(samples, samples, sample_bytes,
						   mmn_sample_size(image->sample_type));
	return MMN_OK;
}

void
mmn_hex_encode(const void *data, size_t bytes, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;

	for (size_t i = 0; i < bytes; i++)
	{
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}

void
mmn_copy_little_endian(void *dst, const void *src, size_t bytes,
					   size_t sample_size)
{
	if (dst != src)
		memcpy(dst, src, bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (size_t i = 0; i + sample_size <= bytes; i += sample_size)
		for (size_t a = 0, b = sample_size - 1; a < b; a++, b--)
		{
			uint8_t *p = (uint8_t *)dst + i, swap = p[a];

			p[a] = p[b];
			p[b] = swap;
		}
#else
	(void)sample_size;
#endif
}
