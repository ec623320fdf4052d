/*
 * Where intermediates live.  Each is alive from the step that computes it to
 * the last that reads it; two that are never alive together may have the same
 * place.  First, element-wise steps get to overwrite an input that nobody
 * reads afterwards.  Then, largest first, every buffer goes to the lowest
 * offset that is free during all of its life.
 */
#include "nn/graph.h"

#include <stdlib.h>

typedef struct buffer
{
	size_t size;
	int first;
	int last;
	size_t offset;
	size_t *result; /* where the offset is wanted */
} buffer;

static mmn_tensor *
root_of(mmn_tensor *t)
{
	while (t->base)
		t = t->base;
	return t;
}

static void
find_lifetimes(mmn_plan *plan)
{
	for (int i = 0; i < plan->n_steps; i++)
	{
		const mmn_step *s = &plan->steps[i];

		for (int k = 0; k < s->n_out; k++)
			if (s->out[k])
				s->out[k]->first = s->out[k]->last = i;
		for (int k = 0; k < s->n_in; k++)
			if (s->in[k])
				root_of(s->in[k])->last = i;
	}
	root_of(plan->output)->last = plan->n_steps;
}

static void
share_in_place(mmn_plan *plan)
{
	for (int i = 0; i < plan->n_steps; i++)
	{
		const mmn_step *s = &plan->steps[i];

		if (!(s->op->flags & MMN_OP_IN_PLACE))
			continue;
		for (int k = 0; k < s->n_in; k++)
		{
			mmn_tensor *root = s->in[k] ? root_of(s->in[k]) : NULL;

			if (!root || root->constant || root->first < 0 || root->last != i ||
				root->count != s->out[0]->count)
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

static size_t
rounded(size_t size)
{
	return (size + MMN_POOL_ALIGN - 1) & ~(size_t)(MMN_POOL_ALIGN - 1);
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
place_all(mmn_plan *plan, buffer *buffers, int n, mmn_error *err)
{
	buffer **placed =
		mmn_pool_alloc(&plan->pool, (size_t)n, sizeof *placed, err);

	if (!placed)
		return err->code;
	qsort(buffers, (size_t)n, sizeof *buffers, compare_sizes);
	for (int i = 0; i < n; i++)
	{
		mmn_status status = mmn_poll(&plan->pool.env, err);
		size_t end;

		if (status != MMN_OK)
			return status;
		place(&buffers[i], placed, i);
		end = buffers[i].offset + buffers[i].size;
		if (end > plan->pool.limit)
			return mmn_fail(err, MMN_LIMIT,
							"one image through the network takes more than "
							"the limit of %zu bytes",
							plan->pool.limit);
		if (end > plan->arena)
			plan->arena = end;
	}
	return MMN_OK;
}

mmn_status
mmn_plan_place(mmn_plan *plan, mmn_error *err)
{
	size_t n_outputs = 0;
	buffer *buffers;
	int n = 0;

	find_lifetimes(plan);
	share_in_place(plan);
	for (int i = 0; i < plan->n_steps; i++)
		n_outputs += (size_t)plan->steps[i].n_out;
	buffers = mmn_pool_alloc(&plan->pool, n_outputs + (size_t)plan->n_steps,
							 sizeof *buffers, err);
	if (!buffers)
		return err->code;
	for (int i = 0; i < plan->n_steps; i++)
	{
		mmn_step *s = &plan->steps[i];

		for (int k = 0; k < s->n_out; k++)
		{
			mmn_tensor *t = s->out[k];

			if (t && !t->base && !t->constant)
				buffers[n++] = (buffer){rounded(t->count * sizeof(float)),
										t->first, t->last, 0, &t->offset};
		}
		if (s->scratch)
			buffers[n++] =
				(buffer){rounded(s->scratch), i, i, 0, &s->scratch_offset};
	}
	/* from now on a base is a root: one look finds the memory */
	for (int v = 0; v < plan->net->n_values; v++)
		if (plan->tensors[v] && plan->tensors[v]->base)
			plan->tensors[v]->base = root_of(plan->tensors[v]);
	return place_all(plan, buffers, n, err);
}
