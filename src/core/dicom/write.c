#include "dicom/write.h"

#include <string.h>

#include "base/bytes.h"
#include "dicom/dictionary.h"

void
mmn_write_u16(mmn_buffer *out, uint32_t v)
{
	uint8_t b[2];

	mmn_store_u16le(b, (uint16_t)v);
	mmn_buffer_append(out, b, 2);
}

void
mmn_write_u32(mmn_buffer *out, uint32_t v)
{
	uint8_t b[4];

	mmn_store_u32le(b, v);
	mmn_buffer_append(out, b, 4);
}

void
mmn_write_f64(mmn_buffer *out, double v)
{
	uint8_t b[8];
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	mmn_store_u64le(b, bits);
	mmn_buffer_append(out, b, sizeof b);
}

void
mmn_write_tag(mmn_buffer *out, uint32_t tag)
{
	mmn_write_u16(out, tag >> 16);
	mmn_write_u16(out, tag & 0xFFFF);
}

bool
mmn_write_header(mmn_buffer *out, uint32_t tag, const char *vr, uint64_t length)
{
	const mmn_vr *known = mmn_vr_find(vr);

	if (!known || length > (known->wide ? 0xFFFFFFFEu : 0xFFFEu))
		return false;
	mmn_write_tag(out, tag);
	mmn_buffer_append(out, vr, 2);
	if (known->wide)
	{
		mmn_write_u16(out, 0);
		mmn_write_u32(out, (uint32_t)length);
	}
	else
		mmn_write_u16(out, (uint32_t)length);
	return true;
}

void
mmn_write_text(mmn_buffer *out, uint32_t tag, const char *vr, const char *text,
			   size_t length)
{
	if (!mmn_write_header(out, tag, vr, length + (length & 1)))
		return;
	mmn_buffer_append(out, text, length);
	if (length & 1)
		mmn_buffer_byte(out, strcmp(vr, "UI") == 0 ? '\0' : ' ');
}

void
mmn_write_string(mmn_buffer *out, uint32_t tag, const char *vr,
				 const char *text)
{
	mmn_write_text(out, tag, vr, text, strlen(text));
}

void
mmn_write_binary(mmn_buffer *out, const mmn_dicom_element *e, const char *vr,
				 unsigned unit)
{
	size_t whole;
	uint8_t *to;

	if (!mmn_write_header(out, e->tag, vr,
						  (uint64_t)e->length + (e->length & 1)))
		return;
	to = mmn_buffer_extend(out, e->length);
	if (!to)
		return;
	if (!e->big_endian || unit < 2)
		memcpy(to, e->value, e->length);
	else
	{
		whole = e->length - e->length % unit;
		for (size_t i = 0; i < whole; i += unit)
		{
			for (unsigned k = 0; k < unit; k++)
				to[i + k] = e->value[i + unit - 1 - k];
		}
		memcpy(to + whole, e->value + whole, e->length - whole);
	}
	if (e->length & 1)
		mmn_buffer_byte(out, 0);
}

void
mmn_write_double(mmn_buffer *out, uint32_t tag, double value)
{
	mmn_write_header(out, tag, "FD", sizeof value);
	mmn_write_f64(out, value);
}

void
mmn_write_sequence(mmn_buffer *out, uint32_t tag)
{
	mmn_write_tag(out, tag);
	mmn_buffer_append(out, "SQ\0\0\xFF\xFF\xFF\xFF", 8);
}

void
mmn_write_item(mmn_buffer *out)
{
	mmn_write_tag(out, 0xFFFEE000);
	mmn_write_u32(out, 0xFFFFFFFF);
}

void
mmn_write_item_end(mmn_buffer *out)
{
	mmn_write_tag(out, 0xFFFEE00D);
	mmn_write_u32(out, 0);
}

void
mmn_write_sequence_end(mmn_buffer *out)
{
	mmn_write_tag(out, 0xFFFEE0DD);
	mmn_write_u32(out, 0);
}

void
mmn_write_code(mmn_buffer *out, uint32_t tag, const char *value,
			   const char *scheme, const char *meaning)
{
	mmn_write_sequence(out, tag);
	mmn_write_item(out);
	mmn_write_string(out, 0x00080100, "SH", value);
	mmn_write_string(out, 0x00080102, "SH", scheme);
	mmn_write_string(out, 0x00080104, "LO", meaning);
	mmn_write_item_end(out);
	mmn_write_sequence_end(out);
}
