/*
 * Running a plan.  Each step's record becomes, for as long as the step runs,
 * the struct with pointers that operators know from planning.  The workspace:
 *
 *   that struct's arrays | arena of all images | scratch of the step
 */
#include "nn/graph.h"

#include <string.h>

#define GROUP_MAX 32

static size_t
rounded(size_t size)
{
	return (size + MMN_POOL_ALIGN - 1) & ~(size_t)(MMN_POOL_ALIGN - 1);
}

static void
bind_tensor(const mmn_run *run, int32_t number, mmn_tensor *t)
{
	const mmn_plan_tensor *r = &mmn_plan_tensors(run->plan)[number];
	const uint8_t *data = (const uint8_t *)run->plan + r->offset;

	if (r->place == MMN_PLACE_INPUT)
		data = run->input;
	else if (r->place == MMN_PLACE_ARENA)
		data = run->arena + r->offset * (size_t)run->images;
	*t = (mmn_tensor){.element = r->element,
					  .layout = r->layout,
					  .shape = r->shape,
					  .count = r->count,
					  .data = (uint8_t *)(uintptr_t)data + r->within,
					  .stride = r->stride};
}

/* The step as its operator wants to see it, its arrays at "bind". */
static void
bind_step(const mmn_plan *plan, const mmn_run *run, int i, uint8_t *bind,
		  mmn_step *s)
{
	const mmn_plan_step *r = &mmn_plan_steps(plan)[i];
	const uint8_t *block = (const uint8_t *)plan;
	const int32_t *args = (const void *)(block + r->args);
	int n = r->n_in + r->n_out;
	mmn_tensor *tensors = (void *)bind;

	*s = (mmn_step){.op = mmn_op_at(r->op),
					.n_in = r->n_in,
					.n_out = r->n_out,
					.packed_size = r->packed_size,
					.scratch = r->scratch};
	s->in = (void *)(bind + (size_t)n * sizeof *tensors);
	s->out = s->in + r->n_in;
	for (int k = 0; k < n; k++)
	{
		s->in[k] = args[k] < 0 ? NULL : &tensors[k];
		if (s->in[k])
			bind_tensor(run, args[k], s->in[k]);
	}
	/* operators read these only; the block may be mapped read-only */
	if (r->params)
		s->params = (void *)(uintptr_t)(block + r->params);
	if (r->packed)
		s->packed = block + r->packed;
}

static size_t
step_scratch(const mmn_plan *plan, int i, int64_t images, int workers)
{
	const mmn_plan_step *r = &mmn_plan_steps(plan)[i];
	mmn_step s = {
		.params = (void *)(uintptr_t)((const uint8_t *)plan + r->params)};
	const mmn_op *op = mmn_op_at(r->op);

	return op->scratch ? op->scratch(&s, images, workers) : r->scratch;
}

size_t
mmn_run_workspace(const mmn_plan *plan, int64_t images, int workers)
{
	size_t scratch = 0;

	for (int i = 0; i < plan->n_steps; i++)
	{
		size_t bytes = step_scratch(plan, i, images, workers);

		if (bytes > scratch)
			scratch = bytes;
	}
	return MMN_POOL_ALIGN + rounded(plan->bind) +
		   plan->arena * (size_t)images + scratch;
}

/*
 * More images at once read the weights less often, but push what they compute
 * out of the caches.  Where an image's maps are a quarter of the weights, the
 * two weigh about the same (measured: ResNets gain up to some 4 images,
 * DenseNet and MobileNet lose from the second on).
 */
int64_t
mmn_plan_group(const mmn_plan *plan)
{
	size_t n = plan->arena ? plan->bytes / 4 / plan->arena : GROUP_MAX;

	return n < 1 ? 1 : n > GROUP_MAX ? GROUP_MAX : (int64_t)n;
}

size_t
mmn_plan_workspace_threads(const mmn_plan *plan, int64_t images,
						   const mmn_env *env)
{
	int64_t group = mmn_plan_group(plan);

	return mmn_run_workspace(plan, images < group ? images : group,
							 mmn_run_workers(env));
}

size_t
mmn_plan_workspace(const mmn_plan *plan, int64_t images)
{
	return mmn_plan_workspace_threads(plan, images, &(mmn_env){.threads = 0});
}

size_t
mmn_plan_bytes(const mmn_plan *plan)
{
	return plan->bytes;
}

void
mmn_plan_output_shape(const mmn_plan *plan, mmn_shape *out)
{
	*out = mmn_plan_tensors(plan)[plan->output].shape;
}

size_t
mmn_plan_output_count(const mmn_plan *plan)
{
	return mmn_plan_tensors(plan)[plan->output].count;
}

size_t
mmn_plan_input_count(const mmn_plan *plan)
{
	return mmn_plan_tensors(plan)[plan->input].count;
}

void
mmn_run_begin(mmn_run *run, const mmn_plan *plan, int64_t images,
			  void *workspace, const float *in, const mmn_env *env,
			  mmn_error *err)
{
	*run = (mmn_run){.env = env,
					 .err = err,
					 .images = images,
					 .plan = plan,
					 .input = (const uint8_t *)in};
	run->bind = (uint8_t *)(((uintptr_t)workspace + MMN_POOL_ALIGN - 1) &
							~(uintptr_t)(MMN_POOL_ALIGN - 1));
	run->arena = run->bind + rounded(plan->bind);
	run->scratch = run->arena + plan->arena * (size_t)images;
}

mmn_status
mmn_run_step(mmn_run *run, int step)
{
	mmn_step s;
	mmn_status status = MMN_OK;

	bind_step(run->plan, run, step, run->bind, &s);
	run->image = 0;
	if (s.op->flags & MMN_OP_BATCH)
		return s.op->run(&s, run);
	for (; run->image < run->images && status == MMN_OK; run->image++)
		status = s.op->run(&s, run);
	return status;
}

void
mmn_run_end(mmn_run *run, float *out)
{
	mmn_tensor t;

	bind_tensor(run, run->plan->output, &t);
	for (run->image = 0; run->image < run->images; run->image++)
		memcpy(out + (size_t)run->image * t.count, mmn_run_data(run, &t),
			   t.count * sizeof *out);
}

mmn_status
mmn_plan_forward(const mmn_plan *plan, int64_t images, void *workspace,
				 const float *in, float *out, const mmn_env *env,
				 mmn_error *err)
{
	int64_t group = mmn_plan_group(plan);

	for (int64_t n; images > 0; images -= n)
	{
		mmn_run run;

		n = images < group ? images : group;
		mmn_run_begin(&run, plan, n, workspace, in, env, err);
		for (int i = 0; i < plan->n_steps; i++)
		{
			mmn_status status = mmn_run_step(&run, i);

			if (status != MMN_OK)
				return status;
		}
		mmn_run_end(&run, out);
		in += (size_t)n * mmn_plan_input_count(plan);
		out += (size_t)n * mmn_plan_output_count(plan);
	}
	return mmn_poll(env, err);
}
