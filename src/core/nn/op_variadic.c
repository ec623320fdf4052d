/*
 * Sum, Mean, Max and Min of any number of arguments, broadcast; and Where,
 * whose condition must be known when planning.  Old exporters write residual
 * additions as Sum.
 */
#include <string.h>

#include "nn/broadcast.h"
#include "nn/op_list.h"

typedef enum variadic_kind
{
	VARIADIC_SUM,
	VARIADIC_MEAN,
	VARIADIC_MAX,
	VARIADIC_MIN
} variadic_kind;

typedef struct variadic_params
{
	variadic_kind kind;
} variadic_params;

/* The result's shape; all arguments there and of one type. */
static mmn_status
join_inputs(mmn_planner *p, int first, mmn_shape *out)
{
	mmn_step *s = p->step;

	*out = (mmn_shape){0, {0}};
	for (int i = 0; i < s->n_in; i++)
	{
		if (!s->in[i])
			return mmn_op_fail(p, MMN_BAD_DATA, "input %d is missing", i + 1);
		if (i >= first && s->in[i]->element != s->in[first]->element)
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "arguments are not of one type");
		if (!mmn_broadcast_join(out, &s->in[i]->shape))
			return mmn_op_fail(p, MMN_BAD_DATA, "shapes do not fit");
	}
	return MMN_OK;
}

static mmn_status
plan_variadic(mmn_planner *p, variadic_kind kind)
{
	variadic_params *v = mmn_op_params(p, sizeof *v);
	mmn_shape out;
	mmn_status status;

	if (!v)
		return p->err->code;
	v->kind = kind;
	status = join_inputs(p, 0, &out);
	if (status == MMN_OK && kind == VARIADIC_MEAN &&
		p->step->in[0]->element != MMN_FLOAT)
		status = mmn_op_fail(p, MMN_BAD_DATA, "arguments are not floats");
	return status != MMN_OK
			   ? status
			   : mmn_op_output(p, 0, p->step->in[0]->element, &out);
}

/* Integers, which shapes are computed with, wrap. */
static int64_t
join_ints(variadic_kind kind, int64_t a, int64_t b)
{
	switch (kind)
	{
		case VARIADIC_MAX:
			return a > b ? a : b;
		case VARIADIC_MIN:
			return a < b ? a : b;
		default:
			return (int64_t)((uint64_t)a + (uint64_t)b);
	}
}

static void
accumulate(variadic_kind kind, float *out, const float *in, int64_t stride,
		   int64_t n)
{
	switch (kind)
	{
		case VARIADIC_SUM:
		case VARIADIC_MEAN:
			for (int64_t i = 0; i < n; i++)
				out[i] += in[i * stride];
			break;
		case VARIADIC_MAX:
			for (int64_t i = 0; i < n; i++)
				out[i] = in[i * stride] > out[i] ? in[i * stride] : out[i];
			break;
		case VARIADIC_MIN:
			for (int64_t i = 0; i < n; i++)
				out[i] = in[i * stride] < out[i] ? in[i * stride] : out[i];
			break;
	}
}

static void
accumulate_ints(variadic_kind kind, int64_t *out, const int64_t *in,
				int64_t stride, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		out[i] = join_ints(kind, out[i], in[i * stride]);
}

static mmn_status
variadic_run(const mmn_step *s, mmn_run *run)
{
	const variadic_params *v = s->params;
	const mmn_shape *shape = &s->out[0]->shape;
	int64_t row = shape->ndim ? shape->dims[shape->ndim - 1] : 1;
	int64_t rows = (int64_t)s->out[0]->count / row;
	bool ints = s->out[0]->element == MMN_INT64;
	float *out = mmn_run_out(run, s, 0);
	int64_t *out_ints = mmn_run_data(run, s->out[0]);

	for (int k = 0; k < s->n_in; k++)
	{
		const float *in = mmn_run_in(run, s, k);
		const int64_t *in_ints = mmn_run_data(run, s->in[k]);
		int64_t strides[MMN_SHAPE_MAX] = {0};
		int64_t step;

		mmn_broadcast_strides(&s->in[k]->shape, shape, strides);
		step = shape->ndim ? strides[shape->ndim - 1] : 0;
		for (int64_t r = 0; r < rows; r++)
		{
			int64_t from = mmn_broadcast_row(shape, strides, r);
			mmn_status status = mmn_run_spend(run, (size_t)row + 16);

			if (status != MMN_OK)
				return status;
			if (k == 0)
				for (int64_t i = 0; i < row; i++)
				{
					if (ints)
						out_ints[r * row + i] = in_ints[from + i * step];
					else
						out[r * row + i] = in[from + i * step];
				}
			else if (ints)
				accumulate_ints(v->kind, out_ints + r * row, in_ints + from,
								step, row);
			else
				accumulate(v->kind, out + r * row, in + from, step, row);
		}
	}
	if (v->kind == VARIADIC_MEAN)
		for (size_t i = 0; i < s->out[0]->count; i++)
			out[i] /= (float)s->n_in;
	return mmn_run_spend(run, s->out[0]->count);
}

#define VARIADIC(symbol, op_name, kind)                                        \
	static mmn_status symbol##_plan(mmn_planner *p, mmn_step *s)               \
	{                                                                          \
		(void)s;                                                               \
		return plan_variadic(p, kind);                                         \
	}                                                                          \
	const mmn_op mmn_op_##symbol = {.name = op_name,                           \
									.attributes = "",                          \
									.min_inputs = 1,                           \
									.max_inputs = MMN_OP_ANY,                  \
									.max_outputs = 1,                          \
									.flags = MMN_OP_INT64,                     \
									.plan = symbol##_plan,                     \
									.run = variadic_run};

VARIADIC(sum, "Sum", VARIADIC_SUM)
VARIADIC(mean, "Mean", VARIADIC_MEAN)
VARIADIC(max, "Max", VARIADIC_MAX)
VARIADIC(min, "Min", VARIADIC_MIN)

static mmn_status
where_plan(mmn_planner *p, mmn_step *s)
{
	mmn_shape out;
	mmn_status status = join_inputs(p, 1, &out);

	if (status != MMN_OK)
		return status;
	if (s->in[0]->element != MMN_INT64)
		return mmn_op_fail(p, MMN_BAD_DATA, "the condition is not boolean");
	return mmn_op_output(p, 0, s->in[1]->element, &out);
}

static mmn_status
where_run(const mmn_step *s, mmn_run *run)
{
	const mmn_shape *shape = &s->out[0]->shape;
	size_t size = mmn_element_size(s->out[0]->element);
	int64_t row = shape->ndim ? shape->dims[shape->ndim - 1] : 1;
	int64_t strides[3][MMN_SHAPE_MAX] = {{0}}, step[3] = {0};
	const int64_t *condition = mmn_run_data(run, s->in[0]);
	const uint8_t *from[3] = {NULL, mmn_run_data(run, s->in[1]),
							  mmn_run_data(run, s->in[2])};
	uint8_t *out = mmn_run_data(run, s->out[0]);

	for (int k = 0; k < 3; k++)
	{
		mmn_broadcast_strides(&s->in[k]->shape, shape, strides[k]);
		step[k] = shape->ndim ? strides[k][shape->ndim - 1] : 0;
	}
	for (int64_t i = 0; i < (int64_t)s->out[0]->count; i++, out += size)
	{
		int64_t r = i / row, c = i % row;
		int k = condition[mmn_broadcast_row(shape, strides[0], r) +
						  c * step[0]]
					? 1
					: 2;
		int64_t at = mmn_broadcast_row(shape, strides[k], r) + c * step[k];
		mmn_status status = mmn_run_spend(run, 16);

		if (status != MMN_OK)
			return status;
		memcpy(out, from[k] + (size_t)at * size, size);
	}
	return MMN_OK;
}

const mmn_op mmn_op_where = {.name = "Where",
							 .attributes = "",
							 .min_inputs = 3,
							 .max_inputs = 3,
							 .max_outputs = 1,
							 .flags = MMN_OP_INT64,
							 .plan = where_plan,
							 .run = where_run};
