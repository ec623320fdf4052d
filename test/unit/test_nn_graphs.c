/*
 * Random graphs of whatever the planner knows a shorter way for, of shapes
 * that no network has: one row, windows of unequal sides, dilated, padded on
 * one side only, groups of any width, renamed and reordered maps; any value of
 * them may be what is wanted.  Against the same graph step by step.
 *
 *   test_nn_graphs [GRAPHS [SEED]]
 *
 * Of tens of thousands one or the other takes differences of equal numbers and
 * nothing else; then what is left are rounding errors, and it fails.
 */
#include "graph_fixture.h"

#define MAPS_MAX 24

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static const char *const binary[] = {"Add", "Add", "Mul", "Mul", "Sub", "Max"};

static map *
pick_map(void)
{
	return &maps[pick(0, 2) ? n_maps - 1 : pick(0, n_maps - 1)];
}

/* Also of so many channels that some blocks are full, and some are not. */
static int64_t
pick_channels(void)
{
	static const int64_t widths[] = {1, 3, 4, 7, 8, 12, 16, 17, 20, 32, 36, 48};

	return widths[pick(0, 11)];
}

static void
shape_constant(char *name, int n, const int64_t *v)
{
	int64_t dims[1] = {n};

	snprintf(name, 16, "k%d", n_names++);
	add_tensor(name, 7, 1, dims, v, (size_t)n * sizeof *v);
}

/* A window for one dimension of so many elements. */
typedef struct side
{
	int64_t kernel, stride, dilation, pad, pad_end, out;
} side;

static side
pick_side(int64_t in, bool dilated, bool pool)
{
	side s;

	s.kernel = pick(0, 2) ? 3 : pick(1, 5);
	s.stride = pick(0, 2) ? 1 : pick(1, 3);
	s.dilation = dilated && pick(0, 3) == 0 ? pick(2, 3) : 1;
	s.pad = pick(0, 2) ? s.kernel / 2 : pick(0, 3);
	s.pad_end = pick(0, 2) ? s.pad : pick(0, 3);
	if (pool)
	{
		s.pad = least(s.pad, s.kernel - 1);
		s.pad_end = least(s.pad_end, s.kernel - 1);
	}
	if (in + s.pad + s.pad_end < (s.kernel - 1) * s.dilation + 1)
		s = (side){.kernel = 1, .stride = 1, .dilation = 1};
	s.out =
		(in + s.pad + s.pad_end - (s.kernel - 1) * s.dilation - 1) / s.stride +
		1;
	return s;
}

static void
set_sides(const side *h, const side *w, bool dilated)
{
	set_ints("strides", 2, (int64_t[]){h->stride, w->stride});
	set_ints("pads", 4, (int64_t[]){h->pad, w->pad, h->pad_end, w->pad_end});
	if (dilated)
		set_ints("dilations", 2, (int64_t[]){h->dilation, w->dilation});
}

static map *
any_conv(map *x)
{
	side h = pick_side(x->h, true, false), w = pick_side(x->w, true, false);
	int64_t m = pick_channels(), groups = 1, dims[4];
	char weights[16], bias[16];
	map *y;

	if (x->c > 64 || pick(0, 3) == 0)
	{
		h = (side){.kernel = 1, .stride = 1, .dilation = 1, .out = x->h};
		w = h;
		w.out = x->w;
	}
	if (pick(0, 3) == 0)
	{
		groups = pick(0, 1) ? x->c : pick(1, 8);
		while (x->c % groups)
			groups--;
		m = pick(0, 1) ? x->c : groups * pick(1, 5);
	}
	dims[0] = m;
	dims[1] = x->c / groups;
	dims[2] = h.kernel;
	dims[3] = w.kernel;
	strcpy(weights, constant(4, dims, 1.0f / (float)(dims[1] * dims[2]), 0));
	strcpy(bias, constant(1, dims, 0.3f, 0));
	y = new_map(m, h.out, w.out);
	node.len = 0;
	put_text(&node, 1, x->name);
	put_text(&node, 1, weights);
	if (pick(0, 1))
		put_text(&node, 1, bias);
	put_text(&node, 2, y->name);
	put_text(&node, 4, "Conv");
	set_int("group", groups);
	set_sides(&h, &w, true);
	end_node();
	return y;
}

static map *
any_pool(map *x)
{
	bool max = pick(0, 1);
	side h = pick_side(x->h, false, true), w = pick_side(x->w, false, true);
	bool ceil = pick(0, 2) == 0;
	map *y;

	if (ceil)
		for (int d = 0; d < 2; d++)
		{
			side *s = d ? &w : &h;
			int64_t in = d ? x->w : x->h;

			s->out = (in + s->pad + s->pad_end - s->kernel + s->stride - 1) /
						 s->stride +
					 1;
			if ((s->out - 1) * s->stride >= in + s->pad)
				s->out--;
		}
	y = new_map(x->c, h.out, w.out);
	chain(max ? "MaxPool" : "AveragePool", x, y);
	set_ints("kernel_shape", 2, (int64_t[]){h.kernel, w.kernel});
	set_sides(&h, &w, false);
	if (ceil)
		set_int("ceil_mode", 1);
	if (!max && pick(0, 1))
		set_int("count_include_pad", 1);
	end_node();
	return y;
}

/* Whatever has one argument, with any bounds. */
static map *
any_unary(map *x)
{
	static const char *const ops[] = {
		"Relu", "Sigmoid",	   "Tanh",		"HardSwish", "Exp",	 "Abs",
		"Neg",	"Identity",	   "LeakyRelu", "Softplus",	 "Clip", "Clip",
		"Clip", "HardSigmoid", "Elu",		"Softmax"};
	const char *op = ops[pick(0, 15)];
	map *y = new_map(x->c, x->h, x->w);

	node.len = 0;
	put_text(&node, 1, x->name);
	if (strcmp(op, "Clip") == 0)
	{
		int which = pick(0, 3);
		char lo[16] = "", hi[16] = "";

		if (which & 1)
			strcpy(lo, constant(0, NULL, 0, (float)pick(-2, 2) * 0.2f));
		if (which & 2)
			strcpy(hi, constant(0, NULL, 0, (float)pick(-2, 4) * 0.2f));
		put_text(&node, 1, lo);
		put_text(&node, 1, hi);
	}
	put_text(&node, 2, y->name);
	put_text(&node, 4, op);
	if (strcmp(op, "Softmax") == 0)
		set_int("axis", pick(1, 3));
	if (strcmp(op, "LeakyRelu") == 0)
		set_float("alpha", 0.3f);
	if (strcmp(op, "HardSigmoid") == 0 && pick(0, 1))
		set_float("alpha", 1.0f / 6.0f);
	end_node();
	return y;
}

/* Two maps, of which one may be of one channel, row or column. */
static map *
any_binary(map *x)
{
	map *other = x;

	for (int i = 0, at = pick(0, n_maps - 1); i < n_maps; i++, at++)
	{
		map *m = &maps[at % n_maps];

		if ((m->c == x->c || m->c == 1) && (m->h == x->h || m->h == 1) &&
			(m->w == x->w || m->w == 1))
			other = m;
		if (other != x)
			break;
	}
	return pick(0, 1) ? add_binary(binary[pick(0, 5)], x, other)
					  : add_binary(binary[pick(0, 5)], other, x);
}

/* A map, and constants of any shape that broadcasts with it. */
static map *
with_constants(map *x)
{
	int64_t dims[4] = {1, pick(0, 3) ? x->c : 1, pick(0, 3) ? 1 : x->h,
					   pick(0, 3) ? 1 : x->w};
	int skip = dims[1] == 1 ? pick(0, 3) : pick(0, 1);
	map *y;
	char name[16];
	bool first = pick(0, 1);

	/* and some that make the map larger */
	if (x->c == 1 && pick(0, 1))
		dims[1] = pick(2, 20), skip = 0;
	if (x->w == 1 && pick(0, 1))
		dims[3] = pick(2, 4);
	while (skip > 0 && dims[skip - 1] != 1)
		skip--;
	strcpy(name, constant(4 - skip, dims + skip, 0.4f, 0.5f));
	y = new_map(x->c > dims[1] ? x->c : dims[1],
				x->h > dims[2] ? x->h : dims[2],
				x->w > dims[3] ? x->w : dims[3]);
	begin_node(binary[pick(0, 5)], first ? name : x->name,
			   first ? x->name : name, y->name);
	end_node();
	return y;
}

/* The same elements under another shape, or none. */
static map *
renamed(map *x)
{
	int64_t n = x->c * x->h * x->w, dims[4] = {1};
	char name[16];
	map *y;

	dims[1] = pick(0, 1) ? x->c : pick(1, 32);
	while (n % dims[1])
		dims[1]--;
	dims[2] = pick(1, 12);
	while (n / dims[1] % dims[2])
		dims[2]--;
	dims[3] = n / dims[1] / dims[2];
	shape_constant(name, 4, dims);
	y = new_map(dims[1], dims[2], dims[3]);
	begin_node("Reshape", x->name, name, y->name);
	end_node();
	return y;
}

static map *
reordered(map *x)
{
	static const int64_t orders[][4] = {
		{0, 2, 3, 1}, {0, 3, 1, 2}, {0, 1, 3, 2}, {0, 3, 2, 1}};
	const int64_t *o = orders[pick(0, 3)], dims[4] = {1, x->c, x->h, x->w};
	map *y = new_map(dims[o[1]], dims[o[2]], dims[o[3]]);

	chain("Transpose", x, y);
	set_ints("perm", 4, o);
	end_node();
	return y;
}

static map *
any_pad(map *x)
{
	int64_t pads[8] = {0};
	map *y;
	char name[16];

	if (pick(0, 3))
		for (int i = 2; i < 8; i++)
			pads[i] = i % 4 < 2 ? 0 : pick(0, 2);
	if (pick(0, 9) == 0)
		pads[1] = pads[5] = 1;
	y = new_map(x->c + pads[1] + pads[5], x->h + pads[2] + pads[6],
				x->w + pads[3] + pads[7]);
	shape_constant(name, 8, pads);
	begin_node("Pad", x->name, name, y->name);
	end_node();
	return y;
}

static map *
any_concat(map *x)
{
	map *parts[4] = {x}, *y;
	int n = 1, axis = pick(0, 3) ? 1 : pick(2, 3);

	for (int tries = 0; tries < 8 && n < 4; tries++)
	{
		map *m = &maps[pick(0, n_maps - 1)];

		if ((axis == 1 || m->c == x->c) && (axis == 2 || m->h == x->h) &&
			(axis == 3 || m->w == x->w))
			parts[n++] = m;
	}
	y = new_map(x->c, x->h, x->w);
	node.len = 0;
	for (int i = 0; i < n; i++)
	{
		put_text(&node, 1, parts[i]->name);
		if (i > 0)
			*(axis == 1	  ? &y->c
			  : axis == 2 ? &y->h
						  : &y->w) += axis == 1	  ? parts[i]->c
									  : axis == 2 ? parts[i]->h
												  : parts[i]->w;
	}
	put_text(&node, 2, y->name);
	put_text(&node, 4, "Concat");
	set_int("axis", axis);
	end_node();
	return y;
}

static map *
any_split(map *x)
{
	int64_t sizes[2];
	map *a, *b;
	char name[16];

	sizes[0] = pick(0, 1) && x->c > 16 ? 16 : (x->c + 1) / 2;
	sizes[1] = x->c - sizes[0];
	shape_constant(name, 2, sizes);
	a = new_map(sizes[0], x->h, x->w);
	b = new_map(sizes[1], x->h, x->w);
	node.len = 0;
	put_text(&node, 1, x->name);
	put_text(&node, 1, name);
	put_text(&node, 2, a->name);
	put_text(&node, 2, b->name);
	put_text(&node, 4, "Split");
	set_int("axis", 1);
	end_node();
	return pick(0, 1) ? a : b;
}

/* The mean of each channel, as a vector and then as a map. */
static map *
mean_of_map(map *x)
{
	int64_t dims[4] = {1, x->c, 1, 1};
	map vector, *y = new_map(x->c, 1, 1);
	char name[16];

	snprintf(vector.name, sizeof vector.name, "v%d", n_names++);
	chain("ReduceMean", x, &vector);
	set_ints("axes", 2, (int64_t[]){2, 3});
	set_int("keepdims", 0);
	end_node();
	shape_constant(name, 4, dims);
	begin_node("Reshape", vector.name, name, y->name);
	end_node();
	return y;
}

/* Channels dealt out anew, as ShuffleNet does it: in five dimensions. */
static map *
shuffled(map *x)
{
	int64_t groups = x->c % 2 ? x->c : 2;
	int64_t apart[5] = {1, groups, x->c / groups, x->h, x->w};
	int64_t dims[4] = {1, x->c, x->h, x->w};
	map five, turned, *y = new_map(x->c, x->h, x->w);
	char name[16];

	snprintf(five.name, sizeof five.name, "v%d", n_names++);
	snprintf(turned.name, sizeof turned.name, "v%d", n_names++);
	shape_constant(name, 5, apart);
	begin_node("Reshape", x->name, name, five.name);
	end_node();
	chain("Transpose", &five, &turned);
	set_ints("perm", 5, (int64_t[]){0, 2, 1, 3, 4});
	end_node();
	shape_constant(name, 4, dims);
	begin_node("Reshape", turned.name, name, y->name);
	end_node();
	return y;
}

/* The mean or maximum over some of the dimensions, which stay. */
static map *
any_reduction(map *x)
{
	int64_t axes[3];
	int n = 0;
	map *y;

	if (pick(0, 3) == 0)
		return mean_of_map(x);
	y = new_map(x->c, x->h, x->w);
	if (pick(0, 1))
	{
		y->h = y->w = 1;
		chain(pick(0, 1) ? "GlobalAveragePool" : "GlobalMaxPool", x, y);
		end_node();
		return y;
	}
	for (int d = 1; d < 4; d++)
		if (pick(0, 1))
		{
			axes[n++] = d;
			*(d == 1 ? &y->c : d == 2 ? &y->h : &y->w) = 1;
		}
	if (n == 0)
	{
		axes[n++] = 3;
		y->w = 1;
	}
	chain(pick(0, 1) ? "ReduceMean" : "ReduceMax", x, y);
	set_ints("axes", n, axes);
	end_node();
	return y;
}

/* The last dimension through a matrix. */
static map *
any_product(map *x)
{
	int64_t m = pick_channels();
	map *y = new_map(x->c, x->h, m);

	begin_node("MatMul", x->name,
			   constant(2, (int64_t[]){x->w, m}, 1.0f / (float)x->w, 0),
			   y->name);
	end_node();
	return y;
}

static map *
any_layer_norm(map *x)
{
	map *y = new_map(x->c, x->h, x->w);
	char gain[16], bias[16];

	strcpy(gain, constant(1, &x->w, 0.3f, 1.0f));
	strcpy(bias, constant(1, &x->w, 0.3f, 0.0f));
	node.len = 0;
	put_text(&node, 1, x->name);
	put_text(&node, 1, gain);
	put_text(&node, 1, bias);
	put_text(&node, 2, y->name);
	put_text(&node, 4, "LayerNormalization");
	set_float("epsilon", 0.01f);
	end_node();
	return y;
}

/* Channels last, something over them, and back. */
static map *
over_channels(map *x)
{
	map *y = new_map(x->h, x->w, x->c), *z;

	chain("Transpose", x, y);
	set_ints("perm", 4, (int64_t[]){0, 2, 3, 1});
	end_node();
	for (int n = pick(1, 3); n > 0; n--)
		switch (pick(0, 5))
		{
			case 0:
			case 1:
				y = any_product(y);
				if (pick(0, 1))
					y = with_constants(y);
				break;
			case 2:
				y = any_layer_norm(y);
				break;
			case 3:
				y = any_unary(y);
				break;
			case 4:
				y = any_binary(y);
				break;
			default:
				y = with_constants(y);
		}
	z = new_map(y->w, y->c, y->h);
	chain("Transpose", y, z);
	set_ints("perm", 4, (int64_t[]){0, 3, 1, 2});
	end_node();
	return z;
}

static void
random_step(void)
{
	map *x = pick_map(), *y;

	if (x->c > 256 || x->c * x->h * x->w > 30000)
		x = &maps[0];
	switch (pick(0, 18))
	{
		case 0:
		case 1:
		case 2:
		case 3:
			any_conv(x);
			break;
		case 4:
			any_unary(any_conv(x));
			break;
		case 5:
			add_norm(pick(0, 1) ? any_conv(x) : x);
			break;
		case 6:
			y = add_conv(x, x->c, x->c < 64 ? 3 : 1, 1, 1, true);
			y = pick(0, 1) ? add_binary("Add", x, y) : add_binary("Add", y, x);
			any_unary(y);
			break;
		case 7:
			any_pool(pick(0, 1) ? any_pad(x) : x);
			break;
		case 8:
			any_unary(x);
			break;
		case 9:
			any_binary(x);
			break;
		case 10:
			with_constants(x);
			break;
		case 11:
			y = renamed(pick(0, 1) ? any_conv(x) : x);
			if (pick(0, 1))
				with_constants(y);
			break;
		case 12:
			if (x->c * x->h * x->w < 4000)
				reordered(x);
			break;
		case 13:
			any_conv(any_pad(x));
			break;
		case 14:
			any_concat(x);
			break;
		case 15:
			if (x->c > 1)
				any_split(x);
			break;
		case 16:
			y = any_reduction(x);
			if (pick(0, 1))
				y = any_unary(add_conv(y, pick(0, 1) ? x->c : 8, 1, 1, 1, 0));
			if (y->c == x->c && pick(0, 1))
				add_binary("Mul", x, y);
			break;
		case 17:
			shuffled(x);
			break;
		default:
			over_channels(x);
	}
}

static void
test_random(int round)
{
	int64_t in[4] = {1, pick(0, 1) ? pick(1, 3) : pick_channels(),
					 pick(0, 7) ? pick(1, 14) : 1,
					 pick(0, 7) ? pick(1, 14) : 1};
	int steps = pick(2, 9);
	const map *wanted;

	if (pick(0, 15) == 0)
		in[pick(2, 3)] = pick(15, 40);
	begin_maps(in[1], in[2], in[3]);
	while (steps-- > 0 && n_maps < MAPS_MAX && graph.len < sizeof graph.p / 2)
		random_step();
	wanted = &maps[pick(0, 3) ? n_maps - 1 : pick(0, n_maps - 1)];
	if (wanted != &maps[0])
		compare(round, in, wanted->name);
	free_constants();
}

int
main(int argc, char **argv)
{
	int graphs = argc > 1 ? atoi(argv[1]) : 1000;

	env = mmn_env_default;
	seed = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
	for (int i = 0; i < graphs; i++)
		test_random(i);
	end();
	return done_testing();
}
