/*
 * run_network MODEL N C H W OUTPUT [IN [OUT [SECONDS [ISA]]]]: runs a network over
 * N images of raw floats at once, without a server.
 *
 * OUTPUT is the name of the value wanted, "-" the graph's first output.  IN
 * holds N*C*H*W little-endian floats ("-": made up), OUT gets the output's
 * ("-": nobody wants them).  With SECONDS, it is run over and over for that
 * long.  ISA is portable, avx2 or avx512 (the best there is), or plain: step
 * by step as in the file.  Prints one line of JSON: shape of the output, bytes of memory,
 * milliseconds of CPU of the first run and the median of those behind it, the
 * longest time between two polls, and the process's largest resident size.
 */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "nn/network.h"

#define MAX_BYTES ((size_t)1 << 36)
#define MAX_RUNS 10000

/* Milliseconds of CPU time: another process's turn is no fault of ours. */
static double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static double last_poll, longest_gap;

static int
note_poll(void *ctx)
{
	double t = cpu();

	(void)ctx;
	if (t - last_poll > longest_gap)
		longest_gap = t - last_poll;
	last_poll = t;
	return 0;
}

static void *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long n;

	if (f && fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) >= 0)
	{
		rewind(f);
		*len = (size_t)n;
		bytes = malloc(*len + 1);
		if (bytes && fread(bytes, 1, *len, f) != *len)
		{
			free(bytes);
			bytes = NULL;
		}
	}
	if (f)
		fclose(f);
	if (!bytes)
		perror(path);
	return bytes;
}

/* Which kernels; of an unknown name, those there are not. */
static mmn_plan_options
get_options(const char *name)
{
	mmn_plan_options o = {.max_bytes = MAX_BYTES, .isa = mmn_isa_best()};

	o.plain = strcmp(name, "plain") == 0;
	if (*name && !o.plain)
		for (o.isa = 0; mmn_isa_available(o.isa); o.isa++)
			if (strcmp(name, mmn_isa_name(o.isa)) == 0)
				break;
	return o;
}

static int
fail(const char *what, const mmn_error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->text);
	return 1;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The input: of a file, or some smooth made-up one. */
static float *
get_input(const char *path, size_t n)
{
	size_t len;
	float *in;

	if (strcmp(path, "-") != 0)
	{
		in = slurp(path, &len);
		if (in && len == n * sizeof *in)
			return in;
		fprintf(stderr, "%s: must hold %zu floats\n", path, n);
		free(in);
		return NULL;
	}
	in = malloc(n * sizeof *in);
	for (size_t i = 0; in && i < n; i++)
		in[i] = (float)(i * 2654435761u % 4096) / 2048.0f - 1.0f;
	return in;
}

static void
report(const mmn_plan *plan, const mmn_plan_options *options, int64_t images,
	   double first, double median, int runs)
{
	mmn_shape shape;
	struct rusage usage;

	mmn_plan_output_shape(plan, &shape);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"shape\": [");
	for (int d = 0; d < shape.ndim; d++)
		printf("%s%lld", d ? ", " : "", (long long)shape.dims[d]);
	printf("], \"plan\": %zu, \"workspace\": %zu, "
		   "\"first_ms\": %.3f, \"median_ms\": %.3f, \"runs\": %d, "
		   "\"gap_ms\": %.2f, \"rss_kb\": %ld, \"isa\": \"%s\", "
		   "\"blas\": \"%s\"}\n",
		   mmn_plan_bytes(plan), mmn_plan_workspace(plan, images), first,
		   median, runs, longest_gap, usage.ru_maxrss,
		   options->plain ? "plain" : mmn_isa_name(options->isa), openblas_get_corename());
}

int
main(int argc, char **argv)
{
	static double times[MAX_RUNS];
	mmn_plan_options options = get_options(argc > 10 ? argv[10] : "");
	mmn_shape shape = {4, {1}};
	int64_t images;
	mmn_env env = mmn_env_default;
	mmn_network *net;
	mmn_plan *plan;
	mmn_error err;
	size_t n, len, n_out;
	double seconds = argc > 9 ? atof(argv[9]) : 0.0, start;
	float *in, *out;
	void *model, *workspace;
	int runs = 0;

	if (argc < 7)
		return fprintf(stderr, "usage: run_network MODEL N C H W OUTPUT "
							   "[IN [OUT [SECONDS [ISA]]]]\n"),
			   2;
	openblas_set_num_threads(1);
	env.poll = note_poll;
	n = (size_t)(images = atoll(argv[2]));
	for (int d = 1; d < 4; d++)
		n *= (size_t)(shape.dims[d] = atoll(argv[2 + d]));
	model = slurp(argv[1], &len);
	in = get_input(argc > 7 ? argv[7] : "-", n);
	if (!model || !in)
		return 1;
	if (mmn_network_load(&env, model, len, MAX_BYTES, &net, &err) != MMN_OK)
		return fail("load", &err);
	free(model);
	if (!mmn_isa_available(options.isa))
		return fprintf(stderr, "no such kernels on this CPU\n"), 1;
	options.output = strcmp(argv[6], "-") != 0 ? argv[6] : NULL;
	if (mmn_plan_create(&env, net, &shape, &options, &plan, &err) != MMN_OK)
		return fail("plan", &err);
	mmn_network_destroy(net);
	n_out = mmn_plan_output_count(plan) * (size_t)images;
	workspace = malloc(mmn_plan_workspace(plan, images));
	out = malloc(n_out * sizeof *out);
	start = cpu();
	longest_gap = 0;
	do
	{
		double t = cpu();

		last_poll = t;
		if (mmn_plan_forward(plan, images, workspace, in, out, &env, &err) !=
			MMN_OK)
			return fail("run", &err);
		times[runs++] = cpu() - t;
	} while (runs < MAX_RUNS && cpu() - start < seconds * 1e3);
	if (argc > 8 && strcmp(argv[8], "-") != 0)
	{
		FILE *f = fopen(argv[8], "wb");

		if (!f || fwrite(out, sizeof *out, n_out, f) != n_out || fclose(f))
			return perror(argv[8]), 1;
	}
	start = times[0];
	if (runs > 1)
		qsort(times + 1, (size_t)runs - 1, sizeof *times, compare);
	report(plan, &options, images, start, times[runs / 2], runs);
	mmn_plan_destroy(&env, plan);
	free(workspace);
	free(out);
	free(in);
	return 0;
}
