#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "bridge.h"
#include "compat.h"
#include "embedding.h"
#include "stats/vector.h"

/*
 * SQL type embedding: a vector of finite float4, its distances and order.
 * Text and binary form are those of pgvector's type vector, so that clients
 * that know the one can read the other.
 */

PG_FUNCTION_INFO_V1(medimnet_embedding_in);
PG_FUNCTION_INFO_V1(medimnet_embedding_out);
PG_FUNCTION_INFO_V1(medimnet_embedding_recv);
PG_FUNCTION_INFO_V1(medimnet_embedding_send);
PG_FUNCTION_INFO_V1(medimnet_embedding_typmod_in);
PG_FUNCTION_INFO_V1(medimnet_embedding_typmod);
PG_FUNCTION_INFO_V1(medimnet_embedding_from_real);
PG_FUNCTION_INFO_V1(medimnet_embedding_to_real);
PG_FUNCTION_INFO_V1(medimnet_dims);
PG_FUNCTION_INFO_V1(medimnet_norm);
PG_FUNCTION_INFO_V1(medimnet_l2_distance);
PG_FUNCTION_INFO_V1(medimnet_negative_inner_product);
PG_FUNCTION_INFO_V1(medimnet_cosine_distance);
PG_FUNCTION_INFO_V1(medimnet_embedding_lt);
PG_FUNCTION_INFO_V1(medimnet_embedding_le);
PG_FUNCTION_INFO_V1(medimnet_embedding_eq);
PG_FUNCTION_INFO_V1(medimnet_embedding_ne);
PG_FUNCTION_INFO_V1(medimnet_embedding_ge);
PG_FUNCTION_INFO_V1(medimnet_embedding_gt);
PG_FUNCTION_INFO_V1(medimnet_embedding_cmp);

static void
CheckDim(int64 dim)
{
	if (dim < 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("embedding must have at least 1 dimension")));
	if (dim > MMN_EMBEDDING_MAX_DIM)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("embedding cannot have more than %d dimensions",
							   MMN_EMBEDDING_MAX_DIM)));
}

static void
CheckTypmod(int32 typmod, int dim)
{
	if (typmod != -1 && typmod != dim)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected %d dimensions, not %d", typmod, dim)));
}

static inline void
CheckElement(float4 v)
{
	if (unlikely(!isfinite(v)))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("elements of an embedding must be finite")));
}

Embedding *
EmbeddingCreate(int dim)
{
	Size size = offsetof(Embedding, x) + dim * sizeof(float4);
	Embedding *embedding;

	CheckDim(dim);
	embedding = palloc(size);
	SET_VARSIZE(embedding, size);
	embedding->dim = dim;
	embedding->zero = 0;
	return embedding;
}

Datum
medimnet_embedding_in(PG_FUNCTION_ARGS)
{
	static const char what[] = "invalid input syntax for type embedding";
	int32 typmod = PG_GETARG_INT32(2);
	Embedding *embedding;
	const char *elements;
	mmn_error err;
	int dim;

	mmn_check(
		mmn_vector_text_parse(PG_GETARG_CSTRING(0), &dim, &elements, &err),
		what, &err);
	embedding = EmbeddingCreate(dim);
	mmn_check(mmn_vector_text_elements(elements, dim, embedding->x, &err), what,
			  &err);
	CheckTypmod(typmod, dim);
	PG_RETURN_EMBEDDING_P(embedding);
}

Datum
medimnet_embedding_out(PG_FUNCTION_ARGS)
{
	Embedding *embedding = PG_GETARG_EMBEDDING_P(0);
	char *out = palloc(embedding->dim * FLOAT_SHORTEST_DECIMAL_LEN + 3);
	char *p = out;

	for (int i = 0; i < embedding->dim; i++)
	{
		*p++ = i ? ',' : '[';
		p += float_to_shortest_decimal_bufn(embedding->x[i], p);
	}
	*p++ = ']';
	*p = '\0';
	PG_RETURN_CSTRING(out);
}

Datum
medimnet_embedding_recv(PG_FUNCTION_ARGS)
{
	static const char what[] = "invalid binary form of type embedding";
	StringInfo buf = (StringInfo)PG_GETARG_POINTER(0);
	int32 typmod = PG_GETARG_INT32(2);
	int length = buf->len - buf->cursor;
	Embedding *embedding;
	const uint8_t *elements;
	mmn_error err;
	int dim;

	mmn_check(mmn_vector_binary_parse(pq_getmsgbytes(buf, length), length, &dim,
									  &elements, &err),
			  what, &err);
	CheckTypmod(typmod, dim);
	embedding = EmbeddingCreate(dim);
	mmn_check(mmn_vector_binary_elements(elements, dim, embedding->x, &err),
			  what, &err);
	PG_RETURN_EMBEDDING_P(embedding);
}

Datum
medimnet_embedding_send(PG_FUNCTION_ARGS)
{
	Embedding *embedding = PG_GETARG_EMBEDDING_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, embedding->dim);
	pq_sendint16(&buf, 0);
	for (int i = 0; i < embedding->dim; i++)
		pq_sendfloat4(&buf, embedding->x[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
medimnet_embedding_typmod_in(PG_FUNCTION_ARGS)
{
	int n;
	int32 *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (n != 1 || typmods[0] < 1 || typmods[0] > MMN_EMBEDDING_MAX_DIM)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("type modifier of embedding must be a number "
							   "of dimensions, 1 to %d",
							   MMN_EMBEDDING_MAX_DIM)));
	PG_RETURN_INT32(typmods[0]);
}

/* Applies a type modifier: the cast of embedding to embedding(n). */
Datum
medimnet_embedding_typmod(PG_FUNCTION_ARGS)
{
	Embedding *embedding = PG_GETARG_EMBEDDING_P(0);

	CheckTypmod(PG_GETARG_INT32(1), embedding->dim);
	PG_RETURN_EMBEDDING_P(embedding);
}

Datum
medimnet_embedding_from_real(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	int32 typmod = PG_GETARG_INT32(1);
	const float4 *x = (const float4 *)ARR_DATA_PTR(array);
	Embedding *embedding;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("array must have one dimension")));
	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("embedding cannot have null elements")));
	CheckDim(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
	CheckTypmod(typmod, ARR_DIMS(array)[0]);
	embedding = EmbeddingCreate(ARR_DIMS(array)[0]);
	for (int i = 0; i < embedding->dim; i++)
	{
		CheckElement(x[i]);
		embedding->x[i] = x[i];
	}
	PG_RETURN_EMBEDDING_P(embedding);
}

Datum
medimnet_embedding_to_real(PG_FUNCTION_ARGS)
{
	Embedding *embedding = PG_GETARG_EMBEDDING_P(0);
	Size bytes = embedding->dim * sizeof(float4);
	ArrayType *array = palloc0(ARR_OVERHEAD_NONULLS(1) + bytes);

	SET_VARSIZE(array, ARR_OVERHEAD_NONULLS(1) + bytes);
	array->ndim = 1;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = embedding->dim;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), embedding->x, bytes);
	PG_RETURN_ARRAYTYPE_P(array);
}

Datum
medimnet_dims(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_EMBEDDING_P(0)->dim);
}

Datum
medimnet_norm(PG_FUNCTION_ARGS)
{
	Embedding *embedding = PG_GETARG_EMBEDDING_P(0);

	PG_RETURN_FLOAT8(mmn_vector_norm(embedding->x, embedding->dim));
}

static void
CheckSameDim(const Embedding *a, const Embedding *b)
{
	if (a->dim != b->dim)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("embeddings differ in dimensions: %d and %d",
							   a->dim, b->dim)));
}

Datum
medimnet_l2_distance(PG_FUNCTION_ARGS)
{
	Embedding *a = PG_GETARG_EMBEDDING_P(0);
	Embedding *b = PG_GETARG_EMBEDDING_P(1);

	CheckSameDim(a, b);
	PG_RETURN_FLOAT8(sqrt(mmn_vector_distance_squared(a->x, b->x, a->dim)));
}

Datum
medimnet_negative_inner_product(PG_FUNCTION_ARGS)
{
	Embedding *a = PG_GETARG_EMBEDDING_P(0);
	Embedding *b = PG_GETARG_EMBEDDING_P(1);

	CheckSameDim(a, b);
	PG_RETURN_FLOAT8(-mmn_vector_dot(a->x, b->x, a->dim));
}

Datum
medimnet_cosine_distance(PG_FUNCTION_ARGS)
{
	Embedding *a = PG_GETARG_EMBEDDING_P(0);
	Embedding *b = PG_GETARG_EMBEDDING_P(1);

	CheckSameDim(a, b);
	PG_RETURN_FLOAT8(mmn_vector_cosine_distance(a->x, b->x, a->dim));
}

/*
 * Order: element by element, the shorter first when one begins the other.
 * 0 and -0 are equal, as they are for float4.
 */
static int
compare(FunctionCallInfo fcinfo)
{
	Embedding *a = PG_GETARG_EMBEDDING_P(0);
	Embedding *b = PG_GETARG_EMBEDDING_P(1);
	int dim = Min(a->dim, b->dim);
	int order = 0;

	for (int i = 0; i < dim && order == 0; i++)
		order = (a->x[i] > b->x[i]) - (a->x[i] < b->x[i]);
	if (order == 0)
		order = (a->dim > b->dim) - (a->dim < b->dim);
	/* a btree index must not leak the copies it is searched with */
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

Datum
medimnet_embedding_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) < 0);
}

Datum
medimnet_embedding_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

Datum
medimnet_embedding_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) == 0);
}

Datum
medimnet_embedding_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) != 0);
}

Datum
medimnet_embedding_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

Datum
medimnet_embedding_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) > 0);
}

Datum
medimnet_embedding_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(fcinfo));
}
