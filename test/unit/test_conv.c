/*
 * Convolutions over blocked maps against the definition in double precision:
 * every method with every instruction set that this CPU has, over the shapes
 * that make kernels go wrong.
 */
#include <stdlib.h>

#include "nn/conv.h"
#include "nn/conv_epilogue.h"
#include "tap.h"

typedef struct shape
{
	int c, m, groups, h, w, kernel[2], stride[2], pad[2], dilation[2];
} shape;

static uint32_t seed = 1;

/* -1..1 */
static float
noise(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static float *
noise_array(size_t n)
{
	float *p = aligned_alloc(64, (n * sizeof *p + 63) & ~(size_t)63);

	for (size_t i = 0; i < n; i++)
		p[i] = noise();
	return p;
}

static mmn_conv
conv_of(const shape *s, mmn_isa isa)
{
	mmn_conv conv = {.c = s->c, .m = s->m, .groups = s->groups, .isa = isa};
	int size[2] = {s->h, s->w};

	for (int d = 0; d < 2; d++)
	{
		mmn_window *w = &conv.w;

		w->in[d] = size[d];
		w->kernel[d] = s->kernel[d];
		w->stride[d] = s->stride[d];
		w->dilation[d] = s->dilation[d];
		w->pad[d] = w->pad_end[d] = s->pad[d];
		w->out[d] = (size[d] + 2 * s->pad[d] -
					 (s->kernel[d] - 1) * s->dilation[d] - 1) /
						s->stride[d] +
					1;
	}
	return conv;
}

/* Where element (channel, row, column) of a blocked map is. */
static size_t
blocked_at(int64_t c, int64_t y, int64_t x, int64_t h, int64_t w)
{
	return (size_t)(((c / MMN_BLOCK * h + y) * w + x) * MMN_BLOCK +
					c % MMN_BLOCK);
}

static double
activate(const mmn_conv *conv, double x)
{
	switch (conv->act)
	{
		case MMN_ACT_CLIP:
			return fmin(fmax(x, conv->lo), conv->hi);
		case MMN_ACT_LEAKY:
			return x < 0 ? x * conv->lo : x;
		case MMN_ACT_HARD_SIGMOID:
			return fmin(fmax(x * conv->lo + conv->hi, 0), 1);
		case MMN_ACT_HARD_SWISH:
			return x * fmin(fmax(x / 6 + 0.5, 0), 1);
		case MMN_ACT_SIGMOID:
			return 1 / (1 + exp(-x));
		case MMN_ACT_SILU:
			return x / (1 + exp(-x));
		default:
			return x;
	}
}

/* The definition, for one output; *scale gets the sum of magnitudes. */
static double
expected(const mmn_conv *conv, const float *x, const float *weights,
		 const float *bias, int64_t m, int64_t oy, int64_t ox, double *scale)
{
	const mmn_window *w = &conv->w;
	int64_t depth = conv->c / conv->groups;
	int64_t first = m / (conv->m / conv->groups) * depth;
	double sum = bias ? bias[m] : 0;

	*scale = fabs(sum) + 1;
	for (int64_t c = 0; c < depth; c++)
		for (int64_t ky = 0; ky < w->kernel[0]; ky++)
			for (int64_t kx = 0; kx < w->kernel[1]; kx++)
			{
				int64_t y = oy * w->stride[0] - w->pad[0] + ky * w->dilation[0];
				int64_t z = ox * w->stride[1] - w->pad[1] + kx * w->dilation[1];
				size_t at;
				double term;

				if (y < 0 || y >= w->in[0] || z < 0 || z >= w->in[1])
					continue;
				at = conv->plain_input
						 ? (size_t)(((first + c) * w->in[0] + y) * w->in[1] + z)
						 : blocked_at(first + c, y, z, w->in[0], w->in[1]);
				term = (double)x[at] *
					   weights[((m * depth + c) * w->kernel[0] + ky) *
								   w->kernel[1] +
							   kx];
				sum += term;
				*scale += fabs(term);
			}
	return sum;
}

/* The largest difference, relative to the size of the terms. */
static double
compare(const mmn_conv *conv, const float *x, const float *weights,
		const float *bias, const float *residual, const float *out)
{
	const mmn_window *w = &conv->w;
	double worst = 0;

	for (int64_t m = 0; m < conv->m; m++)
		for (int64_t y = 0; y < w->out[0]; y++)
			for (int64_t z = 0; z < w->out[1]; z++)
			{
				size_t at = blocked_at(m, y, z, w->out[0], w->out[1]);
				double scale, want, diff;

				want = expected(conv, x, weights, bias, m, y, z, &scale);
				want += residual ? residual[at] : 0;
				diff = fabs(activate(conv, want) - out[at]) / scale;
				/* also catches what is not a number */
				if (!(diff <= worst))
					worst = diff;
			}
	return worst;
}

typedef struct trial
{
	mmn_conv conv;
	size_t in_count, out_count; /* of one image */
	float *x, *residual, *bias, *weights;
	void *packed;
	int images;
} trial;

/* What float arithmetic may lose, of the sum of magnitudes. */
static double
tolerance(const mmn_conv *conv)
{
	return conv->method == MMN_CONV_WINOGRAD ? 1e-5 : 2e-6;
}

/* Three images, so that those that share a band are seen. */
static trial
make_trial(const mmn_conv *conv, bool with_bias)
{
	trial t = {.conv = *conv, .images = 3};
	const mmn_window *w = &conv->w;
	size_t depth = (size_t)(conv->c / conv->groups);

	t.in_count = conv->plain_input
					 ? (size_t)(conv->c * w->in[0] * w->in[1])
					 : mmn_blocked_count(conv->c, w->in[0], w->in[1]);
	t.out_count = mmn_blocked_count(conv->m, w->out[0], w->out[1]);
	t.x = noise_array(t.in_count * 3);
	t.residual = conv->residual ? noise_array(t.out_count * 3) : NULL;
	t.bias = with_bias ? noise_array((size_t)conv->m) : NULL;
	t.weights = noise_array((size_t)conv->m * depth *
							(size_t)(w->kernel[0] * w->kernel[1]));
	t.packed = aligned_alloc(64, mmn_conv_packed_bytes(conv));
	mmn_conv_pack(conv, t.weights, t.bias, t.packed);
	return t;
}

static void
free_trial(trial *t)
{
	free(t->x);
	free(t->residual);
	free(t->bias);
	free(t->weights);
	free(t->packed);
}

/* Runs "images" from the first on; the result is to be freed. */
static float *
run_trial(const trial *t, int images, bool in_place)
{
	size_t size = mmn_conv_scratch(&t->conv, images, 1);
	void *scratch = aligned_alloc(64, size + 64);
	float *out = noise_array(t->out_count * (size_t)images);
	mmn_error err = {0};
	mmn_run run = {.env = &mmn_env_default, .err = &err};
	const float *residual = t->residual;

	/* whatever a kernel reads beyond what it was given must not matter */
	memset(scratch, 0xff, size + 64);
	if (in_place)
	{
		memcpy(out, residual, t->out_count * (size_t)images * sizeof *out);
		residual = out;
	}
	mmn_conv_run(&t->conv, t->packed, t->x, residual, out, images, t->in_count,
				 t->out_count, scratch, &run);
	free(scratch);
	return out;
}

static const char *
text_of(const mmn_conv *conv)
{
	static const char *const methods[] = {"none",  "pointwise", "direct",
										  "first", "depthwise", "winograd"};
	static char text[200];
	const mmn_window *w = &conv->w;

	snprintf(text, sizeof text,
			 "%s, %s: %dx%dx%d to %d, %d groups, kernel %dx%d, stride %dx%d, "
			 "pad %dx%d, dilation %dx%d",
			 mmn_isa_name(conv->isa), methods[conv->method], (int)conv->c,
			 (int)w->in[0], (int)w->in[1], (int)conv->m, (int)conv->groups,
			 (int)w->kernel[0], (int)w->kernel[1], (int)w->stride[0],
			 (int)w->stride[1], (int)w->pad[0], (int)w->pad[1],
			 (int)w->dilation[0], (int)w->dilation[1]);
	return text;
}

static bool
all_finite(const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static void
check(const mmn_conv *conv, bool with_bias)
{
	trial t = make_trial(conv, with_bias);
	float *one = run_trial(&t, 1, false), *all = run_trial(&t, 3, false);
	double worst = 0;

	for (int i = 0; i < 3; i++)
	{
		size_t at = t.out_count * (size_t)i;
		double diff =
			compare(conv, t.x + t.in_count * (size_t)i, t.weights, t.bias,
					t.residual ? t.residual + at : NULL, all + at);

		worst = diff > worst ? diff : worst;
	}
	is_near(worst, 0, tolerance(conv), "%s", text_of(conv));
	ok(memcmp(one, all, t.out_count * sizeof *one) == 0,
	   "the same bits for one image as for three");
	ok(all_finite(all, t.out_count * 3), "the padding is finite");
	if (conv->residual)
	{
		float *in_place = run_trial(&t, 3, true);

		ok(memcmp(in_place, all, t.out_count * 3 * sizeof *all) == 0,
		   "the residual may be overwritten");
		free(in_place);
	}
	free(one);
	free(all);
	free_trial(&t);
}

static void
check_shapes(mmn_isa isa)
{
	static const shape shapes[] = {
		/* 1x1: channels that fill blocks or not, sizes of tiles */
		{16, 16, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
		{64, 96, 1, 7, 7, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
		{24, 40, 1, 9, 11, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
		{3, 5, 1, 5, 3, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
		{520, 33, 1, 15, 17, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
		{64, 32, 1, 14, 14, {1, 1}, {2, 2}, {0, 0}, {1, 1}},
		{33, 17, 1, 9, 8, {1, 1}, {3, 2}, {1, 0}, {1, 1}},
		/* rows of every length up to 30 are below */
		{32, 48, 1, 7, 7, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{32, 32, 1, 5, 5, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{40, 24, 1, 13, 15, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
		{16, 64, 1, 20, 19, {5, 5}, {1, 1}, {2, 2}, {1, 1}},
		{17, 19, 1, 17, 17, {1, 7}, {1, 1}, {0, 3}, {1, 1}},
		{17, 19, 1, 17, 17, {7, 1}, {1, 1}, {3, 0}, {1, 1}},
		{20, 16, 1, 23, 21, {3, 3}, {1, 1}, {2, 2}, {2, 2}},
		{20, 16, 1, 23, 29, {3, 3}, {3, 2}, {2, 4}, {2, 4}},
		{16, 16, 1, 9, 9, {2, 2}, {2, 2}, {0, 0}, {1, 1}},
		{16, 16, 1, 3, 3, {3, 3}, {1, 1}, {0, 0}, {1, 1}},
		{16, 20, 1, 4, 4, {5, 5}, {4, 4}, {4, 4}, {1, 1}},
		{48, 32, 1, 90, 70, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
		/* groups: blocks of their own, several in a block, across blocks */
		{64, 64, 2, 9, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{96, 96, 2, 9, 9, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
		{64, 64, 16, 10, 10, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{48, 48, 6, 7, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{72, 72, 3, 7, 9, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
		{40, 80, 5, 8, 8, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
		{20, 20, 5, 9, 15, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
		{24, 24, 3, 7, 7, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{36, 36, 9, 6, 13, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
		{20, 40, 20, 8, 8, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		/* depthwise */
		{32, 32, 32, 14, 14, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{24, 24, 24, 15, 13, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
		{17, 17, 17, 7, 7, {5, 5}, {1, 1}, {2, 2}, {1, 1}},
		{16, 16, 16, 28, 30, {5, 5}, {2, 2}, {2, 2}, {1, 1}},
		{16, 16, 16, 20, 20, {7, 7}, {1, 1}, {3, 3}, {1, 1}},
		{48, 48, 48, 11, 12, {3, 3}, {1, 1}, {2, 2}, {2, 2}},
		{16, 16, 16, 100, 90, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{16, 16, 16, 2, 2, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
	};
	static const shape first[] = {
		{3, 64, 1, 31, 33, {7, 7}, {2, 2}, {3, 3}, {1, 1}},
		{1, 16, 1, 30, 30, {7, 7}, {2, 2}, {3, 3}, {1, 1}},
		{3, 24, 1, 28, 28, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
		{3, 33, 1, 29, 27, {3, 3}, {2, 2}, {0, 1}, {1, 1}},
		{4, 32, 1, 60, 62, {11, 11}, {4, 4}, {2, 2}, {1, 1}},
		{2, 16, 1, 20, 25, {3, 3}, {2, 2}, {2, 2}, {3, 3}},
		{3, 96, 1, 32, 32, {4, 4}, {4, 4}, {0, 0}, {1, 1}},
		{3, 20, 1, 9, 9, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
	};

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
	{
		mmn_conv conv = conv_of(&shapes[i], isa);

		conv.residual = i % 2;
		conv.act = i % 3 ? MMN_ACT_CLIP : MMN_ACT_NONE;
		conv.hi = INFINITY;
		if (ok(mmn_conv_choose(&conv), "there is a method"))
			check(&conv, i % 5);
	}
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
	{
		mmn_conv conv = conv_of(&first[i], isa);

		conv.plain_input = true;
		if (ok(mmn_conv_choose(&conv), "there is a method"))
			check(&conv, true);
		is_int(conv.method, MMN_CONV_FIRST, "for a plain input");
	}
	for (int w = 1; w <= 30; w++)
	{
		/* too few channels for Winograd's method */
		shape s = {15, 32, 1, 5, w, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
		mmn_conv conv = conv_of(&s, isa);

		conv.residual = true;
		mmn_conv_choose(&conv);
		check(&conv, true);
		s.groups = s.m = s.c;
		conv = conv_of(&s, isa);
		mmn_conv_choose(&conv);
		check(&conv, true);
	}
}

static void
check_activations(mmn_isa isa)
{
	static const struct
	{
		mmn_act act;
		float lo, hi;
	} acts[] = {
		{MMN_ACT_NONE, 0, 0},		{MMN_ACT_CLIP, 0, INFINITY},
		{MMN_ACT_CLIP, 0, 6},		{MMN_ACT_CLIP, -INFINITY, 0.5f},
		{MMN_ACT_LEAKY, 0.1f, 0},	{MMN_ACT_HARD_SIGMOID, 0.2f, 0.5f},
		{MMN_ACT_HARD_SWISH, 0, 0}, {MMN_ACT_SIGMOID, 0, 0},
		{MMN_ACT_SILU, 0, 0},
	};
	/* more terms and pixels than are summed at a time */
	static const shape dense = {272,	40,		1,		11,	   11,
								{1, 1}, {1, 1}, {0, 0}, {1, 1}};
	static const shape deep = {24,	   24,	   24,	   9,	  9,
							   {3, 3}, {1, 1}, {1, 1}, {1, 1}};

	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		for (int k = 0; k < 4; k++)
		{
			mmn_conv conv = conv_of(k & 1 ? &deep : &dense, isa);

			conv.act = acts[i].act;
			conv.lo = acts[i].lo;
			conv.hi = acts[i].hi;
			conv.residual = k & 2;
			mmn_conv_choose(&conv);
			check(&conv, true);
		}
}

/* Inputs far out: exp() must neither overflow nor lose them. */
static void
check_extremes(mmn_isa isa)
{
	static const shape s = {16, 16, 16, 1, 7, {1, 1}, {1, 1}, {0, 0}, {1, 1}};
	static const float at[] = {0, -200, 200, -88, 88, 3e38f, -3e38f};
	mmn_conv conv = conv_of(&s, isa);

	for (int silu = 0; silu < 2; silu++)
	{
		trial t;
		float *out;

		conv.act = silu ? MMN_ACT_SILU : MMN_ACT_SIGMOID;
		mmn_conv_choose(&conv);
		t = make_trial(&conv, false);
		for (int i = 0; i < 16; i++)
			t.weights[i] = 1;
		mmn_conv_pack(&conv, t.weights, NULL, t.packed);
		for (int i = 0; i < 7; i++)
			for (int j = 0; j < 16; j++)
				t.x[i * 16 + j] = at[i];
		out = run_trial(&t, 1, false);
		for (int i = 0; i < 7; i++)
		{
			double want = activate(&conv, at[i]);

			is_near(out[i * 16 + i], want, 1e-6 * fabs(want) + 1e-30,
					"%s, %s of %g", mmn_isa_name(isa),
					silu ? "silu" : "sigmoid", at[i]);
		}
		free(out);
		free_trial(&t);
	}
}

/* A NaN of the input is not hidden by clipping. */
static void
check_nan(mmn_isa isa)
{
	static const shape s = {16, 16, 1, 1, 9, {1, 1}, {1, 1}, {0, 0}, {1, 1}};
	mmn_conv conv = conv_of(&s, isa);
	trial t;
	float *out;

	conv.act = MMN_ACT_CLIP;
	conv.hi = 6;
	mmn_conv_choose(&conv);
	t = make_trial(&conv, true);
	t.x[4 * 16 + 3] = NAN;
	out = run_trial(&t, 1, false);
	ok(isnan(out[4 * 16]) && isnan(out[4 * 16 + 15]) && !isnan(out[5 * 16]),
	   "%s: not a number stays so", mmn_isa_name(isa));
	free(out);
	free_trial(&t);
}

static void
check_refusals(void)
{
	shape s = {8, 16, 1, 20, 20, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
	mmn_conv conv = conv_of(&s, MMN_ISA_PORTABLE);

	conv.plain_input = true;
	ok(!mmn_conv_choose(&conv), "plain input of many channels is refused");
	conv = conv_of(&s, (mmn_isa)77);
	ok(!mmn_conv_choose(&conv), "an unknown instruction set is refused");
	s.stride[1] = 17;
	conv = conv_of(&s, MMN_ISA_PORTABLE);
	ok(!mmn_conv_choose(&conv), "a huge stride is refused");
}

static mmn_conv_method
method_of(int c, int m, int groups, int size, int kernel, int stride)
{
	shape s = {c,
			   m,
			   groups,
			   size,
			   size,
			   {kernel, kernel},
			   {stride, stride},
			   {kernel / 2, kernel / 2},
			   {1, 1}};
	mmn_conv conv = conv_of(&s, MMN_ISA_PORTABLE);

	mmn_conv_choose(&conv);
	return conv.method;
}

static void
check_choice(void)
{
	is_int(method_of(64, 64, 1, 56, 1, 1), MMN_CONV_POINTWISE, "1x1");
	is_int(method_of(64, 64, 1, 56, 1, 2), MMN_CONV_DIRECT, "1x1, stride 2");
	is_int(method_of(64, 64, 1, 56, 3, 1), MMN_CONV_WINOGRAD, "3x3");
	is_int(method_of(64, 64, 1, 56, 3, 2), MMN_CONV_DIRECT, "3x3, stride 2");
	is_int(method_of(128, 32, 1, 7, 3, 1), MMN_CONV_WINOGRAD, "a small map");
	is_int(method_of(512, 512, 1, 4, 3, 1), MMN_CONV_DIRECT,
		   "a single tile with large weights");
	is_int(method_of(512, 512, 1, 7, 3, 1), MMN_CONV_WINOGRAD,
		   "four tiles with large weights");
	is_int(method_of(64, 64, 64, 56, 3, 1), MMN_CONV_DEPTHWISE, "depthwise");
	is_int(method_of(64, 64, 4, 56, 3, 1), MMN_CONV_DIRECT, "in groups");
}

static int
stop(void *ctx)
{
	++*(int *)ctx;
	return 1;
}

static void
check_cancel(void)
{
	static const shape s = {64,		64,		1,		100,   100,
							{3, 3}, {2, 2}, {1, 1}, {1, 1}};
	mmn_conv conv = conv_of(&s, mmn_isa_best());
	int polls = 0;
	mmn_env env = {mmn_env_default.alloc, mmn_env_default.free, stop, &polls};
	mmn_error err = {0};
	mmn_run run = {.env = &env, .err = &err};
	trial t;
	float *out;
	void *scratch;

	mmn_conv_choose(&conv);
	t = make_trial(&conv, true);
	out = noise_array(t.out_count * 3);
	scratch = aligned_alloc(64, mmn_conv_scratch(&conv, 3, 1) + 64);
	is_int(mmn_conv_run(&conv, t.packed, t.x, NULL, out, 3, t.in_count,
						t.out_count, scratch, &run),
		   MMN_CANCELED, "a run stops when it is asked to");
	is_int(polls, 1, "at once");
	free(out);
	free(scratch);
	free_trial(&t);
}

int
main(void)
{
	for (mmn_isa isa = MMN_ISA_PORTABLE; isa <= MMN_ISA_AVX512; isa++)
	{
		if (!mmn_isa_available(isa))
			continue;
		check_shapes(isa);
		check_activations(isa);
		check_extremes(isa);
		check_nan(isa);
	}
	check_refusals();
	check_choice();
	check_cancel();
	return done_testing();
}
