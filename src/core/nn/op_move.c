/*
 * Operators that only move elements: each plans one or more strided copies
 * (copy.h), with where they start in the input and in the output.
 */
#include <string.h>

#include "nn/copy.h"
#include "nn/fuse.h"
#include "nn/op_list.h"

/* One copy for Transpose, Slice, Expand and Pad. */
typedef struct move_params
{
	mmn_copy copy;
	int64_t from_start;
	int64_t to_start;
	bool fill; /* Pad: all of the output is set to value first */
	float value;
} move_params;

static mmn_status
move_run(const mmn_step *s, mmn_run *run)
{
	const move_params *m = s->params;
	mmn_element element = s->in[0]->element;
	size_t size = mmn_element_size(element);
	const uint8_t *from = mmn_run_data(run, s->in[0]);
	uint8_t *to = mmn_run_data(run, s->out[0]);

	if (m->fill)
		for (size_t i = 0; i < s->out[0]->count; i++)
		{
			mmn_status status = mmn_run_spend(run, 1);

			if (status != MMN_OK)
				return status;
			((float *)(void *)to)[i] = m->value;
		}
	return mmn_copy_run(&m->copy, element, from + m->from_start * (int64_t)size,
						to + m->to_start * (int64_t)size, run);
}

static mmn_status
transpose_plan(mmn_planner *p, mmn_step *s)
{
	move_params *m = mmn_op_params(p, sizeof *m);
	const mmn_shape *in = &s->in[0]->shape;
	int64_t perm[MMN_SHAPE_MAX], strides[MMN_SHAPE_MAX];
	bool seen[MMN_SHAPE_MAX] = {false};
	int n = mmn_op_ints(p, "perm", perm, MMN_SHAPE_MAX);
	mmn_shape out = {in->ndim, {0}};

	if (!m)
		return p->err->code;
	if (n == -1)
		for (n = 0; n < in->ndim; n++)
			perm[n] = in->ndim - 1 - n;
	mmn_copy_strides(in, strides);
	for (int d = 0; d < n; d++)
	{
		if (n != in->ndim || perm[d] < 0 || perm[d] >= n || seen[perm[d]])
			return mmn_op_fail(p, MMN_BAD_DATA,
							   "\"perm\" is not a permutation");
		seen[perm[d]] = true;
		out.dims[d] = m->copy.dims[d] = in->dims[perm[d]];
		m->copy.from[d] = strides[perm[d]];
	}
	if (n != in->ndim)
		return mmn_op_fail(p, MMN_BAD_DATA, "\"perm\" is not a permutation");
	m->copy.ndim = n;
	mmn_copy_strides(&out, m->copy.to);
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

bool
mmn_look_transpose(const mmn_step *s, const int *order)
{
	const move_params *m = s->params;
	int64_t strides[MMN_SHAPE_MAX];

	if (s->op != &mmn_op_transpose || s->in[0]->shape.ndim != 4)
		return false;
	mmn_copy_strides(&s->in[0]->shape, strides);
	for (int d = 0; d < 4; d++)
		if (m->copy.dims[d] != s->in[0]->shape.dims[order[d]] ||
			m->copy.from[d] != strides[order[d]])
			return false;
	return true;
}

static mmn_status
expand_plan(mmn_planner *p, mmn_step *s)
{
	move_params *m = mmn_op_params(p, sizeof *m);
	const mmn_shape *in = &s->in[0]->shape;
	int64_t want[MMN_SHAPE_MAX], strides[MMN_SHAPE_MAX];
	int n = mmn_op_input_ints(p, 1, want, MMN_SHAPE_MAX);
	mmn_shape out;

	if (!m)
		return p->err->code;
	if (p->status != MMN_OK)
		return p->status;
	out.ndim = m->copy.ndim = n > in->ndim ? n : in->ndim;
	mmn_copy_strides(in, strides);
	for (int d = 0; d < out.ndim; d++)
	{
		int i = d - out.ndim + in->ndim, w = d - out.ndim + n;
		int64_t have = i >= 0 ? in->dims[i] : 1;
		int64_t target = w >= 0 ? want[w] : 1;

		if (have != target && have != 1 && target != 1)
			return mmn_op_fail(p, MMN_BAD_DATA, "shapes do not fit");
		out.dims[d] = m->copy.dims[d] = have == 1 ? target : have;
		m->copy.from[d] = have == 1 ? 0 : strides[i];
	}
	mmn_status status = mmn_op_output(p, 0, s->in[0]->element, &out);

	if (status == MMN_OK)
		mmn_copy_strides(&out, m->copy.to);
	return status;
}

static int64_t
clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/*
 * One axis of a Slice, with ends that may count from the last element or lie
 * far outside (INT64_MAX: to the end): clamps *start and returns the number
 * of elements taken.
 */
static int64_t
slice_axis(int64_t size, int64_t step, int64_t *start, int64_t end)
{
	int64_t from = *start < 0 ? *start + size : *start;
	int64_t to = end < 0 ? end + size : end;

	if (step > 0)
	{
		*start = from = clamp(from, 0, size);
		to = clamp(to, 0, size);
		return to > from ? (to - from - 1) / step + 1 : 0;
	}
	*start = from = clamp(from, 0, size - 1);
	to = clamp(to, -1, size - 1);
	return from > to ? (from - to - 1) / -step + 1 : 0;
}

static mmn_status
slice_plan(mmn_planner *p, mmn_step *s)
{
	move_params *m = mmn_op_params(p, sizeof *m);
	const mmn_shape *in = &s->in[0]->shape;
	int64_t starts[MMN_SHAPE_MAX], ends[MMN_SHAPE_MAX];
	int64_t axes[MMN_SHAPE_MAX], steps[MMN_SHAPE_MAX];
	int64_t strides[MMN_SHAPE_MAX];
	bool old = p->opset < 10;
	int n = old ? mmn_op_ints(p, "starts", starts, MMN_SHAPE_MAX)
				: mmn_op_input_ints(p, 1, starts, MMN_SHAPE_MAX);
	int n_ends = old ? mmn_op_ints(p, "ends", ends, MMN_SHAPE_MAX)
					 : mmn_op_input_ints(p, 2, ends, MMN_SHAPE_MAX);
	int n_axes = old ? mmn_op_ints(p, "axes", axes, MMN_SHAPE_MAX)
					 : mmn_op_input_ints(p, 3, axes, MMN_SHAPE_MAX);
	int n_steps = old ? -1 : mmn_op_input_ints(p, 4, steps, MMN_SHAPE_MAX);
	mmn_shape out = *in;

	if (!m)
		return p->err->code;
	if (p->status != MMN_OK)
		return p->status;
	if (n < 0 || n_ends != n || (n_axes != -1 && n_axes != n) ||
		(n_steps != -1 && n_steps != n) || n > in->ndim)
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "starts, ends, axes and steps do not fit");
	mmn_copy_strides(in, strides);
	m->copy.ndim = in->ndim;
	memcpy(m->copy.from, strides, sizeof strides);
	for (int i = 0; i < n; i++)
	{
		int d = n_axes == -1 ? i : mmn_op_axis(p, axes[i], in->ndim);
		int64_t step = n_steps == -1 ? 1 : steps[i];

		if (p->status != MMN_OK)
			return p->status;
		if (step == 0 || step > INT32_MAX || step < -INT32_MAX)
			return mmn_op_fail(p, MMN_BAD_DATA, "a step is out of range");
		out.dims[d] = slice_axis(in->dims[d], step, &starts[i], ends[i]);
		m->from_start += starts[i] * strides[d];
		m->copy.from[d] = step * strides[d];
	}
	memcpy(m->copy.dims, out.dims, sizeof out.dims);
	mmn_status status = mmn_op_output(p, 0, s->in[0]->element, &out);

	if (status == MMN_OK)
		mmn_copy_strides(&out, m->copy.to);
	return status;
}

static mmn_status
pad_plan(mmn_planner *p, mmn_step *s)
{
	move_params *m = mmn_op_params(p, sizeof *m);
	const mmn_shape *in = &s->in[0]->shape;
	int64_t pads[2 * MMN_SHAPE_MAX], strides[MMN_SHAPE_MAX];
	int n = p->opset < 11 ? mmn_op_ints(p, "pads", pads, 2 * MMN_SHAPE_MAX)
						  : mmn_op_input_ints(p, 1, pads, 2 * MMN_SHAPE_MAX);
	mmn_slice mode = mmn_op_string(p, "mode", "constant");
	mmn_shape out = *in;

	if (!m)
		return p->err->code;
	if (p->status != MMN_OK)
		return p->status;
	if (!mmn_slice_is(mode, "constant"))
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "only padding with a constant is supported");
	if (n != 2 * in->ndim)
		return mmn_op_fail(p, MMN_BAD_DATA, "\"pads\" does not fit");
	m->value = p->opset < 11 ? mmn_op_float(p, "value", 0.0f)
							 : mmn_op_input_float(p, 2, 0.0f);
	m->fill = true;
	m->copy.ndim = in->ndim;
	memcpy(m->copy.dims, in->dims, sizeof in->dims);
	mmn_copy_strides(in, m->copy.from);
	for (int d = 0; d < in->ndim; d++)
	{
		if (pads[d] < 0 || pads[d + in->ndim] < 0 || pads[d] > INT32_MAX ||
			pads[d + in->ndim] > INT32_MAX)
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "negative padding is not supported");
		out.dims[d] += pads[d] + pads[d + in->ndim];
	}
	mmn_status status = mmn_op_output(p, 0, MMN_FLOAT, &out);

	if (status != MMN_OK)
		return status;
	mmn_copy_strides(&out, strides);
	memcpy(m->copy.to, strides, sizeof strides);
	for (int d = 0; d < in->ndim; d++)
		m->to_start += pads[d] * strides[d];
	return MMN_OK;
}

bool
mmn_look_pad(const mmn_step *s, int64_t *before, int64_t *after)
{
	const move_params *m = s->params;
	const mmn_shape *in = &s->in[0]->shape, *out = &s->out[0]->shape;

	if (s->op != &mmn_op_pad || m->value != 0.0f || in->ndim != 4 ||
		in->dims[0] != out->dims[0] || in->dims[1] != out->dims[1])
		return false;
	before[0] = m->to_start / m->copy.to[2];
	before[1] = m->to_start % m->copy.to[2];
	for (int d = 0; d < 2; d++)
		after[d] = out->dims[2 + d] - in->dims[2 + d] - before[d];
	return true;
}

/* Concat and Split: pieces along one axis. */
typedef struct pieces_params
{
	int axis;
} pieces_params;

static mmn_status
concat_plan(mmn_planner *p, mmn_step *s)
{
	pieces_params *c = mmn_op_params(p, sizeof *c);
	mmn_shape out = s->in[0]->shape;

	if (!c)
		return p->err->code;
	if (!mmn_op_attribute(p, "axis"))
		return mmn_op_fail(p, MMN_BAD_DATA, "\"axis\" is missing");
	c->axis = mmn_op_axis(p, mmn_op_int(p, "axis", 0), out.ndim);
	if (p->status != MMN_OK)
		return p->status;
	for (int i = 1; i < s->n_in; i++)
	{
		mmn_shape other;

		if (!s->in[i])
			return mmn_op_fail(p, MMN_BAD_DATA, "input %d is missing", i + 1);
		other = s->in[i]->shape;
		if (other.ndim != out.ndim || s->in[i]->element != s->in[0]->element)
			return mmn_op_fail(p, MMN_BAD_DATA, "arguments do not fit");
		out.dims[c->axis] += other.dims[c->axis];
		other.dims[c->axis] = out.dims[c->axis];
		if (!mmn_shape_equal(&out, &other))
			return mmn_op_fail(p, MMN_BAD_DATA, "shapes do not fit");
	}
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

/* Copies a piece of rows: part [outer, n] of whole [outer, total] at "at". */
static mmn_status
copy_piece(mmn_element element, int64_t outer, int64_t n, const void *from,
		   int64_t from_row, void *to, int64_t to_row, mmn_run *run)
{
	mmn_copy c = {2, {outer, n}, {from_row, 1}, {to_row, 1}};

	return mmn_copy_run(&c, element, from, to, run);
}

static mmn_status
concat_run(const mmn_step *s, mmn_run *run)
{
	const pieces_params *c = s->params;
	const mmn_shape *out = &s->out[0]->shape;
	mmn_element element = s->out[0]->element;
	int64_t outer = mmn_shape_span(out, 0, c->axis);
	int64_t row = mmn_shape_span(out, c->axis, out->ndim);
	uint8_t *to = mmn_run_data(run, s->out[0]);

	for (int i = 0; i < s->n_in; i++)
	{
		int64_t n = mmn_shape_span(&s->in[i]->shape, c->axis, out->ndim);
		mmn_status status = copy_piece(
			element, outer, n, mmn_run_data(run, s->in[i]), n, to, row, run);

		if (status != MMN_OK)
			return status;
		to += n * (int64_t)mmn_element_size(element);
	}
	return MMN_OK;
}

static mmn_status
split_plan(mmn_planner *p, mmn_step *s)
{
	pieces_params *c = mmn_op_params(p, sizeof *c);
	const mmn_shape *in = &s->in[0]->shape;
	int64_t sizes[MMN_ONNX_MAX_ARGUMENTS], total = 0;
	int n = p->opset < 13
				? mmn_op_ints(p, "split", sizes, MMN_ONNX_MAX_ARGUMENTS)
				: mmn_op_input_ints(p, 1, sizes, MMN_ONNX_MAX_ARGUMENTS);

	if (!c)
		return p->err->code;
	c->axis = mmn_op_axis(p, mmn_op_int(p, "axis", 0), in->ndim);
	if (p->status != MMN_OK)
		return p->status;
	if (n == -1 && in->dims[c->axis] % s->n_out == 0)
		for (n = 0; n < s->n_out; n++)
			sizes[n] = in->dims[c->axis] / s->n_out;
	if (n != s->n_out)
		return mmn_op_fail(p, MMN_BAD_DATA, "the parts do not fit");
	for (int k = 0; k < n; k++)
	{
		mmn_shape out = *in;
		mmn_status status;

		if (sizes[k] < 0 || sizes[k] > in->dims[c->axis] - total)
			return mmn_op_fail(p, MMN_BAD_DATA, "the parts do not fit");
		total += sizes[k];
		out.dims[c->axis] = sizes[k];
		status = mmn_op_output(p, k, s->in[0]->element, &out);
		if (status != MMN_OK)
			return status;
	}
	if (total != in->dims[c->axis])
		return mmn_op_fail(p, MMN_BAD_DATA, "the parts do not fit");
	return MMN_OK;
}

static mmn_status
split_run(const mmn_step *s, mmn_run *run)
{
	const pieces_params *c = s->params;
	const mmn_shape *in = &s->in[0]->shape;
	mmn_element element = s->in[0]->element;
	int64_t outer = mmn_shape_span(in, 0, c->axis);
	int64_t row = mmn_shape_span(in, c->axis, in->ndim);
	const uint8_t *from = mmn_run_data(run, s->in[0]);

	for (int k = 0; k < s->n_out; k++)
	{
		int64_t n = mmn_shape_span(&s->out[k]->shape, c->axis, in->ndim);
		mmn_status status = copy_piece(element, outer, n, from, row,
									   mmn_run_data(run, s->out[k]), n, run);

		if (status != MMN_OK)
			return status;
		from += n * (int64_t)mmn_element_size(element);
	}
	return MMN_OK;
}

const mmn_op mmn_op_transpose = {"Transpose",  "perm ",		   1,		1, 1,
								 MMN_OP_INT64, transpose_plan, move_run};
const mmn_op mmn_op_expand = {
	"Expand",	 "",	  2, 2, 1, MMN_OP_INT64 | MMN_OP_LIST_INPUT,
	expand_plan, move_run};
const mmn_op mmn_op_slice = {"Slice",	   "axes ends starts ", 1,		 5, 1,
							 MMN_OP_INT64, slice_plan,			move_run};
const mmn_op mmn_op_pad = {"Pad", "mode pads value ", 1,	   3, 1,
						   0,	  pad_plan,			  move_run};
const mmn_op mmn_op_concat = {"Concat", "axis ",	  1,		   MMN_OP_ANY,
							  1,		MMN_OP_INT64, concat_plan, concat_run};
const mmn_op mmn_op_split = {"Split",	 "axis split ", 1,			2,
							 MMN_OP_ANY, MMN_OP_INT64,	split_plan, split_run};
