/*
 * Small networks in the ways that the published ones are built, and one in
 * the forms of every version of ONNX's operators that is taken, against what
 * PyTorch computes in double precision (test/networks/make.py): by each set of
 * kernels, and as in the file.  And every value of their graphs can be asked
 * for, whatever it is fused with when nobody does.
 */
#include <dirent.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "nn/graph.h"
#include "tap.h"

#define HEIGHT 44
#define WIDTH 52
#define PIXELS (3 * HEIGHT * WIDTH)
#define IMAGES 3

static char folder[256];

static void *
slurp(const char *name, const char *suffix, size_t *len)
{
	char path[512];
	FILE *f;
	uint8_t *bytes;

	snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
	f = fopen(path, "rb");
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*len = (size_t)ftell(f);
	rewind(f);
	bytes = malloc(*len + 1);
	if (fread(bytes, 1, *len, f) != *len)
		*len = 0;
	fclose(f);
	return bytes;
}

/* The image of make.py, and others behind it. */
static void
make_images(float *x)
{
	for (uint32_t i = 0; i < PIXELS; i++)
	{
		x[i] = (float)(i * 2654435761u >> 8) / 8388608.0f - 1.0f;
		x[PIXELS + i] = x[i] * 0.5f;
		x[2 * PIXELS + i] = 0.25f - x[i];
	}
}

/* Error of the largest value, and how far the cosine is from 1. */
static void
compare(const float *got, const double *want, size_t n, double *error,
		double *angle)
{
	double worst = 0, largest = 0, gg = 0, ww = 0, gw = 0;

	for (size_t i = 0; i < n; i++)
	{
		double d = fabs((double)got[i] - want[i]);

		worst = d <= worst ? worst : d; /* a NaN stays */
		largest = fabs(want[i]) > largest ? fabs(want[i]) : largest;
		gg += (double)got[i] * (double)got[i];
		ww += want[i] * want[i];
		gw += (double)got[i] * want[i];
	}
	*error = worst / largest;
	*angle = 1.0 - gw / sqrt(gg * ww);
}

static const mmn_shape shape = {4, {1, 3, HEIGHT, WIDTH}};

/* One output for several images at once; returns its length. */
static size_t
run_output(const char *name, const mmn_network *net,
		   mmn_plan_options options, const float *x, const double *want)
{
	const char *how = options.plain ? "plain" : mmn_isa_name(options.isa);
	mmn_plan *plan;
	mmn_error err;
	void *workspace;
	float *together, *alone;
	double error, angle;
	size_t n;
	int same;

	if (mmn_plan_create(&mmn_env_default, net, &shape, &options, &plan, &err) !=
		MMN_OK)
	{
		ok(0, "%s, %s, %s: %s", name, options.output, how, err.text);
		return 0;
	}
	n = mmn_plan_output_count(plan);
	workspace = malloc(mmn_plan_workspace(plan, IMAGES));
	together = malloc(IMAGES * n * sizeof *together);
	alone = malloc(n * sizeof *alone);
	mmn_plan_forward(plan, IMAGES, workspace, x, together, &mmn_env_default,
					 &err);
	mmn_plan_forward(plan, 1, workspace, x + PIXELS, alone, &mmn_env_default,
					 &err);
	same = memcmp(alone, together + n, n * sizeof *alone) == 0;
	compare(together, want, n, &error, &angle);
	ok(error <= 1e-5 && angle <= 1e-9 && same,
	   "%s, %s, %s: error %.1e, 1 - cosine %.1e%s", name, options.output, how,
	   error, angle, same ? "" : ", images depend on each other");
	free(alone);
	free(together);
	free(workspace);
	mmn_plan_destroy(&mmn_env_default, plan);
	return n;
}

/* A value inside, as in the file or as it is best; NULL: no floats there. */
static float *
run_value(const mmn_network *net, const char *value, bool plain,
		  const float *x, size_t *n)
{
	mmn_plan_options options = {.output = value,
								.max_bytes = 1 << 26,
								.isa = mmn_isa_best(),
								.plain = plain};
	mmn_plan *plan;
	mmn_error err;
	void *workspace;
	float *out;

	if (mmn_plan_create(&mmn_env_default, net, &shape, &options, &plan, &err) !=
		MMN_OK)
		return NULL;
	*n = mmn_plan_output_count(plan);
	workspace = malloc(mmn_plan_workspace(plan, 1));
	out = malloc(*n * sizeof *out);
	mmn_plan_forward(plan, 1, workspace, x, out, &mmn_env_default, &err);
	free(workspace);
	mmn_plan_destroy(&mmn_env_default, plan);
	return out;
}

static void
test_inside(const char *name, const mmn_network *net, const float *x)
{
	int wrong = 0, compared = 0;

	for (int v = 0; v < net->n_values; v++)
	{
		char value[128];
		size_t n, m;
		float *plain, *best;

		snprintf(value, sizeof value, "%.*s", (int)net->values[v].name.len,
				 net->values[v].name.p);
		plain = run_value(net, value, true, x, &n);
		best = run_value(net, value, false, x, &m);
		if (!plain != !best || (plain && n != m))
			wrong++;
		for (size_t i = 0; plain && best && i < n; i++)
			if (!(fabsf(plain[i] - best[i]) <= 1e-4f * (1 + fabsf(plain[i]))))
			{
				printf("# %s[%zu]: %g, must be %g\n", value, i, best[i],
					   plain[i]);
				wrong++;
				break;
			}
		compared += plain && best;
		free(plain);
		free(best);
	}
	ok(wrong == 0 && compared > 10, "%s: %d values inside", name, compared);
}

static void
test_network(const char *name, const float *x)
{
	size_t model_len, want_len, n = 0;
	void *model = slurp(name, ".onnx", &model_len);
	double *want = slurp(name, ".out", &want_len);
	mmn_network *net = NULL;
	mmn_error err;

	if (!model || !want ||
		mmn_network_load(&mmn_env_default, model, model_len, 1 << 26, &net,
						 &err) != MMN_OK)
		ok(0, "%s is read: %s", name, model && want ? err.text : "no file");
	else
	{
		/* plain, then every set of kernels */
		for (int i = 0; i == 0 || mmn_isa_available((mmn_isa)(i - 1)); i++)
		{
			mmn_plan_options o = {.output = "logits",
								  .max_bytes = 1 << 26,
								  .isa = i ? (mmn_isa)(i - 1) : mmn_isa_best(),
								  .plain = i == 0};

			n = run_output(name, net, o, x, want);
			o.output = "features";
			n += run_output(name, net, o, x, want + n);
			ok(n * sizeof *want == want_len, "%s has %zu values", name, n);
		}
		test_inside(name, net, x);
	}
	mmn_network_destroy(net);
	free(model);
	free(want);
}

static int
is_network(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".onnx") == 0;
}

int
main(void)
{
	static float x[IMAGES * PIXELS];
	const char *top = getenv("MEDIMNET_TOP");
	struct dirent **list;
	int n;

	snprintf(folder, sizeof folder, "%s/test/networks", top ? top : ".");
	n = scandir(folder, &list, is_network, alphasort);
	ok(n == 26, "there are 26 networks in %s", folder);
	make_images(x);
	for (int i = 0; i < n; i++)
	{
		list[i]->d_name[strlen(list[i]->d_name) - 5] = '\0';
		test_network(list[i]->d_name, x);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return done_testing();
}
