#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/bytes.h"
#include "bridge.h"
#include "compat.h"
#include "image/npy.h"
#include "tensor.h"

/*
 * SQL type tensor: input, output, and a way to peek into it from SQL.
 */

PG_FUNCTION_INFO_V1(medimnet_tensor_in);
PG_FUNCTION_INFO_V1(medimnet_tensor_out);
PG_FUNCTION_INFO_V1(medimnet_tensor_recv);
PG_FUNCTION_INFO_V1(medimnet_tensor_send);
PG_FUNCTION_INFO_V1(medimnet_tensor_eq);
PG_FUNCTION_INFO_V1(medimnet_tensor_ne);
PG_FUNCTION_INFO_V1(medimnet_dtype);
PG_FUNCTION_INFO_V1(medimnet_shape);
PG_FUNCTION_INFO_V1(medimnet_tensor_from_real);
PG_FUNCTION_INFO_V1(medimnet_tensor_to_real);

/* Elements between two looks at pending interrupts. */
#define POLL_ELEMENTS 65536

/* Largest elements one value may hold (1 GB varlena, less the header). */
#define TENSOR_MAX_BYTES (MaxAllocSize - DataOffset(MMN_TENSOR_MAX_DIMS))

static inline Size
DataOffset(int ndim)
{
	return TYPEALIGN(8, offsetof(Tensor, dims) + ndim * sizeof(int32));
}

/* Bytes of a whole value of this shape. */
static Size
ShapeSize(const mmn_tensor *shape, const char *what)
{
	mmn_error err;
	size_t bytes;

	mmn_check(mmn_tensor_check(shape, TENSOR_MAX_BYTES, &bytes, &err), what,
			  &err);
	return DataOffset(shape->ndim) + bytes;
}

static void
SetHeader(Tensor *tensor, const mmn_tensor *shape, Size size)
{
	memset(tensor, 0, DataOffset(shape->ndim));
	SET_VARSIZE(tensor, size);
	tensor->dtype = shape->dtype;
	tensor->ndim = shape->ndim;
	memcpy(tensor->dims, shape->dims, shape->ndim * sizeof(int32));
}

static Tensor *
TensorAllocate(const mmn_tensor *shape, const char *what)
{
	Size size = ShapeSize(shape, what);
	Tensor *tensor = palloc(size);

	SetHeader(tensor, shape, size);
	return tensor;
}

static mmn_tensor
Shape(mmn_dtype dtype, int ndim, const int32 *dims)
{
	mmn_tensor shape;

	if (ndim < 0 || ndim > MMN_TENSOR_MAX_DIMS)
		elog(ERROR, "tensor cannot have %d dimensions", ndim);
	memset(&shape, 0, sizeof shape);
	shape.dtype = dtype;
	shape.ndim = ndim;
	memcpy(shape.dims, dims, ndim * sizeof(int32));
	return shape;
}

Tensor *
TensorCreate(mmn_dtype dtype, int ndim, const int32 *dims)
{
	mmn_tensor shape = Shape(dtype, ndim, dims);

	return TensorAllocate(&shape, "invalid tensor");
}

Size
TensorSize(mmn_dtype dtype, int ndim, const int32 *dims)
{
	mmn_tensor shape = Shape(dtype, ndim, dims);

	return ShapeSize(&shape, "invalid tensor");
}

void *
TensorInit(void *at, mmn_dtype dtype, int ndim, const int32 *dims)
{
	mmn_tensor shape = Shape(dtype, ndim, dims);

	SetHeader(at, &shape, ShapeSize(&shape, "invalid tensor"));
	return TensorData(at);
}

void *
TensorData(const Tensor *tensor)
{
	return (char *)unconstify(Tensor *, tensor) + DataOffset(tensor->ndim);
}

Size
TensorDataSize(const Tensor *tensor)
{
	return VARSIZE(tensor) - DataOffset(tensor->ndim);
}

static mmn_tensor
TensorView(const Tensor *tensor)
{
	mmn_tensor view;

	memset(&view, 0, sizeof view);
	view.dtype = tensor->dtype;
	view.ndim = tensor->ndim;
	memcpy(view.dims, tensor->dims, tensor->ndim * sizeof(int32));
	view.data = TensorData(tensor);
	return view;
}

/* Type and dimensions alone, without fetching the elements. */
static Tensor *
TensorHeader(Datum datum)
{
	return (Tensor *)PG_DETOAST_DATUM_SLICE(
		datum, 0, DataOffset(MMN_TENSOR_MAX_DIMS) - VARHDRSZ);
}

Datum
medimnet_tensor_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	const char *what = "invalid input syntax for type tensor";
	mmn_tensor view;
	mmn_error err;
	const char *elements;
	size_t bytes;
	Tensor *tensor;

	mmn_check(mmn_tensor_text_parse(text, TENSOR_MAX_BYTES, &view, &elements,
									&bytes, &err),
			  what, &err);
	/*
	 * Each element takes a character and its comma: a short text must not
	 * make us allocate what its dimensions announce.
	 */
	if (strlen(elements) / 2 < bytes / mmn_dtype_size(view.dtype))
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("%s", what),
						errdetail("%zu elements are needed, the text is too "
								  "short for them.",
								  bytes / mmn_dtype_size(view.dtype))));
	tensor = TensorAllocate(&view, what);
	view.data = TensorData(tensor);
	mmn_check(mmn_tensor_text_elements(&mmn_env_backend, &view, elements, &err),
			  what, &err);
	PG_RETURN_TENSOR_P(tensor);
}

/* The element's bits when it is a NaN that "NaN" does not stand for. */
static bool
odd_nan(const mmn_tensor *tensor, const uint8 *p, uint64 *bits)
{
	switch (tensor->dtype)
	{
		case MMN_DTYPE_FLOAT16:
			*bits = mmn_load_u16le(p);
			break;
		case MMN_DTYPE_FLOAT32:
			*bits = mmn_load_u32le(p);
			break;
		default:
			*bits = mmn_load_u64le(p);
			break;
	}
	return *bits != mmn_dtype_nan(tensor->dtype);
}

static void
append_element(StringInfo buf, const mmn_tensor *tensor, Size i)
{
	const uint8 *p =
		(const uint8 *)tensor->data + i * mmn_dtype_size(tensor->dtype);
	char number[DOUBLE_SHORTEST_DECIMAL_LEN + 8];
	double v;
	uint64 bits;

	if (mmn_dtype_nan(tensor->dtype) == 0)
	{
		int length;

		if (tensor->dtype == MMN_DTYPE_INT64)
			length = pg_lltoa((int64)mmn_load_u64le(p), number);
		else
			length = pg_ltoa((int32)mmn_tensor_element(tensor, i), number);
		appendBinaryStringInfo(buf, number, length);
		return;
	}
	v = mmn_tensor_element(tensor, i);
	if (isnan(v) && odd_nan(tensor, p, &bits))
		appendStringInfo(buf, "NaN(0x%llx)", (unsigned long long)bits);
	else if (tensor->dtype == MMN_DTYPE_FLOAT64)
		appendBinaryStringInfo(buf, number,
							   double_to_shortest_decimal_buf(v, number));
	else
		appendBinaryStringInfo(
			buf, number, float_to_shortest_decimal_buf((float4)v, number));
}

Datum
medimnet_tensor_out(PG_FUNCTION_ARGS)
{
	Tensor *tensor = PG_GETARG_TENSOR_P(0);
	mmn_tensor view = TensorView(tensor);
	Size count = TensorDataSize(tensor) / mmn_dtype_size(view.dtype);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s[", mmn_dtype_name(view.dtype));
	for (int i = 0; i < view.ndim; i++)
		appendStringInfo(&buf, i ? ",%d" : "%d", view.dims[i]);
	appendStringInfoString(&buf, "]{");
	for (Size i = 0; i < count; i++)
	{
		if (i % POLL_ELEMENTS == 0)
			CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoChar(&buf, ',');
		append_element(&buf, &view, i);
	}
	appendStringInfoChar(&buf, '}');
	PG_RETURN_CSTRING(buf.data);
}

Datum
medimnet_tensor_recv(PG_FUNCTION_ARGS)
{
	StringInfo buf = (StringInfo)PG_GETARG_POINTER(0);
	const char *what = "invalid binary form of type tensor";
	int length = buf->len - buf->cursor;
	mmn_tensor view;
	mmn_error err;
	const uint8_t *data;
	size_t bytes;
	Tensor *tensor;

	mmn_check(mmn_npy_parse(pq_getmsgbytes(buf, length), length,
							TENSOR_MAX_BYTES, &view, &data, &bytes, &err),
			  what, &err);
	tensor = TensorAllocate(&view, what);
	memcpy(TensorData(tensor), data, bytes);
	PG_RETURN_TENSOR_P(tensor);
}

Datum
medimnet_tensor_send(PG_FUNCTION_ARGS)
{
	Tensor *tensor = PG_GETARG_TENSOR_P(0);
	mmn_tensor view = TensorView(tensor);
	Size bytes = TensorDataSize(tensor);
	uint8 header[MMN_NPY_HEADER_MAX];
	Size header_bytes = mmn_npy_header(&view, header);
	bytea *out;

	if (bytes > MaxAllocSize - VARHDRSZ - header_bytes)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("tensor is too large for its binary form")));
	out = palloc(VARHDRSZ + header_bytes + bytes);
	SET_VARSIZE(out, VARHDRSZ + header_bytes + bytes);
	memcpy(VARDATA(out), header, header_bytes);
	memcpy(VARDATA(out) + header_bytes, view.data, bytes);
	PG_RETURN_BYTEA_P(out);
}

/* Equal in every bit: so NaN equals the same NaN, and 0 is not -0. */
static bool
tensors_equal(FunctionCallInfo fcinfo)
{
	Tensor *a, *b;

	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) !=
		toast_raw_datum_size(PG_GETARG_DATUM(1)))
		return false;
	a = PG_GETARG_TENSOR_P(0);
	b = PG_GETARG_TENSOR_P(1);
	return memcmp(VARDATA(a), VARDATA(b), VARSIZE(a) - VARHDRSZ) == 0;
}

Datum
medimnet_tensor_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(tensors_equal(fcinfo));
}

Datum
medimnet_tensor_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!tensors_equal(fcinfo));
}

Datum
medimnet_dtype(PG_FUNCTION_ARGS)
{
	Tensor *tensor = TensorHeader(PG_GETARG_DATUM(0));

	PG_RETURN_TEXT_P(cstring_to_text(mmn_dtype_name(tensor->dtype)));
}

Datum
medimnet_shape(PG_FUNCTION_ARGS)
{
	Tensor *tensor = TensorHeader(PG_GETARG_DATUM(0));
	Datum dims[MMN_TENSOR_MAX_DIMS];

	for (int i = 0; i < tensor->ndim; i++)
		dims[i] = Int32GetDatum(tensor->dims[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(dims, tensor->ndim, INT4OID,
										  sizeof(int32), true, TYPALIGN_INT));
}

Datum
medimnet_tensor_from_real(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	/* an empty array has no dimensions, a tensor without any has 1 element */
	int32 none = 0;
	Tensor *tensor;
	uint8 *out;
	const float4 *in;

	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("tensor cannot have null elements")));
	if (count == 0)
		tensor = TensorCreate(MMN_DTYPE_FLOAT32, 1, &none);
	else
		tensor =
			TensorCreate(MMN_DTYPE_FLOAT32, ARR_NDIM(array), ARR_DIMS(array));
	out = TensorData(tensor);
	in = (const float4 *)ARR_DATA_PTR(array);
	for (int i = 0; i < count; i++)
	{
		uint32 bits;

		memcpy(&bits, in + i, sizeof bits);
		mmn_store_u32le(out + 4 * i, bits);
	}
	PG_RETURN_TENSOR_P(tensor);
}

Datum
medimnet_tensor_to_real(PG_FUNCTION_ARGS)
{
	Tensor *tensor = PG_GETARG_TENSOR_P(0);
	mmn_tensor view = TensorView(tensor);
	Size count = TensorDataSize(tensor) / mmn_dtype_size(view.dtype);
	Size header;
	ArrayType *array;
	float4 *out;

	if (count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT4OID));
	/* an SQL array has at least one dimension, and 6 at most (MAXDIM) */
	if (view.ndim == 0)
		view.dims[view.ndim++] = 1;
	if (view.ndim > MAXDIM || count > MaxArraySize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("tensor is too large for an array"),
						errdetail("It has %d dimensions and %zu elements, an "
								  "array can have %d and %zu.",
								  view.ndim, count, MAXDIM, MaxArraySize)));
	header = ARR_OVERHEAD_NONULLS(view.ndim);
	array = palloc0(header + count * sizeof(float4));
	SET_VARSIZE(array, header + count * sizeof(float4));
	array->ndim = view.ndim;
	array->elemtype = FLOAT4OID;
	for (int i = 0; i < view.ndim; i++)
	{
		ARR_DIMS(array)[i] = view.dims[i];
		ARR_LBOUND(array)[i] = 1;
	}
	out = (float4 *)ARR_DATA_PTR(array);
	for (Size i = 0; i < count; i++)
	{
		if (i % POLL_ELEMENTS == 0)
			CHECK_FOR_INTERRUPTS();
		out[i] = (float4)mmn_tensor_element(&view, i);
	}
	PG_RETURN_ARRAYTYPE_P(array);
}
