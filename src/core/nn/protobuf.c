#include "nn/protobuf.h"

#include <string.h>

#include "base/bytes.h"

static mmn_status
truncated(mmn_error *err)
{
	return mmn_fail(err, MMN_BAD_DATA,
					"not a model file: a protobuf field is cut off or "
					"malformed");
}

mmn_status
mmn_varint_next(mmn_slice *bytes, uint64_t *value, mmn_error *err)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes->len && i < 10; i++)
	{
		uint8_t b = bytes->p[i];

		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if (!(b & 0x80))
		{
			bytes->p += i + 1;
			bytes->len -= i + 1;
			*value = v;
			return MMN_OK;
		}
	}
	return truncated(err);
}

static mmn_status
take(mmn_slice *message, uint64_t len, mmn_slice *out, mmn_error *err)
{
	if (len > message->len)
		return truncated(err);
	out->p = message->p;
	out->len = (size_t)len;
	message->p += len;
	message->len -= (size_t)len;
	return MMN_OK;
}

mmn_status
mmn_field_next(mmn_slice *message, mmn_field *field, bool *more, mmn_error *err)
{
	uint64_t key = 0, len = 0;
	mmn_status status;

	*more = message->len > 0;
	memset(field, 0, sizeof *field);
	if (!*more)
		return MMN_OK;
	status = mmn_varint_next(message, &key, err);
	if (status != MMN_OK)
		return status;
	if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
		return truncated(err);
	field->number = (uint32_t)(key >> 3);
	field->type = (mmn_wire_type)(key & 7);
	switch (field->type)
	{
		case MMN_WIRE_VARINT:
			return mmn_varint_next(message, &field->value, err);
		case MMN_WIRE_FIXED64:
			status = take(message, 8, &field->bytes, err);
			if (status == MMN_OK)
				field->value = mmn_load_u64le(field->bytes.p);
			return status;
		case MMN_WIRE_FIXED32:
			status = take(message, 4, &field->bytes, err);
			if (status == MMN_OK)
				field->value = mmn_load_u32le(field->bytes.p);
			return status;
		case MMN_WIRE_BYTES:
			status = mmn_varint_next(message, &len, err);
			if (status == MMN_OK)
				status = take(message, len, &field->bytes, err);
			return status;
		default: /* groups: deprecated, not in ONNX */
			return truncated(err);
	}
}

mmn_status
mmn_field_elements(const mmn_field *field, size_t size, size_t *count,
				   mmn_error *err)
{
	*count = 1;
	if (field->type != MMN_WIRE_BYTES)
	{
		mmn_wire_type want = size == 0	 ? MMN_WIRE_VARINT
							 : size == 4 ? MMN_WIRE_FIXED32
										 : MMN_WIRE_FIXED64;

		return field->type == want ? MMN_OK : truncated(err);
	}
	if (size)
	{
		*count = field->bytes.len / size;
		return field->bytes.len % size == 0 ? MMN_OK : truncated(err);
	}
	*count = 0;
	for (size_t i = 0; i < field->bytes.len; i++)
		*count += !(field->bytes.p[i] & 0x80);
	if (field->bytes.len && field->bytes.p[field->bytes.len - 1] & 0x80)
		return truncated(err);
	return MMN_OK;
}

bool
mmn_slice_is(mmn_slice slice, const char *text)
{
	size_t len = strlen(text);

	return slice.len == len && (len == 0 || memcmp(slice.p, text, len) == 0);
}
