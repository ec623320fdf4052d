/*
 * Convolutions by layer: GFLOP/s (of the direct method's operations) of every
 * method that fits, beside what OpenBLAS reaches on a large square product.
 *
 *   conv [images] [avx512|avx2|portable] [part of a layer's name]
 *
 * One line a layer and method; the median of several runs.  The input is in
 * the cache that its size allows, the weights are as warm as a repeated run
 * leaves them: a network sees both a little colder.
 */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nn/conv.h"
#include "nn/winograd.h"

typedef struct layer
{
	const char *network;
	int c, m, groups, size, kernel, stride;
	int times; /* in the network */
} layer;

static const layer layers[] = {
	{"resnet18", 3, 64, 1, 224, 7, 2, 1},
	{"resnet18", 64, 64, 1, 56, 3, 1, 4},
	{"resnet18", 64, 128, 1, 56, 3, 2, 1},
	{"resnet18", 64, 128, 1, 56, 1, 2, 1},
	{"resnet18", 128, 128, 1, 28, 3, 1, 3},
	{"resnet18", 128, 256, 1, 28, 3, 2, 1},
	{"resnet18", 128, 256, 1, 28, 1, 2, 1},
	{"resnet18", 256, 256, 1, 14, 3, 1, 3},
	{"resnet18", 256, 512, 1, 14, 3, 2, 1},
	{"resnet18", 256, 512, 1, 14, 1, 2, 1},
	{"resnet18", 512, 512, 1, 7, 3, 1, 3},
	{"resnet50", 64, 64, 1, 56, 1, 1, 1},
	{"resnet50", 64, 256, 1, 56, 1, 1, 4},
	{"resnet50", 256, 64, 1, 56, 1, 1, 2},
	{"resnet50", 256, 128, 1, 56, 1, 1, 1},
	{"resnet50", 128, 128, 1, 56, 3, 2, 1},
	{"resnet50", 256, 512, 1, 56, 1, 2, 1},
	{"resnet50", 128, 512, 1, 28, 1, 1, 4},
	{"resnet50", 512, 128, 1, 28, 1, 1, 3},
	{"resnet50", 512, 256, 1, 28, 1, 1, 1},
	{"resnet50", 256, 1024, 1, 14, 1, 1, 6},
	{"resnet50", 1024, 256, 1, 14, 1, 1, 5},
	{"resnet50", 1024, 512, 1, 14, 1, 1, 1},
	{"resnet50", 1024, 2048, 1, 14, 1, 2, 1},
	{"resnet50", 512, 2048, 1, 7, 1, 1, 3},
	{"resnet50", 2048, 512, 1, 7, 1, 1, 2},
	{"densenet121", 64, 128, 1, 56, 1, 1, 1},
	{"densenet121", 224, 128, 1, 56, 1, 1, 1},
	{"densenet121", 128, 32, 1, 56, 3, 1, 6},
	{"densenet121", 256, 128, 1, 28, 1, 1, 1},
	{"densenet121", 128, 32, 1, 28, 3, 1, 12},
	{"densenet121", 512, 128, 1, 14, 1, 1, 1},
	{"densenet121", 128, 32, 1, 14, 3, 1, 24},
	{"densenet121", 768, 128, 1, 7, 1, 1, 1},
	{"densenet121", 128, 32, 1, 7, 3, 1, 16},
	{"mobilenet_v2", 3, 32, 1, 224, 3, 2, 1},
	{"mobilenet_v2", 32, 32, 32, 112, 3, 1, 1},
	{"mobilenet_v2", 32, 16, 1, 112, 1, 1, 1},
	{"mobilenet_v2", 16, 96, 1, 112, 1, 1, 1},
	{"mobilenet_v2", 96, 96, 96, 112, 3, 2, 1},
	{"mobilenet_v2", 96, 24, 1, 56, 1, 1, 1},
	{"mobilenet_v2", 24, 144, 1, 56, 1, 1, 2},
	{"mobilenet_v2", 144, 144, 144, 56, 3, 1, 1},
	{"mobilenet_v2", 144, 24, 1, 56, 1, 1, 1},
	{"mobilenet_v2", 144, 144, 144, 56, 3, 2, 1},
	{"mobilenet_v2", 144, 32, 1, 28, 1, 1, 1},
	{"mobilenet_v2", 32, 192, 1, 28, 1, 1, 3},
	{"mobilenet_v2", 192, 192, 192, 28, 3, 1, 2},
	{"mobilenet_v2", 192, 32, 1, 28, 1, 1, 2},
	{"mobilenet_v2", 192, 192, 192, 28, 3, 2, 1},
	{"mobilenet_v2", 64, 384, 1, 14, 1, 1, 4},
	{"mobilenet_v2", 384, 384, 384, 14, 3, 1, 4},
	{"mobilenet_v2", 384, 64, 1, 14, 1, 1, 3},
	{"mobilenet_v2", 384, 96, 1, 14, 1, 1, 1},
	{"mobilenet_v2", 96, 576, 1, 14, 1, 1, 3},
	{"mobilenet_v2", 576, 576, 576, 14, 3, 1, 2},
	{"mobilenet_v2", 576, 96, 1, 14, 1, 1, 2},
	{"mobilenet_v2", 576, 576, 576, 14, 3, 2, 1},
	{"mobilenet_v2", 160, 960, 1, 7, 1, 1, 3},
	{"mobilenet_v2", 960, 960, 960, 7, 3, 1, 3},
	{"mobilenet_v2", 960, 160, 1, 7, 1, 1, 2},
	{"mobilenet_v2", 960, 320, 1, 7, 1, 1, 1},
	{"mobilenet_v2", 320, 1280, 1, 7, 1, 1, 1},
	{"resnext50", 128, 128, 32, 56, 3, 1, 3},
	{"resnext50", 256, 256, 32, 28, 3, 1, 3},
	{"resnext50", 512, 512, 32, 14, 3, 1, 5},
	{"regnet_y_3_2gf", 216, 216, 9, 28, 3, 1, 4},
	{"convnext_tiny", 96, 96, 96, 56, 7, 1, 3},
};

#define ROUNDS 9

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static float *
noise(size_t n)
{
	float *p = aligned_alloc(64, (n * sizeof *p + 63) & ~(size_t)63);

	for (size_t i = 0; i < n; i++)
		p[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
	return p;
}

/* GFLOP/s of OpenBLAS on 1024 x 1024 x 1024. */
static double
blas_rate(void)
{
	enum
	{
		N = 1024
	};
	float *a = noise(N * N), *b = noise(N * N), *c = noise(N * N);
	double best = 0;

	for (int i = 0; i < ROUNDS; i++)
	{
		double start = now();

		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, a, N,
					b, N, 0, c, N);
		start = 2.0 * N * N * N / (now() - start) * 1e-9;
		best = start > best ? start : best;
	}
	free(a);
	free(b);
	free(c);
	return best;
}

static mmn_conv
conv_of(const layer *l, mmn_isa isa)
{
	mmn_conv conv = {.c = l->c,
					 .m = l->m,
					 .groups = l->groups,
					 .plain_input = l->c <= 4,
					 .act = MMN_ACT_CLIP,
					 .hi = 1e30f,
					 .isa = isa};

	for (int d = 0; d < 2; d++)
	{
		mmn_window *w = &conv.w;

		w->in[d] = l->size;
		w->kernel[d] = l->kernel;
		w->stride[d] = l->stride;
		w->dilation[d] = 1;
		w->pad[d] = w->pad_end[d] = l->kernel / 2;
		w->out[d] = (l->size + 2 * (l->kernel / 2) - l->kernel) / l->stride + 1;
	}
	return conv;
}

/* Median seconds of one run over the images. */
static double
measure(const mmn_conv *conv, int images, double flops)
{
	const mmn_window *w = &conv->w;
	size_t in = conv->plain_input
					? (size_t)(conv->c * w->in[0] * w->in[1])
					: mmn_blocked_count(conv->c, w->in[0], w->in[1]);
	size_t out = mmn_blocked_count(conv->m, w->out[0], w->out[1]);
	size_t depth = (size_t)(conv->c / conv->groups);
	float *x = noise(in * (size_t)images), *y = noise(out * (size_t)images);
	float *weights =
		noise((size_t)conv->m * depth * (size_t)(w->kernel[0] * w->kernel[1]));
	void *packed = aligned_alloc(64, mmn_conv_packed_bytes(conv));
	void *scratch = aligned_alloc(64, mmn_conv_scratch(conv, images, 1) + 64);
	mmn_error err;
	mmn_run run = {.env = &mmn_env_default, .err = &err};
	int times = (int)(1e8 / flops) + 1;
	double took[ROUNDS];

	mmn_conv_pack(conv, weights, NULL, packed);
	for (int i = 0; i <= ROUNDS; i++) /* the first is to warm up */
	{
		double start = now();

		for (int k = 0; k < times; k++)
			mmn_conv_run(conv, packed, x, NULL, y, images, in, out, scratch,
						 &run);
		took[i ? i - 1 : 0] = (now() - start) / times;
	}
	qsort(took, ROUNDS, sizeof *took, compare);
	free(x);
	free(y);
	free(weights);
	free(packed);
	free(scratch);
	return took[ROUNDS / 2];
}

static void
report(const layer *l, mmn_isa isa, int images, double peak)
{
	static const char *const names[] = {"none",	 "pointwise", "direct",
										"first", "depthwise", "winograd"};
	mmn_conv conv = conv_of(l, isa);
	mmn_conv_method chosen, other;
	double flops;
	char name[80];

	if (!mmn_conv_choose(&conv))
		return;
	chosen = other = conv.method;
	if (chosen == MMN_CONV_WINOGRAD)
		other = MMN_CONV_DIRECT;
	else if (mmn_winograd_fits(&conv))
		other = MMN_CONV_WINOGRAD;
	flops = 2.0 * (double)(conv.w.out[0] * conv.w.out[1]) * l->m *
			(l->c / l->groups) * l->kernel * l->kernel * images;
	snprintf(name, sizeof name, "%-14s %4d to %4d%s %dx%d/%d at %d x%d",
			 l->network, l->c, l->m, l->groups > 1 ? " grouped" : "", l->kernel,
			 l->kernel, l->stride, l->size, l->times);
	for (int i = 0; i < (other == chosen ? 1 : 2); i++)
	{
		double t;

		conv.method = i ? other : chosen;
		t = measure(&conv, images, flops);
		printf("%-50s %-10s%c %9.1f us %7.1f GFLOP/s  %4.0f %%\n", name,
			   names[conv.method], i ? ' ' : '*', t * 1e6, flops / t * 1e-9,
			   flops / t * 1e-7 / peak);
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	int images = argc > 1 ? atoi(argv[1]) : 1;
	mmn_isa isa = mmn_isa_best();
	double peak;

	for (mmn_isa i = MMN_ISA_PORTABLE; argc > 2 && i <= MMN_ISA_AVX512; i++)
		if (strcmp(argv[2], mmn_isa_name(i)) == 0 && mmn_isa_available(i))
			isa = i;
	openblas_set_num_threads(1);
	peak = blas_rate();
	printf("%s, %d image%s; OpenBLAS (%s) 1024x1024x1024: %.1f GFLOP/s\n",
		   mmn_isa_name(isa), images, images > 1 ? "s" : "",
		   openblas_get_corename(), peak);
	for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
		if (argc < 4 || strstr(layers[i].network, argv[3]))
			report(&layers[i], isa, images > 0 ? images : 1, peak);
	return 0;
}
