/*
 * Functions of two elements, broadcast as NumPy does.  Dimensions that both
 * arguments walk alike are merged when planning, so that an addition of two
 * maps is one loop, and one of a map and a value per channel is two.
 */
#include <math.h>
#include <string.h>

#include "nn/op_list.h"

typedef enum binary_kind
{
	BINARY_ADD,
	BINARY_SUB,
	BINARY_MUL,
	BINARY_DIV,
	BINARY_POW,
	BINARY_PRELU
} binary_kind;

typedef struct binary_params
{
	binary_kind kind;
	int ndim; /* after merging, >= 1 */
	int64_t dims[MMN_SHAPE_MAX];
	int64_t stride_a[MMN_SHAPE_MAX]; /* 0 where broadcast */
	int64_t stride_b[MMN_SHAPE_MAX];
} binary_params;

/* The shape of the result, and merged dimensions with their strides. */
static bool
broadcast(const mmn_shape *a, const mmn_shape *b, mmn_shape *out,
		  binary_params *m)
{
	int64_t at_a = 1, at_b = 1;
	int n = 0;

	out->ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
	/* from the last dimension; merged ones gather in reverse order */
	for (int i = 0; i < out->ndim; i++)
	{
		int64_t da = i < a->ndim ? a->dims[a->ndim - 1 - i] : 1;
		int64_t db = i < b->ndim ? b->dims[b->ndim - 1 - i] : 1;
		int64_t d = da > db ? da : db;
		int64_t sa = da == 1 ? 0 : at_a, sb = db == 1 ? 0 : at_b;

		if (da != db && da != 1 && db != 1)
			return false;
		out->dims[out->ndim - 1 - i] = d;
		at_a *= da;
		at_b *= db;
		if (d == 1)
			continue;
		if (n > 0 && sa == m->stride_a[n - 1] * m->dims[n - 1] &&
			sb == m->stride_b[n - 1] * m->dims[n - 1])
		{
			m->dims[n - 1] *= d;
			continue;
		}
		m->dims[n] = d;
		m->stride_a[n] = sa;
		m->stride_b[n++] = sb;
	}
	if (n == 0)
	{
		m->dims[0] = 1;
		m->stride_a[0] = m->stride_b[0] = 1;
		n = 1;
	}
	m->ndim = n;
	return true;
}

/* An exponent of integers becomes one of floats. */
static bool
widen_exponent(mmn_planner *p)
{
	const mmn_tensor *from = p->step->in[1];
	mmn_tensor *to = mmn_pool_alloc(p->pool, 1, sizeof *to, p->err);
	float *data = mmn_pool_alloc(p->pool, from->count, sizeof *data, p->err);

	if (!to || !data)
		return false;
	for (size_t i = 0; i < from->count; i++)
		data[i] = (float)((const int64_t *)from->constant)[i];
	*to = *from;
	to->element = MMN_FLOAT;
	to->constant = data;
	p->step->in[1] = to;
	return true;
}

static mmn_status
plan_binary(mmn_planner *p, binary_kind kind)
{
	binary_params *m = mmn_op_params(p, sizeof *m);
	mmn_step *s = p->step;
	mmn_element element = s->in[0]->element;
	mmn_shape out;

	if (!m)
		return p->err->code;
	m->kind = kind;
	if (kind == BINARY_POW && s->in[1]->element == MMN_INT64 &&
		s->in[1]->constant && !widen_exponent(p))
		return p->err->code;
	if (s->in[1]->element != element ||
		(element == MMN_INT64 && kind > BINARY_DIV))
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "these types of arguments are not supported");
	if (!broadcast(&s->in[0]->shape, &s->in[1]->shape, &out, m))
		return mmn_op_fail(p, MMN_BAD_DATA, "shapes do not fit");
	if (kind == BINARY_PRELU && !mmn_shape_equal(&out, &s->in[0]->shape))
		return mmn_op_fail(p, MMN_BAD_DATA, "the slope does not fit");
	return mmn_op_output(p, 0, element, &out);
}

static float
binary_float(binary_kind kind, float a, float b)
{
	switch (kind)
	{
		case BINARY_ADD:
			return a + b;
		case BINARY_SUB:
			return a - b;
		case BINARY_MUL:
			return a * b;
		case BINARY_DIV:
			return a / b;
		case BINARY_POW:
			return b == 2.0f ? a * a : powf(a, b);
		default:
			return a < 0.0f ? a * b : a;
	}
}

/* Integers wrap, and nothing divides by zero. */
static int64_t
binary_int(binary_kind kind, int64_t a, int64_t b)
{
	switch (kind)
	{
		case BINARY_ADD:
			return (int64_t)((uint64_t)a + (uint64_t)b);
		case BINARY_SUB:
			return (int64_t)((uint64_t)a - (uint64_t)b);
		case BINARY_MUL:
			return (int64_t)((uint64_t)a * (uint64_t)b);
		default:
			return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
	}
}

/* n results; strides are 0 or 1, never both 0 unless n is 1. */
static inline void
float_row(binary_kind kind, const float *a, int64_t sa, const float *b,
		  int64_t sb, float *out, int64_t n)
{
	if (sa && sb)
		for (int64_t i = 0; i < n; i++)
			out[i] = binary_float(kind, a[i], b[i]);
	else if (sa)
		for (int64_t i = 0; i < n; i++)
			out[i] = binary_float(kind, a[i], *b);
	else
		for (int64_t i = 0; i < n; i++)
			out[i] = binary_float(kind, *a, b[i]);
}

/* The kind as a constant in each call lets the loops be vectorised. */
static void
any_float_row(binary_kind kind, const float *a, int64_t sa, const float *b,
			  int64_t sb, float *out, int64_t n)
{
	switch (kind)
	{
		case BINARY_ADD:
			float_row(BINARY_ADD, a, sa, b, sb, out, n);
			break;
		case BINARY_SUB:
			float_row(BINARY_SUB, a, sa, b, sb, out, n);
			break;
		case BINARY_MUL:
			float_row(BINARY_MUL, a, sa, b, sb, out, n);
			break;
		case BINARY_DIV:
			float_row(BINARY_DIV, a, sa, b, sb, out, n);
			break;
		default:
			float_row(kind, a, sa, b, sb, out, n);
	}
}

static void
int_row(binary_kind kind, const int64_t *a, int64_t sa, const int64_t *b,
		int64_t sb, int64_t *out, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		out[i] = binary_int(kind, a[i * sa], b[i * sb]);
}

static mmn_status
binary_run(const mmn_step *s, mmn_run *run)
{
	const binary_params *m = s->params;
	const void *a = mmn_run_data(run, s->in[0]);
	const void *b = mmn_run_data(run, s->in[1]);
	void *out = mmn_run_data(run, s->out[0]);
	int64_t done = 0, total = (int64_t)s->out[0]->count;
	int64_t index[MMN_SHAPE_MAX] = {0};
	int64_t at_a = 0, at_b = 0, row = m->dims[0];

	while (done < total)
	{
		/* rows may be long: take them in pieces */
		int64_t from = index[0];
		int64_t n = row - from < 16384 ? row - from : 16384;
		int64_t pa = at_a + from * m->stride_a[0];
		int64_t pb = at_b + from * m->stride_b[0];
		mmn_status status = mmn_run_spend(
			run, (size_t)n * (m->kind == BINARY_POW ? 16 : 1) + 8);

		if (status != MMN_OK)
			return status;
		if (s->out[0]->element == MMN_FLOAT)
			any_float_row(m->kind, (const float *)a + pa, m->stride_a[0],
						  (const float *)b + pb, m->stride_b[0],
						  (float *)out + done, n);
		else
			int_row(m->kind, (const int64_t *)a + pa, m->stride_a[0],
					(const int64_t *)b + pb, m->stride_b[0],
					(int64_t *)out + done, n);
		done += n;
		index[0] += n;
		if (index[0] < row)
			continue;
		index[0] = 0;
		for (int d = 1; d < m->ndim; d++)
		{
			at_a += m->stride_a[d];
			at_b += m->stride_b[d];
			if (++index[d] < m->dims[d])
				break;
			at_a -= index[d] * m->stride_a[d];
			at_b -= index[d] * m->stride_b[d];
			index[d] = 0;
		}
	}
	return MMN_OK;
}

#define BINARY(symbol, name, kind, flags)                                      \
	static mmn_status symbol##_plan(mmn_planner *p, mmn_step *s)               \
	{                                                                          \
		(void)s;                                                               \
		return plan_binary(p, kind);                                           \
	}                                                                          \
	const mmn_op mmn_op_##symbol = {name,                                      \
									"",                                        \
									2,                                         \
									2,                                         \
									1,                                         \
									flags | MMN_OP_IN_PLACE,                   \
									symbol##_plan,                             \
									binary_run};

BINARY(add, "Add", BINARY_ADD, MMN_OP_INT64)
BINARY(sub, "Sub", BINARY_SUB, MMN_OP_INT64)
BINARY(mul, "Mul", BINARY_MUL, MMN_OP_INT64)
BINARY(div, "Div", BINARY_DIV, MMN_OP_INT64)
BINARY(pow, "Pow", BINARY_POW, 0)
BINARY(prelu, "PRelu", BINARY_PRELU, 0)
