/*
 * network MODEL.onnx [images [width [height]]] [--isa=NAME] [--plain] [--steps]
 *
 * Images a second of a network, computed so many at a time (in the groups that
 * mmn_plan_forward() makes of them; --steps makes none), by the median of the
 * rounds of five seconds of CPU time; with --steps, where the time goes.  The input is
 * noise: nothing here depends on its values.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cblas.h>

#include "nn/graph.h"

#define SECONDS 5.0
#define MAX_ROUNDS 4096

/* Of this thread, which is all there is: others on the machine do not count. */
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
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, compare);
	return v[n / 2];
}

static void
stop(const char *what)
{
	fprintf(stderr, "network: %s\n", what);
	exit(1);
}

static void *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	void *p;

	if (!f || fseek(f, 0, SEEK_END) != 0)
		stop(path);
	*len = (size_t)ftell(f);
	rewind(f);
	p = malloc(*len);
	if (!p || fread(p, 1, *len, f) != *len)
		stop(path);
	fclose(f);
	return p;
}

/* Multiply-adds of a convolution step, 0 of others. */
static double
macs_of(const mmn_plan *plan, int step)
{
	const mmn_plan_step *r = &mmn_plan_steps(plan)[step];
	const mmn_conv *c = (const void *)((const uint8_t *)plan + r->params);

	if (strcmp(mmn_op_at(r->op)->name, "blocked conv") != 0)
		return 0;
	return (double)c->m * (double)(c->c / c->groups) *
		   (double)(c->w.kernel[0] * c->w.kernel[1]) *
		   (double)(c->w.out[0] * c->w.out[1]);
}

static void
describe(const mmn_plan *plan, int step, char *text, size_t size)
{
	static const char *const methods[] = {"",		"pointwise", "direct",
										  "first", "depthwise", "winograd"};
	const mmn_plan_step *r = &mmn_plan_steps(plan)[step];
	const uint8_t *block = (const uint8_t *)plan;
	const int32_t *args = (const void *)(block + r->args);
	const mmn_shape *out = &mmn_plan_tensors(plan)[args[r->n_in]].shape;
	const mmn_conv *c = (const void *)(block + r->params);
	int n = 0;

	if (macs_of(plan, step) > 0)
		n = snprintf(text, size, "%s %dx%d/%d %d->%d g%d @%d%s%s ",
					 methods[c->method], (int)c->w.kernel[0],
					 (int)c->w.kernel[1], (int)c->w.stride[0], (int)c->c,
					 (int)c->m, (int)c->groups, (int)c->w.out[0],
					 c->residual ? " +" : "", c->act ? " act" : "");
	else
		for (int d = 0; d < out->ndim; d++)
			n += snprintf(text + n, size - (size_t)n, "%s%d", d ? "x" : "",
						  (int)out->dims[d]);
	snprintf(text + n, size - (size_t)n, " %s", (const char *)block + r->name);
}

static void
print_steps(const mmn_plan *plan, double *const *times, int rounds,
			int64_t images)
{
	double total = 0;

	for (int i = 0; i < plan->n_steps; i++)
		total += median(times[i], rounds);
	for (int i = 0; i < plan->n_steps; i++)
	{
		double t = median(times[i], rounds), macs = macs_of(plan, i);
		char text[160];

		describe(plan, i, text, sizeof text);
		printf("%3d %8.1f us/image %5.1f%% ", i, t / (double)images * 1e6,
			   100 * t / total);
		if (macs > 0)
			printf("%6.1f GFLOP/s ", 2e-9 * macs * (double)images / t);
		else
			printf("%15s", "");
		printf(" %-18s %s\n", mmn_op_at(mmn_plan_steps(plan)[i].op)->name,
			   text);
	}
}

int
main(int argc, char **argv)
{
	const char *path = NULL;
	int64_t numbers[3] = {1, 224, 224};
	int n_numbers = 0, rounds = 0;
	bool steps = false;
	mmn_plan_options options = {.max_bytes = (size_t)1 << 33,
								.isa = mmn_isa_best()};
	static double rates[MAX_ROUNDS];

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--plain") == 0)
			options.plain = true;
		else if (strcmp(argv[i], "--steps") == 0)
			steps = true;
		else if (strncmp(argv[i], "--isa=", 6) == 0)
			for (int isa = 0; isa < 3; isa++)
			{
				if (strcmp(argv[i] + 6, mmn_isa_name((mmn_isa)isa)) == 0)
					options.isa = (mmn_isa)isa;
			}
		else if (!path)
			path = argv[i];
		else if (n_numbers < 3)
			numbers[n_numbers++] = atol(argv[i]);
	if (!path)
		stop("which model?");
	if (n_numbers == 2)
		numbers[2] = numbers[1];
	openblas_set_num_threads(1);

	mmn_shape shape = {4, {1, 3, numbers[2], numbers[1]}};
	mmn_error err;
	mmn_network *net;
	mmn_plan *plan;
	mmn_run run;
	size_t len, n_in, n_out;
	void *bytes = slurp(path, &len), *workspace;
	float *in, *out;
	double start = now(), planned;

	if (mmn_network_load(&mmn_env_default, bytes, len, options.max_bytes, &net,
						 &err) != MMN_OK ||
		mmn_plan_create(&mmn_env_default, net, &shape, &options, &plan,
						&err) != MMN_OK)
		stop(err.text);
	mmn_network_destroy(net);
	free(bytes);
	planned = now() - start;
	n_in = mmn_plan_input_count(plan) * (size_t)numbers[0];
	n_out = mmn_plan_output_count(plan) * (size_t)numbers[0];
	in = malloc(n_in * sizeof *in);
	out = malloc(n_out * sizeof *out);
	workspace = malloc(mmn_run_workspace(plan, numbers[0], 1));
	for (size_t i = 0; i < n_in; i++)
		in[i] = (float)((i * 2654435761u >> 8) % 2000) / 1000.0f - 1.0f;

	double **times = calloc((size_t)plan->n_steps, sizeof *times);

	for (int i = 0; i < plan->n_steps; i++)
		times[i] = calloc(MAX_ROUNDS, sizeof **times);
	start = now();
	for (int k = -1;
		 rounds < MAX_ROUNDS && (now() - start < SECONDS || rounds < 3); k++)
	{
		double from = now(), at = from;

		if (!steps && mmn_plan_forward(plan, numbers[0], workspace, in, out,
									   &mmn_env_default, &err) != MMN_OK)
			stop(err.text);
		mmn_run_begin(&run, plan, numbers[0], workspace, in, &mmn_env_default,
					  &err);
		for (int i = 0; steps && i < plan->n_steps; i++)
		{
			double then = at;

			if (mmn_run_step(&run, i) != MMN_OK)
				stop(err.text);
			at = now();
			times[i][rounds] = at - then;
		}
		if (steps)
			mmn_run_end(&run, out);
		if (k >= 0) /* the first one touches all memory */
			rates[rounds++] = (double)numbers[0] / (now() - from);
	}
	if (steps)
		print_steps(plan, times, rounds, numbers[0]);
	printf("%s: %.2f images/s, %d at a time, %s%s, BLAS %s; planned in %.0f ms, "
		   "plan %.1f MB, workspace %.1f MB\n",
		   path, median(rates, rounds), (int)numbers[0],
		   mmn_isa_name(options.isa), options.plain ? ", plain" : "",
		   openblas_get_corename(), planned * 1e3,
		   (double)mmn_plan_bytes(plan) / 1e6,
		   (double)mmn_run_workspace(plan, numbers[0], 1) / 1e6);
	return 0;
}
