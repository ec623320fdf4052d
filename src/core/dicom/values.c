#include "dicom/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dictionary.h"

/* The position-th value of text, without padding; false when empty. */
static bool
text_value(const mmn_dicom_element *e, size_t position, const char **text,
		   size_t *length)
{
	const mmn_vr *vr = mmn_vr_find(e->vr);
	const char *p = (const char *)e->value, *end = p + e->length;

	if (!vr || !vr->text)
		return false;
	if (vr->single && position > 0)
		return false;
	for (; position > 0 && p < end; p++)
		position -= *p == '\\';
	if (position > 0)
		return false;
	if (!vr->single)
	{
		const char *next = memchr(p, '\\', (size_t)(end - p));

		if (next)
			end = next;
	}
	while (p < end && mmn_dicom_is_padding(*p))
		p++;
	while (p < end && mmn_dicom_is_padding(end[-1]))
		end--;
	*text = p;
	*length = (size_t)(end - p);
	return p < end;
}

bool
mmn_dicom_parse_number(const char *text, size_t length, double *out)
{
	char copy[65], *end;
	bool point = memchr(text, '.', length) != NULL;

	if (length >= sizeof copy)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		copy[i] = text[i];
		if (text[i] == ',' && !point)
		{
			copy[i] = '.';
			point = true;
		}
		else if (text[i] == '\0' || !strchr("0123456789+-.eE", text[i]))
			return false;
	}
	copy[length] = '\0';
	*out = strtod(copy, &end);
	return end == copy + length && end > copy && isfinite(*out);
}

bool
mmn_dicom_double(const mmn_dicom *dicom, const mmn_dicom_element *e,
				 size_t position, double *out)
{
	const mmn_vr *vr = e ? mmn_vr_find(e->vr) : NULL;
	const uint8_t *p;
	bool big;

	(void)dicom;
	if (!vr)
		return false;
	if (vr->text)
	{
		const char *text;
		size_t length;

		return text_value(e, position, &text, &length) &&
			   mmn_dicom_parse_number(text, length, out);
	}
	if (vr->size == 0 || position >= e->length / vr->size)
		return false;
	p = e->value + position * vr->size;
	big = e->big_endian;
	if (strcmp(e->vr, "FL") == 0 || strcmp(e->vr, "OF") == 0)
	{
		uint32_t bits = load_u32(p, big);
		float f;

		memcpy(&f, &bits, sizeof f);
		*out = f;
		return isfinite(f);
	}
	if (vr->size == 8 && e->vr[1] == 'D')
	{
		uint64_t bits = load_u64(p, big);

		memcpy(out, &bits, sizeof *out);
		return isfinite(*out);
	}
	if (strcmp(e->vr, "UV") == 0 || strcmp(e->vr, "OV") == 0)
		*out = (double)load_u64(p, big);
	else
	{
		int64_t i;

		if (!mmn_dicom_int(dicom, e, position, &i))
			return false;
		*out = (double)i;
	}
	return true;
}

bool
mmn_dicom_int(const mmn_dicom *dicom, const mmn_dicom_element *e,
			  size_t position, int64_t *out)
{
	const mmn_vr *vr = e ? mmn_vr_find(e->vr) : NULL;
	const uint8_t *p;
	bool big, is_signed;
	double d;

	if (!vr)
		return false;
	if (vr->text || strcmp(e->vr, "FL") == 0 || strcmp(e->vr, "OF") == 0 ||
		(vr->size == 8 && e->vr[1] == 'D'))
	{
		if (!mmn_dicom_double(dicom, e, position, &d) || d != floor(d) ||
			fabs(d) > 9007199254740992.0)
			return false;
		*out = (int64_t)d;
		return true;
	}
	if (vr->size == 0 || position >= e->length / vr->size)
		return false;
	p = e->value + position * vr->size;
	big = e->big_endian;
	is_signed = e->vr[0] == 'S';
	if (strcmp(e->vr, "AT") == 0)
		*out = load_tag(p, big);
	else if (vr->size == 1)
		*out = p[0];
	else if (vr->size == 2)
		*out = is_signed ? (int16_t)load_u16(p, big) : load_u16(p, big);
	else if (vr->size == 4)
		*out = is_signed ? (int64_t)(int32_t)load_u32(p, big)
						 : (int64_t)load_u32(p, big);
	else
	{
		uint64_t v = load_u64(p, big);

		if (!is_signed && v > INT64_MAX)
			return false;
		*out = (int64_t)v;
	}
	return true;
}

bool
mmn_dicom_string(const mmn_dicom *dicom, const mmn_dicom_element *e,
				 size_t position, char *out, size_t size)
{
	const char *text;
	size_t length, n = 0;

	(void)dicom;
	if (size)
		out[0] = '\0';
	if (!e || !text_value(e, position, &text, &length))
		return false;
	for (size_t i = 0; i < length && n + 1 < size; i++)
	{
		if ((unsigned char)text[i] >= ' ' && text[i] != 0x7F)
			out[n++] = text[i];
	}
	if (size)
		out[n] = '\0';
	return n > 0;
}
