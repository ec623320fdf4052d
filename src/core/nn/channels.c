/*
 * Networks with layers over the last dimension (ConvNeXt) turn maps to
 * channels-last and back:
 *
 *   Conv -> Transpose -> LayerNormalization -> MatMul -> .. -> Transpose -> Add
 *
 * Where all that reads the turned map, up to the Transposes back, can be done
 * to channels-first maps as well, the stretch becomes channels-first and the
 * Transposes go: a product with constant weights is a 1x1 convolution, the
 * normalisation is over the channels of each pixel, and what computes each
 * element by itself does not mind.
 *
 * Two walks.  The first gives all tensors of a stretch its number, joins
 * stretches that meet in one step, and rules out those that something else
 * reads; the second rewrites.
 */
#include "nn/fuse.h"
#include "nn/op_blocked.h"
#include "nn/op_list.h"

static const int to_last[] = {0, 2, 3, 1}, to_first[] = {0, 3, 1, 2};

typedef struct turner
{
	mmn_build *build;
	mmn_error *err;
	int *joined;	/* by number: one that it is the same as, itself at last */
	bool *excluded; /* by number, of those that are joined to themselves */
	bool *folds;	/* by step: fuse.c will fold it into a convolution */
	int n;			/* numbers given, from 1 */
} turner;

static int
number_of(turner *t, int group)
{
	while (group != t->joined[group])
		group = t->joined[group] = t->joined[t->joined[group]];
	return group;
}

static void
exclude(turner *t, int group)
{
	if (group)
		t->excluded[number_of(t, group)] = true;
}

/* The number of both from now on; either may be 0. */
static int
join(turner *t, int a, int b)
{
	if (!a || !b)
		return a + b;
	a = number_of(t, a);
	b = number_of(t, b);
	t->joined[b] = a;
	t->excluded[a] = t->excluded[a] || t->excluded[b];
	return a;
}

/* A stretch that is read by another name, of another shape, is none. */
static void
exclude_bases(turner *t, const mmn_tensor *x)
{
	for (x = x ? x->base : NULL; x; x = x->base)
		exclude(t, x->group);
}

/*
 * The description of MatMul [1, H, W, C] x [C, M], if there is a kernel.  As
 * the others, it looks at the output's shape: inputs are turned first.
 */
static bool
look_product(const turner *t, const mmn_step *s, mmn_conv *conv)
{
	const mmn_shape *y = &s->out[0]->shape, *w;

	if (s->op != &mmn_op_matmul || !s->in[0]->group || !s->in[1]->constant)
		return false;
	w = &s->in[1]->shape;
	if (w->ndim != 2 || y->ndim != 4)
		return false;
	*conv = (mmn_conv){.c = w->dims[0],
					   .m = w->dims[1],
					   .groups = 1,
					   .isa = t->build->isa};
	for (int d = 0; d < 2; d++)
	{
		conv->w.in[d] = conv->w.out[d] = y->dims[1 + d];
		conv->w.kernel[d] = conv->w.stride[d] = conv->w.dilation[d] = 1;
	}
	return mmn_conv_choose(conv);
}

/* Whether gain and bias of a LayerNormalization are constants. */
static bool
is_norm(const mmn_step *s, float *epsilon)
{
	return mmn_look_layer_norm(s, epsilon) && s->n_in == 3 &&
		   s->in[1]->constant && s->in[2] && s->in[2]->constant;
}

/*
 * Whether step i scales or shifts each channel by a constant, and stands
 * behind a product that it will become part of.
 */
static bool
is_folded(const turner *t, int i)
{
	const mmn_step *s = &t->build->steps[i], *before;
	const mmn_tensor *x, *c;
	int64_t channels = s->out[0]->shape.dims[3];

	if (s->op != &mmn_op_add && s->op != &mmn_op_mul)
		return false;
	x = s->in[s->in[0]->group == 0];
	c = s->in[s->in[0] == x];
	before = mmn_build_writer(t->build, x);
	return c->constant && c->count == (size_t)channels && c->shape.ndim > 0 &&
		   c->shape.ndim <= 4 && x->shape.dims[3] == channels &&
		   c->shape.dims[c->shape.ndim - 1] == channels && x->uses == 1 &&
		   before &&
		   (before->op == &mmn_op_matmul ||
			t->folds[before - t->build->steps]);
}

/* Whether a step that reads a stretch can be part of it. */
static bool
can_turn(turner *t, int i)
{
	const mmn_step *s = &t->build->steps[i];
	mmn_conv conv;
	float epsilon;

	if (mmn_look_elementwise(s, true) || is_norm(s, &epsilon) ||
		look_product(t, s, &conv))
		return true;
	if (s->op == &mmn_op_add && s->in[0]->group && s->in[1]->group)
		return mmn_shape_equal(&s->in[0]->shape, &s->in[1]->shape);
	return t->folds[i] = is_folded(t, i);
}

/* Whether step i begins a stretch. */
static bool
begins(const mmn_step *s)
{
	return mmn_look_transpose(s, to_last) && !s->in[0]->constant &&
		   s->in[0]->element == MMN_FLOAT && s->in[0]->shape.dims[0] == 1;
}

static void
number_step(turner *t, int i)
{
	mmn_step *s = &t->build->steps[i];
	int group = 0;

	for (int k = 0; k < s->n_in; k++)
	{
		exclude_bases(t, s->in[k]);
		if (s->in[k])
			group = join(t, group, s->in[k]->group);
	}
	if (group && mmn_look_transpose(s, to_first))
		return;
	if (group && can_turn(t, i))
		s->out[0]->group = group;
	else
		exclude(t, group);
	if (begins(s))
	{
		t->n++;
		t->joined[t->n] = t->n;
		s->out[0]->group = t->n;
	}
}

/* [1, H, W, C] as [1, C, H, W] */
static void
turn_shape(mmn_tensor *x)
{
	mmn_shape *s = &x->shape;

	*s = (mmn_shape){4, {1, s->dims[3], s->dims[1], s->dims[2]}};
}

static mmn_status
turn_norm(turner *t, mmn_step *s, float epsilon)
{
	mmn_pool *pool = &t->build->pool;
	mmn_blocked_norm *params = mmn_pool_alloc(pool, 1, sizeof *params, t->err);
	mmn_conv_source *source = mmn_pool_alloc(pool, 1, sizeof *source, t->err);
	const mmn_shape *x = &s->out[0]->shape;
	int64_t channels = x->dims[1];

	if (!params || !source)
		return t->err->code;
	params->map = (mmn_map){channels, x->dims[2] * x->dims[3], false};
	params->epsilon = epsilon;
	source->scale = s->in[1]->constant;
	source->shift = s->in[2]->constant;
	s->op = &mmn_op_blocked_norm;
	s->params = params;
	s->params_size = sizeof *params;
	s->source = source;
	s->packed_size = (size_t)((channels + MMN_BLOCK - 1) / MMN_BLOCK * 2 *
							  MMN_BLOCK) *
					 sizeof(float);
	s->n_in = 1;
	return MMN_OK;
}

/* Its constant as [C, 1, 1] */
static mmn_status
turn_constant(turner *t, mmn_step *s)
{
	int k = s->in[0]->constant ? 0 : 1;
	mmn_tensor *c = mmn_pool_alloc(&t->build->pool, 1, sizeof *c, t->err);

	if (!c)
		return t->err->code;
	*c = *s->in[k];
	c->shape = (mmn_shape){3, {(int64_t)c->count, 1, 1}};
	s->in[k] = c;
	return MMN_OK;
}

static bool
is_turned(turner *t, const mmn_tensor *x)
{
	return x && x->group && !t->excluded[number_of(t, x->group)];
}

static mmn_status
turn_step(turner *t, int i)
{
	mmn_step *s = &t->build->steps[i];
	mmn_conv conv;
	float epsilon;
	bool norm, product;

	if (!is_turned(t, s->out[0]))
	{
		/* the Transpose back is all that can be behind a stretch */
		if (s->n_in == 1 && is_turned(t, s->in[0]))
		{
			s->out[0]->base = s->in[0];
			mmn_step_drop(s);
		}
		return MMN_OK;
	}
	norm = is_norm(s, &epsilon);
	product = !norm && look_product(t, s, &conv);
	turn_shape(s->out[0]);
	if (norm)
		return turn_norm(t, s, epsilon);
	if (product)
		return mmn_make_conv(&t->build->pool, s, &conv, true, t->err);
	if (t->folds[i])
		return turn_constant(t, s);
	if (s->op == &mmn_op_transpose)
	{
		s->out[0]->base = s->in[0];
		mmn_step_drop(s);
	}
	return MMN_OK;
}

mmn_status
mmn_build_channels(mmn_build *build, mmn_error *err)
{
	turner t = {.build = build, .err = err};
	size_t room = (size_t)build->n_steps + 1;

	t.joined = mmn_pool_alloc(&build->pool, room, sizeof *t.joined, err);
	t.excluded = mmn_pool_alloc(&build->pool, room, sizeof *t.excluded, err);
	t.folds = mmn_pool_alloc(&build->pool, room, sizeof *t.folds, err);
	if (!t.joined || !t.excluded || !t.folds)
		return err->code;
	mmn_build_count(build);
	for (int i = 0; i < build->n_steps; i++)
	{
		mmn_status status = mmn_poll(&build->pool.env, err);

		if (status != MMN_OK)
			return status;
		number_step(&t, i);
	}
	exclude(&t, build->output->group);
	exclude_bases(&t, build->output);
	for (int i = 0; i < build->n_steps; i++)
	{
		mmn_status status = turn_step(&t, i);

		if (status != MMN_OK)
			return status;
	}
	mmn_build_skip_aliases(build);
	return MMN_OK;
}
