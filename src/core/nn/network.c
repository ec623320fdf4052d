/*
 * From the model file's names to numbers.  A value of the graph (its input,
 * a constant, a node's output) is known by its place in one array; the names
 * are sorted once and looked up by bisection.  A node may only use what
 * stands before it, as ONNX demands, so that the nodes' order is an order of
 * execution and there are no cycles.
 */
#include "nn/graph.h"

#include <stdlib.h>
#include <string.h>

#define OPSET_MIN 7
#define OPSET_MAX 17

/* So that sorting the names is done at once, without a poll. */
#define MAX_VALUES 65536

typedef struct name_entry
{
	mmn_slice name;
	int value;
} name_entry;

static bool
same_name(mmn_slice a, mmn_slice b)
{
	/* an absent name may have no pointer, which memcmp must not be given */
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static int
compare_names(const void *a, const void *b)
{
	const mmn_slice *x = &((const name_entry *)a)->name;
	const mmn_slice *y = &((const name_entry *)b)->name;
	size_t n = x->len < y->len ? x->len : y->len;
	int c = n ? memcmp(x->p, y->p, n) : 0;

	return c ? c : (x->len > y->len) - (x->len < y->len);
}

static int
find_name(const name_entry *names, int n, mmn_slice name)
{
	name_entry key = {name, 0};
	const name_entry *e =
		bsearch(&key, names, (size_t)n, sizeof key, compare_names);

	return e ? e->value : -1;
}

int
mmn_network_find(const mmn_network *net, mmn_slice name)
{
	for (int i = 0; i < net->n_values; i++)
		if (same_name(net->values[i].name, name))
			return i;
	return -1;
}

static bool
is_initializer(const mmn_onnx *onnx, mmn_slice name)
{
	/* files of IR version 3 list every initializer as an input as well */
	for (size_t i = 0; i < onnx->n_initializers; i++)
		if (same_name(onnx->initializers[i].name, name))
			return true;
	return false;
}

/*
 * TensorProto.DataType: not stated, float, float16, double, bfloat16.  The
 * narrow ones are of models whose weights have been narrowed to take less
 * room; all are given floats.
 */
static bool
is_float_type(int32_t data_type)
{
	return data_type == 0 || data_type == 1 || data_type == 10 ||
		   data_type == 11 || data_type == 16;
}

/* The graph's one input that is not a constant. */
static mmn_status
find_input(mmn_network *net, mmn_error *err)
{
	const mmn_onnx *onnx = &net->onnx;

	for (size_t i = 0; i < onnx->n_inputs; i++)
	{
		mmn_status status = mmn_poll(&net->pool.env, err);

		if (status != MMN_OK)
			return status;
		if (is_initializer(onnx, onnx->inputs[i].name))
			continue;
		if (net->input)
			return mmn_fail(err, MMN_UNSUPPORTED,
							"the network has more than one input");
		net->input = &onnx->inputs[i];
	}
	if (!net->input)
		return mmn_fail(err, MMN_BAD_DATA, "the network has no input");
	if (!is_float_type(net->input->data_type))
		return mmn_fail(err, MMN_UNSUPPORTED,
						"the network's input has data type %d, must be float",
						(int)net->input->data_type);
	return MMN_OK;
}

/* All values: the input, the constants, the outputs of nodes. */
static mmn_status
list_values(mmn_network *net, name_entry **names, mmn_error *err)
{
	const mmn_onnx *onnx = &net->onnx;
	size_t total = 1 + onnx->n_initializers;
	int n = 0;

	for (size_t i = 0; i < onnx->n_nodes; i++)
		total += onnx->nodes[i].n_outputs;
	if (total > MAX_VALUES)
		return mmn_fail(err, MMN_LIMIT, "the graph has more than %d values",
						MAX_VALUES);
	net->values = mmn_pool_alloc(&net->pool, total, sizeof *net->values, err);
	*names = mmn_pool_alloc(&net->pool, total, sizeof **names, err);
	if (!net->values || !*names)
		return err->code;
	net->values[n++] = (mmn_value){net->input->name, -1, NULL};
	for (size_t i = 0; i < onnx->n_initializers; i++)
		net->values[n++] = (mmn_value){onnx->initializers[i].name, -1,
									   onnx->initializers[i].tensor};
	for (size_t i = 0; i < onnx->n_nodes; i++)
	{
		net->nodes[i].first_output = n;
		for (size_t k = 0; k < onnx->nodes[i].n_outputs; k++)
			net->values[n++] =
				(mmn_value){onnx->nodes[i].outputs[k], (int)i, NULL};
	}
	net->n_values = n;
	for (int i = 0; i < n; i++)
		(*names)[i] = (name_entry){net->values[i].name, i};
	qsort(*names, (size_t)n, sizeof **names, compare_names);
	for (int i = 1; i < n; i++)
		if ((*names)[i].name.len && /* an output left out has no name */
			compare_names(&(*names)[i - 1], &(*names)[i]) == 0)
			return mmn_fail(err, MMN_BAD_DATA,
							"two values of the graph have the same name");
	return MMN_OK;
}

static mmn_status
resolve_inputs(mmn_network *net, const name_entry *names, mmn_error *err)
{
	for (size_t i = 0; i < net->onnx.n_nodes; i++)
	{
		const mmn_onnx_node *node = &net->onnx.nodes[i];
		int *inputs =
			mmn_pool_alloc(&net->pool, node->n_inputs, sizeof(int), err);

		if (!inputs)
			return err->code;
		net->nodes[i].inputs = inputs;
		for (size_t k = 0; k < node->n_inputs; k++)
		{
			char op[32], name[64];

			inputs[k] = -1;
			if (node->inputs[k].len == 0)
				continue;
			inputs[k] = find_name(names, net->n_values, node->inputs[k]);
			if (inputs[k] >= 0 && net->values[inputs[k]].producer < (int)i)
				continue;
			mmn_onnx_print_name(node->op_type, op, sizeof op);
			mmn_onnx_print_name(node->inputs[k], name, sizeof name);
			return mmn_fail(err, MMN_BAD_DATA,
							"an input \"%s\" of a %s is not computed before "
							"it",
							name, op);
		}
	}
	return MMN_OK;
}

static mmn_status
load(mmn_network *net, mmn_slice file, mmn_error *err)
{
	mmn_onnx *onnx = &net->onnx;
	name_entry *names = NULL;
	mmn_status status = mmn_onnx_read(file, &net->pool, onnx, err);

	if (status != MMN_OK)
		return status;
	if (onnx->opset < OPSET_MIN || onnx->opset > OPSET_MAX)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"the model uses version %lld of ONNX's operators, "
						"supported are %d to %d",
						(long long)onnx->opset, OPSET_MIN, OPSET_MAX);
	net->nodes =
		mmn_pool_alloc(&net->pool, onnx->n_nodes, sizeof *net->nodes, err);
	if (!net->nodes)
		return err->code;
	if ((status = find_input(net, err)) != MMN_OK ||
		(status = list_values(net, &names, err)) != MMN_OK ||
		(status = resolve_inputs(net, names, err)) != MMN_OK)
		return status;
	net->outputs =
		mmn_pool_alloc(&net->pool, onnx->n_outputs, sizeof *net->outputs, err);
	if (!net->outputs)
		return err->code;
	for (size_t i = 0; i < onnx->n_outputs; i++)
	{
		net->outputs[i] =
			find_name(names, net->n_values, onnx->outputs[i].name);
		if (net->outputs[i] < 0)
			return mmn_fail(err, MMN_BAD_DATA,
							"an output of the graph is computed by no node");
	}
	if (onnx->n_outputs == 0)
		return mmn_fail(err, MMN_BAD_DATA, "the network has no output");
	return MMN_OK;
}

mmn_status
mmn_network_load(const mmn_env *env, const void *bytes, size_t len,
				 size_t max_bytes, mmn_network **out, mmn_error *err)
{
	mmn_error local;
	mmn_network *net;
	mmn_status status;

	err = err ? err : &local;
	*out = NULL;
	net = mmn_alloc_zero(env, 1, sizeof *net);
	if (!net)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for a network");
	mmn_pool_init(&net->pool, env, max_bytes);
	status = load(net, (mmn_slice){bytes, len}, err);
	if (status != MMN_OK)
	{
		mmn_network_destroy(net);
		return status;
	}
	*out = net;
	return MMN_OK;
}

void
mmn_network_destroy(mmn_network *net)
{
	if (net)
	{
		mmn_env env = net->pool.env;

		mmn_pool_reset(&net->pool);
		mmn_free(&env, net);
	}
}

size_t
mmn_network_bytes(const mmn_network *net)
{
	return net->pool.used;
}

void
mmn_network_input(const mmn_network *net, mmn_shape *out)
{
	out->ndim = net->input->ndim;
	memcpy(out->dims, net->input->dims, sizeof out->dims);
}
