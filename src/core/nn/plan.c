/*
 * Planning.  Walks the nodes that the wanted output needs, in the file's
 * order.  Each becomes a step: its operator checks it and says what shapes
 * come out.  A step whose inputs are all constants is run on the spot, and
 * what it yields is a constant for those behind it: that is how the long
 * chains of Shape, Gather and Concat that exporters write come down to the
 * argument of one Reshape.  Steps that only give their input another shape
 * vanish as well.  memory.c then gives every remaining value its place, and
 * link.c writes down the plan.
 */
#include "nn/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

mmn_status
mmn_op_fail(mmn_planner *p, mmn_status code, const char *fmt, ...)
{
	const mmn_onnx_node *node = p->step->node;
	char op[32], name[72], text[160];
	va_list args;

	mmn_onnx_print_name(node->op_type, op, sizeof op);
	mmn_onnx_print_name(node->name.len	  ? node->name
						: node->n_outputs ? node->outputs[0]
										  : node->name,
						name, sizeof name);
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return mmn_fail(p->err, code, "node \"%s\" (%s): %s", name, op, text);
}

/* Which values, and so which nodes, the output depends on. */
static mmn_status
mark_needed(mmn_build *build, int output, uint8_t **needed, mmn_error *err)
{
	const mmn_network *net = build->net;
	size_t n_nodes = net->onnx.n_nodes;

	*needed = mmn_pool_alloc(&build->pool, (size_t)net->n_values, 1, err);
	if (!*needed)
		return err->code;
	(*needed)[output] = 1;
	for (size_t i = n_nodes; i-- > 0;)
	{
		const mmn_onnx_node *node = &net->onnx.nodes[i];
		bool wanted = false;

		for (size_t k = 0; k < node->n_outputs; k++)
			wanted = wanted || (*needed)[net->nodes[i].first_output + (int)k];
		for (size_t k = 0; wanted && k < node->n_inputs; k++)
			if (net->nodes[i].inputs[k] >= 0)
				(*needed)[net->nodes[i].inputs[k]] = 1;
	}
	return MMN_OK;
}

static mmn_tensor *
add_tensor(mmn_build *build, int value, const mmn_tensor *from, mmn_error *err)
{
	mmn_tensor *t = mmn_pool_alloc(&build->pool, 1, sizeof *t, err);

	if (t && from)
		*t = *from;
	if (value >= 0)
		build->tensors[value] = t;
	return t;
}

/* Whether "name" is one of the blank-terminated words of "list". */
static bool
is_listed(const char *list, mmn_slice name)
{
	while (*list)
	{
		size_t len = strcspn(list, " ");

		if (len == name.len && memcmp(list, name.p, len) == 0)
			return true;
		list += len + (list[len] == ' ');
	}
	return false;
}

/* Operator, arguments, attributes: everything known before the shapes. */
static mmn_status
check_node(mmn_planner *p)
{
	mmn_step *s = p->step;
	const mmn_onnx_node *node = s->node;
	char name[40];

	if (node->domain.len && !mmn_slice_is(node->domain, "ai.onnx"))
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "the operator is not one of ONNX's own");
	s->op = mmn_op_find(node->op_type);
	if (!s->op)
		return mmn_op_fail(p, MMN_UNSUPPORTED, "the operator is not supported");
	if (s->n_in < s->op->min_inputs || s->n_in > s->op->max_inputs)
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "the operator does not take %d inputs", s->n_in);
	if (s->n_out < 1 || s->n_out > s->op->max_outputs)
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "the operator does not have %d outputs", s->n_out);
	for (size_t i = 0; i < node->n_attributes; i++)
	{
		mmn_slice attribute = node->attributes[i].name;

		if (is_listed(s->op->attributes, attribute))
			continue;
		mmn_onnx_print_name(attribute, name, sizeof name);
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "attribute \"%s\" is not supported", name);
	}
	for (int i = 0; i < s->n_in; i++)
		if (s->in[i] && s->in[i]->count == 0 &&
			!(i > 0 && s->op->flags & MMN_OP_LIST_INPUT))
			return mmn_op_fail(p, MMN_UNSUPPORTED, "input %d has no elements",
							   i + 1);
	for (int i = 0; i < s->op->min_inputs; i++)
		if (!s->in[i])
			return mmn_op_fail(p, MMN_BAD_DATA, "input %d is missing", i + 1);
	if (!(s->op->flags & MMN_OP_INT64) && s->in[0] &&
		s->in[0]->element != MMN_FLOAT)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "integers are not supported here");
	return MMN_OK;
}

/* Its arguments as tensors; outputs that nobody reads are left out. */
static mmn_status
bind_node(mmn_build *build, mmn_planner *p, size_t i, const uint8_t *needed)
{
	const mmn_network *net = build->net;
	mmn_step *s = p->step;

	s->node = &net->onnx.nodes[i];
	s->n_in = (int)s->node->n_inputs;
	s->n_out = (int)s->node->n_outputs;
	s->in = mmn_pool_alloc(p->pool, (size_t)s->n_in, sizeof *s->in, p->err);
	s->out = mmn_pool_alloc(p->pool, (size_t)s->n_out, sizeof *s->out, p->err);
	if (!s->in || !s->out)
		return p->err->code;
	for (int k = 0; k < s->n_in; k++)
	{
		int value = net->nodes[i].inputs[k];

		if (value < 0)
			continue;
		if (!build->tensors[value] &&
			!add_tensor(build, value, net->values[value].constant, p->err))
			return p->err->code;
		s->in[k] = build->tensors[value];
	}
	/* ONNX lets trailing inputs be given as left out */
	while (s->n_in > 0 && !s->in[s->n_in - 1])
		s->n_in--;
	mmn_status status = check_node(p);

	for (int k = 0; status == MMN_OK && k < s->n_out; k++)
	{
		int value = net->nodes[i].first_output + k;

		if (k > 0 && !needed[value] && s->op->max_outputs != MMN_OP_ANY)
			continue;
		s->out[k] = add_tensor(build, value, NULL, p->err);
		if (!s->out[k])
			return p->err->code;
	}
	return status;
}

/* Runs a step whose inputs are known; its outputs become constants. */
static mmn_status
fold(mmn_planner *p)
{
	mmn_step *s = p->step;
	mmn_run run = {.env = p->env, .err = p->err, .images = 1};
	mmn_status status;

	for (int k = 0; k < s->n_in; k++)
		if (s->in[k])
			s->in[k]->data = (uint8_t *)(uintptr_t)s->in[k]->constant;
	for (int k = 0; k < s->n_out; k++)
		if (s->out[k])
		{
			mmn_tensor *t = s->out[k];

			t->data = mmn_pool_take(p->pool, t->count,
									mmn_element_size(t->element), p->err);
			t->constant = t->data;
			if (!t->data)
				return p->err->code;
		}
	if (s->scratch)
	{
		if (s->scratch > p->pool->limit)
			return mmn_op_fail(p, MMN_LIMIT, "needs too much memory");
		run.scratch = mmn_alloc(p->env, s->scratch);
		if (!run.scratch)
			return mmn_fail(p->err, MMN_NO_MEMORY,
							"no memory for %zu bytes of workspace", s->scratch);
	}
	run.work = MMN_RUN_QUANTUM; /* the first step polls */
	status = s->op->run(s, &run);
	mmn_free(p->env, run.scratch);
	return status;
}

/*
 * After an operator's plan(): nothing left to do, done at once, or kept as a
 * step.
 */
static mmn_status
settle(mmn_build *build, mmn_planner *p)
{
	mmn_step *s = p->step;
	bool known = true, constant = true;
	mmn_status status;

	if (s->op->flags & MMN_OP_ALIAS)
	{
		s->out[0]->base = s->in[0]->base ? s->in[0]->base : s->in[0];
		s->out[0]->constant = s->in[0]->constant;
		return MMN_OK;
	}
	for (int k = 0; k < s->n_out; k++)
		known = known && (!s->out[k] || s->out[k]->constant);
	if (known)
		return MMN_OK;
	for (int k = 0; k < s->n_in; k++)
		constant = constant && (!s->in[k] || s->in[k]->constant);
	if (constant)
	{
		status = fold(p);
		memset(s, 0, sizeof *s);
		return status;
	}
	for (int k = 0; k < s->n_out; k++)
		if (s->out[k] && s->out[k]->element != MMN_FLOAT)
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "integers that depend on the image are not "
							   "supported");
	build->multiply_adds += s->multiply_adds;
	build->n_steps++;
	return MMN_OK;
}

static mmn_status
plan_nodes(mmn_build *build, const mmn_env *env, const uint8_t *needed,
		   mmn_error *err)
{
	const mmn_network *net = build->net;
	mmn_planner p = {&build->pool, env, err, net->onnx.opset, NULL, MMN_OK};

	for (size_t i = 0; i < net->onnx.n_nodes; i++)
	{
		const mmn_onnx_node *node = &net->onnx.nodes[i];
		bool wanted = false;
		mmn_status status = mmn_poll(env, err);

		for (size_t k = 0; k < node->n_outputs; k++)
			wanted = wanted || needed[net->nodes[i].first_output + (int)k];
		if (status != MMN_OK)
			return status;
		if (!wanted)
			continue;
		p.step = &build->steps[build->n_steps];
		memset(p.step, 0, sizeof *p.step);
		status = bind_node(build, &p, i, needed);
		if (status == MMN_OK)
			status = p.step->op->plan(&p, p.step);
		if (status == MMN_OK)
			status = p.status;
		if (status == MMN_OK)
			status = settle(build, &p);
		if (status != MMN_OK)
			return status;
	}
	return MMN_OK;
}

static mmn_status
bind_input(mmn_build *build, const mmn_shape *shape, mmn_error *err)
{
	const mmn_onnx_value *input = build->net->input;
	mmn_tensor *t = add_tensor(build, 0, NULL, err);

	if (!t)
		return err->code;
	if (shape->ndim < 0 || shape->ndim > MMN_SHAPE_MAX)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"an input has 0 to %d dimensions", MMN_SHAPE_MAX);
	if (input->ndim >= 0 && input->ndim != shape->ndim)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"the network's input has %d dimensions, not %d",
						input->ndim, shape->ndim);
	for (int i = 0; i < input->ndim; i++)
		if (input->dims[i] && input->dims[i] != shape->dims[i])
			return mmn_fail(err, MMN_BAD_ARGUMENT,
							"dimension %d of the network's input is %lld, "
							"not %lld",
							i + 1, (long long)input->dims[i],
							(long long)shape->dims[i]);
	t->element = MMN_FLOAT;
	t->shape = *shape;
	t->first = -1;
	build->input = t;
	return mmn_shape_count(shape, &t->count, err);
}

static mmn_status
make_plan(mmn_build *build, const mmn_env *env, const mmn_shape *shape,
		  const mmn_plan_options *options, mmn_error *err)
{
	const mmn_network *net = build->net;
	const char *output = options->output;
	int value = net->outputs[0];
	uint8_t *needed;
	mmn_status status;

	if (output)
		value = mmn_network_find(
			net, (mmn_slice){(const uint8_t *)output, strlen(output)});
	if (value < 0 || (output && !*output))
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"the network has no value \"%.100s\"", output);
	build->tensors = mmn_pool_alloc(&build->pool, (size_t)net->n_values,
								   sizeof *build->tensors, err);
	build->steps = mmn_pool_alloc(&build->pool, net->onnx.n_nodes + 1,
								 sizeof *build->steps, err);
	if (!build->tensors || !build->steps)
		return err->code;
	if ((status = mark_needed(build, value, &needed, err)) != MMN_OK ||
		(status = bind_input(build, shape, err)) != MMN_OK ||
		(status = plan_nodes(build, env, needed, err)) != MMN_OK)
		return status;
	build->output = build->tensors[value];
	if (!build->output && !(build->output = add_tensor(
							   build, value, net->values[value].constant, err)))
		return err->code;
	if (build->output->element != MMN_FLOAT)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"the wanted output is not of type float");
	if (build->output->count == 0)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"the wanted output has no elements");
	if (options->plain)
		return mmn_build_place(build, err);
	mmn_build_skip_aliases(build);
	if ((status = mmn_build_compose(build, err)) != MMN_OK ||
		(status = mmn_build_channels(build, err)) != MMN_OK ||
		(status = mmn_build_fuse(build, err)) != MMN_OK ||
		(status = mmn_build_layout(build, err)) != MMN_OK)
		return status;
	return mmn_build_place(build, err);
}

mmn_status
mmn_plan_create(const mmn_env *env, const mmn_network *net,
				const mmn_shape *input, const mmn_plan_options *options,
				mmn_plan **out, mmn_error *err)
{
	mmn_error local;
	mmn_build build = {.net = net, .isa = options->isa};
	mmn_status status;

	err = err ? err : &local;
	*out = NULL;
	if (!mmn_isa_available(options->isa))
		return mmn_fail(err, MMN_UNSUPPORTED, "this CPU does not have %s",
						mmn_isa_name(options->isa));
	mmn_pool_init(&build.pool, env, options->max_bytes);
	status = make_plan(&build, env, input, options, err);
	if (status == MMN_OK)
		status = mmn_build_link(&build, options->max_bytes, out, err);
	mmn_pool_reset(&build.pool);
	return status;
}
