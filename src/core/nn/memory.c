/*
 * Where the intermediates of one image live; of n images, everything is n
 * times as large and n times as far from the start.  Each is alive from the step that computes it to
 * the last that reads it; two that are never alive together may have the same
 * place.  First, element-wise steps get to overwrite an input that nobody
 * reads afterwards.  Then, largest first, every buffer goes to the lowest
 * offset that is free during all of its life.
 */
#include "nn/graph.h"

#include <limits.h>
#include <stdlib.h>

typedef struct buffer
{
	size_t size;
	int first;
	int last;
	size_t offset;
	size_t *result; /* where the offset is wanted */
} buffer;

mmn_tensor *
mmn_tensor_root(mmn_tensor *t, size_t *within)
{
	*within = 0;
	for (; t->base; t = t->base)
		*within += t->within;
	return t;
}

static mmn_tensor *
root_of(mmn_tensor *t)
{
	size_t within;

	return mmn_tensor_root(t, &within);
}

static void
forget(mmn_tensor *t)
{
	for (; t; t = t->base)
	{
		t->uses = 0;
		t->first = INT_MAX;
		t->last = -1;
	}
}

/* One that reads t also reads whose memory it shares. */
static void
note_read(mmn_tensor *t, int step)
{
	for (; t; t = t->base)
	{
		t->uses++;
		t->last = step;
	}
}

/* A base may be computed in parts. */
static void
note_write(mmn_tensor *t, int step)
{
	for (; t; t = t->base)
	{
		if (t->first > step)
			t->first = step;
		if (t->last < step)
			t->last = step;
	}
}

void
mmn_build_count(mmn_build *build)
{
	for (int i = 0; i < build->n_steps; i++)
	{
		const mmn_step *s = &build->steps[i];

		for (int k = 0; k < s->n_in; k++)
			forget(s->in[k]);
		for (int k = 0; k < s->n_out; k++)
			forget(s->out[k]);
	}
	forget(build->input);
	forget(build->output);
	note_write(build->input, -1);
	for (int i = 0; i < build->n_steps; i++)
	{
		const mmn_step *s = &build->steps[i];

		if (!s->op)
			continue;
		for (int k = 0; k < s->n_in; k++)
			note_read(s->in[k], i);
		for (int k = 0; k < s->n_out; k++)
			note_write(s->out[k], i);
	}
	note_read(build->output, build->n_steps);
}

void
mmn_build_compact(mmn_build *build)
{
	int n = 0;

	for (int i = 0; i < build->n_steps; i++)
		if (build->steps[i].op)
			build->steps[n++] = build->steps[i];
	build->n_steps = n;
}

static void
share_in_place(mmn_build *build)
{
	for (int i = 0; i < build->n_steps; i++)
	{
		const mmn_step *s = &build->steps[i];

		if (!(s->op->flags & (MMN_OP_IN_PLACE | MMN_OP_ADDS_TO)) ||
			s->out[0]->base)
			continue;
		for (int k = s->op->flags & MMN_OP_ADDS_TO ? 1 : 0; k < s->n_in; k++)
		{
			mmn_tensor *root = s->in[k] ? root_of(s->in[k]) : NULL;

			/* not where its place has room for more: it may be broadcast */
			if (!root || root->constant || root->first < 0 || root->last != i ||
				mmn_tensor_bytes(root) != mmn_tensor_bytes(s->out[0]) ||
				mmn_tensor_bytes(root) != mmn_tensor_bytes(s->in[k]))
				continue;
			/* what is added to must not be what is computed from, too */
			if (s->op->flags & MMN_OP_ADDS_TO && root == root_of(s->in[0]))
				continue;
			s->out[0]->base = root;
			root->last = s->out[0]->last;
			break;
		}
	}
}

static int
compare_sizes(const void *a, const void *b)
{
	const buffer *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

size_t
mmn_tensor_stride(const mmn_tensor *t)
{
	return (mmn_tensor_bytes(t) + MMN_POOL_ALIGN - 1) &
		   ~(size_t)(MMN_POOL_ALIGN - 1);
}

/*
 * The lowest offset where b fits beside those of placed[] (ordered by offset)
 * that are alive with it; keeps placed[] ordered.
 */
static void
place(buffer *b, buffer **placed, int n)
{
	size_t at = 0;
	int k;

	for (k = 0; k < n; k++)
	{
		const buffer *o = placed[k];

		if (o->last < b->first || o->first > b->last)
			continue;
		if (o->offset >= at + b->size)
			break;
		if (o->offset + o->size > at)
			at = o->offset + o->size;
	}
	b->offset = at;
	*b->result = at;
	for (k = n; k > 0 && placed[k - 1]->offset > at; k--)
		placed[k] = placed[k - 1];
	placed[k] = b;
}

static mmn_status
place_all(mmn_build *build, buffer *buffers, int n, mmn_error *err)
{
	buffer **placed =
		mmn_pool_alloc(&build->pool, (size_t)n, sizeof *placed, err);

	if (!placed)
		return err->code;
	qsort(buffers, (size_t)n, sizeof *buffers, compare_sizes);
	for (int i = 0; i < n; i++)
	{
		mmn_status status = mmn_poll(&build->pool.env, err);
		size_t end;

		if (status != MMN_OK)
			return status;
		place(&buffers[i], placed, i);
		end = buffers[i].offset + buffers[i].size;
		if (end > build->pool.limit)
			return mmn_fail(err, MMN_LIMIT,
							"one image through the network takes more than "
							"the limit of %zu bytes",
							build->pool.limit);
		if (end > build->arena)
			build->arena = end;
	}
	return MMN_OK;
}

mmn_status
mmn_build_place(mmn_build *build, mmn_error *err)
{
	size_t n_outputs = 0;
	buffer *buffers;
	int n = 0;

	mmn_build_count(build);
	share_in_place(build);
	for (int i = 0; i < build->n_steps; i++)
		n_outputs += (size_t)build->steps[i].n_out;
	buffers = mmn_pool_alloc(&build->pool, n_outputs, sizeof *buffers, err);
	if (!buffers)
		return err->code;
	for (int i = 0; i < build->n_steps; i++)
		for (int k = 0; k < build->steps[i].n_out; k++)
		{
			mmn_tensor *t = build->steps[i].out[k];

			/* of a buffer written in parts, the first part speaks for all */
			t = t ? root_of(t) : NULL;
			if (t && !t->constant && t->first == i && !t->placed)
			{
				t->placed = true;
				buffers[n++] = (buffer){mmn_tensor_stride(t), t->first, t->last,
										0, &t->offset};
			}
		}
	return place_all(build, buffers, n, err);
}
