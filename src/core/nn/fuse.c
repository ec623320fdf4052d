/*
 * Making one step of several, so that a feature map is written once and not
 * read and written again by each of them:
 *
 *   Pad -> Conv, AveragePool   the padding becomes the window's own
 *   Conv -> BatchNormalization scale and shift go into weights and bias; so
 *                              do Mul and Add of a constant per channel
 *   Conv -> Add                the other operand is added as the result is
 *                              written: a residual network's short cut
 *   .. -> Relu, Clip, ..       the activation is applied as it is written;
 *                              x * Sigmoid(x) and x * HardSigmoid(x) are one
 *
 * Only convolutions that conv.h has a kernel for take part (and average
 * pools), and only values that nobody else reads disappear.  A step that takes
 * in later ones moves to the place of the last of them, where all that it
 * reads has been computed.
 */
#include "nn/fuse.h"

#include <math.h>

#include "nn/op_list.h"

/* Whether hi and lo are those of x * HardSigmoid(x) = HardSwish(x). */
static bool
is_hard_swish(mmn_act act, float lo, float hi)
{
	return act == MMN_ACT_HARD_SIGMOID && lo > 0.166666f && lo < 0.166667f &&
		   hi == 0.5f;
}

/* x * Sigmoid(x), x * HardSigmoid(x): the product's step, else NULL. */
static mmn_step *
swish_of(mmn_build *build, mmn_tensor *t, mmn_act *act)
{
	mmn_step *mul = mmn_build_reader(build, t), *gate;
	mmn_tensor *other;
	float lo, hi;

	if (t->uses != 2 || !mul || mul->op != &mmn_op_mul ||
		(mul->in[0] != t && mul->in[1] != t))
		return NULL;
	other = mul->in[mul->in[0] == t];
	gate = mmn_build_writer(build, other);
	if (!gate || other->uses != 1 || gate->in[0] != t ||
		!mmn_look_act(gate, act, &lo, &hi))
		return NULL;
	if (*act == MMN_ACT_SIGMOID)
		*act = MMN_ACT_SILU;
	else if (is_hard_swish(*act, lo, hi))
		*act = MMN_ACT_HARD_SWISH;
	else
		return NULL;
	mmn_step_drop(gate);
	return mul;
}

mmn_tensor *
mmn_fuse_act(mmn_build *build, mmn_tensor *t, mmn_act *act, float *lo,
			 float *hi)
{
	mmn_step *last = mmn_build_reader(build, t);

	*lo = *hi = 0.0f;
	if (t->uses == 1 && last && last->op && last->in[0] == t &&
		mmn_look_act(last, act, lo, hi))
	{
		mmn_step_drop(last);
		return last->out[0];
	}
	last = swish_of(build, t, act);
	if (last)
	{
		mmn_step_drop(last);
		return last->out[0];
	}
	*act = MMN_ACT_NONE;
	return t;
}

mmn_tensor *
mmn_fuse_clip(mmn_build *build, mmn_tensor *t, float *lo, float *hi)
{
	mmn_step *last = mmn_build_reader(build, t);
	mmn_act act;

	if (t->uses == 1 && last && last->op && last->in[0] == t &&
		mmn_look_act(last, &act, lo, hi) && act == MMN_ACT_CLIP)
	{
		mmn_step_drop(last);
		return last->out[0];
	}
	*lo = -INFINITY;
	*hi = INFINITY;
	return t;
}

/*
 * Scale and shift of the result are scaled and shifted once more; by NULL:
 * are not.
 */
static mmn_status
add_norm(mmn_build *build, mmn_conv_source *source, const float *by,
		 const float *plus, int64_t m, mmn_error *err)
{
	float *v = mmn_pool_alloc(&build->pool, 2 * (size_t)m, sizeof *v, err);

	if (!v)
		return err->code;
	for (int64_t i = 0; i < m; i++)
	{
		float scale = source->scale ? source->scale[i] : 1.0f;
		float shift = source->shift ? source->shift[i] : 0.0f;

		v[i] = by ? scale * by[i] : scale;
		v[m + i] = (by ? shift * by[i] : shift) + (plus ? plus[i] : 0.0f);
	}
	source->scale = v;
	source->shift = v + m;
	return MMN_OK;
}

/* Whether there is a kernel; the network's input is best left as it is. */
static bool
choose(mmn_conv *conv, const mmn_tensor *x)
{
	conv->plain_input = x->first < 0;
	if (conv->plain_input && mmn_conv_choose(conv))
		return true;
	conv->plain_input = false;
	return mmn_conv_choose(conv);
}

mmn_status
mmn_make_conv(mmn_pool *pool, mmn_step *s, const mmn_conv *conv,
			  bool transposed, mmn_error *err)
{
	mmn_conv *params = mmn_pool_alloc(pool, 1, sizeof *params, err);
	mmn_conv_source *source = mmn_pool_alloc(pool, 1, sizeof *source, err);

	if (!params || !source)
		return err->code;
	*params = *conv;
	source->weights = s->in[1]->constant;
	source->transposed = transposed;
	source->bias = mmn_op_has_input(s, 2) ? s->in[2]->constant : NULL;
	s->op = &mmn_op_blocked_conv;
	s->params = params;
	s->params_size = sizeof *params;
	s->source = source;
	s->scratch = 0;
	s->n_in = 1;
	return MMN_OK;
}

/* Becomes a step that knows nothing but conv.h's description. */
static mmn_status
take_conv(mmn_build *build, mmn_step *s, mmn_error *err)
{
	mmn_conv conv;

	if (!mmn_look_conv(s, &conv) || s->in[0]->shape.dims[0] != 1)
		return MMN_OK;
	conv.isa = build->isa;
	if (!choose(&conv, s->in[0]))
		return MMN_OK;
	return mmn_make_conv(&build->pool, s, &conv, false, err);
}

/* Padding that a step of its own did. */
static void
take_pad(mmn_build *build, mmn_step *s, mmn_conv *conv)
{
	mmn_step *pad = mmn_build_writer(build, s->in[0]);
	mmn_conv with = *conv;
	int64_t before[2], after[2];

	if (!pad || s->in[0]->uses != 1 || !mmn_look_pad(pad, before, after))
		return;
	for (int d = 0; d < 2; d++)
	{
		with.w.in[d] -= before[d] + after[d];
		with.w.pad[d] += before[d];
		with.w.pad_end[d] += after[d];
	}
	if (!choose(&with, pad->in[0]))
		return;
	*conv = with;
	s->in[0] = pad->in[0];
	mmn_step_drop(pad);
}

/* The same before an average over all places, be they padding or not. */
static void
take_pool_pad(mmn_build *build, mmn_step *s)
{
	mmn_pool2d *pool = s->params;
	mmn_step *pad = mmn_build_writer(build, s->in[0]);
	mmn_window with = pool->w;
	int64_t before[2], after[2];

	if (!pad || s->in[0]->uses != 1 || !mmn_look_pad(pad, before, after))
		return;
	for (int d = 0; d < 2; d++)
	{
		if (!pool->count_pad && (with.pad[d] || with.pad_end[d]))
			return; /* some counts, some does not */
		with.in[d] -= before[d] + after[d];
		with.pad[d] += before[d];
		with.pad_end[d] += after[d];
		/* as pools take it: a window is never of nothing but padding */
		if (before[d] < 0 || after[d] < 0 || with.pad[d] >= with.kernel[d] ||
			with.pad_end[d] >= with.kernel[d])
			return;
	}
	pool->w = with;
	pool->count_pad = true;
	s->in[0] = pad->in[0];
	mmn_step_drop(pad);
}

/* The addition that alone reads t, and what it adds; else NULL. */
static mmn_step *
find_add(mmn_build *build, const mmn_tensor *t, mmn_tensor **other)
{
	mmn_step *add = mmn_build_reader(build, t);

	if (t->uses != 1 || !add || add->op != &mmn_op_add)
		return NULL;
	*other = add->in[add->in[0] == t];
	if ((add->in[0] != t && add->in[1] != t) || (*other)->constant ||
		!mmn_shape_equal(&(*other)->shape, &t->shape))
		return NULL;
	return add;
}

static mmn_status
take_add(mmn_build *build, mmn_step *s, mmn_tensor *other, mmn_error *err)
{
	mmn_conv *conv = s->params, with = *conv;
	mmn_tensor **in = mmn_pool_alloc(&build->pool, 2, sizeof *in, err);

	if (!in)
		return err->code;
	with.residual = true;
	if (!mmn_conv_choose(&with))
		return MMN_OK;
	*conv = with;
	in[0] = s->in[0];
	in[1] = other;
	s->in = in;
	s->n_in = 2;
	return MMN_OK;
}

/* A constant [.., C, 1, 1] for a map of C channels; else NULL. */
static const float *
channel_constants(const mmn_tensor *c, const mmn_tensor *map)
{
	int n = c->shape.ndim;

	return c->constant && n >= 3 && n <= 4 &&
				   c->shape.dims[n - 3] == map->shape.dims[1] &&
				   c->count == (size_t)map->shape.dims[1]
			   ? c->constant
			   : NULL;
}

/*
 * The step that alone reads t and scales and shifts its channels, and by what,
 * NULL for no scale or no shift; else NULL.
 */
static mmn_step *
find_norm(mmn_build *build, const mmn_tensor *t, const float **by,
		  const float **plus)
{
	mmn_step *next = mmn_build_reader(build, t);
	const float *c;

	if (t->uses != 1 || !next)
		return NULL;
	*by = *plus = NULL;
	if (next->op == &mmn_op_batch_normalization && next->in[0] == t)
	{
		*by = mmn_look_norm(next);
		*plus = *by + t->shape.dims[1];
		return next;
	}
	if ((next->op != &mmn_op_mul && next->op != &mmn_op_add) ||
		(next->in[0] != t && next->in[1] != t))
		return NULL;
	c = channel_constants(next->in[next->in[0] == t], t);
	*(next->op == &mmn_op_mul ? by : plus) = c;
	return c ? next : NULL;
}

static mmn_status
take_followers(mmn_build *build, int i, mmn_error *err)
{
	mmn_step *s = &build->steps[i], *next;
	mmn_conv *conv = s->params;
	mmn_conv_source *source = (mmn_conv_source *)(uintptr_t)s->source;
	mmn_tensor *t = s->out[0], *other, *acted;
	const float *by, *plus;
	int at = i;

	while ((next = find_norm(build, t, &by, &plus)) != NULL)
	{
		if (add_norm(build, source, by, plus, conv->m, err) != MMN_OK)
			return err->code;
		at = t->last;
		t = next->out[0];
		mmn_step_drop(next);
	}
	next = find_add(build, t, &other);
	if (next && take_add(build, s, other, err) != MMN_OK)
		return err->code;
	if (next && conv->residual)
	{
		at = t->last;
		t = next->out[0];
		mmn_step_drop(next);
	}
	acted = mmn_fuse_act(build, t, &conv->act, &conv->lo, &conv->hi);
	if (acted != t)
		at = t->last;
	s->out[0] = acted;
	acted->first = at;
	if (at != i)
	{
		build->steps[at] = *s;
		mmn_step_drop(s);
	}
	return MMN_OK;
}

/*
 * What has another name and no other shape (Identity, Dropout) is the same;
 * what has another shape has the memory of what is computed, not of another
 * name of that.
 */
static void
skip_aliases(mmn_tensor **t)
{
	while (*t && (*t)->base &&
		   mmn_shape_equal(&(*t)->shape, &(*t)->base->shape))
		*t = (*t)->base;
	while (*t && (*t)->base && (*t)->base->base)
		(*t)->base = (*t)->base->base;
}

void
mmn_build_skip_aliases(mmn_build *build)
{
	for (int i = 0; i < build->n_steps; i++)
	{
		mmn_step *s = &build->steps[i];

		for (int k = 0; k < s->n_in; k++)
			skip_aliases(&s->in[k]);
		/* exporters write a Pad by nothing before every average pool */
		if (s->op != &mmn_op_pad ||
			!mmn_shape_equal(&s->in[0]->shape, &s->out[0]->shape))
			continue;
		s->out[0]->base = s->in[0];
		mmn_step_drop(s);
	}
	skip_aliases(&build->output);
	mmn_build_compact(build);
}

/* Whether a convolution may still take in what follows it. */
static bool
is_open(const mmn_step *s)
{
	const mmn_conv *conv = s->params;

	return s->op == &mmn_op_blocked_conv && !conv->residual &&
		   conv->act == MMN_ACT_NONE;
}

mmn_status
mmn_build_fuse(mmn_build *build, mmn_error *err)
{
	mmn_build_count(build);
	for (int i = 0; i < build->n_steps; i++)
	{
		mmn_step *s = &build->steps[i];
		mmn_status status = mmn_poll(&build->pool.env, err);

		if (status == MMN_OK && s->op == &mmn_op_average_pool)
			take_pool_pad(build, s);
		if (status == MMN_OK && s->op == &mmn_op_conv)
			status = take_conv(build, s, err);
		if (status == MMN_OK && is_open(s))
		{
			take_pad(build, s, s->params);
			status = take_followers(build, i, err);
		}
		if (status != MMN_OK)
			return status;
	}
	mmn_build_compact(build);
	return MMN_OK;
}
