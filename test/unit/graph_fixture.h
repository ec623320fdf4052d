#ifndef GRAPH_FIXTURE_H
#define GRAPH_FIXTURE_H

/*
 * Graphs of what image networks consist of, map by map, and what a plan makes
 * of them against the same graph step by step.
 */
#include "onnx_fixture.h"
#include "tap.h"

#include "nn/graph.h"

typedef struct map
{
	char name[12];
	int64_t c, h, w;
} map;

static map maps[64];
static int n_maps, n_names;
static float *constants[1024];
static int n_constants;

static inline map *
new_map(int64_t c, int64_t h, int64_t w)
{
	map *m = &maps[n_maps++];

	*m = (map){.c = c, .h = h, .w = w};
	snprintf(m->name, sizeof m->name, "t%d", n_names++);
	return m;
}

/* An initializer of random values, scaled so that sums stay small. */
static inline const char *
constant(int ndim, const int64_t *dims, float scale, float shift)
{
	static char name[16];
	size_t n = 1;
	float *v;

	for (int i = 0; i < ndim; i++)
		n *= (size_t)dims[i];
	v = constants[n_constants++] = random_floats(n);
	for (size_t i = 0; i < n; i++)
		v[i] = v[i] * scale + shift;
	snprintf(name, sizeof name, "k%d", n_names++);
	add_floats(name, ndim, dims, v);
	return name;
}

static inline void
chain(const char *op, const map *in, const map *out)
{
	begin_node(op, in->name, NULL, out->name);
}

static inline map *
add_conv(map *x, int64_t m, int64_t k, int64_t stride, int64_t groups, bool pad)
{
	int64_t ws[4] = {m, x->c / groups, k, k};
	char w[16], b[16];
	int64_t p = pad ? k / 2 : 0;
	map *y = new_map(m, (x->h + 2 * p - k) / stride + 1,
					 (x->w + 2 * p - k) / stride + 1);

	strcpy(w, constant(4, ws, 1.0f / (float)(ws[1] * k), 0));
	strcpy(b, constant(1, ws, 0.3f, 0));
	begin_node("Conv", x->name, w, y->name);
	if (pick(0, 1))
	{
		node.len = 0;
		put_text(&node, 1, x->name);
		put_text(&node, 1, w);
		put_text(&node, 1, b);
		put_text(&node, 2, y->name);
		put_text(&node, 4, "Conv");
	}
	set_int("group", groups);
	set_ints("strides", 2, (int64_t[]){stride, stride});
	set_ints("pads", 4, (int64_t[]){p, p, p, p});
	end_node();
	return y;
}

static inline map *
add_norm(map *x)
{
	map *y = new_map(x->c, x->h, x->w);
	char v[4][16];

	for (int i = 0; i < 4; i++)
		strcpy(v[i], constant(1, &x->c, 0.3f, i % 3 ? 0.0f : 1.0f));
	node.len = 0;
	put_text(&node, 1, x->name);
	for (int i = 0; i < 4; i++)
		put_text(&node, 1, v[i]);
	put_text(&node, 2, y->name);
	put_text(&node, 4, "BatchNormalization");
	end_node();
	return y;
}

static inline map *
add_unary(const char *op, map *x)
{
	map *y = new_map(x->c, x->h, x->w);

	chain(op, x, y);
	if (strcmp(op, "HardSigmoid") == 0 && pick(0, 1))
		set_float("alpha", 1.0f / 6.0f);
	end_node();
	return y;
}

static inline map *
add_binary(const char *op, map *a, map *b)
{
	map *y = new_map(a->c > b->c ? a->c : b->c, a->h > b->h ? a->h : b->h,
					 a->w > b->w ? a->w : b->w);

	begin_node(op, a->name, b->name, y->name);
	end_node();
	return y;
}

/* A constant for each channel. */
static inline map *
add_scale(map *x)
{
	map *y = new_map(x->c, x->h, x->w);

	begin_node(pick(0, 1) ? "Mul" : "Add", x->name,
			   constant(3, (int64_t[]){x->c, 1, 1}, 0.3f, 0.5f), y->name);
	end_node();
	return y;
}

/* Another map of the same size (and channels), or none. */
static inline map *
partner(const map *x, bool channels)
{
	for (int i = 0, at = pick(0, n_maps - 1); i < n_maps; i++, at++)
	{
		map *m = &maps[at % n_maps];

		if (m != x && m->h == x->h && m->w == x->w &&
			(!channels || m->c == x->c))
			return m;
	}
	return NULL;
}

static inline double
difference(const float *a, const float *b, size_t n)
{
	double worst = 0, largest = 1e-30;

	for (size_t i = 0; i < n; i++)
	{
		double d = fabs((double)a[i] - (double)b[i]);

		if (isinf(a[i]) && a[i] == b[i])
			continue;
		worst = d <= worst ? worst : d;
		largest = fabs((double)a[i]) > largest ? fabs((double)a[i]) : largest;
	}
	return worst / largest;
}

/* Without making groups of the images, as small networks are run. */
static inline mmn_status
forward_at_once(const mmn_plan *p, int64_t images, const float *in, float *out)
{
	size_t size = mmn_run_workspace(p, images, mmn_run_workers(&env));
	void *workspace = malloc(size);
	mmn_status status = MMN_OK;
	mmn_run run;

	memset(workspace, 0xff, size);
	mmn_run_begin(&run, p, images, workspace, in, &env, &err);
	for (int i = 0; i < p->n_steps && status == MMN_OK; i++)
		status = mmn_run_step(&run, i);
	mmn_run_end(&run, out);
	free(workspace);
	return status;
}

/* The network as it stands in every kernel set, two images at a time. */
static inline void
compare(int round, const int64_t *in, const char *output)
{
	size_t n_x = (size_t)(2 * in[1] * in[2] * in[3]), n = 0;
	float *x = random_floats(n_x), *want, *got, *one;
	static message saved;
	int isa;

	saved = graph;

	options.plain = true;
	if (begin(output, 4, in) != MMN_OK)
	{
		ok(0, "graph %d: %s", round, err.text);
		free(x);
		return;
	}
	n = mmn_plan_output_count(plan);
	want = malloc(2 * n * sizeof *want);
	got = malloc(2 * n * sizeof *got);
	one = malloc(n * sizeof *one);
	forward_at_once(plan, 2, x, want);
	options.plain = false;
	for (isa = 0; isa <= (int)mmn_isa_best(); isa++)
	{
		double error = INFINITY;
		bool same = false;

		graph = saved;
		options.isa = (mmn_isa)isa;
		if (begin(output, 4, in) == MMN_OK &&
			forward_at_once(plan, 2, x, got) == MMN_OK)
		{
			error = difference(want, got, 2 * n);
			forward_images(plan, 1, x + n_x / 2, one);
			same = memcmp(one, got + n, n * sizeof *one) == 0;
			env.threads = 3;
			forward_images(plan, 1, x + n_x / 2, one);
			env.threads = 0;
			same = same && memcmp(one, got + n, n * sizeof *one) == 0;
		}
		ok(error < 2e-5 && same, "graph %d, %d maps, %s: error %.2g%s", round,
		   n_maps, mmn_isa_name((mmn_isa)isa), error,
		   same ? "" : ", differs with the number of images or threads");
	}
	free(x);
	free(want);
	free(got);
	free(one);
}

static inline void
begin_maps(int64_t c, int64_t h, int64_t w)
{
	n_maps = n_names = 0;
	begin_graph();
	strcpy(new_map(c, h, w)->name, "x");
}

static inline void
free_constants(void)
{
	while (n_constants > 0)
		free(constants[--n_constants]);
}

/* How many steps of that name the plan has. */
static inline int
count_steps(const char *name)
{
	int n = 0;

	for (int i = 0; i < plan->n_steps; i++)
		n += strcmp(mmn_op_at(mmn_plan_steps(plan)[i].op)->name, name) == 0;
	return n;
}

#endif
