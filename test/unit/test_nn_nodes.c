/*
 * The ONNX project's own tests of operators (Debian's libonnx-testdata): a
 * model of one node or of the few that an operator can be written as, its
 * inputs, and the outputs that are right.  Every test whose operators are all
 * ours must pass, or is listed in refused[] with the reason, and then must be
 * refused indeed.
 *
 * Our networks have one input, so the test's inputs but the first are added
 * to the model as initializers: a TensorProto can be appended to a GraphProto
 * as it is.  Once more with all inputs as initializers, then everything is
 * computed while planning; so are tests of integers, whose result a Cast
 * behind the model makes the floats that our networks yield.
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

/* A node: output "floats" is the named value as floats. */
static bytes
cast_node(mmn_slice value)
{
	static const uint8_t to_float[] = {0x0a, 2, 't', 'o', 0x18,
									   1,	 0xa0, 1, 2};
	bytes node = {NULL, 0};

	append_field(&node, 1, value.p, value.len);
	append_field(&node, 2, "floats", 6);
	append_field(&node, 4, "Cast", 4);
	append_field(&node, 5, to_float, sizeof to_float);
	return node;
}

typedef struct additions
{
	const bytes *tensors;
	int n;			 /* tensors */
	bool input;		 /* one that nobody reads */
	mmn_slice cast;	 /* the value to be made floats, if any */
	bool opset_7;	 /* instead of an older one */
} additions;

static bytes
extended(mmn_slice model, const additions *a)
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
	for (int i = 0; i < a->n; i++)
		if (a->tensors[i].p)
			append_field(&graph, 5, a->tensors[i].p, a->tensors[i].len);
	if (a->input)
		append_field(&graph, 11, input, sizeof input);
	if (a->cast.len)
	{
		bytes node = cast_node(a->cast);

		append_field(&graph, 1, node.p, node.len);
		free(node.p);
	}
	append_field(&out, 7, graph.p, graph.len);
	/* the operators with tests that old have not changed until version 7 */
	if (a->opset_7)
		append_field(&out, 8, opset_7, sizeof opset_7);
	free(graph.p);
	return out;
}

#define OPERATORS 128

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
value_at(const mmn_tensor *t, size_t i)
{
	return t->element == MMN_FLOAT
			   ? (double)((const float *)t->constant)[i]
			   : (double)((const int64_t *)t->constant)[i];
}

static double
largest_error(const float *got, const mmn_tensor *want)
{
	double worst = 0;

	for (size_t i = 0; i < want->count; i++)
	{
		double w = value_at(want, i);
		double d = fabs((double)got[i] - w) / (1.0 + fabs(w));

		if ((double)got[i] != w && !(isnan(got[i]) && isnan(w)) &&
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
					 ? largest_error(out, want)
					 : INFINITY;
		free(out);
		free(workspace);
	}
	mmn_plan_destroy(&mmn_env_default, plan);
	mmn_network_destroy(net);
	return status;
}

typedef struct listed
{
	const char *why;
	const char *tests; /* blanks between */
} listed;

/*
 * What is refused, and why.  Such a test must be refused in at least one form
 * (a mask may be the second of two outputs); where it runs, it must be right.
 */
static const listed refused[] = {
	{"maps have two dimensions",
	 "test_averagepool_1d_default test_averagepool_3d_default "
	 "test_maxpool_1d_default test_maxpool_3d_default"},
	{"training: dropout at work, its mask, statistics of the batch",
	 "test_batchnorm_epsilon_training_mode "
	 "test_batchnorm_example_training_mode test_dropout_default_mask "
	 "test_dropout_default_mask_ratio test_training_dropout "
	 "test_training_dropout_default test_training_dropout_default_mask "
	 "test_training_dropout_mask test_training_dropout_zero_ratio "
	 "test_training_dropout_zero_ratio_mask"},
	{"integers, where no network's shapes need them",
	 "test_clip_default_int8_inbounds test_clip_default_int8_max "
	 "test_clip_default_int8_min test_edge_pad test_maxpool_2d_uint8 "
	 "test_pow_types_float test_pow_types_int32_float32 "
	 "test_pow_types_int32_int32 test_pow_types_int64_float32 "
	 "test_pow_types_int64_int64 test_reflect_pad"},
	{"tensors without elements, but for lists of axes and the like",
	 "test_constantofshape_int_shape_zero "
	 "test_layer_normalization_2d_axis0_expanded "
	 "test_layer_normalization_2d_axis_negative_2_expanded "
	 "test_layer_normalization_3d_axis0_epsilon_expanded "
	 "test_layer_normalization_3d_axis_negative_3_epsilon_expanded "
	 "test_layer_normalization_4d_axis0_expanded "
	 "test_layer_normalization_4d_axis_negative_4_expanded "
	 "test_reshape_allowzero_reordered test_slice_start_out_of_bounds "
	 "test_split_zero_size_splits"},
	{"comparing what depends on the image yields booleans; of constants it is done",
	 "test_greater test_greater_bcast test_greater_equal "
	 "test_greater_equal_bcast test_greater_equal_bcast_expanded "
	 "test_greater_equal_expanded test_less test_less_bcast "
	 "test_less_equal test_less_equal_bcast test_less_equal_bcast_expanded "
	 "test_less_equal_expanded"},
	{"where the maxima are is for unpooling",
	 "test_maxpool_with_argmax_2d_precomputed_pads "
	 "test_maxpool_with_argmax_2d_precomputed_strides"},
	{"how long the result is depends on the image",
	 "test_range_float_type_positive_delta"},
	{"cubic interpolation",
	 "test_resize_downsample_scales_cubic "
	 "test_resize_downsample_scales_cubic_A_n0p5_exclude_outside "
	 "test_resize_downsample_scales_cubic_align_corners "
	 "test_resize_downsample_sizes_cubic test_resize_upsample_scales_cubic "
	 "test_resize_upsample_scales_cubic_A_n0p5_exclude_outside "
	 "test_resize_upsample_scales_cubic_align_corners "
	 "test_resize_upsample_scales_cubic_asymmetric "
	 "test_resize_upsample_sizes_cubic"},
	{"cropping while resizing",
	 "test_resize_tf_crop_and_resize"},
	{"strings",
	 "test_cast_FLOAT_to_STRING test_cast_STRING_to_FLOAT "
	 "test_castlike_FLOAT_to_STRING_expanded "
	 "test_castlike_STRING_to_FLOAT_expanded"},
	{"uint32 and uint64",
	 "test_max_uint32 test_max_uint64 test_min_uint32 test_min_uint64 "
	 "test_pow_types_float32_uint32 test_pow_types_float32_uint64"},
	{"sequences and optional values",
	 "test_identity_opt test_identity_sequence"},
};

/* What cannot be told from these files. */
static const listed unfit[] = {
	{"its bfloat16 numbers are in the file as uint16",
	 "test_cast_BFLOAT16_to_FLOAT test_cast_FLOAT_to_BFLOAT16 "
	 "test_castlike_BFLOAT16_to_FLOAT_expanded "
	 "test_castlike_FLOAT_to_BFLOAT16_expanded"},
};

/* Why it is listed; NULL: it is not. */
static const char *
reason(const listed *list, size_t n, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < n; i++)
		for (const char *at = list[i].tests; (at = strstr(at, name)); at += len)
			if ((at == list[i].tests || at[-1] == ' ') &&
				(at[len] == ' ' || !at[len]))
				return list[i].why;
	return NULL;
}

#define REASON(list, name) reason(list, sizeof list / sizeof list[0], name)

#define MAX_INPUTS 16

typedef struct node_test
{
	const char *name;
	bytes model;
	bytes inputs[MAX_INPUTS];
	int n_inputs;
	mmn_pool pool;
	mmn_onnx onnx;
	int refused; /* outputs, in one form or the other */
} node_test;

static bytes
slurp_part(const char *name, const char *part, int i)
{
	char path[512];

	snprintf(path, sizeof path, TESTS "/%s/test_data_set_0/%s_%d.pb", name,
			 part, i);
	return slurp(path);
}

static bool
read_tensor(node_test *t, bytes b, mmn_onnx_initializer *out, mmn_error *err)
{
	return b.p && mmn_onnx_read_tensor((mmn_slice){b.p, b.len}, &t->pool, out,
									   err) == MMN_OK;
}

static void
count_pass(const node_test *t)
{
	for (size_t i = 0; i < t->onnx.n_nodes; i++)
		if (t->onnx.n_nodes == 1)
			++*passed_of(t->onnx.nodes[i].op_type);
}

/* One output, computed from an input or while planning. */
static void
run_output(node_test *t, int output, bool constant)
{
	mmn_slice name = t->onnx.outputs[output].name;
	bytes result = slurp_part(t->name, "output", output);
	mmn_onnx_initializer in, want;
	mmn_error err = {MMN_UNSUPPORTED, "inputs or outputs are no tensors"};
	double error = INFINITY;
	char output_name[128];
	mmn_status status = MMN_UNSUPPORTED;

	if ((constant || read_tensor(t, t->inputs[0], &in, &err)) &&
		read_tensor(t, result, &want, &err))
	{
		bool cast = want.tensor->element != MMN_FLOAT;
		additions a = {t->inputs + !constant, t->n_inputs - !constant, constant,
					   cast ? name : (mmn_slice){NULL, 0}, t->onnx.opset < 7};
		bytes m = extended((mmn_slice){t->model.p, t->model.len}, &a);

		snprintf(output_name, sizeof output_name, "%.*s", (int)name.len,
				 name.p);
		status = run(m, constant ? NULL : in.tensor,
					 cast ? "floats" : output_name, want.tensor, &error, &err);
		free(m.p);
	}
	if (REASON(refused, t->name) &&
		(status == MMN_UNSUPPORTED || status == MMN_BAD_DATA))
		t->refused++;
	else
	{
		if (!ok(status == MMN_OK && error < 1e-5, "%s, output %d%s", t->name,
				output, constant ? ", constant" : ""))
			printf("# %s, error %g\n", status ? err.text : "ran", error);
		if (status == MMN_OK)
			count_pass(t);
	}
	free(result.p);
}

/* Whether it was a test of our operators. */
static bool
run_test(const char *name)
{
	node_test t = {.name = name};
	char path[512];
	mmn_error err;
	mmn_onnx_initializer in;
	bool ours = true, image;

	mmn_pool_init(&t.pool, &mmn_env_default, 1 << 28);
	snprintf(path, sizeof path, TESTS "/%s/model.onnx", name);
	t.model = slurp(path);
	while (t.n_inputs < MAX_INPUTS &&
		   (t.inputs[t.n_inputs] = slurp_part(name, "input", t.n_inputs)).p)
		t.n_inputs++;
	/* what is no model for us may still be a test that is to be listed */
	(void)mmn_onnx_read((mmn_slice){t.model.p, t.model.len}, &t.pool, &t.onnx,
						&err);
	for (size_t i = 0; i < t.onnx.n_nodes; i++)
		ours = ours && passed_of(t.onnx.nodes[i].op_type);
	image = t.n_inputs && read_tensor(&t, t.inputs[0], &in, &err) &&
			in.tensor->element == MMN_FLOAT;
	if (ours && REASON(unfit, name))
		ok(1, "%s # SKIP %s", name, REASON(unfit, name));
	for (int i = 0;
		 ours && !REASON(unfit, name) && i < (int)t.onnx.n_outputs; i++)
	{
		if (image)
			run_output(&t, i, false);
		run_output(&t, i, true);
	}
	if (ours && (REASON(refused, name) || t.onnx.n_outputs == 0))
		ok(REASON(refused, name) && (t.refused || t.onnx.n_outputs == 0),
		   "%s is refused: %s", name,
		   REASON(refused, name) ? REASON(refused, name) : err.text);
	for (int i = 0; i < t.n_inputs; i++)
		free(t.inputs[i].p);
	free(t.model.p);
	mmn_pool_reset(&t.pool);
	return ours;
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
	int n = scandir(TESTS, &list, is_test, alphasort), ours = 0;

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
		ours += run_test(list[i]->d_name);
		free(list[i]);
	}
	free(list);
	printf("# %d of %d tests are of our operators\n", ours, n);
	for (int i = 0; i < n_operators; i++)
		ok(operators[i].passed > 0, "%s has been tested", operators[i].name);
	return done_testing();
}
