/*
 * TensorProto: the constants of a model.  The shape is believed only after
 * its product has been checked, and memory is taken only after the number of
 * stored elements has been found equal to that product: no claim in the file
 * can make us allocate more than a small multiple of its own length.
 */
#include <string.h>

#include "base/bytes.h"
#include "nn/onnx.h"

/* TensorProto.DataType */
enum
{
	TYPE_FLOAT = 1,
	TYPE_UINT8 = 2,
	TYPE_INT8 = 3,
	TYPE_UINT16 = 4,
	TYPE_INT16 = 5,
	TYPE_INT32 = 6,
	TYPE_INT64 = 7,
	TYPE_BOOL = 9,
	TYPE_FLOAT16 = 10,
	TYPE_DOUBLE = 11,
	TYPE_BFLOAT16 = 16
};

/* Fields of TensorProto */
enum
{
	F_DIMS = 1,
	F_DATA_TYPE = 2,
	F_SEGMENT = 3,
	F_FLOAT_DATA = 4,
	F_INT32_DATA = 5,
	F_STRING_DATA = 6,
	F_INT64_DATA = 7,
	F_NAME = 8,
	F_RAW_DATA = 9,
	F_DOUBLE_DATA = 10,
	F_EXTERNAL_DATA = 13,
	F_DATA_LOCATION = 14
};

typedef struct element_type
{
	mmn_element element;
	size_t size;	/* in raw_data */
	uint32_t field; /* where else its elements may be */
} element_type;

static bool
find_type(uint64_t data_type, element_type *out)
{
	static const struct
	{
		uint8_t code;
		element_type type;
	} types[] = {
		{TYPE_FLOAT, {MMN_FLOAT, 4, F_FLOAT_DATA}},
		{TYPE_UINT8, {MMN_INT64, 1, F_INT32_DATA}},
		{TYPE_INT8, {MMN_INT64, 1, F_INT32_DATA}},
		{TYPE_UINT16, {MMN_INT64, 2, F_INT32_DATA}},
		{TYPE_INT16, {MMN_INT64, 2, F_INT32_DATA}},
		{TYPE_INT32, {MMN_INT64, 4, F_INT32_DATA}},
		{TYPE_INT64, {MMN_INT64, 8, F_INT64_DATA}},
		{TYPE_BOOL, {MMN_INT64, 1, F_INT32_DATA}},
		{TYPE_FLOAT16, {MMN_FLOAT, 2, F_INT32_DATA}},
		{TYPE_DOUBLE, {MMN_FLOAT, 8, F_DOUBLE_DATA}},
		{TYPE_BFLOAT16, {MMN_FLOAT, 2, F_INT32_DATA}},
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i].code == data_type)
		{
			*out = types[i].type;
			return true;
		}
	return false;
}

static float
float_from_bits(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

/* IEEE 754 binary16 to binary32, exactly */
static float
widen_half(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	uint32_t exponent = h >> 10 & 31;
	uint32_t mantissa = h & 1023;

	if (exponent == 31)
		return float_from_bits(sign | 0x7f800000 | mantissa << 13);
	if (exponent == 0)
	{
		float f = (float)mantissa * (1.0f / 16777216.0f);

		return sign ? -f : f;
	}
	return float_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

/*
 * One element from its bits, as they are in raw_data or, in the low end of a
 * wider field, in int32_data.
 */
static void
store_element(uint64_t data_type, uint64_t bits, void *out, size_t i)
{
	double d;

	switch (data_type)
	{
		case TYPE_FLOAT:
			((float *)out)[i] = float_from_bits((uint32_t)bits);
			break;
		case TYPE_FLOAT16:
			((float *)out)[i] = widen_half((uint16_t)bits);
			break;
		case TYPE_BFLOAT16:
			((float *)out)[i] =
				float_from_bits((uint32_t)(bits & 0xffff) << 16);
			break;
		case TYPE_DOUBLE:
			memcpy(&d, &bits, sizeof d);
			/* a double beyond float's range would be undefined to convert */
			((float *)out)[i] = d > 3.4e38	  ? 3.4e38f
								: d < -3.4e38 ? -3.4e38f
											  : (float)d;
			break;
		case TYPE_UINT8:
			((int64_t *)out)[i] = (uint8_t)bits;
			break;
		case TYPE_INT8:
			((int64_t *)out)[i] = (int8_t)bits;
			break;
		case TYPE_UINT16:
			((int64_t *)out)[i] = (uint16_t)bits;
			break;
		case TYPE_INT16:
			((int64_t *)out)[i] = (int16_t)bits;
			break;
		case TYPE_INT32:
			((int64_t *)out)[i] = (int32_t)bits;
			break;
		case TYPE_BOOL:
			((int64_t *)out)[i] = (bits & 0xff) != 0;
			break;
		default:
			((int64_t *)out)[i] = (int64_t)bits;
	}
}

static uint64_t
load_bits(const uint8_t *p, size_t size)
{
	switch (size)
	{
		case 1:
			return *p;
		case 2:
			return mmn_load_u16le(p);
		case 4:
			return mmn_load_u32le(p);
		default:
			return mmn_load_u64le(p);
	}
}

typedef struct tensor_header
{
	mmn_shape shape;
	uint64_t data_type;
	mmn_slice name;
	mmn_slice raw;
	bool has_raw;
	size_t stored; /* elements in the typed field */
} tensor_header;

static mmn_status
read_dims(const mmn_field *field, mmn_shape *shape, mmn_error *err)
{
	mmn_slice packed = field->bytes;
	size_t n;
	mmn_status status = mmn_field_elements(field, 0, &n, err);

	if (status != MMN_OK)
		return status;
	if (n > (size_t)(MMN_SHAPE_MAX - shape->ndim))
		return mmn_fail(err, MMN_UNSUPPORTED,
						"a tensor has more than %d dimensions", MMN_SHAPE_MAX);
	for (size_t i = 0; i < n; i++)
	{
		uint64_t v = field->value;

		if (field->type == MMN_WIRE_BYTES &&
			(status = mmn_varint_next(&packed, &v, err)) != MMN_OK)
			return status;
		shape->dims[shape->ndim++] = (int64_t)v;
	}
	return MMN_OK;
}

/* All but the elements; field is where those may be beside raw_data. */
static mmn_status
read_header(mmn_slice message, tensor_header *h, mmn_error *err)
{
	mmn_field f;
	bool more;
	size_t n[4] = {0}; /* elements seen in each typed field */
	static const uint32_t fields[5] = {F_FLOAT_DATA, F_INT32_DATA, F_INT64_DATA,
									   F_DOUBLE_DATA, 0};
	static const size_t sizes[5] = {4, 0, 0, 8, 0};
	element_type type;
	mmn_status status;

	memset(h, 0, sizeof *h);
	while ((status = mmn_field_next(&message, &f, &more, err)) == MMN_OK &&
		   more)
	{
		if (f.number == F_DIMS)
			status = read_dims(&f, &h->shape, err);
		else if (f.number == F_DATA_TYPE)
			h->data_type = f.value;
		else if (f.number == F_NAME)
			h->name = f.bytes;
		else if (f.number == F_RAW_DATA)
		{
			h->raw = f.bytes;
			h->has_raw = f.type == MMN_WIRE_BYTES;
		}
		else if (f.number == F_EXTERNAL_DATA ||
				 (f.number == F_DATA_LOCATION && f.value != 0))
			return mmn_fail(err, MMN_UNSUPPORTED,
							"the model keeps weights in external files: save "
							"it as one file");
		else if (f.number == F_SEGMENT)
			return mmn_fail(err, MMN_UNSUPPORTED,
							"a tensor is stored in segments");
		else
			for (int k = 0; fields[k] && status == MMN_OK; k++)
				if (f.number == fields[k])
				{
					size_t here;

					status = mmn_field_elements(&f, sizes[k], &here, err);
					if (status == MMN_OK && !mmn_add_size(n[k], here, &n[k]))
						return mmn_fail(err, MMN_LIMIT, "too many elements");
				}
		if (status != MMN_OK)
			return status;
	}
	if (status == MMN_OK && find_type(h->data_type, &type))
		for (int k = 0; fields[k]; k++)
			if (fields[k] == type.field)
				h->stored = n[k];
	return status;
}

/* Elements between two polls: a millisecond or two. */
#define POLL_EVERY ((size_t)1 << 20)

/* Elements of raw_data, little-endian; its length has been checked. */
static mmn_status
read_raw(const tensor_header *h, size_t size, size_t count, void *out,
		 const mmn_env *env, mmn_error *err)
{
	for (size_t at = 0; at < count; at += POLL_EVERY)
	{
		size_t end = count - at < POLL_EVERY ? count : at + POLL_EVERY;
		mmn_status status = mmn_poll(env, err);

		if (status != MMN_OK)
			return status;
		if (h->data_type == TYPE_FLOAT &&
			__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			memcpy((float *)out + at, h->raw.p + at * size, (end - at) * size);
		else
			for (size_t i = at; i < end; i++)
				store_element(h->data_type,
							  load_bits(h->raw.p + i * size, size), out, i);
	}
	return MMN_OK;
}

/* Elements of the typed field; their number has been checked. */
static mmn_status
read_typed(mmn_slice message, const tensor_header *h, uint32_t number,
		   void *out, const mmn_env *env, mmn_error *err)
{
	size_t size = number == F_FLOAT_DATA ? 4 : number == F_DOUBLE_DATA ? 8 : 0;
	size_t at = 0;
	mmn_field f;
	bool more;
	mmn_status status;

	while ((status = mmn_field_next(&message, &f, &more, err)) == MMN_OK &&
		   more)
	{
		if (f.number != number)
			continue;
		if (f.type != MMN_WIRE_BYTES)
			store_element(h->data_type, f.value, out, at++);
		else if (size)
			for (size_t i = 0; i < f.bytes.len; i += size)
			{
				if (at % POLL_EVERY == 0 &&
					(status = mmn_poll(env, err)) != MMN_OK)
					return status;
				store_element(h->data_type, load_bits(f.bytes.p + i, size), out,
							  at++);
			}
		else
			while (f.bytes.len)
			{
				uint64_t v;

				status = mmn_varint_next(&f.bytes, &v, err);
				if (status != MMN_OK)
					return status;
				store_element(h->data_type, v, out, at++);
			}
	}
	return status;
}

mmn_status
mmn_onnx_read_tensor(mmn_slice message, mmn_pool *pool,
					 mmn_onnx_initializer *out, mmn_error *err)
{
	tensor_header h;
	element_type type;
	char name[64];
	mmn_tensor *tensor;
	void *data;
	mmn_status status = read_header(message, &h, err);
	size_t count = 0;

	if (status != MMN_OK)
		return status;
	mmn_onnx_print_name(h.name, name, sizeof name);
	if (!find_type(h.data_type, &type))
		return mmn_fail(err, MMN_UNSUPPORTED,
						"tensor \"%s\" has data type %lld", name,
						(long long)h.data_type);
	/* a list may be empty: "no axes", "no scales" */
	if (h.shape.ndim != 1 || h.shape.dims[0])
		status = mmn_shape_count(&h.shape, &count, err);
	if (status != MMN_OK)
		return status;
	if (h.has_raw ? h.raw.len != count * type.size : h.stored != count)
		return mmn_fail(err, MMN_BAD_DATA,
						"tensor \"%s\" holds a different number of elements "
						"than its shape says",
						name);
	if (!(tensor = mmn_pool_alloc(pool, 1, sizeof *tensor, err)) ||
		!(data =
			  mmn_pool_take(pool, count, mmn_element_size(type.element), err)))
		return err->code;
	status = h.has_raw
				 ? read_raw(&h, type.size, count, data, &pool->env, err)
				 : read_typed(message, &h, type.field, data, &pool->env, err);
	tensor->element = type.element;
	tensor->shape = h.shape;
	tensor->count = count;
	tensor->constant = data;
	out->name = h.name;
	out->tensor = tensor;
	return status;
}

mmn_status
mmn_shape_count(const mmn_shape *shape, size_t *count, mmn_error *err)
{
	size_t n = 1;

	for (int i = 0; i < shape->ndim; i++)
	{
		if (shape->dims[i] <= 0)
			return mmn_fail(err, MMN_BAD_DATA,
							"a dimension is %lld, must be positive",
							(long long)shape->dims[i]);
		if ((uint64_t)shape->dims[i] > MMN_TENSOR_MAX_COUNT / n)
			return mmn_fail(err, MMN_LIMIT,
							"a tensor has more than %zu elements",
							MMN_TENSOR_MAX_COUNT);
		n *= (size_t)shape->dims[i];
	}
	*count = n;
	return MMN_OK;
}
