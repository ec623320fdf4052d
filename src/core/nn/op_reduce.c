/*
 * Sums, means, norms and extremes over some dimensions; global pooling is the
 * same over all but the first two.
 */
#include <math.h>
#include <string.h>

#include "nn/fuse.h"
#include "nn/op_list.h"

typedef enum reduce_kind
{
	REDUCE_MEAN,
	REDUCE_SUM,
	REDUCE_L1,
	REDUCE_L2,
	REDUCE_SUM_SQUARE,
	REDUCE_LOG_SUM,
	REDUCE_PROD,
	REDUCE_MAX,
	REDUCE_MIN
} reduce_kind;

typedef struct reduce_params
{
	reduce_kind kind;
	int64_t reduced; /* elements that make one */
	/* dimensions kept and dimensions reduced, with their strides */
	int n_kept;
	int64_t kept[MMN_SHAPE_MAX];
	int64_t kept_stride[MMN_SHAPE_MAX];
	int n_gone;
	int64_t gone[MMN_SHAPE_MAX];
	int64_t gone_stride[MMN_SHAPE_MAX];
} reduce_params;

static mmn_status
plan_reduce(mmn_planner *p, reduce_kind kind, const bool *over, bool keep)
{
	reduce_params *r = mmn_op_params(p, sizeof *r);
	const mmn_shape *in = &p->step->in[0]->shape;
	mmn_shape out = {0, {0}};
	int64_t stride = 1;

	if (!r)
		return p->err->code;
	r->kind = kind;
	r->reduced = 1;
	for (int d = in->ndim - 1; d >= 0; d--)
	{
		if (over[d])
		{
			/* a dimension that continues the last one is part of it */
			if (r->n_gone && stride == r->gone_stride[r->n_gone - 1] *
										   r->gone[r->n_gone - 1])
				r->gone[r->n_gone - 1] *= in->dims[d];
			else
			{
				r->gone[r->n_gone] = in->dims[d];
				r->gone_stride[r->n_gone++] = stride;
			}
			r->reduced *= in->dims[d];
		}
		else
		{
			r->kept[r->n_kept] = in->dims[d];
			r->kept_stride[r->n_kept++] = stride;
		}
		stride *= in->dims[d];
	}
	for (int d = 0; d < in->ndim; d++)
		if (!over[d] || keep)
			out.dims[out.ndim++] = over[d] ? 1 : in->dims[d];
	return mmn_op_output(p, 0, MMN_FLOAT, &out);
}

static mmn_status
plan_axes(mmn_planner *p, reduce_kind kind, bool axes_input)
{
	mmn_step *s = p->step;
	int64_t axes[MMN_SHAPE_MAX];
	bool over[MMN_SHAPE_MAX] = {false};
	bool keep = mmn_op_int(p, "keepdims", 1) != 0;
	bool noop = mmn_op_int(p, "noop_with_empty_axes", 0) != 0;
	int ndim = s->in[0]->shape.ndim;
	int n = axes_input ? mmn_op_input_ints(p, 1, axes, MMN_SHAPE_MAX)
					   : mmn_op_ints(p, "axes", axes, MMN_SHAPE_MAX);

	for (int i = 0; i < n; i++)
		over[mmn_op_axis(p, axes[i], ndim)] = true;
	if (n <= 0)
		for (int d = 0; d < ndim; d++)
			over[d] = !noop;
	return plan_reduce(p, kind, over, keep);
}

static mmn_status
plan_global(mmn_planner *p, reduce_kind kind)
{
	bool over[MMN_SHAPE_MAX];
	int ndim = p->step->in[0]->shape.ndim;

	if (ndim < 3)
		return mmn_op_fail(p, MMN_BAD_DATA, "the input is not an image");
	for (int d = 0; d < ndim; d++)
		over[d] = d > 1;
	return plan_reduce(p, kind, over, true);
}

/* What n elements of one result add to it. */
static double
gather_row(reduce_kind kind, const float *in, int64_t n, int64_t stride,
		   double sofar)
{
	switch (kind)
	{
		case REDUCE_MEAN:
		case REDUCE_SUM:
		case REDUCE_LOG_SUM:
			for (int64_t i = 0; i < n; i++)
				sofar += (double)in[i * stride];
			break;
		case REDUCE_L1:
			for (int64_t i = 0; i < n; i++)
				sofar += fabs((double)in[i * stride]);
			break;
		case REDUCE_L2:
		case REDUCE_SUM_SQUARE:
			for (int64_t i = 0; i < n; i++)
				sofar += (double)in[i * stride] * (double)in[i * stride];
			break;
		case REDUCE_PROD:
			for (int64_t i = 0; i < n; i++)
				sofar *= (double)in[i * stride];
			break;
		case REDUCE_MAX:
			for (int64_t i = 0; i < n; i++)
				sofar = (double)in[i * stride] > sofar ? (double)in[i * stride]
													   : sofar;
			break;
		case REDUCE_MIN:
			for (int64_t i = 0; i < n; i++)
				sofar = (double)in[i * stride] < sofar ? (double)in[i * stride]
													   : sofar;
			break;
	}
	return sofar;
}

static double
finish(const reduce_params *r, double gathered)
{
	switch (r->kind)
	{
		case REDUCE_MEAN:
			return gathered / (double)r->reduced;
		case REDUCE_L2:
			return sqrt(gathered);
		case REDUCE_LOG_SUM:
			return log(gathered);
		default:
			return gathered;
	}
}

/* One result; double, for the sum of a large map loses digits in float. */
static mmn_status
reduce_one(const reduce_params *r, const float *in, float *out, mmn_run *run)
{
	int64_t index[MMN_SHAPE_MAX] = {0};
	int64_t n = r->n_gone ? r->gone[0] : 1;
	int64_t stride = r->n_gone ? r->gone_stride[0] : 1;
	double gathered = r->kind == REDUCE_MAX	   ? -INFINITY
					  : r->kind == REDUCE_MIN  ? INFINITY
					  : r->kind == REDUCE_PROD ? 1.0
											   : 0.0;
	int d;

	do
	{
		mmn_status status = mmn_run_spend(run, (size_t)n + 8);

		if (status != MMN_OK)
			return status;
		gathered = gather_row(r->kind, in, n, stride, gathered);
		for (d = 1; d < r->n_gone; d++)
		{
			in += r->gone_stride[d];
			if (++index[d] < r->gone[d])
				break;
			in -= index[d] * r->gone_stride[d];
			index[d] = 0;
		}
	} while (d < r->n_gone);
	*out = (float)finish(r, gathered);
	return MMN_OK;
}

static mmn_status
reduce_run(const mmn_step *s, mmn_run *run)
{
	const reduce_params *r = s->params;
	const float *in = mmn_run_in(run, s, 0);
	float *out = mmn_run_out(run, s, 0);
	int64_t index[MMN_SHAPE_MAX] = {0};

	for (size_t i = 0; i < s->out[0]->count; i++)
	{
		mmn_status status = reduce_one(r, in, out + i, run);

		if (status != MMN_OK)
			return status;
		for (int d = 0; d < r->n_kept; d++)
		{
			in += r->kept_stride[d];
			if (++index[d] < r->kept[d])
				break;
			in -= index[d] * r->kept_stride[d];
			index[d] = 0;
		}
	}
	return MMN_OK;
}

bool
mmn_look_global(const mmn_step *s, bool *max)
{
	const reduce_params *r = s->params;

	if (s->op->run != reduce_run ||
		(r->kind != REDUCE_MEAN && r->kind != REDUCE_MAX) ||
		s->in[0]->shape.ndim != 4 || r->n_gone != 1 || r->gone_stride[0] != 1 ||
		r->gone[0] != mmn_shape_span(&s->in[0]->shape, 2, 4))
		return false;
	*max = r->kind == REDUCE_MAX;
	return true;
}

bool
mmn_look_mean_of_last(const mmn_step *s)
{
	const reduce_params *r = s->params;
	const mmn_shape *in = &s->in[0]->shape;

	return s->op->run == reduce_run && r->kind == REDUCE_MEAN &&
		   r->n_gone == 1 && r->gone_stride[0] == 1 && in->ndim > 0 &&
		   r->gone[0] == in->dims[in->ndim - 1] &&
		   s->out[0]->shape.ndim == in->ndim;
}

static mmn_status
reduce_sum_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_axes(p, REDUCE_SUM, p->opset >= 13);
}

static mmn_status
global_average_pool_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_global(p, REDUCE_MEAN);
}

static mmn_status
global_max_pool_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_global(p, REDUCE_MAX);
}

#define REDUCE(symbol, op_name, kind)                                          \
	static mmn_status symbol##_plan(mmn_planner *p, mmn_step *s)               \
	{                                                                          \
		(void)s;                                                               \
		return plan_axes(p, kind, false);                                      \
	}                                                                          \
	const mmn_op mmn_op_##symbol = {.name = op_name,                           \
									.attributes = "axes keepdims ",            \
									.min_inputs = 1,                           \
									.max_inputs = 1,                           \
									.max_outputs = 1,                          \
									.plan = symbol##_plan,                     \
									.run = reduce_run};

REDUCE(reduce_mean, "ReduceMean", REDUCE_MEAN)
REDUCE(reduce_max, "ReduceMax", REDUCE_MAX)
REDUCE(reduce_min, "ReduceMin", REDUCE_MIN)
REDUCE(reduce_prod, "ReduceProd", REDUCE_PROD)
REDUCE(reduce_l1, "ReduceL1", REDUCE_L1)
REDUCE(reduce_l2, "ReduceL2", REDUCE_L2)
REDUCE(reduce_sum_square, "ReduceSumSquare", REDUCE_SUM_SQUARE)
REDUCE(reduce_log_sum, "ReduceLogSum", REDUCE_LOG_SUM)

const mmn_op mmn_op_reduce_sum = {"ReduceSum",
								  "axes keepdims noop_with_empty_axes ",
								  1,
								  2,
								  1,
								  MMN_OP_LIST_INPUT,
								  reduce_sum_plan,
								  reduce_run};
const mmn_op mmn_op_global_average_pool = {
	"GlobalAveragePool", "", 1, 1, 1, 0, global_average_pool_plan, reduce_run};
const mmn_op mmn_op_global_max_pool = {
	"GlobalMaxPool", "", 1, 1, 1, 0, global_max_pool_plan, reduce_run};
