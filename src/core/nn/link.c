/*
 * From the planner's structs to a plan: one block of memory, in which things
 * refer to each other by their distance from its start.  The writer goes over
 * everything twice, the first time only to measure.  What is small comes
 * first, then constants and packed weights, each on a boundary of 64 bytes.
 * Weights that no step reads any more, because an operator has packed them,
 * are left out.
 */
#include "nn/graph.h"

#include <string.h>

#include "base/bytes.h"

typedef struct writer
{
	mmn_build *build;
	mmn_tensor **tensors; /* all that steps refer to, by number */
	mmn_run run;		  /* for pack() */
	uint8_t *block;		  /* NULL: only measure */
	size_t at;
	mmn_plan head;
} writer;

/* Copies len bytes behind the last, zeros when p is NULL; returns where. */
static size_t
put(writer *w, const void *p, size_t len, size_t align)
{
	size_t at = (w->at + align - 1) & ~(align - 1);

	if (w->block)
	{
		memset(w->block + w->at, 0, at - w->at);
		if (p && len)
			memcpy(w->block + at, p, len);
		else
			memset(w->block + at, 0, len);
	}
	w->at = at + len;
	return at;
}

static void
add_tensor(writer *w, mmn_tensor *t)
{
	if (!t || t->number)
		return;
	w->tensors[w->head.n_tensors++] = t;
	t->number = w->head.n_tensors;
}

static mmn_status
list_tensors(writer *w, mmn_error *err)
{
	mmn_build *build = w->build;
	size_t most = 2;

	for (int i = 0; i < build->n_steps; i++)
		most += (size_t)(build->steps[i].n_in + build->steps[i].n_out);
	w->tensors =
		mmn_pool_alloc(&build->pool, most, sizeof *w->tensors, err);
	if (!w->tensors)
		return err->code;
	add_tensor(w, build->input);
	for (int i = 0; i < build->n_steps; i++)
	{
		const mmn_step *s = &build->steps[i];

		for (int k = 0; k < s->n_in; k++)
			add_tensor(w, s->in[k]);
		for (int k = 0; k < s->n_out; k++)
			add_tensor(w, s->out[k]);
	}
	add_tensor(w, build->output);
	w->head.input = build->input->number - 1;
	w->head.output = build->output->number - 1;
	return MMN_OK;
}

/* Bytes copied between two polls: about a millisecond. */
#define COPY_BYTES ((size_t)4 << 20)

/* As put(), of any length. */
static mmn_status
put_constant(writer *w, const mmn_tensor *t, size_t *at)
{
	const uint8_t *from = t->constant;
	size_t left = mmn_tensor_bytes(t), n;
	mmn_status status = MMN_OK;

	*at = put(w, NULL, 0, MMN_POOL_ALIGN);
	for (; left > 0 && status == MMN_OK; left -= n, from += n)
	{
		n = left < COPY_BYTES ? left : COPY_BYTES;
		put(w, from, n, 1);
		status = mmn_poll(&w->build->pool.env, w->run.err);
	}
	return status;
}

static mmn_status
write_tensor(writer *w, mmn_tensor *t)
{
	size_t within;
	mmn_status status = MMN_OK;
	mmn_tensor *root = mmn_tensor_root(t, &within);
	mmn_plan_tensor r = {.element = t->element,
						 .layout = t->layout,
						 .shape = t->shape,
						 .count = t->count,
						 .within = within};

	if (t->constant)
	{
		r.place = MMN_PLACE_BLOCK;
		status = put_constant(w, t, &r.offset);
		r.within = 0;
	}
	else if (root->first < 0)
	{
		r.place = MMN_PLACE_INPUT;
		r.stride = mmn_tensor_bytes(root);
	}
	else
	{
		r.place = MMN_PLACE_ARENA;
		r.offset = root->offset;
		r.stride = mmn_tensor_stride(root);
	}
	if (w->block)
		memcpy(w->block + w->head.tensors +
				   (size_t)(t->number - 1) * sizeof r,
			   &r, sizeof r);
	return status;
}

/* Numbers of the tensors that a step reads and writes. */
static size_t
write_args(writer *w, const mmn_step *s)
{
	size_t at = put(w, NULL, 0, sizeof(int32_t));

	for (int k = 0; k < s->n_in + s->n_out; k++)
	{
		const mmn_tensor *t = k < s->n_in ? s->in[k] : s->out[k - s->n_in];
		int32_t number = t ? t->number - 1 : -1;

		put(w, &number, sizeof number, sizeof number);
	}
	return at;
}

/* All of a step but its packed weights. */
static void
write_step(writer *w, const mmn_step *s, mmn_plan_step *r)
{
	char name[72] = "";

	if (s->node)
		mmn_onnx_print_name(s->node->name.len	 ? s->node->name
							: s->node->n_outputs ? s->node->outputs[0]
												 : s->node->name,
							name, sizeof name);
	*r = (mmn_plan_step){.op = mmn_op_number(s->op),
						 .n_in = s->n_in,
						 .n_out = s->n_out,
						 .packed_size = s->packed_size,
						 .scratch = s->scratch};
	r->name = put(w, name, strlen(name) + 1, 1);
	r->args = write_args(w, s);
	if (s->params)
		r->params = put(w, s->params, s->params_size, MMN_POOL_ALIGN);
}

static mmn_status
write_packed(writer *w, const mmn_step *s, mmn_plan_step *r)
{
	if (s->packed_size == 0)
		return MMN_OK;
	w->at = (w->at + MMN_POOL_ALIGN - 1) & ~(size_t)(MMN_POOL_ALIGN - 1);
	r->packed = w->at;
	w->at += s->packed_size;
	return w->block ? s->op->pack(s, w->block + r->packed, &w->run) : MMN_OK;
}

static size_t
bind_size(const mmn_step *s)
{
	return (size_t)(s->n_in + s->n_out) *
		   (sizeof(mmn_tensor) + sizeof(mmn_tensor *));
}

/* One pass: everything behind the header. */
static mmn_status
write_all(writer *w)
{
	mmn_build *build = w->build;
	int n = build->n_steps;
	mmn_status status = MMN_OK;

	w->at = sizeof w->head;
	w->head.steps = put(w, NULL, (size_t)n * sizeof(mmn_plan_step), 8);
	w->head.tensors = put(
		w, NULL, (size_t)w->head.n_tensors * sizeof(mmn_plan_tensor), 8);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < n && status == MMN_OK; i++)
		{
			mmn_plan_step measured = {0}, *r = &measured;

			if (w->block)
				r = (mmn_plan_step *)(void *)(w->block + w->head.steps) + i;
			if (pass == 0)
				write_step(w, &build->steps[i], r);
			else
				status = write_packed(w, &build->steps[i], r);
			if (status == MMN_OK)
				status = mmn_poll(&build->pool.env, w->run.err);
		}
	for (int i = 0; i < w->head.n_tensors && status == MMN_OK; i++)
		status = write_tensor(w, w->tensors[i]);
	w->head.bytes = put(w, NULL, 0, MMN_POOL_ALIGN);
	return status;
}

/*
 * Memory on a boundary of MMN_POOL_ALIGN, with where it really starts before
 * it, for mmn_plan_destroy().
 */
static mmn_plan *
block_alloc(const mmn_env *env, size_t bytes)
{
	uint8_t *raw = mmn_alloc(env, bytes + 2 * MMN_POOL_ALIGN);
	uintptr_t start = ((uintptr_t)raw + 2 * MMN_POOL_ALIGN - 1) &
					  ~(uintptr_t)(MMN_POOL_ALIGN - 1);

	if (!raw)
		return NULL;
	memcpy((void *)(start - sizeof raw), &raw, sizeof raw);
	return (mmn_plan *)start;
}

void
mmn_plan_destroy(const mmn_env *env, mmn_plan *plan)
{
	uint8_t *raw;

	if (!plan)
		return;
	memcpy(&raw, (uint8_t *)plan - sizeof raw, sizeof raw);
	mmn_free(env, raw);
}

/* What must be the same in the process that made a plan and the one that runs
 * it, apart from the version: the operators, and the size of all structs. */
static uint64_t
build_id(void)
{
	uint64_t h = mmn_op_table_hash();

	h = h * 31 + sizeof(mmn_plan);
	h = h * 31 + sizeof(mmn_plan_step);
	return h * 31 + sizeof(mmn_plan_tensor);
}

mmn_status
mmn_build_link(mmn_build *build, size_t max_bytes, mmn_plan **out,
			   mmn_error *err)
{
	const mmn_env *env = &build->pool.env;
	writer w = {.build = build,
				.run = {.env = env, .err = err, .images = 1},
				.head = {.magic = MMN_PLAN_MAGIC,
						 .version = MMN_PLAN_VERSION,
						 .build = build_id(),
						 .isa = build->isa,
						 .arena = build->arena,
						 .multiply_adds = build->multiply_adds,
						 .n_steps = build->n_steps}};
	mmn_plan *plan = NULL;
	mmn_status status = list_tensors(&w, err);

	for (int i = 0; i < build->n_steps; i++)
		if (bind_size(&build->steps[i]) > w.head.bind)
			w.head.bind = bind_size(&build->steps[i]);
	if (status == MMN_OK)
		status = write_all(&w);
	if (status == MMN_OK && w.head.bytes + build->arena > max_bytes)
		status = mmn_fail(err, MMN_LIMIT,
						  "the plan and one image's way through it take %zu "
						  "bytes, more than the limit of %zu",
						  w.head.bytes + build->arena, max_bytes);
	if (status == MMN_OK)
	{
		plan = block_alloc(env, w.head.bytes);
		if (!plan)
			status = mmn_fail(err, MMN_NO_MEMORY,
							  "no memory for %zu bytes of a plan",
							  w.head.bytes);
	}
	if (status == MMN_OK)
	{
		w.block = (uint8_t *)plan;
		status = write_all(&w);
		*plan = w.head;
	}
	if (status != MMN_OK)
	{
		mmn_plan_destroy(env, plan);
		return status;
	}
	*out = plan;
	return MMN_OK;
}

mmn_status
mmn_plan_check(const void *block, size_t len, mmn_error *err)
{
	const mmn_plan *plan = block;

	if (len < sizeof *plan || plan->magic != MMN_PLAN_MAGIC ||
		(uintptr_t)block % MMN_POOL_ALIGN != 0)
		return mmn_fail(err, MMN_BAD_DATA, "this is not a plan");
	if (plan->version != MMN_PLAN_VERSION || plan->build != build_id())
		return mmn_fail(err, MMN_BAD_DATA, "another build has made this plan");
	if (!mmn_isa_available(plan->isa))
		return mmn_fail(err, MMN_UNSUPPORTED,
						"the plan is for a CPU with %s",
						mmn_isa_name(plan->isa));
	if (plan->bytes != len)
		return mmn_fail(err, MMN_BAD_DATA, "the plan is cut off");
	return MMN_OK;
}
