/*
 * Operators that give elements another shape (they cost nothing: the planner
 * lets their output share the input's memory), and those that compute shapes
 * and constants.
 */
#include <math.h>
#include <string.h>

#include "nn/op_list.h"

static mmn_status
flatten_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_shape *in = &s->in[0]->shape;
	int64_t axis = mmn_op_int(p, "axis", 1);
	mmn_shape out = {2, {0}};

	if (axis < -in->ndim || axis > in->ndim)
		return mmn_op_fail(p, MMN_BAD_DATA, "\"axis\" is out of range");
	if (axis < 0)
		axis += in->ndim;
	out.dims[0] = mmn_shape_span(in, 0, (int)axis);
	out.dims[1] = mmn_shape_span(in, (int)axis, in->ndim);
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

static mmn_status
reshape_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_tensor *in = s->in[0];
	int64_t want[MMN_SHAPE_MAX], known = 1;
	bool zero = mmn_op_int(p, "allowzero", 0) != 0;
	int n = mmn_op_input_ints(p, 1, want, MMN_SHAPE_MAX), open = -1;
	mmn_shape out;
	mmn_status status;

	if (p->status != MMN_OK)
		return p->status;
	out.ndim = n;
	for (int d = 0; d < n; d++)
	{
		if (want[d] == 0 && !zero && d < in->shape.ndim)
			want[d] = in->shape.dims[d];
		if (want[d] == -1 && open == -1)
		{
			open = d;
			want[d] = 1;
		}
		if (want[d] <= 0 || want[d] > (int64_t)in->count / known)
			return mmn_op_fail(p, MMN_BAD_DATA,
							   "%zu elements cannot be given this shape",
							   in->count);
		known *= want[d];
		out.dims[d] = want[d];
	}
	if (open != -1 && in->count % (size_t)known == 0)
	{
		out.dims[open] = (int64_t)in->count / known;
		known *= out.dims[open];
	}
	if ((size_t)known != in->count)
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "%zu elements cannot be given this shape",
						   in->count);
	status = mmn_op_output(p, 0, in->element, &out);
	return status;
}

static int
read_axes(mmn_planner *p, int64_t *axes)
{
	return p->opset < 13 ? mmn_op_ints(p, "axes", axes, MMN_SHAPE_MAX)
						 : mmn_op_input_ints(p, 1, axes, MMN_SHAPE_MAX);
}

static mmn_status
squeeze_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_shape *in = &s->in[0]->shape;
	int64_t axes[MMN_SHAPE_MAX];
	bool gone[MMN_SHAPE_MAX] = {false};
	int n = read_axes(p, axes);
	mmn_shape out = {0, {0}};

	for (int i = 0; i < n; i++)
		gone[mmn_op_axis(p, axes[i], in->ndim)] = true;
	if (p->status != MMN_OK)
		return p->status;
	for (int d = 0; d < in->ndim; d++)
	{
		if (n == -1)
			gone[d] = in->dims[d] == 1;
		if (gone[d] && in->dims[d] != 1)
			return mmn_op_fail(p, MMN_BAD_DATA,
							   "a dimension to be dropped is not 1");
		if (!gone[d])
			out.dims[out.ndim++] = in->dims[d];
	}
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

static mmn_status
unsqueeze_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_shape *in = &s->in[0]->shape;
	int64_t axes[MMN_SHAPE_MAX];
	bool added[MMN_SHAPE_MAX] = {false};
	int n = read_axes(p, axes), at = 0;
	mmn_shape out;

	if (p->status != MMN_OK)
		return p->status;
	if (n < 0 || in->ndim + n > MMN_SHAPE_MAX)
		return mmn_op_fail(p, MMN_BAD_DATA, "\"axes\" is missing or too long");
	out.ndim = in->ndim + n;
	for (int i = 0; i < n; i++)
	{
		int d = mmn_op_axis(p, axes[i], out.ndim);

		if (p->status != MMN_OK)
			return p->status;
		if (added[d])
			return mmn_op_fail(p, MMN_BAD_DATA, "an axis is named twice");
		added[d] = true;
	}
	for (int d = 0; d < out.ndim; d++)
		out.dims[d] = added[d] ? 1 : in->dims[at++];
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

static mmn_status
identity_plan(mmn_planner *p, mmn_step *s)
{
	return mmn_op_output(p, 0, s->in[0]->element, &s->in[0]->shape);
}

static mmn_status
dropout_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_tensor *training = mmn_op_has_input(s, 2) ? s->in[2] : NULL;

	if (s->n_out > 1 && s->out[1])
		return mmn_op_fail(p, MMN_UNSUPPORTED, "the mask is not supported");
	if (training && (!training->constant || training->count != 1 ||
					 training->element != MMN_INT64 ||
					 *(const int64_t *)training->constant != 0))
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "dropout as in training is not supported: export "
						   "for inference");
	return identity_plan(p, s);
}

/* A known output: its memory, to be filled by the caller. */
static void *
make_constant(mmn_planner *p, mmn_element element, const mmn_shape *shape)
{
	mmn_tensor *t = p->step->out[0];
	void *data;

	if (mmn_op_output(p, 0, element, shape) != MMN_OK)
		return NULL;
	data = mmn_pool_alloc(p->pool, t->count, mmn_element_size(element), p->err);
	t->constant = data;
	return data;
}

static mmn_status
constant_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_attribute *a = s->node->attributes;
	mmn_shape shape = {0, {0}};
	void *data;

	if (s->node->n_attributes != 1)
		return mmn_op_fail(p, MMN_BAD_DATA, "there must be one value");
	if (a->type == MMN_ATTRIBUTE_TENSOR && a->tensor)
	{
		/* not by mmn_op_output(): it may be an empty list of integers */
		*s->out[0] = *a->tensor;
		return MMN_OK;
	}
	if (a->type == MMN_ATTRIBUTE_FLOATS || a->type == MMN_ATTRIBUTE_INTS)
		shape = (mmn_shape){1, {(int64_t)a->count}};
	if ((a->type == MMN_ATTRIBUTE_FLOATS && a->floats) ||
		a->type == MMN_ATTRIBUTE_FLOAT)
	{
		data = make_constant(p, MMN_FLOAT, &shape);
		if (data)
			memcpy(data, a->type == MMN_ATTRIBUTE_FLOAT ? &a->f : a->floats,
				   s->out[0]->count * sizeof(float));
		return data ? MMN_OK : p->err->code;
	}
	if ((a->type == MMN_ATTRIBUTE_INTS && a->ints) ||
		a->type == MMN_ATTRIBUTE_INT)
	{
		data = make_constant(p, MMN_INT64, &shape);
		if (data)
			memcpy(data, a->type == MMN_ATTRIBUTE_INT ? &a->i : a->ints,
				   s->out[0]->count * sizeof(int64_t));
		return data ? MMN_OK : p->err->code;
	}
	return mmn_op_fail(p, MMN_UNSUPPORTED,
					   "a value of this type is not supported");
}

static mmn_status
constant_of_shape_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_attribute *a = mmn_op_attribute(p, "value");
	mmn_shape shape;
	int n = mmn_op_input_ints(p, 0, shape.dims, MMN_SHAPE_MAX);
	mmn_element element = MMN_FLOAT;
	size_t size;
	uint8_t *data;

	if (p->status != MMN_OK)
		return p->status;
	if (a && (a->type != MMN_ATTRIBUTE_TENSOR || !a->tensor ||
			  a->tensor->count != 1))
		return mmn_op_fail(p, MMN_BAD_DATA, "\"value\" is not one number");
	if (a)
		element = a->tensor->element;
	shape.ndim = n;
	data = make_constant(p, element, &shape);
	if (!data)
		return p->err->code;
	size = mmn_element_size(element);
	for (size_t i = 0; a && i < s->out[0]->count; i++)
		memcpy(data + i * size, a->tensor->constant, size);
	return MMN_OK;
}

static mmn_status
shape_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_shape *in = &s->in[0]->shape;
	int64_t start = mmn_op_int(p, "start", 0);
	int64_t end = mmn_op_int(p, "end", in->ndim);
	mmn_shape out = {1, {0}};
	int64_t *data;

	start = start < 0 ? start + in->ndim : start;
	end = end < 0 ? end + in->ndim : end;
	start = start < 0 ? 0 : start;
	end = end > in->ndim ? in->ndim : end;
	if (start >= end)
		return mmn_op_fail(p, MMN_UNSUPPORTED, "an empty shape");
	out.dims[0] = end - start;
	data = make_constant(p, MMN_INT64, &out);
	if (!data)
		return p->err->code;
	memcpy(data, in->dims + start, (size_t)(end - start) * sizeof *data);
	return MMN_OK;
}

/* TensorProto.DataType again: what a Cast may ask for */
enum
{
	TO_FLOAT = 1,
	TO_INT32 = 6,
	TO_INT64 = 7,
	TO_BOOL = 9,
	TO_FLOAT16 = 10,
	TO_DOUBLE = 11,
	TO_BFLOAT16 = 16
};

typedef struct cast_params
{
	int64_t to;
} cast_params;

static mmn_status
cast_plan(mmn_planner *p, mmn_step *s)
{
	cast_params *c = mmn_op_params(p, sizeof *c);
	mmn_element element = MMN_FLOAT;

	if (!c)
		return p->err->code;
	c->to = mmn_op_int(p, "to", 0);
	switch (c->to)
	{
		case TO_INT32:
		case TO_INT64:
		case TO_BOOL:
			element = MMN_INT64;
			break;
		case TO_FLOAT:
		case TO_FLOAT16:
		case TO_DOUBLE: /* computed in float, as all is */
		case TO_BFLOAT16:
			break;
		default:
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "data type %lld is not supported",
							   (long long)c->to);
	}
	return mmn_op_output(p, 0, element, &s->in[0]->shape);
}

/* To the nearest number of 11 significant bits and half's range, and back. */
static float
round_half(float f)
{
	int exponent;
	float step;

	if (!isfinite(f) || f == 0.0f)
		return f;
	(void)frexpf(f, &exponent);
	/* below 2^-14, half's steps do not get smaller */
	step = ldexpf(1.0f, (exponent < -13 ? -13 : exponent) - 11);
	f = rintf(f / step) * step;
	return fabsf(f) > 65504.0f ? copysignf(INFINITY, f) : f;
}

/* bfloat16 is a float's upper half, rounded to even. */
static float
round_bfloat(float f)
{
	uint32_t bits;

	if (!isfinite(f))
		return f;
	memcpy(&bits, &f, sizeof bits);
	bits += 0x7fff + (bits >> 16 & 1);
	bits &= 0xffff0000;
	memcpy(&f, &bits, sizeof f);
	return f;
}

static float
cast_float(int64_t to, float f)
{
	return to == TO_FLOAT16	   ? round_half(f)
		   : to == TO_BFLOAT16 ? round_bfloat(f)
							   : f;
}

/* Beyond int64's range, and of a NaN, there is no right answer. */
static int64_t
cast_int(int64_t to, float f)
{
	if (to == TO_BOOL)
		return f != 0.0f;
	return f >= -9.2e18f && f <= 9.2e18f ? (int64_t)f : 0;
}

static mmn_status
cast_run(const mmn_step *s, mmn_run *run)
{
	const cast_params *c = s->params;
	const void *in = mmn_run_data(run, s->in[0]);
	void *out = mmn_run_data(run, s->out[0]);
	bool from_float = s->in[0]->element == MMN_FLOAT;
	bool to_float = s->out[0]->element == MMN_FLOAT;

	for (size_t i = 0; i < s->out[0]->count; i++)
	{
		mmn_status status = mmn_run_spend(run, 1);
		float f = from_float ? ((const float *)in)[i] : 0.0f;
		int64_t v = from_float ? 0 : ((const int64_t *)in)[i];

		if (status != MMN_OK)
			return status;
		if (to_float)
			((float *)out)[i] = cast_float(c->to, from_float ? f : (float)v);
		else if (from_float)
			((int64_t *)out)[i] = cast_int(c->to, f);
		else
			((int64_t *)out)[i] = c->to == TO_BOOL ? v != 0 : v;
	}
	return MMN_OK;
}

typedef struct gather_params
{
	int axis;
} gather_params;

static mmn_status
gather_plan(mmn_planner *p, mmn_step *s)
{
	gather_params *g = mmn_op_params(p, sizeof *g);
	const mmn_shape *in = &s->in[0]->shape;
	const mmn_tensor *index = s->in[1];
	mmn_shape out = {0, {0}};

	if (!g)
		return p->err->code;
	g->axis = mmn_op_axis(p, mmn_op_int(p, "axis", 0), in->ndim);
	if (p->status != MMN_OK)
		return p->status;
	if (index->element != MMN_INT64 || !index->constant)
		return mmn_op_fail(p, MMN_UNSUPPORTED, "indices must be constants");
	if (in->ndim - 1 + index->shape.ndim > MMN_SHAPE_MAX)
		return mmn_op_fail(p, MMN_UNSUPPORTED, "too many dimensions");
	for (size_t i = 0; i < index->count; i++)
	{
		int64_t v = ((const int64_t *)index->constant)[i];

		if (v < -in->dims[g->axis] || v >= in->dims[g->axis])
			return mmn_op_fail(p, MMN_BAD_DATA, "an index is out of range");
	}
	for (int d = 0; d < in->ndim; d++)
		if (d != g->axis)
			out.dims[out.ndim++] = in->dims[d];
		else
			for (int k = 0; k < index->shape.ndim; k++)
				out.dims[out.ndim++] = index->shape.dims[k];
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

static mmn_status
gather_run(const mmn_step *s, mmn_run *run)
{
	const gather_params *g = s->params;
	const mmn_shape *in = &s->in[0]->shape;
	const int64_t *index = mmn_run_data(run, s->in[1]);
	int64_t outer = mmn_shape_span(in, 0, g->axis);
	size_t inner = (size_t)mmn_shape_span(in, g->axis + 1, in->ndim) *
				   mmn_element_size(s->in[0]->element);
	const uint8_t *from = mmn_run_data(run, s->in[0]);
	uint8_t *to = mmn_run_data(run, s->out[0]);
	int64_t n = in->dims[g->axis];

	for (int64_t o = 0; o < outer; o++, from += (size_t)n * inner)
		for (size_t i = 0; i < s->in[1]->count; i++, to += inner)
		{
			int64_t at = index[i] < 0 ? index[i] + n : index[i];
			mmn_status status = mmn_run_spend(run, inner / 4 + 4);

			if (status != MMN_OK)
				return status;
			memcpy(to, from + (size_t)at * inner, inner);
		}
	return MMN_OK;
}

#define ALIAS (MMN_OP_ALIAS | MMN_OP_INT64 | MMN_OP_LIST_INPUT)

const mmn_op mmn_op_flatten = {"Flatten", "axis ",		1,	 1, 1,
							   ALIAS,	  flatten_plan, NULL};
const mmn_op mmn_op_reshape = {"Reshape", "allowzero ", 2,	 2, 1,
							   ALIAS,	  reshape_plan, NULL};
const mmn_op mmn_op_squeeze = {"Squeeze", "axes ",		1,	 2, 1,
							   ALIAS,	  squeeze_plan, NULL};
const mmn_op mmn_op_unsqueeze = {"Unsqueeze", "axes ",		  1,   2, 1,
								 ALIAS,		  unsqueeze_plan, NULL};
const mmn_op mmn_op_identity = {"Identity",	   "",	1, 1, 1, ALIAS,
								identity_plan, NULL};
const mmn_op mmn_op_dropout = {"Dropout", "ratio seed ", 1,	  3, 2,
							   ALIAS,	  dropout_plan,	 NULL};
const mmn_op mmn_op_constant = {
	"Constant",
	"value value_float value_floats value_int value_ints ",
	0,
	0,
	1,
	MMN_OP_INT64,
	constant_plan,
	NULL};
const mmn_op mmn_op_constant_of_shape = {
	"ConstantOfShape",		"value ", 1, 1, 1, MMN_OP_INT64,
	constant_of_shape_plan, NULL};
const mmn_op mmn_op_shape = {"Shape", "end start ", 1,			1,
							 1,		  MMN_OP_INT64, shape_plan, NULL};
const mmn_op mmn_op_cast = {"Cast", "to ",		  1,		 1,
							1,		MMN_OP_INT64, cast_plan, cast_run};
const mmn_op mmn_op_gather = {"Gather", "axis ",	  2,		   2,
							  1,		MMN_OP_INT64, gather_plan, gather_run};
