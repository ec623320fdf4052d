/*
 * The ONNX project's own node tests (Debian's libonnx-testdata): a model of
 * one node, its inputs, and the output that is right.
 *
 * Our networks have one input, so the test's inputs but the first are added
 * to the model as initializers: a TensorProto can be appended to a GraphProto
 * as it is.  Once more with all inputs as initializers, then everything is
 * computed while planning.
 */
#include <dirent.h>
#include <stdlib.h>

#include "nn/network.h"
#include "nn/onnx.h"
#include "nn/op_list.h"
#include "tap.h"

#define TESTS "/usr/share/libonnx-testdata/data/node"

typedef struct bytes
{
	uint8_t *p;
	size_t len;
} bytes;

static bytes
slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	bytes b = {NULL, 0};

	if (!f)
		return b;
	fseek(f, 0, SEEK_END);
	b.len = (size_t)ftell(f);
	rewind(f);
	b.p = malloc(b.len + 1);
	if (fread(b.p, 1, b.len, f) != b.len)
		b.len = 0;
	fclose(f);
	return b;
}

static void
append(bytes *b, const void *p, size_t len)
{
	b->p = realloc(b->p, b->len + len + 1);
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

/* A length-delimited field. */
static void
append_field(bytes *b, unsigned number, const void *p, size_t len)
{
	uint8_t head[16];
	size_t n = 0, v = len;

	head[n++] = (uint8_t)(number << 3 | 2);
	for (; v > 127; v >>= 7)
		head[n++] = (uint8_t)(v | 128);
	head[n++] = (uint8_t)v;
	append(b, head, n);
	append(b, p, len);
}

/* The model with more initializers, and perhaps an input nobody reads. */
static bytes
extended(mmn_slice model, int old, const bytes *tensors, int n, int dummy_input)
{
	bytes out = {NULL, 0}, graph = {NULL, 0};
	mmn_field f;
	bool more;
	static const uint8_t input[] = {0x0a, 5, 'd', 'u', 'm', 'm', 'y'};
	static const uint8_t opset_7[] = {0x10, 7};

	for (mmn_slice rest = model;;)
	{
		const uint8_t *from = rest.p;

		if (mmn_field_next(&rest, &f, &more, NULL) != MMN_OK || !more)
			break;
		if (f.number == 7)
			append(&graph, f.bytes.p, f.bytes.len);
		else
			append(&out, from, (size_t)(rest.p - from));
	}
	for (int i = 0; i < n; i++)
		if (tensors[i].p)
			append_field(&graph, 5, tensors[i].p, tensors[i].len);
	if (dummy_input)
		append_field(&graph, 11, input, sizeof input);
	append_field(&out, 7, graph.p, graph.len);
	/* the operators with tests that old have not changed until version 7 */
	if (old)
		append_field(&out, 8, opset_7, sizeof opset_7);
	free(graph.p);
	return out;
}

#define OPERATORS 64

static struct
{
	const char *name;
	int passed;
} operators[OPERATORS];
static int n_operators;

static int *
passed_of(mmn_slice name)
{
	for (int i = 0; i < n_operators; i++)
		if (mmn_slice_is(name, operators[i].name))
			return &operators[i].passed;
	return NULL;
}

static double
largest_error(const float *got, const float *want, size_t n)
{
	double worst = 0;

	for (size_t i = 0; i < n; i++)
	{
		double d = fabs((double)got[i] - (double)want[i]) /
				   (1.0 + fabs((double)want[i]));

		if (got[i] != want[i] && !(isnan(got[i]) && isnan(want[i])) &&
			!(d <= worst))
			worst = isnan(d) ? INFINITY : d;
	}
	return worst;
}

/* One way to run one test: the status, and the error of the result. */
static mmn_status
run(bytes model, const mmn_tensor *in, const char *output_name,
	const mmn_tensor *want, double *error, mmn_error *err)
{
	mmn_network *net = NULL;
	mmn_plan *plan = NULL;
	static const float one = 1.0f;
	static const mmn_shape scalar = {0, {0}};
	mmn_status status = mmn_network_load(&mmn_env_default, model.p, model.len,
										 1 << 28, &net, err);

	if (status == MMN_OK)
		status = mmn_plan_create(
			&mmn_env_default, net, in ? &in->shape : &scalar,
			&(mmn_plan_options){.output = output_name, .max_bytes = 1 << 28},
			&plan, err);
	if (status == MMN_OK)
	{
		void *workspace = malloc(mmn_plan_workspace(plan, 1));
		size_t n = mmn_plan_output_count(plan);
		float *out = malloc(n * sizeof *out);
		mmn_shape shape;

		status = mmn_plan_forward(plan, 1, workspace, in ? in->constant : &one,
								  out, &mmn_env_default, err);
		mmn_plan_output_shape(plan, &shape);
		*error = mmn_shape_equal(&shape, &want->shape)
					 ? largest_error(out, want->constant, n)
					 : INFINITY;
		free(out);
		free(workspace);
	}
	mmn_plan_destroy(&mmn_env_default, plan);
	mmn_network_destroy(net);
	return status;
}

/* What we say we do not support. */
static int
is_beyond_us(const char *name)
{
	static const char *const parts[] = {"_1d_",		"_3d_",	   "_training",
										"DOUBLE",	"FLOAT16", "pow_types_",
										"training_"};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (strstr(name, parts[i]))
			return 1;
	return 0;
}

static void
run_test(const char *name)
{
	char path[512], output[128];
	bytes model, tensors[16], result;
	mmn_onnx onnx;
	mmn_pool pool;
	mmn_error err;
	mmn_onnx_initializer in, want;
	int n = 0, *passed = NULL;

	mmn_pool_init(&pool, &mmn_env_default, 1 << 28);
	snprintf(path, sizeof path, TESTS "/%s/model.onnx", name);
	model = slurp(path);
	snprintf(path, sizeof path, TESTS "/%s/test_data_set_0/output_0.pb", name);
	result = slurp(path);
	for (; n < 16; n++)
	{
		snprintf(path, sizeof path, TESTS "/%s/test_data_set_0/input_%d.pb",
				 name, n);
		tensors[n] = slurp(path);
		if (!tensors[n].p)
			break;
	}
	if (mmn_onnx_read((mmn_slice){model.p, model.len}, &pool, &onnx, &err) ==
			MMN_OK &&
		onnx.n_nodes == 1)
		passed = passed_of(onnx.nodes[0].op_type);
	/* other operators, types and sizes of lists that we do not claim */
	if (!passed || n == 0 || !result.p ||
		mmn_onnx_read_tensor((mmn_slice){tensors[0].p, tensors[0].len}, &pool,
							 &in, &err) != MMN_OK ||
		mmn_onnx_read_tensor((mmn_slice){result.p, result.len}, &pool, &want,
							 &err) != MMN_OK ||
		in.tensor->element != MMN_FLOAT || want.tensor->element != MMN_FLOAT)
		goto done;
	snprintf(output, sizeof output, "%.*s", (int)onnx.nodes[0].outputs[0].len,
			 onnx.nodes[0].outputs[0].p);
	for (int constant = 0; constant < 2; constant++)
	{
		double error = INFINITY;
		bytes m = extended((mmn_slice){model.p, model.len}, onnx.opset < 7,
						   tensors + !constant, n - !constant, constant);
		mmn_status status = run(m, constant ? NULL : in.tensor, output,
								want.tensor, &error, &err);

		if (status != MMN_UNSUPPORTED || !is_beyond_us(name))
		{
			if (!ok(status == MMN_OK && error < 1e-5, "%s%s", name,
					constant ? ", constant" : ""))
				printf("# %s, error %g\n", status ? err.text : "ran", error);
			*passed += status == MMN_OK;
		}
		free(m.p);
	}
done:
	for (int i = 0; i < n; i++)
		free(tensors[i].p);
	free(model.p);
	free(result.p);
	mmn_pool_reset(&pool);
}

static int
is_test(const struct dirent *e)
{
	return strncmp(e->d_name, "test_", 5) == 0;
}

int
main(void)
{
	struct dirent **list;
	int n = scandir(TESTS, &list, is_test, alphasort);

	if (n < 0)
	{
		printf("1..0 # SKIP libonnx-testdata is not installed\n");
		return 0;
	}
#define MMN_OP(symbol) operators[n_operators++].name = mmn_op_##symbol.name;
	MMN_OP_LIST
#undef MMN_OP
	for (int i = 0; i < n; i++)
	{
		run_test(list[i]->d_name);
		free(list[i]);
	}
	free(list);
	for (int i = 0; i < n_operators; i++)
		/* these yield no floats of an input: tested as parts of others */
		if (!strstr("Constant ConstantOfShape Shape", operators[i].name))
			ok(operators[i].passed > 0, "%s has been tested",
			   operators[i].name);
	return done_testing();
}
