/*
 * Resize and its forerunner Upsample: rows and columns of maps by the nearest
 * or by linear interpolation.  Which input elements an output row or column is
 * made of, and their weights, are worked out when planning.
 */
#include <math.h>

#include "nn/op_list.h"

/* An output coordinate: two inputs, and the weight of the second. */
typedef struct resize_tap
{
	int32_t at[2];
	float weight;
} resize_tap;

typedef struct resize_params
{
	int64_t in[2];
	int64_t out[2];
	resize_tap taps[]; /* of the rows, then of the columns */
} resize_params;

typedef struct resize_rule
{
	bool linear;
	mmn_slice coordinates;
	mmn_slice nearest;
} resize_rule;

/*
 * Where output o falls in the input (ONNX, Resize).  The length that corners
 * are aligned to is not rounded, as in ONNX's tests.
 */
static double
coordinate(mmn_slice mode, int64_t o, int64_t in, int64_t out, double scale)
{
	if (mmn_slice_is(mode, "asymmetric"))
		return (double)o / scale;
	if (mmn_slice_is(mode, "align_corners"))
	{
		double last = scale * (double)in - 1.0;

		return last > 0.0 ? (double)o * (double)(in - 1) / last : 0.0;
	}
	if (mmn_slice_is(mode, "tf_half_pixel_for_nn"))
		return ((double)o + 0.5) / scale;
	if (mmn_slice_is(mode, "pytorch_half_pixel") && out == 1)
		return 0.0;
	return ((double)o + 0.5) / scale - 0.5;
}

static double
nearest(mmn_slice mode, double x)
{
	if (mmn_slice_is(mode, "floor"))
		return floor(x);
	if (mmn_slice_is(mode, "ceil"))
		return ceil(x);
	if (mmn_slice_is(mode, "round_prefer_ceil"))
		return floor(x + 0.5);
	return ceil(x - 0.5);
}

static int32_t
inside(double x, int64_t n)
{
	return (int32_t)(x <= 0 ? 0 : x >= (double)(n - 1) ? (double)(n - 1) : x);
}

static void
set_taps(const resize_rule *rule, int64_t in, int64_t out, double scale,
		 resize_tap *taps)
{
	for (int64_t o = 0; o < out; o++)
	{
		double x = coordinate(rule->coordinates, o, in, out, scale);
		double low = rule->linear ? floor(x) : nearest(rule->nearest, x);

		taps[o].at[0] = inside(low, in);
		taps[o].at[1] = inside(rule->linear ? low + 1.0 : low, in);
		taps[o].weight = rule->linear ? (float)(x - low) : 0.0f;
	}
}

static mmn_status
read_rule(mmn_planner *p, resize_rule *rule)
{
	mmn_slice mode = mmn_op_string(p, "mode", "nearest");
	/* the one that there was before opset 11 */
	const char *usual = p->opset < 11 ? "asymmetric" : "half_pixel";

	rule->linear = mmn_slice_is(mode, "linear");
	rule->coordinates =
		mmn_op_string(p, "coordinate_transformation_mode", usual);
	rule->nearest = mmn_op_string(
		p, "nearest_mode", p->opset < 11 ? "floor" : "round_prefer_floor");
	if ((!rule->linear && !mmn_slice_is(mode, "nearest")) ||
		mmn_slice_is(rule->coordinates, "tf_crop_and_resize"))
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "only \"nearest\" and \"linear\" of the whole "
						   "input are supported");
	return MMN_OK;
}

/* The scales, of an attribute (Upsample) or input i; NULL: there are none. */
static const float *
read_scales(mmn_planner *p, int i, int ndim)
{
	const mmn_attribute *a = mmn_op_attribute(p, "scales");
	const mmn_tensor *t = mmn_op_has_input(p->step, i) ? p->step->in[i] : NULL;

	if (a && a->type == MMN_ATTRIBUTE_FLOATS && a->count == (size_t)ndim)
		return a->floats;
	if (t && t->constant && t->element == MMN_FLOAT &&
		t->count == (size_t)ndim)
		return t->constant;
	return NULL;
}

/* Sizes of the output, and how much larger they are than the input. */
static mmn_status
read_sizes(mmn_planner *p, mmn_shape *out, double *scale)
{
	mmn_step *s = p->step;
	const mmn_shape *in = &s->in[0]->shape;
	const float *scales = read_scales(p, p->opset < 11 ? 1 : 2, in->ndim);
	int n = p->opset < 11 ? -1 : mmn_op_input_ints(p, 3, out->dims, 4);

	if (p->status != MMN_OK)
		return p->status;
	out->ndim = 4;
	for (int d = 0; d < 4; d++)
	{
		if (n != 4 && scales)
		{
			double size = floor((double)in->dims[d] * (double)scales[d]);

			scale[d] = (double)scales[d];
			out->dims[d] = size >= 1 && size <= INT32_MAX ? (int64_t)size : 0;
		}
		else if (n == 4)
			scale[d] = (double)out->dims[d] / (double)in->dims[d];
		else
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "scales or sizes must be 4 constants");
		if (d < 2 && out->dims[d] != in->dims[d])
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "only rows and columns can be resized");
	}
	return MMN_OK;
}

static mmn_status
resize_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_shape *in = &s->in[0]->shape;
	resize_params *r;
	resize_rule rule;
	double scale[4];
	mmn_shape out;
	mmn_status status;

	if (in->ndim != 4)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "input has %d dimensions, must have 4 (N, C, H, W)",
						   in->ndim);
	if ((status = read_rule(p, &rule)) != MMN_OK ||
		(status = read_sizes(p, &out, scale)) != MMN_OK ||
		(status = mmn_op_output(p, 0, MMN_FLOAT, &out)) != MMN_OK)
		return status;
	r = mmn_op_params(p, sizeof *r + (size_t)(out.dims[2] + out.dims[3]) *
									   sizeof *r->taps);
	if (!r)
		return p->err->code;
	for (int d = 0; d < 2; d++)
	{
		r->in[d] = in->dims[2 + d];
		r->out[d] = out.dims[2 + d];
		set_taps(&rule, r->in[d], r->out[d], scale[2 + d],
				 r->taps + (d ? r->out[0] : 0));
	}
	return MMN_OK;
}

static mmn_status
resize_run(const mmn_step *s, mmn_run *run)
{
	const resize_params *r = s->params;
	const resize_tap *columns = r->taps + r->out[0];
	const float *in = mmn_run_in(run, s, 0);
	float *out = mmn_run_out(run, s, 0);
	int64_t planes = (int64_t)s->out[0]->count / (r->out[0] * r->out[1]);

	for (int64_t i = 0; i < planes; i++, in += r->in[0] * r->in[1])
		for (int64_t y = 0; y < r->out[0]; y++, out += r->out[1])
		{
			const float *a = in + r->taps[y].at[0] * r->in[1];
			const float *b = in + r->taps[y].at[1] * r->in[1];
			float v = r->taps[y].weight;
			mmn_status status = mmn_run_spend(run, 8 * (size_t)r->out[1]);

			if (status != MMN_OK)
				return status;
			for (int64_t x = 0; x < r->out[1]; x++)
			{
				const resize_tap *c = &columns[x];
				float top = a[c->at[0]] * (1.0f - c->weight) +
							a[c->at[1]] * c->weight;
				float bottom = b[c->at[0]] * (1.0f - c->weight) +
							   b[c->at[1]] * c->weight;

				out[x] = top * (1.0f - v) + bottom * v;
			}
		}
	return MMN_OK;
}

const mmn_op mmn_op_resize = {
	.name = "Resize",
	/* of no consequence without what is refused: the coefficient of cubic
	 * interpolation, what is outside, a value for it */
	.attributes = "coordinate_transformation_mode cubic_coeff_a "
				  "exclude_outside extrapolation_value mode nearest_mode ",
	.min_inputs = 1,
	.max_inputs = 4,
	.max_outputs = 1,
	.flags = MMN_OP_LIST_INPUT,
	.plan = resize_plan,
	.run = resize_run};
const mmn_op mmn_op_upsample = {.name = "Upsample",
								.attributes = "mode scales ",
								.min_inputs = 1,
								.max_inputs = 2,
								.max_outputs = 1,
								.plan = resize_plan,
								.run = resize_run};
