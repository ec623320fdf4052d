/*
 * Operators written in parts and stretches of channels-last maps (compose.c,
 * channels.c): what becomes of them, against the same graph step by step.
 */
#include "graph_fixture.h"

/* A map that is not in maps: of another order, or between two others. */
static map
unlisted(int64_t c, int64_t h, int64_t w)
{
	map m = {.c = c, .h = h, .w = w};

	snprintf(m.name, sizeof m.name, "t%d", n_names++);
	return m;
}

/* Something between two parts of what is written in parts, now and then. */
static map between;

static map
peek(map m)
{
	if (pick(0, 4) == 0)
		between = m;
	return m;
}

/* op of two of which one is a map; returns a map like it. */
static map
with_constant(const char *op, const map *x, const char *c, bool swap)
{
	map y = unlisted(x->c, x->h, x->w);

	begin_node(op, swap ? c : x->name, swap ? x->name : c, y.name);
	end_node();
	return peek(y);
}

static const char *
number(float v)
{
	return constant(0, NULL, 0.0f, v);
}

static map
transpose(const map *x, bool to_last)
{
	map y = unlisted(x->c, x->h, x->w);

	chain("Transpose", x, &y);
	set_ints("perm", 4,
			 to_last ? (int64_t[]){0, 2, 3, 1} : (int64_t[]){0, 3, 1, 2});
	end_node();
	return y;
}

/* GELU as exporters write it. */
static map
gelu(const map *x)
{
	bool half_first = pick(0, 1);
	map a = pick(0, 1) ? with_constant("Div", x, number(1.41421356f), false)
					   : with_constant("Mul", x, number(0.70710678f), true);
	map e = unlisted(x->c, x->h, x->w), b, h, y = unlisted(x->c, x->h, x->w);

	chain("Erf", &a, &e);
	end_node();
	peek(e);
	b = with_constant("Add", &e, number(1.0f), pick(0, 1));
	if (half_first)
		h = with_constant("Mul", x, number(0.5f), pick(0, 1));
	begin_node("Mul", half_first ? h.name : x->name, b.name, y.name);
	end_node();
	return half_first ? y : with_constant("Mul", &y, number(0.5f), pick(0, 1));
}

static map
mean_of_last(const map *x)
{
	map y = unlisted(1, x->h, x->w);

	chain("ReduceMean", x, &y);
	set_ints("axes", 1, (int64_t[]){-1});
	end_node();
	return peek(y);
}

/*
 * LayerNormalization before version 17, of the last dimension; and what else
 * reads the distances from the mean, if anything does.
 */
static map
layer_norm(const map *x, const map *reader)
{
	map m = mean_of_last(x), d = unlisted(x->c, x->h, x->w), q = d, v, r;
	map y = unlisted(x->c, x->h, x->w);
	bool pow = pick(0, 1);

	begin_node("Sub", x->name, m.name, d.name);
	end_node();
	peek(d);
	if (reader)
	{
		chain("Relu", &d, reader);
		end_node();
	}
	q = unlisted(x->c, x->h, x->w);
	begin_node(pow ? "Pow" : "Mul", d.name, pow ? number(2.0f) : d.name,
			   q.name);
	end_node();
	peek(q);
	v = mean_of_last(&q);
	v = with_constant("Add", &v, number(0.01f), false);
	r = unlisted(1, x->h, x->w);
	chain("Sqrt", &v, &r);
	end_node();
	peek(r);
	begin_node("Div", d.name, r.name, y.name);
	end_node();
	peek(y);
	y = with_constant("Mul", &y, constant(1, &x->c, 0.3f, 1.0f), pick(0, 1));
	return with_constant("Add", &y, constant(1, &x->c, 0.3f, 0.0f), pick(0, 1));
}

/* MatMul, and perhaps what becomes part of it. */
static map
product(const map *x, int64_t m)
{
	map y = unlisted(m, x->h, x->w);

	begin_node("MatMul", x->name,
			   constant(2, (int64_t[]){x->c, m}, 1.0f / (float)x->c, 0.0f),
			   y.name);
	end_node();
	peek(y);
	for (int n = pick(0, 2); n > 0; n--)
		y = with_constant(pick(0, 1) ? "Add" : "Mul", &y,
						  constant(1, &m, 0.3f, 0.7f), pick(0, 1));
	return y;
}

/* The elements of a map in channels-last order, called a map as they are. */
static map
misread(const map *x)
{
	map y = unlisted(x->c, x->h, x->w);
	int64_t shape[4] = {1, x->c, x->h, x->w};
	char name[16];

	snprintf(name, sizeof name, "k%d", n_names++);
	add_tensor(name, 7, 1, (int64_t[]){4}, shape, sizeof shape);
	begin_node("Reshape", x->name, name, y.name);
	end_node();
	return y;
}

/*
 * A map made channels-last and back; perhaps with something that can only be
 * done to it as it is, as the constant that is added to no product.
 */
static void
channels_last(map *x)
{
	map y = transpose(x, true), before = y, *z, *other = partner(x, true);
	char wrong[12] = "";

	between = y;
	for (int n = pick(1, 5); n > 0; n--)
	{
		int what = pick(0, 12);

		if (what < 3)
			y = layer_norm(&y, NULL);
		else if (what < 6)
			y = product(&y, pick(0, 1) ? x->c : pick(1, 40));
		else if (what < 8)
			y = gelu(&y);
		else if (what == 8 && pick(0, 1))
			y = with_constant("Add", &y, constant(1, &y.c, 0.3f, 0.0f),
							  pick(0, 1));
		else if (what == 9 && (between.c == y.c || between.c == 1))
			y = with_constant("Add", &y, between.name, pick(0, 1));
		else if (what == 10 && y.c == x->c && other)
		{
			map t = transpose(other, true);

			if (pick(0, 1))
				t = with_constant("Mul", &t, constant(1, &t.c, 0.3f, 0.5f),
								  false);
			y = with_constant("Add", &y, t.name, pick(0, 1));
		}
		else if (what == 11 && y.c == x->c)
			strcpy(wrong, misread(&y).name);
		else if (y.c == before.c)
			y = with_constant("Add", &y, before.name, pick(0, 1));
		if (pick(0, 2) == 0)
			before = y;
	}
	z = new_map(y.c, y.h, y.w);
	chain("Transpose", &y, z);
	set_ints("perm", 4, (int64_t[]){0, 3, 1, 2});
	end_node();
	if (pick(0, 1))
		z = add_scale(z);
	if (z->c != x->c)
		return;
	if (pick(0, 1))
		z = add_binary("Add", x, z);
	if (*wrong)
	{
		map m = *z;

		strcpy(m.name, wrong);
		add_binary("Add", z, &m);
	}
}

static void
test_random(int round)
{
	int64_t in[4] = {1, pick(0, 2) ? pick(1, 40) : 3, pick(1, 9), pick(1, 9)};

	begin_maps(in[1], in[2], in[3]);
	for (int n = pick(1, 4); n > 0; n--)
	{
		map *x = &maps[pick(0, 2) ? n_maps - 1 : pick(0, n_maps - 1)];

		if (pick(0, 1))
			x = add_conv(x, pick(0, 1) ? x->c : pick(1, 40), 3, 1, 1, true);
		channels_last(x);
	}
	compare(round, in, maps[n_maps - 1].name);
	free_constants();
}

/* A block of ConvNeXt; nobody but what is in it reads its maps. */
static void
test_channels_last(void)
{
	static const int64_t in[4] = {1, 3, 12, 12};
	map *x, *z, y;

	for (int spoiled = 0; spoiled < 3; spoiled++)
	{
		begin_maps(3, 12, 12);
		x = add_conv(&maps[0], 24, 3, 1, 1, true);
		y = transpose(add_conv(x, 24, 3, 1, 24, true), true);
		y = layer_norm(&y, NULL);
		y = product(&y, 96);
		y = gelu(&y);
		if (spoiled == 1)
			y = with_constant("Add", &y, constant(1, &y.c, 0.3f, 0.0f), false);
		y = product(&y, 24);
		z = new_map(24, 12, 12);
		chain("Transpose", &y, z);
		set_ints("perm", 4, (int64_t[]){0, 3, 1, 2});
		end_node();
		z = add_binary("Add", add_scale(z), x);
		is_int(begin(spoiled == 2 ? y.name : z->name, 4, in), MMN_OK,
			   "a block over the last dimension");
		if (spoiled)
		{
			is_int(count_steps("MatMul"), 2, "stays one where it must");
			is_int(count_steps("LayerNormalization"), 1,
				   "with its normalisation in one step");
			is_int(count_steps("Gelu"), 1, "and its GELU, too");
			continue;
		}
		is_int(count_steps("blocked conv"), 4, "is convolutions");
		is_int(count_steps("blocked norm"), 1, "and a normalisation");
		is_int(count_steps("Gelu"), 1, "and GELU");
		is_int(plan->n_steps, 7, "and, but for the end, nothing else");
	}
	free_constants();
}

/* Maps of a stretch that something else reads as well. */
static void
test_shared(void)
{
	static const int64_t in[4] = {1, 8, 6, 8}; /* misread: not as it is */

	for (int what = 0; what < 3; what++)
	{
		map *z, a, b, y;

		begin_maps(8, 6, 8);
		a = transpose(add_conv(&maps[0], 8, 3, 1, 1, true), true);
		b = transpose(add_conv(&maps[0], 8, 3, 1, 1, true), true);
		if (what == 0) /* a product before its bias */
		{
			y = product(&a, 8);
			b = with_constant("Mul", &y, constant(1, &y.c, 0.3f, 0.7f), false);
			y = with_constant("Add", &b, y.name, false);
		}
		else if (what == 1) /* the distances that a normalisation squares */
		{
			map distances = unlisted(8, 6, 8);

			y = layer_norm(&a, &distances);
			y = with_constant("Add", &y, distances.name, false);
		}
		else /* one of two that are added */
		{
			map m = misread(&b);

			z = new_map(8, 6, 8);
			chain("Relu", &m, z);
			end_node();
			y = with_constant("Add", &a, b.name, false);
		}
		z = new_map(8, 6, 8);
		chain("Transpose", &y, z);
		set_ints("perm", 4, (int64_t[]){0, 3, 1, 2});
		end_node();
		add_binary("Add", z, z - 1);
		compare(1000 + what, in, maps[n_maps - 1].name);
	}
	free_constants();
}

/* A product to one channel, to which a constant of many is added. */
static void
test_widened(void)
{
	static const int64_t in[4] = {1, 8, 6, 7};
	map y, *z;

	begin_maps(8, 6, 7);
	y = transpose(add_conv(&maps[0], 8, 3, 1, 1, true), true);
	begin_node("MatMul", y.name, constant(2, (int64_t[]){8, 1}, 0.3f, 0.0f),
			   "product");
	end_node();
	begin_node("Add", "product", constant(1, (int64_t[]){5}, 0.3f, 0.7f),
			   "sum");
	end_node();
	z = new_map(5, 6, 7);
	begin_node("Transpose", "sum", NULL, z->name);
	set_ints("perm", 4, (int64_t[]){0, 3, 1, 2});
	end_node();
	compare(1003, in, z->name);
	free_constants();
}

int
main(void)
{
	env = mmn_env_default;
	for (int i = 0; i < 200; i++)
		test_random(i);
	test_shared();
	test_widened();
	options.isa = mmn_isa_best();
	test_channels_last();
	end();
	return done_testing();
}
