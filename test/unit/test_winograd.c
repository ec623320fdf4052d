/*
 * Winograd's convolution against the definition in double precision, with
 * every instruction set that this CPU has.
 */
#include <stdlib.h>

#include "nn/conv_epilogue.h"
#include "nn/winograd.h"
#include "tap.h"

typedef struct shape
{
	int c, m, h, w, pad[2], pad_end[2];
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
floats(size_t n)
{
	return aligned_alloc(64, (n * sizeof(float) + 63) & ~(size_t)63);
}

static float *
noise_array(size_t n)
{
	float *p = floats(n);

	for (size_t i = 0; i < n; i++)
		p[i] = noise();
	return p;
}

/* A convolution with its data for some images. */
typedef struct fixture
{
	mmn_conv conv;
	int images;
	size_t in_stride, out_stride;
	float *in, *weights, *bias, *residual, *out, *scratch;
	void *packed;
} fixture;

/* Floats between images and around all of them, which nobody may touch. */
#define GAP 48

static fixture
fixture_create(const shape *s, int images, mmn_isa isa)
{
	fixture f = {.conv = {.c = s->c,
						  .m = s->m,
						  .groups = 1,
						  .isa = isa,
						  .method = MMN_CONV_WINOGRAD},
				 .images = images};
	mmn_window *w = &f.conv.w;
	int size[2] = {s->h, s->w};

	for (int d = 0; d < 2; d++)
	{
		w->in[d] = size[d];
		w->kernel[d] = 3;
		w->stride[d] = w->dilation[d] = 1;
		w->pad[d] = s->pad[d];
		w->pad_end[d] = s->pad_end[d];
		w->out[d] = size[d] + s->pad[d] + s->pad_end[d] - 2;
	}
	f.in_stride = mmn_blocked_count(s->c, w->in[0], w->in[1]) + GAP;
	f.out_stride = mmn_blocked_count(s->m, w->out[0], w->out[1]) + GAP;
	f.in = noise_array((size_t)images * f.in_stride);
	f.out = floats((size_t)images * f.out_stride);
	f.residual = noise_array((size_t)images * f.out_stride);
	f.weights = noise_array((size_t)s->c * s->m * 9);
	for (int i = 0; i < s->c * s->m * 9; i++)
		f.weights[i] *= sqrtf(0.3f / (float)s->c);
	f.bias = noise_array((size_t)s->m);
	/* what nobody may use: channels beyond C, floats between images */
	for (int i = 0; i < images; i++)
		for (size_t at = (size_t)(s->c / MMN_BLOCK * s->h * s->w * MMN_BLOCK);
			 at < f.in_stride; at++)
			if (at >= f.in_stride - GAP ||
				(int)(at % MMN_BLOCK) >= s->c % MMN_BLOCK)
				f.in[(size_t)i * f.in_stride + at] =
					at >= f.in_stride - GAP ? NAN : 1e30f;
	memset(f.out, 0xff, (size_t)images * f.out_stride * sizeof(float));
	f.packed = floats(mmn_winograd_packed_bytes(&f.conv) / sizeof(float));
	mmn_winograd_pack(&f.conv, f.weights, f.bias, f.packed);
	return f;
}

static void
fixture_destroy(fixture *f)
{
	free(f->in);
	free(f->out);
	free(f->residual);
	free(f->weights);
	free(f->bias);
	free(f->packed);
}

/* Computes images images from the from-th on to out. */
static mmn_status
fixture_run(const fixture *f, int from, int images, const float *residual,
			float *out)
{
	mmn_error err;
	mmn_run run = {.env = &mmn_env_default, .err = &err};
	size_t bytes = mmn_winograd_scratch(&f->conv, images, 1);
	float *scratch = floats(bytes / sizeof(float));
	mmn_status status;

	memset(scratch, 0xff, bytes); /* NaN */
	status = mmn_winograd_run(
		&f->conv, f->packed, f->in + (size_t)from * f->in_stride, residual, out,
		images, f->in_stride, f->out_stride, scratch, &run);
	free(scratch);
	return status;
}

static size_t
place(const int64_t size[2], int64_t channel, int64_t y, int64_t x)
{
	return (size_t)(((channel / MMN_BLOCK * size[0] + y) * size[1] + x) *
						MMN_BLOCK +
					channel % MMN_BLOCK);
}

/* The sum without residual and activation, by definition. */
static double
definition(const fixture *f, int image, int64_t m, int64_t y, int64_t x)
{
	const mmn_window *w = &f->conv.w;
	const float *in = f->in + (size_t)image * f->in_stride;
	double sum = f->bias[m];

	for (int64_t c = 0; c < f->conv.c; c++)
		for (int64_t k = 0; k < 9; k++)
		{
			int64_t iy = y + k / 3 - w->pad[0], ix = x + k % 3 - w->pad[1];

			if (iy >= 0 && iy < w->in[0] && ix >= 0 && ix < w->in[1])
				sum += (double)in[place(w->in, c, iy, ix)] *
					   f->weights[(m * f->conv.c + c) * 9 + k];
		}
	return sum;
}

/* Largest error of some channels over the largest output. */
static double
error_of(const fixture *f, const float *residual, int channels)
{
	const mmn_window *w = &f->conv.w;
	double worst = 0.0, largest = 0.0;
	int64_t step = (f->conv.m + channels - 1) / channels;

	for (int i = 0; i < f->images; i++)
		for (int64_t m = 0; m < f->conv.m; m += step)
			for (int64_t y = 0; y < w->out[0]; y++)
				for (int64_t x = 0; x < w->out[1]; x++)
				{
					size_t at =
						(size_t)i * f->out_stride + place(w->out, m, y, x);
					double want = definition(f, i, m, y, x), error;

					if (residual)
						want += residual[at];
					/* from the rounded sum: an activation's steps are not
					 * what is measured */
					want = mmn_activate(&f->conv, (float)want);
					error = fabs(f->out[at] - want);
					if (!(error <= worst))
						worst = error;
					if (fabs(want) > largest)
						largest = fabs(want);
				}
	return worst / largest;
}

/* Whether what lies between the images was left alone. */
static bool
gaps_untouched(const fixture *f)
{
	uint32_t bits;

	for (int i = 0; i < f->images; i++)
		for (size_t at = f->out_stride - GAP; at < f->out_stride; at++)
		{
			memcpy(&bits, f->out + (size_t)i * f->out_stride + at, sizeof bits);
			if (bits != 0xffffffffu)
				return false;
		}
	return true;
}

static void
check(const char *set, const fixture *f, const float *residual, int channels,
	  const char *what)
{
	mmn_status status = fixture_run(f, 0, f->images, residual, f->out);
	double error = error_of(f, residual, channels);

	ok(status == MMN_OK && error <= 1e-5,
	   "%s: %d images %dx%dx%d to %d channels%s: error %.1e", set, f->images,
	   (int)f->conv.c, (int)f->conv.w.in[0], (int)f->conv.w.in[1],
	   (int)f->conv.m, what, error);
	ok(gaps_untouched(f), "%s: nothing but images is written", set);
}

/* Shapes where tiles hang over, groups are not full, and chunks end. */
static void
test_shapes(mmn_isa isa)
{
	static const shape shapes[] = {
		{16, 32, 8, 8, {1, 1}, {1, 1}},	  /* whole tiles */
		{16, 16, 1, 1, {1, 1}, {1, 1}},	  /* one pixel */
		{32, 48, 7, 7, {1, 1}, {1, 1}},	  /* an odd number of blocks */
		{16, 32, 3, 30, {0, 0}, {0, 0}},  /* no padding; one row */
		{19, 33, 13, 6, {1, 1}, {1, 1}},  /* channels that fill no block */
		{1, 1, 9, 10, {1, 0}, {0, 1}},	  /* padding on some sides */
		{16, 16, 5, 5, {2, 2}, {2, 2}},	  /* as wide as can be */
		{16, 16, 2, 2, {2, 0}, {0, 2}},	  /* more padding than input */
		{48, 20, 22, 21, {0, 1}, {1, 0}}, /* more than one chunk */
	};
	const char *set = mmn_isa_name(isa);

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
	{
		fixture f = fixture_create(&shapes[i], 3, isa);

		ok(mmn_winograd_fits(&f.conv), "%s: it fits", set);
		check(set, &f, NULL, 5, "");
		fixture_destroy(&f);
	}
}

static void
test_epilogues(mmn_isa isa)
{
	static const shape s = {20, 40, 10, 9, {1, 1}, {1, 1}};
	static const struct
	{
		mmn_act act;
		float lo, hi;
		const char *name;
	} acts[] = {{MMN_ACT_NONE, 0, 0, ""},
				{MMN_ACT_CLIP, 0, INFINITY, ", relu"},
				{MMN_ACT_CLIP, -0.1f, 0.7f, ", clip"},
				{MMN_ACT_LEAKY, 0.1f, 0, ", leaky"},
				{MMN_ACT_HARD_SIGMOID, 0.2f, 0.5f, ", hard sigmoid"},
				{MMN_ACT_HARD_SWISH, 0, 0, ", hard swish"},
				{MMN_ACT_SIGMOID, 0, 0, ", sigmoid"},
				{MMN_ACT_SILU, 0, 0, ", silu"}};
	const char *set = mmn_isa_name(isa);
	fixture f = fixture_create(&s, 2, isa);

	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
	{
		char what[64];

		f.conv.act = acts[i].act;
		f.conv.lo = acts[i].lo;
		f.conv.hi = acts[i].hi;
		check(set, &f, NULL, 40, acts[i].name);
		snprintf(what, sizeof what, ", residual%s", acts[i].name);
		f.conv.residual = true;
		check(set, &f, f.residual, 40, what);
		f.conv.residual = false;
	}

	/* the residual may be where the output goes */
	size_t bytes = 2 * f.out_stride * sizeof(float);
	float *want = floats(2 * f.out_stride), *both = floats(2 * f.out_stride);

	f.conv.residual = true;
	memcpy(want, f.residual, bytes);
	memcpy(both, f.residual, bytes);
	fixture_run(&f, 0, 2, f.residual, want);
	fixture_run(&f, 0, 2, both, both);
	ok(memcmp(want, both, bytes) == 0, "%s: residual and output share memory",
	   set);
	free(want);
	free(both);
	fixture_destroy(&f);
}

/* What comes out for an image does not depend on the others, to the bit. */
static void
test_batch(mmn_isa isa)
{
	static const shape shapes[] = {{16, 32, 14, 14, {1, 1}, {1, 1}},
								   {64, 32, 7, 7, {1, 1}, {1, 1}},
								   {130, 40, 9, 9, {1, 1}, {1, 1}},
								   {32, 16, 23, 5, {1, 1}, {1, 1}}};
	const char *set = mmn_isa_name(isa);

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
	{
		fixture f = fixture_create(&shapes[i], 11, isa);
		size_t image = f.out_stride - GAP;
		float *one = floats(f.out_stride);
		int same = 0;

		fixture_run(&f, 0, 11, NULL, f.out);
		for (int n = 0; n < 11; n++)
		{
			fixture_run(&f, n, 1, NULL, one);
			same += memcmp(one, f.out + (size_t)n * f.out_stride,
						   image * sizeof(float)) == 0;
		}
		is_int(same, 11, "%s: each of 11 images is as if alone", set);
		free(one);
		fixture_destroy(&f);
	}
}

/* Errors grow with the number of channels: as deep as networks go. */
static void
test_depth(mmn_isa isa)
{
	static const shape s = {512, 64, 14, 14, {1, 1}, {1, 1}};
	fixture f = fixture_create(&s, 1, isa);
	const char *set = mmn_isa_name(isa);

	check(set, &f, NULL, 16, "");
	/* behind a Relu all inputs are positive, and large ones are rare */
	for (size_t i = 0; i < f.in_stride - GAP; i++)
		f.in[i] = f.in[i] < 0.0f ? 0.0f : powf(f.in[i], 6.0f) * 100.0f;
	check(set, &f, NULL, 16, ", skewed");
	fixture_destroy(&f);
}

static void
test_refusals(void)
{
	static const shape s = {16, 16, 8, 8, {1, 1}, {1, 1}};
	fixture f = fixture_create(&s, 1, MMN_ISA_PORTABLE);
	mmn_conv conv = f.conv;

	conv.w.stride[1] = 2;
	ok(!mmn_winograd_fits(&conv), "no stride");
	conv = f.conv;
	conv.w.dilation[0] = 2;
	ok(!mmn_winograd_fits(&conv), "no dilation");
	conv = f.conv;
	conv.w.kernel[1] = 5;
	ok(!mmn_winograd_fits(&conv), "no other kernel");
	conv = f.conv;
	conv.groups = 2;
	ok(!mmn_winograd_fits(&conv), "no groups");
	conv = f.conv;
	conv.plain_input = true;
	ok(!mmn_winograd_fits(&conv), "no plain input");
	conv = f.conv;
	conv.w.pad[0] = 3;
	ok(!mmn_winograd_fits(&conv), "no padding beyond the kernel");
	fixture_destroy(&f);
}

static int
stop(void *ctx)
{
	(void)ctx;
	return 1;
}

static void
test_cancel(void)
{
	static const shape s = {128, 512, 28, 28, {1, 1}, {1, 1}};
	fixture f = fixture_create(&s, 1, mmn_isa_best());
	mmn_env env = mmn_env_default;
	mmn_error err;
	mmn_run run = {.env = &env, .err = &err};
	float *scratch =
		floats(mmn_winograd_scratch(&f.conv, 1, 1) / sizeof(float));

	env.poll = stop;
	is_int(mmn_winograd_run(&f.conv, f.packed, f.in, NULL, f.out, 1,
							f.in_stride, f.out_stride, scratch, &run),
		   MMN_CANCELED, "stops when asked to");
	free(scratch);
	fixture_destroy(&f);
}

int
main(void)
{
	static const mmn_isa sets[] = {MMN_ISA_PORTABLE, MMN_ISA_AVX2,
								   MMN_ISA_AVX512};

	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
	{
		if (!mmn_isa_available(sets[i]))
			continue;
		test_shapes(sets[i]);
		test_epilogues(sets[i]);
		test_batch(sets[i]);
		test_depth(sets[i]);
	}
	test_refusals();
	test_cancel();
	return done_testing();
}
