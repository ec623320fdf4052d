/*
 * Which feature maps are blocked.  The convolutions of conv.h want and make
 * blocked maps; whatever can work on them follows: pools, element-wise steps,
 * sums and products of maps or with a value per channel, batch normalisation
 * that fuse.c could not get rid of.  Where a blocked map meets a step that
 * only knows C order, or the other way round, a step is put in between that
 * copies it, once for all its readers.  A map of one pixel is the same in
 * both.
 *
 * Concat of blocked maps of whole blocks needs no copy at all: its inputs are
 * computed where they belong in its output.  Concats are looked at from the
 * last to the first, for in a dense network each contains the ones before:
 * when the last has given all of them their places, the inputs of an earlier
 * one stand side by side already, and its output is that part of the buffer.
 */
#include <string.h>

#include "nn/graph.h"
#include "nn/op_blocked.h"
#include "nn/op_list.h"

typedef struct layouter
{
	mmn_build *build;
	mmn_error *err;
	mmn_step *steps; /* the new list */
	int n;
	int room;
} layouter;

static bool
is_map(const mmn_tensor *t)
{
	return t->element == MMN_FLOAT && t->shape.ndim == 4 &&
		   t->shape.dims[0] == 1;
}

static int64_t
channels_of(const mmn_tensor *t)
{
	return t->shape.dims[1];
}

static int64_t
plane_of(const mmn_tensor *t)
{
	return t->shape.dims[2] * t->shape.dims[3];
}

static int64_t
blocks_of(const mmn_tensor *t)
{
	return (channels_of(t) + MMN_BLOCK - 1) / MMN_BLOCK;
}

static void
make_blocked(mmn_tensor *t)
{
	t->layout = MMN_BLOCKED;
	t->count = mmn_blocked_count(channels_of(t), t->shape.dims[2],
								 t->shape.dims[3]);
}

/* A step of our own at the end of the new list; NULL: failed. */
static mmn_step *
add_step(layouter *l, const mmn_op *op, int n_in, mmn_tensor *out,
		 size_t params_size)
{
	mmn_pool *pool = &l->build->pool;
	mmn_step *s = &l->steps[l->n];

	if (l->n == l->room)
	{
		mmn_fail(l->err, MMN_INTERNAL, "the plan has too many steps");
		return NULL;
	}
	*s = (mmn_step){.op = op,
					.n_in = n_in,
					.n_out = 1,
					.params_size = params_size};
	s->in = mmn_pool_alloc(pool, (size_t)n_in, sizeof *s->in, l->err);
	s->out = mmn_pool_alloc(pool, 1, sizeof *s->out, l->err);
	s->params = mmn_pool_alloc(pool, 1, params_size, l->err);
	if (!s->in || !s->out || !s->params)
		return NULL;
	s->out[0] = out;
	l->n++;
	return s;
}

/* The same tensor in the other layout, with a step that makes it. */
static mmn_tensor *
add_twin(layouter *l, mmn_tensor *t, mmn_layout layout)
{
	mmn_tensor *twin = mmn_pool_alloc(&l->build->pool, 1, sizeof *twin, l->err);
	mmn_step *s;

	if (!twin)
		return NULL;
	twin->element = t->element;
	twin->shape = t->shape;
	twin->count = (size_t)mmn_shape_span(&t->shape, 0, 4);
	if (layout == MMN_BLOCKED)
		make_blocked(twin);
	twin->twin = t;
	t->twin = twin;
	if (layout == MMN_PLAIN && plane_of(t) == 1)
	{
		twin->base = t;
		return twin;
	}
	s = add_step(l, layout == MMN_BLOCKED ? &mmn_op_block : &mmn_op_unblock, 1,
				 twin, sizeof(mmn_map));
	if (!s)
		return NULL;
	s->in[0] = t;
	*(mmn_map *)s->params = (mmn_map){channels_of(t), plane_of(t), false};
	return twin;
}

/* The tensor in the layout that is wanted; NULL: failed. */
static mmn_tensor *
in_layout(layouter *l, mmn_tensor *t, mmn_layout layout)
{
	/* another shape of a map that turned out to be blocked */
	if (t->base && t->base->layout == MMN_BLOCKED &&
		t->layout == MMN_PLAIN && t->twin != t->base)
	{
		t->base = in_layout(l, t->base, MMN_PLAIN);
		if (!t->base)
			return NULL;
	}
	if (t->layout == layout)
		return t;
	return t->twin ? t->twin : add_twin(l, t, layout);
}

static mmn_status
append(layouter *l, const mmn_step *s)
{
	if (l->n == l->room)
		return mmn_fail(l->err, MMN_INTERNAL, "the plan has too many steps");
	l->steps[l->n++] = *s;
	return MMN_OK;
}

/* The step as it was, all of it in C order. */
static mmn_status
keep_plain(layouter *l, const mmn_step *s)
{
	for (int k = 0; k < s->n_in; k++)
		if (s->in[k] && !s->in[k]->constant)
		{
			s->in[k] = in_layout(l, s->in[k], MMN_PLAIN);
			if (!s->in[k])
				return l->err->code;
		}
	return append(l, s);
}

/* The step as it is, with a blocked map as its output. */
static mmn_status
append_blocked(layouter *l, const mmn_step *s)
{
	make_blocked(s->out[0]);
	return append(l, s);
}

static mmn_status
lay_conv(layouter *l, mmn_step *s)
{
	const mmn_conv *conv = s->params;

	for (int k = 0; k < s->n_in; k++)
	{
		s->in[k] = in_layout(l, s->in[k],
							 k == 0 && conv->plain_input ? MMN_PLAIN
														 : MMN_BLOCKED);
		if (!s->in[k])
			return l->err->code;
	}
	s->packed_size = mmn_conv_packed_bytes(conv);
	return append_blocked(l, s);
}

/* Whether a step may be done to blocked maps, for its input is one. */
static bool
reads_blocked(const mmn_step *s)
{
	return s->n_in > 0 && s->in[0] && s->in[0]->layout == MMN_BLOCKED;
}

static mmn_status
lay_norm(layouter *l, mmn_step *s)
{
	mmn_tensor *x = s->in[0], *y = s->out[0];
	mmn_conv_source *source =
		mmn_pool_alloc(&l->build->pool, 1, sizeof *source, l->err);
	mmn_blocked_scale p = {{channels_of(x), plane_of(x), false}, 0.0f, 0.0f};
	mmn_step *t;

	if (!source)
		return l->err->code;
	source->scale = mmn_look_norm(s);
	source->shift = source->scale + p.map.channels;
	y = mmn_fuse_clip(l->build, y, &p.lo, &p.hi);
	make_blocked(y);
	t = add_step(l, &mmn_op_blocked_scale, 1, y, sizeof p);
	if (!t)
		return l->err->code;
	t->node = s->node;
	t->in[0] = x;
	t->source = source;
	t->packed_size = (size_t)blocks_of(x) * 2 * MMN_BLOCK * sizeof(float);
	*(mmn_blocked_scale *)t->params = p;
	return MMN_OK;
}

static mmn_status
lay_pool(layouter *l, mmn_step *s, const mmn_pool2d *pool)
{
	mmn_step *t;

	make_blocked(s->out[0]);
	t = add_step(l, &mmn_op_blocked_pool, 1, s->out[0],
				 sizeof(mmn_blocked_pool));
	if (!t)
		return l->err->code;
	t->node = s->node;
	t->in[0] = s->in[0];
	*(mmn_blocked_pool *)t->params =
		(mmn_blocked_pool){*pool, blocks_of(s->in[0])};
	return MMN_OK;
}

static mmn_status
lay_global(layouter *l, mmn_step *s, bool max)
{
	mmn_tensor *y = s->out[0], *x = s->in[0];
	mmn_tensor *pixel = y;
	mmn_step *t;

	if (!is_map(y))
	{
		/* without the last dimensions it is the map of one pixel, renamed */
		pixel = mmn_pool_alloc(&l->build->pool, 1, sizeof *pixel, l->err);
		if (!pixel)
			return l->err->code;
		pixel->element = MMN_FLOAT;
		pixel->shape = (mmn_shape){4, {1, channels_of(x), 1, 1}};
		y->base = pixel;
	}
	make_blocked(pixel);
	t = add_step(l, &mmn_op_blocked_global, 1, pixel, sizeof(mmn_map));
	if (!t)
		return l->err->code;
	t->node = s->node;
	t->in[0] = x;
	*(mmn_map *)t->params = (mmn_map){channels_of(x), plane_of(x), max};
	return MMN_OK;
}

/*
 * Which of two operands is the map; the other has its shape, or one pixel.
 * False: this is something else.
 */
static bool
find_operands(const mmn_step *s, mmn_binary kind, int *map)
{
	for (*map = 0; *map < 2; ++*map)
	{
		const mmn_tensor *a = s->in[*map], *b = s->in[!*map];

		if (!is_map(a) || !is_map(b) || a->constant || b->constant ||
			channels_of(a) != channels_of(b) ||
			!mmn_shape_equal(&a->shape, &s->out[0]->shape))
			continue;
		if (mmn_shape_equal(&a->shape, &b->shape))
			return true;
		if (plane_of(b) == 1 && (*map == 0 || kind != MMN_BINARY_SUB))
			return true;
	}
	return false;
}

static mmn_status
lay_binary(layouter *l, mmn_step *s, mmn_binary kind, int map)
{
	mmn_tensor *a = in_layout(l, s->in[map], MMN_BLOCKED), *y = s->out[0];
	mmn_tensor *b = in_layout(l, s->in[!map], MMN_BLOCKED);
	mmn_blocked_binary p = {.kind = kind};
	mmn_step *t;

	if (!a || !b)
		return l->err->code;
	p.blocks = blocks_of(a);
	p.plane = plane_of(a);
	p.per_channel = plane_of(b) == 1 && plane_of(a) != 1;
	y = mmn_fuse_clip(l->build, y, &p.lo, &p.hi);
	make_blocked(y);
	t = add_step(l, &mmn_op_blocked_binary, 2, y, sizeof p);
	if (!t)
		return l->err->code;
	t->node = s->node;
	t->in[0] = a;
	t->in[1] = b;
	*(mmn_blocked_binary *)t->params = p;
	return MMN_OK;
}

static bool
is_binary(const mmn_step *s, mmn_binary *kind)
{
	*kind = s->op == &mmn_op_add   ? MMN_BINARY_ADD
			: s->op == &mmn_op_sub ? MMN_BINARY_SUB
								   : MMN_BINARY_MUL;
	return s->op == &mmn_op_add || s->op == &mmn_op_sub ||
		   s->op == &mmn_op_mul;
}

/*
 * Whether a Concat can be of blocked maps: one of them is, and all but the
 * last are of whole blocks.
 */
static bool
is_blocked_concat(const mmn_step *s)
{
	int64_t channels = 0;
	bool blocked = false;

	if (s->op != &mmn_op_concat || !is_map(s->out[0]))
		return false;
	for (int k = 0; k < s->n_in; k++)
	{
		const mmn_tensor *t = s->in[k];

		if (t->constant ||
			(k + 1 < s->n_in && channels_of(t) % MMN_BLOCK != 0))
			return false;
		blocked = blocked || t->layout == MMN_BLOCKED;
		channels += channels_of(t);
	}
	return blocked && channels == channels_of(s->out[0]);
}

static mmn_status
lay_concat(layouter *l, mmn_step *s)
{
	for (int k = 0; k < s->n_in; k++)
	{
		s->in[k] = in_layout(l, s->in[k], MMN_BLOCKED);
		if (!s->in[k])
			return l->err->code;
	}
	s->op = &mmn_op_blocked_concat;
	s->params = NULL;
	return append_blocked(l, s);
}

/* Only knows blocked maps (channels.c). */
static mmn_status
lay_layer_norm(layouter *l, mmn_step *s)
{
	s->in[0] = in_layout(l, s->in[0], MMN_BLOCKED);
	return s->in[0] ? append_blocked(l, s) : l->err->code;
}

static mmn_status
lay_step(layouter *l, mmn_step *s)
{
	mmn_pool2d pool;
	mmn_binary kind;
	bool max;
	int map;

	if (s->op == &mmn_op_blocked_conv)
		return lay_conv(l, s);
	if (s->op == &mmn_op_blocked_norm)
		return lay_layer_norm(l, s);
	if (is_binary(s, &kind) && find_operands(s, kind, &map) &&
		(s->in[map]->layout == MMN_BLOCKED ||
		 (s->in[!map]->layout == MMN_BLOCKED && plane_of(s->in[!map]) > 1)))
		return lay_binary(l, s, kind, map);
	if (is_blocked_concat(s))
		return lay_concat(l, s);
	if (!reads_blocked(s))
		return keep_plain(l, s);
	if (s->op == &mmn_op_batch_normalization)
		return lay_norm(l, s);
	if (mmn_look_pool(s, &pool))
		return lay_pool(l, s, &pool);
	if (mmn_look_global(s, &max))
		return lay_global(l, s, max);
	if (mmn_look_elementwise(s, channels_of(s->in[0]) % MMN_BLOCK != 0))
		return append_blocked(l, s);
	return keep_plain(l, s);
}

/* Whether t is, or can be made, the part of base at this distance. */
static bool
takes_place(mmn_tensor *t, mmn_tensor *base, size_t at)
{
	size_t within, base_within;
	mmn_tensor *root = mmn_tensor_root(t, &within);
	mmn_tensor *base_root = mmn_tensor_root(base, &base_within);

	if (root == base_root)
		return within == base_within + at;
	if (root != t || t->first < 0)
		return false;
	t->base = base;
	t->within = at;
	return true;
}

/* Gives the inputs of a concat their places; whether none is to be copied. */
static bool
place_parts(mmn_step *s)
{
	mmn_tensor *out = s->out[0];
	size_t at = 0, first;
	bool all = true;
	mmn_tensor *root = mmn_tensor_root(s->in[0], &first);

	/* side by side already, in a larger one: then so is the output */
	if (root != s->in[0] && !out->base)
	{
		for (int k = 0; k < s->n_in && all; k++)
		{
			size_t within;

			all = mmn_tensor_root(s->in[k], &within) == root &&
				  within == first + at;
			at += mmn_tensor_bytes(s->in[k]);
		}
		if (all)
		{
			out->base = root;
			out->within = first;
			return true;
		}
	}
	at = 0;
	all = true;
	for (int k = 0; k < s->n_in; k++)
	{
		if (!takes_place(s->in[k], out, at))
			all = false;
		at += mmn_tensor_bytes(s->in[k]);
	}
	return all;
}

mmn_status
mmn_build_layout(mmn_build *build, mmn_error *err)
{
	layouter l = {.build = build, .err = err};
	size_t most = 1;

	mmn_build_count(build);
	/*
	 * Two steps for each input, which is unblocked and blocked again where it
	 * has another shape than what is computed; one for the output.
	 */
	for (int i = 0; i < build->n_steps; i++)
		most += 2 * (size_t)build->steps[i].n_in + 1;
	l.room = (int)most;
	l.steps = mmn_pool_alloc(&build->pool, most, sizeof *l.steps, err);
	if (!l.steps)
		return err->code;
	for (int i = 0; i < build->n_steps; i++)
	{
		mmn_status status = mmn_poll(&build->pool.env, err);

		if (status == MMN_OK && build->steps[i].op)
			status = lay_step(&l, &build->steps[i]);
		if (status != MMN_OK)
			return status;
	}
	if (!build->output->constant)
		build->output = in_layout(&l, build->output, MMN_PLAIN);
	if (!build->output)
		return err->code;
	build->steps = l.steps;
	build->n_steps = l.n;
	mmn_build_count(build);
	for (int i = build->n_steps; i-- > 0;)
		if (build->steps[i].op == &mmn_op_blocked_concat &&
			place_parts(&build->steps[i]))
			build->steps[i].op = NULL;
	mmn_build_compact(build);
	return MMN_OK;
}
