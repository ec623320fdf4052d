/*
 * Networks: the planner's doings, refusals, and convolutions of random
 * geometry against the definition.  Operators one by one are in
 * test_nn_nodes.c, what planning makes of several at once in test_nn_fuse.c.
 */
#include "onnx_fixture.h"
#include "nn/graph.h"
#include "tap.h"

typedef struct geometry
{
	int64_t n, groups, c, m, size[2], kernel[2], stride[2], dilation[2], pad[4];
} geometry;

static geometry
pick_geometry(void)
{
	geometry g = {pick(1, 2), 1,   pick(1, 9), pick(1, 9), {0},
				  {0},		  {0}, {0},		   {0}};

	g.groups = pick(0, 2) ? 1 : pick(1, 4);
	if (pick(0, 3) == 0) /* depthwise */
		g.groups = pick(2, 9), g.c = 1, g.m = pick(1, 2);
	for (int d = 0; d < 2; d++)
	{
		g.kernel[d] = pick(1, 4);
		g.stride[d] = pick(1, 3);
		g.dilation[d] = pick(1, 2);
		g.pad[d] = pick(0, 5);
		g.pad[d + 2] = pick(0, 5);
		g.size[d] = pick((int)((g.kernel[d] - 1) * g.dilation[d] + 1), 23);
	}
	if (pick(0, 4) == 0) /* pointwise */
		for (int d = 0; d < 2; d++)
			g.kernel[d] = g.stride[d] = 1, g.pad[d] = g.pad[d + 2] = 0;
	return g;
}

/* One output by the definition. */
static double
conv_at(const geometry *g, const float *x, const float *w, int64_t n, int64_t m,
		int64_t oh, int64_t ow)
{
	int64_t group = m / g->m;
	double sum = 0;

	for (int64_t c = 0; c < g->c; c++)
		for (int64_t kh = 0; kh < g->kernel[0]; kh++)
			for (int64_t kw = 0; kw < g->kernel[1]; kw++)
			{
				int64_t ih =
					oh * g->stride[0] + kh * g->dilation[0] - g->pad[0];
				int64_t iw =
					ow * g->stride[1] + kw * g->dilation[1] - g->pad[1];

				if (ih >= 0 && ih < g->size[0] && iw >= 0 && iw < g->size[1])
					sum +=
						(double)x[((n * g->groups + group) * g->c + c) *
									  g->size[0] * g->size[1] +
								  ih * g->size[1] + iw] *
						w[((m * g->c + c) * g->kernel[0] + kh) * g->kernel[1] +
						  kw];
			}
	return sum;
}

static void
test_conv(int round)
{
	geometry g = pick_geometry();
	int64_t in[4] = {g.n, g.c * g.groups, g.size[0], g.size[1]};
	int64_t ws[4] = {g.m * g.groups, g.c, g.kernel[0], g.kernel[1]};
	size_t n_x = (size_t)(in[0] * in[1] * in[2] * in[3]);
	float *x = random_floats(n_x);
	float *w = random_floats((size_t)(ws[0] * ws[1] * ws[2] * ws[3]));
	float *y;
	mmn_shape shape;
	double worst = 0;
	size_t at = 0;

	begin_graph();
	add_floats("w", 4, ws, w);
	begin_node("Conv", "x", "w", "y");
	set_int("group", g.groups);
	set_ints("strides", 2, g.stride);
	set_ints("dilations", 2, g.dilation);
	set_ints("pads", 4, g.pad);
	end_node();
	if (begin("y", 4, in) != MMN_OK)
	{
		ok(0, "convolution %d: %s", round, err.text);
		return;
	}
	mmn_plan_output_shape(plan, &shape);
	y = malloc(mmn_plan_output_count(plan) * sizeof *y);
	forward(x, y);
	for (int64_t n = 0; n < shape.dims[0]; n++)
		for (int64_t m = 0; m < shape.dims[1]; m++)
			for (int64_t oh = 0; oh < shape.dims[2]; oh++)
				for (int64_t ow = 0; ow < shape.dims[3]; ow++, at++)
				{
					double d = fabs(y[at] - conv_at(&g, x, w, n, m, oh, ow));

					worst = d <= worst ? worst : d;
				}
	ok(worst < 1e-5, "convolution %d: %dx%d of %d in %d groups, error %.1g",
	   round, (int)g.kernel[0], (int)g.kernel[1], (int)ws[0], (int)g.groups,
	   worst);
	free(x);
	free(w);
	free(y);
}

/* A deep chain needs two maps at a time, not as many as it is deep. */
static void
test_memory(void)
{
	static const int64_t in[4] = {1, 16, 16, 8}, ws[4] = {16, 16, 1, 1};
	static float w[256];
	float x[2048], y[2048];
	size_t size;
	int same = 1;

	for (int i = 0; i < 16; i++)
		w[17 * i] = 1;
	begin_graph();
	add_floats("w", 4, ws, w);
	for (int i = 0; i < 40; i++)
	{
		char from[8], to[8];

		snprintf(from, sizeof from, i ? "c%d" : "x", i);
		snprintf(to, sizeof to, "r%d", i);
		begin_node("Conv", from, "w", to);
		end_node();
		snprintf(from, sizeof from, "c%d", i + 1);
		begin_node("Relu", to, NULL, from);
		end_node();
	}
	begin_node("Add", "c40", "c1", "y"); /* c1 lives to the end */
	end_node();
	is_int(begin("y", 4, in), MMN_OK, "a chain of 40 convolutions");
	/* what one image adds: apart from scratch */
	size = mmn_run_workspace(plan, 2, 1) -
		   mmn_run_workspace(plan, 1, 1);
	ok(size < 4 * sizeof x, "an image takes %zu bytes, of %zu a map", size,
	   sizeof x);
	for (int i = 0; i < 2048; i++)
		x[i] = (float)(i % 7) - 3;
	forward(x, y);
	for (int i = 0; i < 2048; i++)
		same = same && y[i] == (x[i] > 0 ? 2 * x[i] : 0);
	ok(same, "nothing was overwritten too early");
}

/* What exporters write for x.view(x.size(0), -1). */
static void
test_folding(void)
{
	static const int64_t in[4] = {2, 3, 4, 5}, one[1] = {1}, zero = 0;
	static const int64_t minus_one = -1;
	mmn_shape shape;
	float x[120], y[120];

	begin_graph();
	add_tensor("zero", 7, 0, one, &zero, 8);
	add_tensor("axis", 7, 1, one, &zero, 8);
	add_tensor("rest", 7, 1, one, &minus_one, 8);
	begin_node("Shape", "x", NULL, "shape");
	end_node();
	begin_node("Gather", "shape", "zero", "n");
	end_node();
	begin_node("Unsqueeze", "n", "axis", "n1");
	end_node();
	begin_node("Concat", "n1", "rest", "to");
	set_int("axis", 0);
	end_node();
	begin_node("Reshape", "x", "to", "y");
	end_node();
	is_int(begin("y", 4, in), MMN_OK, "a shape computed in the graph");
	mmn_plan_output_shape(plan, &shape);
	is_int(shape.dims[1], 60, "is known when planning");
	ok(mmn_plan_workspace(plan, 1) <= 64, "and takes no workspace");
	for (int i = 0; i < 120; i++)
		x[i] = (float)i;
	forward(x, y);
	ok(memcmp(x, y, sizeof x) == 0, "the elements are the input's");
}

static void
test_half(void)
{
	/* 1, -2, 65504, the least subnormal, infinity */
	static const uint16_t half[5] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00};
	static const uint16_t brain[5] = {0x3f80, 0xc000, 0x477f, 0, 0x7f80};
	static const int64_t five[1] = {5};
	float x[5] = {0, 0, 0, 0, 0}, y[5];

	begin_graph();
	add_tensor("h", 10, 1, five, half, sizeof half);
	begin_node("Add", "x", "h", "y");
	end_node();
	is_int(begin("y", 1, five), MMN_OK, "weights of type float16");
	forward(x, y);
	ok(y[0] == 1 && y[1] == -2 && y[2] == 65504 && isinf(y[4]),
	   "are widened exactly");
	is_near(y[3], ldexp(1, -24), 0, "subnormal ones too");

	begin_graph();
	add_tensor("b", 16, 1, five, brain, sizeof brain);
	begin_node("Add", "x", "b", "y");
	end_node();
	is_int(begin("y", 1, five), MMN_OK, "weights of type bfloat16");
	forward(x, y);
	ok(y[0] == 1 && y[1] == -2 && y[2] == 65280 && isinf(y[4]),
	   "are widened exactly");
}

/* Something of everything: convolution, aliases, broadcasts, a product. */
static void
small_network(void)
{
	static const int64_t ws[4] = {5, 3, 3, 3}, cs[3] = {5, 1, 1};
	static const int64_t norm[1] = {5};
	float *w = random_floats(5 * 27);
	float *c = random_floats(5), ones[5] = {1, 1, 1, 1, 1};

	begin_graph();
	add_floats("w", 4, ws, w);
	add_floats("c", 3, cs, c);
	add_floats("n", 1, norm, c);
	add_floats("v", 1, norm, ones);
	begin_node("Conv", "x", "w", "y0");
	end_node();
	node.len = 0; /* five inputs */
	for (int i = 0; i < 5; i++)
		put_text(&node, 1, (const char *[]){"y0", "v", "n", "n", "v"}[i]);
	put_text(&node, 2, "y1");
	put_text(&node, 4, "BatchNormalization");
	end_node();
	begin_node("Mul", "y1", "c", "y2");
	end_node();
	begin_node("Concat", "y2", "y0", "y3");
	set_int("axis", 1);
	end_node();
	begin_node("Relu", "y3", NULL, "y4");
	end_node();
	begin_node("MaxPool", "y4", NULL, "y5");
	set_ints("kernel_shape", 2, (int64_t[]){2, 2});
	end_node();
	begin_node("GlobalAveragePool", "y5", NULL, "y6");
	end_node();
	begin_node("Flatten", "y6", NULL, "y7");
	end_node();
	begin_node("Softmax", "y7", NULL, "y");
	end_node();
	free(w);
	free(c);
}

/* Many images are what each alone is; so is the plan at another address. */
static void
test_images(void)
{
	static const int64_t in[4] = {1, 3, 9, 11};
	size_t n = 3 * 9 * 11, m, bytes;
	float *x = random_floats(7 * n), *y, *z;
	uint8_t *memory;
	mmn_plan *copy;

	small_network();
	is_int(begin("y", 4, in), MMN_OK, "a network for one image");
	m = mmn_plan_output_count(plan);
	y = malloc(7 * m * sizeof *y);
	z = malloc(7 * m * sizeof *z);
	is_int(forward_images(plan, 7, x, y), MMN_OK, "runs for seven");
	for (size_t i = 0; i < 7; i++)
		forward_images(plan, 1, x + i * n, z + i * m);
	ok(memcmp(y, z, 7 * m * sizeof *y) == 0,
	   "each result is that of the image alone, to the bit");

	bytes = mmn_plan_bytes(plan);
	memory = malloc(bytes + 128);
	copy = (mmn_plan *)(((uintptr_t)memory + 127) & ~(uintptr_t)63);
	memcpy(copy, plan, bytes);
	is_int(mmn_plan_check(copy, bytes, &err), MMN_OK, "a copy of the plan");
	memset(plan, 0xff, bytes);
	memset(z, 0, 7 * m * sizeof *z);
	forward_images(copy, 7, x, z);
	ok(memcmp(y, z, 7 * m * sizeof *y) == 0, "runs without the original");
	ok(mmn_plan_check(copy, bytes - 64, &err) == MMN_BAD_DATA,
	   "half a plan is none");
	ok(mmn_plan_check(copy, 8, &err) == MMN_BAD_DATA,
	   "nor is a header's start");
	ok(mmn_plan_check(plan, bytes, &err) == MMN_BAD_DATA, "nor anything else");
	free(memory);
	free(x);
	free(y);
	free(z);
}

static int polls;

static int
count_polls(void *ctx)
{
	(void)ctx;
	return ++polls > 3;
}

static void
test_cancel(void)
{
	static const int64_t in[4] = {1, 64, 256, 256}, ws[4] = {64, 64, 3, 3};
	size_t n = (size_t)64 * 256 * 256;
	float *x = random_floats(n), *y = calloc(n, sizeof *y);
	float *z = calloc(n, sizeof *z);
	float *w = random_floats(64 * 64 * 9);

	begin_graph();
	add_floats("w", 4, ws, w);
	begin_node("Conv", "x", "w", "y");
	end_node();
	is_int(begin("y", 4, in), MMN_OK, "a convolution of 2,300 million steps");
	env.poll = count_polls;
	is_int(forward(x, y), MMN_CANCELED, "stops when asked to");
	env.threads = 2;
	polls = 0;
	is_int(forward(x, y), MMN_CANCELED, "so do its helpers");
	env.poll = NULL;
	is_int(forward(x, y), MMN_OK, "with helpers,");
	env.threads = 0;
	is_int(forward(x, z), MMN_OK, "or without,");
	ok(memcmp(y, z, n * sizeof *y) == 0, "it comes to the same");
	free(z);
	env.poll = NULL;
	free(x);
	free(y);
	free(w);
}

static void
refuse(mmn_status got, mmn_status want, const char *part)
{
	is_int(got, want, "refused");
	if (!ok(got == want && strstr(err.text, part), "because: %s", err.text))
		printf("# wanted: %s\n", part);
}

static void
test_refusals(void)
{
	static const int64_t in[4] = {1, 2, 8, 8}, ws[4] = {2, 2, 3, 3};
	static const int64_t wrong[4] = {2, 5, 3, 3}, many[4] = {1, 2, 8, 1 << 30};
	float *w = random_floats(2 * 5 * 9);
	static message external;

	begin_graph();
	begin_node("Frobnicate", "x", NULL, "y");
	put_text(&node, 3, "layer/7");
	end_node();
	refuse(begin("y", 4, in), MMN_UNSUPPORTED,
		   "node \"layer/7\" (Frobnicate): the operator is not supported");

	begin_graph();
	begin_node("Relu", "x", NULL, "y");
	set_int("new_option", 1);
	end_node();
	refuse(begin("y", 4, in), MMN_UNSUPPORTED, "attribute \"new_option\"");

	begin_graph();
	add_floats("w", 4, wrong, w);
	begin_node("Conv", "x", "w", "y");
	end_node();
	refuse(begin("y", 4, in), MMN_BAD_DATA, "do not fit an input of 2");

	begin_graph();
	add_floats("w", 4, ws, w);
	begin_node("Conv", "x", "w", "y");
	set_ints("strides", 2, (int64_t[]){0, 1});
	end_node();
	refuse(begin("y", 4, in), MMN_BAD_DATA, "\"strides\"");

	begin_graph();
	add_tensor("w", 1, 4, ws, w, 2 * 2 * 9 * 4 - 1);
	refuse(load("w", 13, 1 << 20), MMN_BAD_DATA, "number of elements");

	begin_graph();
	add_tensor("w", 1, 4, (int64_t[]){1 << 30, 1 << 30, 1 << 30, 16}, w, 4);
	refuse(load("w", 13, 1 << 20), MMN_LIMIT, "more than");

	begin_graph();
	add_tensor("w", 1, 2, (int64_t[]){-1, -4}, w, 16);
	refuse(load("w", 13, 1 << 20), MMN_BAD_DATA, "must be positive");

	begin_graph();
	external.len = 0;
	put_int(&external, 1, 1);
	put_int(&external, 2, 1);
	put_text(&external, 8, "w");
	put_text(&external, 13, "\x0a\x08location\x12\x0b/etc/passwd");
	put_int(&external, 14, 1);
	put_bytes(&graph, 5, external.p, external.len);
	refuse(load("w", 13, 1 << 20), MMN_UNSUPPORTED, "external files");

	begin_graph();
	begin_node("Relu", "z", NULL, "y");
	end_node();
	begin_node("Relu", "y", NULL, "z");
	end_node();
	refuse(load("z", 13, 1 << 20), MMN_BAD_DATA, "not computed before");

	begin_graph();
	begin_node("Relu", "x", NULL, "x");
	end_node();
	refuse(load("x", 13, 1 << 20), MMN_BAD_DATA, "the same name");

	begin_graph();
	begin_node("Relu", "x", NULL, "y");
	end_node();
	refuse(load("y", 99, 1 << 20), MMN_UNSUPPORTED, "version 99");
	refuse(load("y", 13, 64), MMN_LIMIT, "64 bytes");
	refuse(begin("y", 4, many), MMN_LIMIT, "more than");
	add_value(11, "x2");
	refuse(load("y", 13, 1 << 20), MMN_UNSUPPORTED, "more than one input");
	refuse(mmn_network_load(&env, "\x3a\xff\x7f", 3, 1 << 20, &net, &err),
		   MMN_BAD_DATA, "cut off");
	refuse(mmn_network_load(&env, "", 0, 1 << 20, &net, &err), MMN_BAD_DATA,
		   "no graph");
	free(w);
}

/* Our own erf() against the C library's, over all that is not 1 in float. */
static void
test_erf(void)
{
	enum
	{
		N = 20001
	};
	static const int64_t dims[1] = {N};
	static float x[N], y[N];
	double worst = 0;

	begin_graph();
	begin_node("Erf", "x", NULL, "y");
	end_node();
	is_int(begin("y", 1, dims), MMN_OK, "a network of erf()");
	for (int i = 0; i < N; i++)
		x[i] = (float)(i - N / 2) * (5.0f / (float)(N / 2));
	x[0] = -INFINITY;
	x[1] = INFINITY;
	x[2] = 1e-30f;
	x[3] = NAN;
	forward(x, y);
	ok(y[0] == -1.0f && y[1] == 1.0f && isnan(y[3]) && y[N / 2] == 0.0f,
	   "erf() of infinities, 0 and NaN");
	for (int i = 0; i < N; i++)
		if (i != 3 && i != N / 2)
			worst = fmax(worst, fabs(y[i] / erf((double)x[i]) - 1.0));
	is_near(worst, 0, 5e-7, "erf() to 4 units in the last place");
}

int
main(void)
{
	env = mmn_env_default;
	for (options.isa = 0; options.isa <= mmn_isa_best(); options.isa++)
	{
		for (int i = 0; i < 100; i++)
			test_conv(i);
		test_memory();
		test_images();
	}
	options.isa = 0;
	options.plain = true;
	for (int i = 0; i < 100; i++)
		test_conv(i);
	test_memory();
	test_images();
	options.plain = false;
	test_folding();
	test_half();
	options.isa = mmn_isa_best();
	test_cancel();
	test_erf();
	test_refusals();
	end();
	return done_testing();
}
