/*
 * DepthToSpace, SpaceToDepth and Tile: a strided copy each (copy.h), once the
 * dimensions are cut into blocks.
 */
#include "nn/copy.h"
#include "nn/op_list.h"

/* One dimension of the copy, which starts empty; to is set by the output. */
static void
add_dimension(mmn_copy *c, int64_t n, int64_t from)
{
	c->dims[c->ndim] = n;
	c->from[c->ndim++] = from;
}

/* The output is written in the order of the copy's dimensions. */
static void
set_order(mmn_copy *c)
{
	mmn_shape shape = {c->ndim, {0}};

	for (int d = 0; d < c->ndim; d++)
		shape.dims[d] = c->dims[d];
	mmn_copy_strides(&shape, c->to);
}

static mmn_status
space_run(const mmn_step *s, mmn_run *run)
{
	return mmn_copy_run(s->params, s->in[0]->element,
						mmn_run_data(run, s->in[0]),
						mmn_run_data(run, s->out[0]), run);
}

static mmn_status
read_block(mmn_planner *p, int64_t *block)
{
	*block = mmn_op_int(p, "blocksize", 0);
	if (p->status != MMN_OK)
		return p->status;
	if (p->step->in[0]->shape.ndim != 4)
		return mmn_op_fail(p, MMN_BAD_DATA, "the input is not N, C, H, W");
	if (*block < 1 || *block > INT16_MAX)
		return mmn_op_fail(p, MMN_BAD_DATA, "\"blocksize\" is out of range");
	return MMN_OK;
}

/* [N, C*b*b, H, W] to [N, C, H*b, W*b]; C varies slowest (CRD) or fastest. */
static mmn_status
depth_to_space_plan(mmn_planner *p, mmn_step *s)
{
	mmn_copy *c = mmn_op_params(p, sizeof *c);
	const int64_t *in = s->in[0]->shape.dims;
	mmn_slice mode = mmn_op_string(p, "mode", "DCR");
	bool crd = mmn_slice_is(mode, "CRD");
	int64_t b, depth, plane;
	mmn_shape out;
	mmn_status status;

	if (!c)
		return p->err->code;
	status = read_block(p, &b);
	if (status != MMN_OK)
		return status;
	if (in[1] % (b * b) != 0 || (!crd && !mmn_slice_is(mode, "DCR")))
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "%lld channels cannot become blocks of %lldx%lld",
						   (long long)in[1], (long long)b, (long long)b);
	depth = in[1] / (b * b);
	plane = in[2] * in[3];
	add_dimension(c, in[0], in[1] * plane);
	add_dimension(c, depth, (crd ? b * b : 1) * plane);
	add_dimension(c, in[2], in[3]);
	add_dimension(c, b, (crd ? b : b * depth) * plane);
	add_dimension(c, in[3], 1);
	add_dimension(c, b, (crd ? 1 : depth) * plane);
	set_order(c);
	out = (mmn_shape){4, {in[0], depth, in[2] * b, in[3] * b}};
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

/* [N, C, H*b, W*b] to [N, b*b*C, H, W] */
static mmn_status
space_to_depth_plan(mmn_planner *p, mmn_step *s)
{
	mmn_copy *c = mmn_op_params(p, sizeof *c);
	const int64_t *in = s->in[0]->shape.dims;
	int64_t b, plane;
	mmn_shape out;
	mmn_status status;

	if (!c)
		return p->err->code;
	status = read_block(p, &b);
	if (status != MMN_OK)
		return status;
	if (in[2] % b != 0 || in[3] % b != 0)
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "%lldx%lld cannot be cut into blocks of %lld",
						   (long long)in[3], (long long)in[2], (long long)b);
	plane = in[2] * in[3];
	out = (mmn_shape){4, {in[0], in[1], in[2] / b, in[3] / b}};
	add_dimension(c, in[0], in[1] * plane);
	add_dimension(c, b, in[3]);
	add_dimension(c, b, 1);
	add_dimension(c, in[1], plane);
	add_dimension(c, out.dims[2], b * in[3]);
	add_dimension(c, out.dims[3], b);
	set_order(c);
	out.dims[1] *= b * b;
	return mmn_op_output(p, 0, s->in[0]->element, &out);
}

static mmn_status
tile_plan(mmn_planner *p, mmn_step *s)
{
	mmn_copy *c = mmn_op_params(p, sizeof *c);
	const mmn_shape *in = &s->in[0]->shape;
	int64_t repeats[MMN_SHAPE_MAX], strides[MMN_SHAPE_MAX];
	int n = mmn_op_input_ints(p, 1, repeats, MMN_SHAPE_MAX);
	mmn_shape out = *in;

	if (!c)
		return p->err->code;
	if (p->status != MMN_OK)
		return p->status;
	if (n != in->ndim)
		return mmn_op_fail(p, MMN_BAD_DATA, "\"repeats\" does not fit");
	if (2 * n > MMN_SHAPE_MAX)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "more than %d dimensions are not supported",
						   MMN_SHAPE_MAX / 2);
	mmn_copy_strides(in, strides);
	for (int d = 0; d < n; d++)
	{
		if (repeats[d] < 1 || repeats[d] > INT32_MAX)
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "a repetition is out of range");
		add_dimension(c, repeats[d], 0);
		add_dimension(c, in->dims[d], strides[d]);
		/* out of range, it still fails below, without an overflow */
		out.dims[d] = in->dims[d] > (int64_t)MMN_TENSOR_MAX_COUNT
						  ? INT64_MAX
						  : in->dims[d] * repeats[d];
	}
	mmn_status status = mmn_op_output(p, 0, s->in[0]->element, &out);

	if (status == MMN_OK)
		set_order(c);
	return status;
}

const mmn_op mmn_op_depth_to_space = {.name = "DepthToSpace",
									  .attributes = "blocksize mode ",
									  .min_inputs = 1,
									  .max_inputs = 1,
									  .max_outputs = 1,
									  .plan = depth_to_space_plan,
									  .run = space_run};
const mmn_op mmn_op_space_to_depth = {.name = "SpaceToDepth",
									  .attributes = "blocksize ",
									  .min_inputs = 1,
									  .max_inputs = 1,
									  .max_outputs = 1,
									  .plan = space_to_depth_plan,
									  .run = space_run};
const mmn_op mmn_op_tile = {.name = "Tile",
							.attributes = "",
							.min_inputs = 2,
							.max_inputs = 2,
							.max_outputs = 1,
							.flags = MMN_OP_INT64,
							.plan = tile_plan,
							.run = space_run};
