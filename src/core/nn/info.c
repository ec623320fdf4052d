#include "nn/info.h"

#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"

mmn_status
mmn_network_describe(const mmn_env *env, const mmn_network *net,
					 mmn_network_info *out, mmn_error *err)
{
	/* each constant once, though several nodes may read it */
	bool *counted = mmn_alloc_zero(env, (size_t)net->n_values, sizeof *counted);

	*out = (mmn_network_info){.opset = net->onnx.opset,
							  .n_outputs = net->onnx.n_outputs,
							  .n_nodes = net->onnx.n_nodes};
	mmn_onnx_print_name(net->input->name, out->input, sizeof out->input);
	if (!counted)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for %d values",
						net->n_values);
	for (size_t i = 0; i < net->onnx.n_nodes; i++)
		for (size_t k = 0; k < net->onnx.nodes[i].n_inputs; k++)
		{
			int v = net->nodes[i].inputs[k];
			const mmn_tensor *t = v >= 0 ? net->values[v].constant : NULL;

			if (t && t->element == MMN_FLOAT && !counted[v])
				out->parameters += t->count;
			if (v >= 0)
				counted[v] = true;
		}
	mmn_free(env, counted);
	return mmn_poll(env, err);
}

void
mmn_network_output_name(const mmn_network *net, size_t i,
						char out[MMN_INFO_NAME])
{
	mmn_onnx_print_name(net->onnx.outputs[i].name, out, MMN_INFO_NAME);
}

const char *
mmn_network_scores(const mmn_network *net)
{
	for (size_t i = 0; i < net->onnx.n_outputs; i++)
		if (mmn_slice_is(net->onnx.outputs[i].name, "logits"))
			return "logits";
	return NULL;
}

static int
find_value(const mmn_network *net, const char *name)
{
	if (!name)
		return net->outputs[0];
	return mmn_network_find(
		net, (mmn_slice){(const uint8_t *)name, strlen(name)});
}

bool
mmn_network_same_value(const mmn_network *net, const char *a, const char *b)
{
	return find_value(net, a) == find_value(net, b);
}

static int
compare_uses(const void *a, const void *b)
{
	const mmn_operator_use *x = a, *y = b;

	return strcmp(x->name, y->name);
}

mmn_status
mmn_network_operators(const mmn_env *env, const mmn_network *net,
					  mmn_operator_use **out, size_t *n, mmn_error *err)
{
	size_t n_nodes = net->onnx.n_nodes, kept = 0;
	mmn_operator_use *uses =
		mmn_alloc_array(env, n_nodes + 1, sizeof *uses);

	if (!uses)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for %zu operators",
						n_nodes);
	for (size_t i = 0; i < n_nodes; i++)
	{
		mmn_onnx_print_name(net->onnx.nodes[i].op_type, uses[i].name,
							sizeof uses[i].name);
		uses[i].nodes = 1;
	}
	qsort(uses, n_nodes, sizeof *uses, compare_uses);
	for (size_t i = 0; i < n_nodes; i++)
		if (kept > 0 && compare_uses(&uses[kept - 1], &uses[i]) == 0)
			uses[kept - 1].nodes++;
		else
			uses[kept++] = uses[i];
	*out = uses;
	*n = kept;
	return MMN_OK;
}

uint64_t
mmn_plan_multiply_adds(const mmn_plan *plan)
{
	return plan->multiply_adds;
}

int
mmn_plan_step_count(const mmn_plan *plan)
{
	return plan->n_steps;
}
