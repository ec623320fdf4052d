/*
 * Operators that exporters write down in parts, made whole again:
 *
 *   GELU  x / sqrt(2) -> Erf -> + 1 -> * x -> * 1/2, the half at either factor
 *   layer normalisation over the last dimension, before operator version 17
 *         d = x - mean(x); d / sqrt(mean(d^2) + epsilon) * gain + bias
 *
 * Only where nobody else reads what is in between.
 */
#include <math.h>

#include "nn/fuse.h"
#include "nn/op_list.h"

/* Whether t is the constant "value" and nothing else, to some 6 digits. */
static bool
is_number(const mmn_tensor *t, float value)
{
	return t->constant && t->element == MMN_FLOAT && t->count == 1 &&
		   fabsf(*(const float *)t->constant - value) < 1e-6f;
}

/* The operand of a step of two that is not t. */
static mmn_tensor *
other_of(const mmn_step *s, const mmn_tensor *t)
{
	return s->in[s->in[0] == t];
}

/* The step of that operator that alone reads t, else NULL. */
static mmn_step *
only_reader(mmn_build *build, const mmn_tensor *t, const mmn_op *op)
{
	mmn_step *s = mmn_build_reader(build, t);

	return t->uses == 1 && s && s->op == op ? s : NULL;
}

/* The step of that operator that computes t for one reader, else NULL. */
static mmn_step *
only_writer(mmn_build *build, const mmn_tensor *t, const mmn_op *op)
{
	mmn_step *s = mmn_build_writer(build, t);

	return t->uses == 1 && s && s->op == op ? s : NULL;
}

/* x of t = op(x, number), or of the product the other way round. */
static mmn_tensor *
operand_with(mmn_build *build, const mmn_tensor *t, const mmn_op *op,
			 float number, mmn_step **step)
{
	*step = only_writer(build, t, op);
	if (!*step)
		return NULL;
	if (is_number((*step)->in[1], number))
		return (*step)->in[0];
	if (op != &mmn_op_div && is_number((*step)->in[0], number))
		return (*step)->in[1];
	return NULL;
}

static void
find_gelu(mmn_build *build, mmn_step *erf)
{
	mmn_step *scaled, *halved, *plus, *product, *last;
	mmn_tensor *x = operand_with(build, erf->in[0], &mmn_op_div,
								 1.41421356f, &scaled);
	mmn_tensor *factor;

	if (!x)
		x = operand_with(build, erf->in[0], &mmn_op_mul, 0.70710678f, &scaled);
	plus = only_reader(build, erf->out[0], &mmn_op_add);
	if (!x || !plus || !is_number(other_of(plus, erf->out[0]), 1.0f))
		return;
	product = only_reader(build, plus->out[0], &mmn_op_mul);
	if (!product)
		return;
	factor = other_of(product, plus->out[0]);
	if (factor == x)
	{
		halved = product;
		last = only_reader(build, product->out[0], &mmn_op_mul);
		if (!last || !is_number(other_of(last, product->out[0]), 0.5f))
			return;
	}
	else
	{
		last = product;
		if (operand_with(build, factor, &mmn_op_mul, 0.5f, &halved) != x)
			return;
	}
	if (!mmn_shape_equal(&x->shape, &last->out[0]->shape))
		return;
	mmn_step_drop(erf);
	mmn_step_drop(scaled);
	mmn_step_drop(plus);
	mmn_step_drop(halved);
	mmn_make_gelu(last, x);
}

/* Whether t is a constant value for each of n elements, the last dimension. */
static bool
is_vector(const mmn_tensor *t, int64_t n)
{
	return t->constant && t->element == MMN_FLOAT && t->count == (size_t)n &&
		   t->shape.ndim > 0 && t->shape.dims[t->shape.ndim - 1] == n;
}

/* The mean over the last dimension that t is, for one reader; else NULL. */
static mmn_step *
mean_at(mmn_build *build, const mmn_tensor *t)
{
	mmn_step *s = mmn_build_writer(build, t);

	return t->uses == 1 && s && mmn_look_mean_of_last(s) ? s : NULL;
}

/* The square of d, and whether nobody reads d but it and one other. */
static mmn_step *
square_of(mmn_build *build, const mmn_tensor *t, const mmn_tensor *d)
{
	mmn_step *s = only_writer(build, t, &mmn_op_pow);

	if (s)
		return s->in[0] == d && is_number(s->in[1], 2.0f) && d->uses == 2
				   ? s
				   : NULL;
	s = only_writer(build, t, &mmn_op_mul);
	return s && s->in[0] == d && s->in[1] == d && d->uses == 3 ? s : NULL;
}

static mmn_status
find_layer_norm(mmn_build *build, mmn_step *sub, mmn_error *err)
{
	mmn_tensor *x = sub->in[0], *d = sub->out[0], *variance, *gain, *bias;
	mmn_step *mean = mean_at(build, sub->in[1]), *divide, *root, *plus;
	mmn_step *mean_square, *square, *times, *last;
	int64_t n = x->shape.ndim ? x->shape.dims[x->shape.ndim - 1] : 0;
	float epsilon;

	divide = mmn_build_reader(build, d);
	if (!mean || mean->in[0] != x || !divide || divide->op != &mmn_op_div ||
		divide->in[0] != d)
		return MMN_OK;
	root = only_writer(build, divide->in[1], &mmn_op_sqrt);
	plus = root ? only_writer(build, root->in[0], &mmn_op_add) : NULL;
	if (!plus || !plus->in[1]->constant || plus->in[1]->count != 1)
		return MMN_OK;
	variance = plus->in[0];
	epsilon = *(const float *)plus->in[1]->constant;
	mean_square = mean_at(build, variance);
	square = mean_square ? square_of(build, mean_square->in[0], d) : NULL;
	times = only_reader(build, divide->out[0], &mmn_op_mul);
	last = times ? only_reader(build, times->out[0], &mmn_op_add) : NULL;
	if (!square || !last)
		return MMN_OK;
	gain = other_of(times, divide->out[0]);
	bias = other_of(last, times->out[0]);
	if (!is_vector(gain, n) || !is_vector(bias, n) ||
		!mmn_shape_equal(&x->shape, &last->out[0]->shape))
		return MMN_OK;
	mmn_step_drop(mean);
	mmn_step_drop(sub);
	mmn_step_drop(square);
	mmn_step_drop(mean_square);
	mmn_step_drop(plus);
	mmn_step_drop(root);
	mmn_step_drop(divide);
	mmn_step_drop(times);
	return mmn_make_layer_norm(&build->pool, last, x, gain, bias, epsilon,
							   err);
}

mmn_status
mmn_build_compose(mmn_build *build, mmn_error *err)
{
	mmn_build_count(build);
	for (int i = 0; i < build->n_steps; i++)
	{
		mmn_step *s = &build->steps[i];
		mmn_status status = mmn_poll(&build->pool.env, err);

		if (status == MMN_OK && s->op == &mmn_op_erf)
			find_gelu(build, s);
		if (status == MMN_OK && s->op == &mmn_op_sub)
			status = find_layer_norm(build, s, err);
		if (status != MMN_OK)
			return status;
	}
	mmn_build_compact(build);
	return MMN_OK;
}
