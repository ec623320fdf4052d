/*
 * What fusion, blocked layouts and aliasing make of a graph, against the same
 * graph step by step: random graphs of what image networks consist of, and a
 * few whose plan is known.
 */
#include "graph_fixture.h"

static map *
pick_map(void)
{
	/* mostly a late one, so that chains come about */
	return &maps[pick(0, 2) ? n_maps - 1 : pick(0, n_maps - 1)];
}

static map *
random_conv(map *x)
{
	static const int64_t widths[] = {16, 24, 32, 48, 64, 7};
	int64_t k = x->h >= 5 && x->w >= 5 ? 1 + 2 * pick(0, 1) : 1;
	int64_t groups = 1, m = widths[pick(0, 5)];

	if (pick(0, 4) == 0)
		groups = m = x->c;
	else if (x->c % 4 == 0 && m % 4 == 0 && pick(0, 4) == 0)
		groups = 4;
	return add_conv(x, m, k, x->h > 6 ? pick(1, 2) : 1, groups,
					k == 1 || pick(0, 2));
}

static map *
add_pool(map *x, const char *op)
{
	int64_t k = pick(2, 3), stride = pick(1, 2), pad = pick(0, 1);
	map *y = new_map(x->c, (x->h + 2 * pad - k) / stride + 1,
					 (x->w + 2 * pad - k) / stride + 1);

	chain(op, x, y);
	set_ints("kernel_shape", 2, (int64_t[]){k, k});
	set_ints("strides", 2, (int64_t[]){stride, stride});
	set_ints("pads", 4, (int64_t[]){pad, pad, pad, pad});
	if (op[0] == 'A')
		set_int("count_include_pad", pick(0, 1));
	end_node();
	return y;
}

static map *
add_global(map *x, const char *op)
{
	map *y = new_map(x->c, 1, 1);

	chain(op, x, y);
	end_node();
	return y;
}

static map *
add_concat(map **parts, int n)
{
	map *y = new_map(0, parts[0]->h, parts[0]->w);

	node.len = 0;
	for (int i = 0; i < n; i++)
	{
		put_text(&node, 1, parts[i]->name);
		y->c += parts[i]->c;
	}
	put_text(&node, 2, y->name);
	put_text(&node, 4, "Concat");
	set_int("axis", 1);
	end_node();
	return y;
}

static map *
add_pad(map *x)
{
	static const int64_t eight[1] = {8};
	int64_t pads[8] = {0, 0, pick(0, 2), pick(0, 2), 0, 0, pick(0, 2), 1};
	map *y = new_map(x->c, x->h + pads[2] + pads[6], x->w + pads[3] + pads[7]);
	char name[16];

	snprintf(name, sizeof name, "k%d", n_names++);
	add_tensor(name, 7, 1, eight, pads, sizeof pads);
	begin_node("Pad", x->name, name, y->name);
	end_node();
	return y;
}

/* As MobileNetV3 and EfficientNet have it. */
static map *
squeeze_excite(map *x)
{
	map *s = add_global(x, "GlobalAveragePool");

	s = add_unary("Relu", add_conv(s, 8, 1, 1, 1, false));
	s = add_unary(pick(0, 1) ? "Sigmoid" : "HardSigmoid",
				  add_conv(s, x->c, 1, 1, 1, false));
	return pick(0, 1) ? add_binary("Mul", x, s) : add_binary("Mul", s, x);
}

static void
dense_block(map *x)
{
	map *parts[5] = {x};

	for (int i = 1; i < 5; i++)
	{
		map *all = i == 1 ? x : add_concat(parts, i);

		all = add_unary("Relu", add_norm(all));
		parts[i] = add_conv(all, pick(0, 3) ? 16 : 12, 3, 1, 1, true);
	}
	add_concat(parts, 5);
}

static void
random_step(void)
{
	static const char *const unary[] = {"Relu",		   "LeakyRelu", "Sigmoid",
										"HardSigmoid", "Tanh",		"Exp",
										"Identity",	   "HardSwish"};
	map *x = pick_map(), *other = partner(x, true);
	int what = pick(0, 16);

	if (what < 4)
		random_conv(x);
	else if (what == 16)
		add_scale(pick(0, 1) ? random_conv(x) : x);
	else if (what == 4)
		add_unary("Relu", add_norm(random_conv(x)));
	else if (what == 5)
		add_norm(x);
	else if (what == 6)
		add_unary(unary[pick(0, 6)], x);
	else if (what == 7 && other)
		add_unary("Relu", add_binary("Add", x, other));
	else if (what == 8)
	{
		map *y = add_norm(add_conv(x, x->c, 1, 1, 1, false));

		y = pick(0, 1) ? add_binary("Add", x, y) : add_binary("Add", y, x);
		if (pick(0, 1))
			add_unary("Relu", y);
	}
	else if (what == 9 && x->h > 4 && x->w > 4)
		add_pool(x, pick(0, 1) ? "MaxPool" : "AveragePool");
	else if (what == 10 && x->h > 1)
		squeeze_excite(x);
	else if (what == 11)
	{
		map *y = pick(0, 1) ? random_conv(x) : x;

		add_binary("Mul", y,
				   add_unary(pick(0, 1) ? "Sigmoid" : "HardSigmoid", y));
	}
	else if (what == 12 && (other = partner(x, false)) != NULL)
		add_concat((map *[]){x, other, x}, pick(2, 3));
	else if (what == 13 && n_maps < 30 && x->c < 100)
		dense_block(x);
	else if (what == 14)
	{
		x = add_pad(x);
		if (x->h > 3 && x->w > 3 && pick(0, 1))
			add_pool(x, "AveragePool");
		else
			random_conv(x);
	}
	else if (what == 15 && other)
		add_binary(pick(0, 1) ? "Sub" : "Mul", x, other);
}

static void
test_random(int round)
{
	int64_t in[4] = {1, pick(0, 2) ? 3 : 20, pick(6, 14), pick(6, 14)};
	int steps = pick(2, 14);

	begin_maps(in[1], in[2], in[3]);
	if (pick(0, 3))
		random_conv(&maps[0]);
	while (steps-- > 0 && n_maps < 40)
		random_step();
	compare(round, in, maps[n_maps - 1].name);
	free_constants();
}

/* What must not be there any more, whatever the numbers say. */
static void
test_structure(void)
{
	static const int64_t in[4] = {1, 3, 12, 12};
	map *x, *y, *parts[5];

	begin_maps(3, 12, 12);
	x = add_unary("Relu", add_norm(add_conv(&maps[0], 16, 3, 1, 1, true)));
	y = add_unary("Relu", add_norm(add_conv(x, 16, 3, 1, 1, true)));
	y = add_norm(add_conv(y, 16, 3, 1, 1, true));
	add_unary("Relu", add_binary("Add", y, x));
	is_int(begin(maps[n_maps - 1].name, 4, in), MMN_OK, "a residual block");
	is_int(plan->n_steps, 4, "is three convolutions, and back to C order");
	is_int(count_steps("blocked conv"), 3, "of which there are three");

	begin_maps(3, 12, 12);
	parts[0] = add_conv(&maps[0], 32, 3, 1, 1, true);
	for (int i = 1; i < 5; i++)
		parts[i] =
			add_conv(add_unary("Relu", add_norm(i == 1 ? parts[0]
													   : add_concat(parts, i))),
					 16, 3, 1, 1, true);
	add_concat(parts, 5);
	is_int(begin(maps[n_maps - 1].name, 4, in), MMN_OK, "a dense block");
	is_int(count_steps("blocked concat") + count_steps("Concat"), 0,
		   "copies nothing together");
	is_int(count_steps("blocked scale"), 4, "normalises in one step each");
	is_int(plan->n_steps, 10, "and has no other steps");

	begin_maps(3, 12, 12);
	x = add_unary("Neg",
				  add_unary("Abs", add_conv(&maps[0], 20, 3, 1, 1, true)));
	x = add_conv(x, 16, 3, 1, 1, true);
	is_int(begin(x->name, 4, in), MMN_OK, "absolute and negative values");
	is_int(count_steps("unblock"), 1, "are of blocked maps, too");

	begin_maps(3, 12, 12);
	x = add_pad(add_conv(&maps[0], 16, 3, 1, 1, true));
	y = new_map(16, x->h - 2, x->w - 2);
	chain("AveragePool", x, y);
	set_ints("kernel_shape", 2, (int64_t[]){3, 3});
	end_node();
	is_int(begin(y->name, 4, in), MMN_OK, "a padded average pool");
	is_int(count_steps("Pad") + count_steps("block"), 0,
		   "pads itself, and stays blocked");
	free_constants();
}

/* The same elements as a map of another shape. */
static map *
rename_map(const map *x, int64_t c, int64_t h, int64_t w)
{
	int64_t dims[4] = {1, c, h, w};
	map *y = new_map(c, h, w);
	char name[16];

	snprintf(name, sizeof name, "k%d", n_names++);
	add_tensor(name, 7, 1, (int64_t[]){4}, dims, sizeof dims);
	begin_node("Reshape", x->name, name, y->name);
	end_node();
	return y;
}

static map *
pad_by_nothing(const map *x)
{
	static const int64_t nothing[8] = {0};
	map *y = new_map(x->c, x->h, x->w);

	add_tensor("nothing", 7, 1, (int64_t[]){8}, nothing, sizeof nothing);
	begin_node("Pad", x->name, "nothing", y->name);
	end_node();
	return y;
}

/* Blocked maps whose memory something else sees as another shape. */
static void
test_renamed(void)
{
	static const int64_t in[4] = {1, 3, 6, 8};
	map *x;

	/* from convolution to convolution, each renamed */
	begin_maps(3, 6, 8);
	x = add_conv(&maps[0], 8, 3, 1, 1, true);
	for (int i = 0; i < 5; i++)
		x = add_conv(rename_map(x, 8, x->w, x->h), 8, 3, 1, 1, true);
	compare(1000, in, x->name);

	/* a constant that is one for each channel only of the other shape */
	begin_maps(3, 6, 8);
	x = rename_map(add_conv(&maps[0], 6, 3, 1, 1, true), 1, 6, 48);
	begin_node("Mul", constant(3, (int64_t[]){6, 1, 1}, 0.3f, 0.5f), x->name,
			   "product");
	end_node();
	compare(1001, in, "product");

	/* another name of another name: what a Pad by nothing yields */
	begin_maps(3, 6, 8);
	x = pad_by_nothing(add_conv(&maps[0], 20, 3, 1, 1, true));
	x = rename_map(x, 1, 20, 48);
	compare(1002, in, add_unary("Tanh", x)->name);

	/* a value for each of 8 channels, which has the room of 16 */
	begin_maps(3, 6, 8);
	x = add_global(add_conv(&maps[0], 8, 3, 1, 1, true), "GlobalAveragePool");
	begin_node("Mul", x->name, constant(2, (int64_t[]){1, 2}, 0.3f, 0.5f),
			   "product");
	end_node();
	compare(1003, in, "product");
	free_constants();
}

int
main(void)
{
	env = mmn_env_default;
	for (int i = 0; i < 200; i++)
		test_random(i);
	test_renamed();
	options.isa = mmn_isa_best();
	test_structure();
	end();
	return done_testing();
}
