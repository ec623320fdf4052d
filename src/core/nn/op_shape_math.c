/*
 * Comparisons, logic, Size and Range: what exporters compute shapes with.
 * They yield integers, so all of it is over when the plan is made; there is
 * nothing here to be fast about.
 */
#include <math.h>

#include "nn/broadcast.h"
#include "nn/op_list.h"

typedef enum compare_kind
{
	COMPARE_EQUAL,
	COMPARE_GREATER,
	COMPARE_GREATER_OR_EQUAL,
	COMPARE_LESS,
	COMPARE_LESS_OR_EQUAL,
	COMPARE_AND,
	COMPARE_OR
} compare_kind;

typedef struct compare_params
{
	compare_kind kind;
} compare_params;

static mmn_status
plan_compare(mmn_planner *p, compare_kind kind)
{
	compare_params *c = mmn_op_params(p, sizeof *c);
	mmn_step *s = p->step;
	mmn_shape out = s->in[0]->shape;

	if (!c)
		return p->err->code;
	c->kind = kind;
	if (s->in[1]->element != s->in[0]->element)
		return mmn_op_fail(p, MMN_UNSUPPORTED, "arguments are not of one type");
	if (!mmn_broadcast_join(&out, &s->in[1]->shape))
		return mmn_op_fail(p, MMN_BAD_DATA, "shapes do not fit");
	return mmn_op_output(p, 0, MMN_INT64, &out);
}

/* The order of two numbers; 2: one is a NaN, which nothing holds for. */
static int
order_at(const mmn_step *s, const mmn_run *run, int64_t a, int64_t b)
{
	const void *x = mmn_run_data(run, s->in[0]);
	const void *y = mmn_run_data(run, s->in[1]);

	if (s->in[0]->element == MMN_INT64)
	{
		int64_t u = ((const int64_t *)x)[a], v = ((const int64_t *)y)[b];

		return (u > v) - (u < v);
	}
	float u = ((const float *)x)[a], v = ((const float *)y)[b];

	return isnan(u) || isnan(v) ? 2 : (u > v) - (u < v);
}

static bool
holds(compare_kind kind, int order)
{
	switch (kind)
	{
		case COMPARE_EQUAL:
			return order == 0;
		case COMPARE_GREATER:
			return order == 1;
		case COMPARE_GREATER_OR_EQUAL:
			return order == 0 || order == 1;
		case COMPARE_LESS:
			return order == -1;
		default:
			return order == 0 || order == -1;
	}
}

static mmn_status
compare_run(const mmn_step *s, mmn_run *run)
{
	const compare_params *c = s->params;
	const mmn_shape *shape = &s->out[0]->shape;
	int64_t row = shape->ndim ? shape->dims[shape->ndim - 1] : 1;
	int64_t sa[MMN_SHAPE_MAX] = {0}, sb[MMN_SHAPE_MAX] = {0};
	int64_t *out = mmn_run_data(run, s->out[0]);

	mmn_broadcast_strides(&s->in[0]->shape, shape, sa);
	mmn_broadcast_strides(&s->in[1]->shape, shape, sb);
	for (int64_t i = 0; i < (int64_t)s->out[0]->count; i++)
	{
		int64_t a = mmn_broadcast_row(shape, sa, i / row);
		int64_t b = mmn_broadcast_row(shape, sb, i / row);
		mmn_status status = mmn_run_spend(run, 16);

		if (status != MMN_OK)
			return status;
		if (shape->ndim)
		{
			a += i % row * sa[shape->ndim - 1];
			b += i % row * sb[shape->ndim - 1];
		}
		if (c->kind == COMPARE_AND || c->kind == COMPARE_OR)
		{
			bool x = ((int64_t *)mmn_run_data(run, s->in[0]))[a] != 0;
			bool y = ((int64_t *)mmn_run_data(run, s->in[1]))[b] != 0;

			out[i] = c->kind == COMPARE_AND ? x && y : x || y;
		}
		else
			out[i] = holds(c->kind, order_at(s, run, a, b));
	}
	return MMN_OK;
}

static mmn_status
plan_logic(mmn_planner *p, compare_kind kind)
{
	if (p->step->in[0]->element != MMN_INT64)
		return mmn_op_fail(p, MMN_BAD_DATA, "an argument is not boolean");
	return plan_compare(p, kind);
}

static mmn_status
not_plan(mmn_planner *p, mmn_step *s)
{
	if (s->in[0]->element != MMN_INT64)
		return mmn_op_fail(p, MMN_BAD_DATA, "the argument is not boolean");
	return mmn_op_output(p, 0, MMN_INT64, &s->in[0]->shape);
}

static mmn_status
not_run(const mmn_step *s, mmn_run *run)
{
	const int64_t *in = mmn_run_data(run, s->in[0]);
	int64_t *out = mmn_run_data(run, s->out[0]);

	for (size_t i = 0; i < s->out[0]->count; i++)
		out[i] = !in[i];
	return mmn_run_spend(run, s->out[0]->count);
}

static mmn_status
size_plan(mmn_planner *p, mmn_step *s)
{
	mmn_shape scalar = {0, {0}};
	int64_t *data;

	if (mmn_op_output(p, 0, MMN_INT64, &scalar) != MMN_OK)
		return p->err->code;
	data = mmn_pool_alloc(p->pool, 1, sizeof *data, p->err);
	if (!data)
		return p->err->code;
	*data = (int64_t)s->in[0]->count;
	s->out[0]->constant = data;
	return MMN_OK;
}

/* Elements of a range; a step of 0 or a NaN has none. */
static double
range_count(double start, double limit, double delta)
{
	double n = ceil((limit - start) / delta);

	return n > 0 ? n : 0;
}

static mmn_status
range_plan(mmn_planner *p, mmn_step *s)
{
	mmn_element element = s->in[0]->element;
	mmn_shape out = {1, {0}};
	double v[3];
	double n;

	for (int i = 0; i < 3; i++)
	{
		const mmn_tensor *t = s->in[i];

		if (!t->constant || t->count != 1 || t->element != element)
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "arguments must be constants of one type");
		v[i] = element == MMN_FLOAT ? (double)*(const float *)t->constant
									: (double)*(const int64_t *)t->constant;
	}
	n = range_count(v[0], v[1], v[2]);
	if (!(n >= 1 && n <= (double)MMN_TENSOR_MAX_COUNT))
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "a range of %g elements is not supported", n);
	out.dims[0] = (int64_t)n;
	return mmn_op_output(p, 0, element, &out);
}

static mmn_status
range_run(const mmn_step *s, mmn_run *run)
{
	const void *start = mmn_run_data(run, s->in[0]);
	const void *delta = mmn_run_data(run, s->in[2]);
	void *out = mmn_run_data(run, s->out[0]);

	for (size_t i = 0; i < s->out[0]->count; i++)
	{
		mmn_status status = mmn_run_spend(run, 1);

		if (status != MMN_OK)
			return status;
		if (s->out[0]->element == MMN_FLOAT)
			((float *)out)[i] =
				*(const float *)start + (float)i * *(const float *)delta;
		else /* wraps, as integers do here */
			((int64_t *)out)[i] =
				(int64_t)((uint64_t) * (const int64_t *)start +
						  i * (uint64_t) * (const int64_t *)delta);
	}
	return MMN_OK;
}

#define COMPARE(symbol, op_name, planner, kind)                                \
	static mmn_status symbol##_plan(mmn_planner *p, mmn_step *s)               \
	{                                                                          \
		(void)s;                                                               \
		return planner(p, kind);                                               \
	}                                                                          \
	const mmn_op mmn_op_##symbol = {.name = op_name,                           \
									.attributes = "",                          \
									.min_inputs = 2,                           \
									.max_inputs = 2,                           \
									.max_outputs = 1,                          \
									.flags = MMN_OP_INT64,                     \
									.plan = symbol##_plan,                     \
									.run = compare_run};

COMPARE(equal, "Equal", plan_compare, COMPARE_EQUAL)
COMPARE(greater, "Greater", plan_compare, COMPARE_GREATER)
COMPARE(greater_or_equal, "GreaterOrEqual", plan_compare,
		COMPARE_GREATER_OR_EQUAL)
COMPARE(less, "Less", plan_compare, COMPARE_LESS)
COMPARE(less_or_equal, "LessOrEqual", plan_compare, COMPARE_LESS_OR_EQUAL)
COMPARE(and, "And", plan_logic, COMPARE_AND)
COMPARE(or, "Or", plan_logic, COMPARE_OR)

const mmn_op mmn_op_not = {.name = "Not",
						   .attributes = "",
						   .min_inputs = 1,
						   .max_inputs = 1,
						   .max_outputs = 1,
						   .flags = MMN_OP_INT64,
						   .plan = not_plan,
						   .run = not_run};
const mmn_op mmn_op_size = {.name = "Size",
							.attributes = "",
							.min_inputs = 1,
							.max_inputs = 1,
							.max_outputs = 1,
							.flags = MMN_OP_INT64,
							.plan = size_plan};
const mmn_op mmn_op_range = {.name = "Range",
							 .attributes = "",
							 .min_inputs = 3,
							 .max_inputs = 3,
							 .max_outputs = 1,
							 .flags = MMN_OP_INT64,
							 .plan = range_plan,
							 .run = range_run};
