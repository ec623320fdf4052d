/*
 * Normalisations by statistics of the image itself: InstanceNormalization,
 * LayerNormalization (what GroupNorm and LayerNorm are exported as), and the
 * local response normalisation (LRN) of the first networks.
 */
#include <math.h>

#include "nn/fuse.h"
#include "nn/op_list.h"

/* Both: [outer, inner] to mean 0 and variance 1 over inner. */
typedef struct layer_params
{
	float epsilon;
	int64_t inner;
	int64_t channels; /* instance: of scale and bias; 0: one per element */
} layer_params;

static mmn_status
check_vector(mmn_planner *p, int i, int64_t n)
{
	const mmn_tensor *t = mmn_op_has_input(p->step, i) ? p->step->in[i] : NULL;

	if (t && (t->element != MMN_FLOAT || t->count != (size_t)n))
		return mmn_op_fail(p, MMN_UNSUPPORTED, "input %d must be %lld floats",
						   i + 1, (long long)n);
	return MMN_OK;
}

static mmn_status
instance_normalization_plan(mmn_planner *p, mmn_step *s)
{
	layer_params *l = mmn_op_params(p, sizeof *l);
	const mmn_shape *x = &s->in[0]->shape;
	mmn_status status;

	if (!l)
		return p->err->code;
	if (x->ndim < 3)
		return mmn_op_fail(p, MMN_BAD_DATA, "the input is not an image");
	l->epsilon = mmn_op_float(p, "epsilon", 1e-5f);
	l->channels = x->dims[1];
	l->inner = mmn_shape_span(x, 2, x->ndim);
	if ((status = check_vector(p, 1, l->channels)) != MMN_OK ||
		(status = check_vector(p, 2, l->channels)) != MMN_OK)
		return status;
	return mmn_op_output(p, 0, MMN_FLOAT, x);
}

static mmn_status
layer_normalization_plan(mmn_planner *p, mmn_step *s)
{
	layer_params *l = mmn_op_params(p, sizeof *l);
	const mmn_shape *x = &s->in[0]->shape;
	mmn_shape statistics = *x;
	mmn_status status;
	int axis;

	if (!l)
		return p->err->code;
	l->epsilon = mmn_op_float(p, "epsilon", 1e-5f);
	axis = mmn_op_axis(p, mmn_op_int(p, "axis", -1), x->ndim);
	if (p->status != MMN_OK)
		return p->status;
	l->inner = mmn_shape_span(x, axis, x->ndim);
	if ((status = check_vector(p, 1, l->inner)) != MMN_OK ||
		(status = check_vector(p, 2, l->inner)) != MMN_OK)
		return status;
	for (int d = axis; d < x->ndim; d++)
		statistics.dims[d] = 1;
	if ((status = mmn_op_output(p, 0, MMN_FLOAT, x)) == MMN_OK &&
		s->n_out > 1 &&
		(status = mmn_op_output(p, 1, MMN_FLOAT, &statistics)) == MMN_OK &&
		s->n_out > 2)
		status = mmn_op_output(p, 2, MMN_FLOAT, &statistics);
	return status;
}

/* Mean and 1 / standard deviation, in double: maps are large. */
static void
statistics_of(const float *x, int64_t n, float epsilon, double *mean,
			  double *scale)
{
	double sum = 0.0, squares = 0.0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)x[i];
	*mean = sum / (double)n;
	for (int64_t i = 0; i < n; i++)
	{
		double d = (double)x[i] - *mean;

		squares += d * d;
	}
	*scale = 1.0 / sqrt(squares / (double)n + (double)epsilon);
}

static mmn_status
layer_run(const mmn_step *s, mmn_run *run)
{
	const layer_params *l = s->params;
	const float *x = mmn_run_in(run, s, 0);
	const float *gain = mmn_run_in(run, s, 1);
	const float *bias =
		mmn_op_has_input(s, 2) ? mmn_run_in(run, s, 2) : NULL;
	float *y = mmn_run_out(run, s, 0);
	float *means = s->n_out > 1 && s->out[1] ? mmn_run_out(run, s, 1) : NULL;
	float *scales = s->n_out > 2 && s->out[2] ? mmn_run_out(run, s, 2) : NULL;
	int64_t outer = (int64_t)s->out[0]->count / l->inner;

	for (int64_t o = 0; o < outer; o++, x += l->inner, y += l->inner)
	{
		double mean, scale;
		mmn_status status = mmn_run_spend(run, 4 * (size_t)l->inner + 16);

		if (status != MMN_OK)
			return status;
		statistics_of(x, l->inner, l->epsilon, &mean, &scale);
		if (means)
			means[o] = (float)mean;
		if (scales)
			scales[o] = (float)scale;
		if (l->channels)
		{
			double a = scale * (double)gain[o % l->channels];
			double b = (double)bias[o % l->channels] - mean * a;

			for (int64_t i = 0; i < l->inner; i++)
				y[i] = (float)((double)x[i] * a + b);
		}
		else
			for (int64_t i = 0; i < l->inner; i++)
				y[i] = (float)(((double)x[i] - mean) * scale) * gain[i] +
					   (bias ? bias[i] : 0.0f);
	}
	return MMN_OK;
}

bool
mmn_look_layer_norm(const mmn_step *s, float *epsilon)
{
	const layer_params *l = s->params;
	const mmn_shape *y = &s->out[0]->shape;

	if (s->op != &mmn_op_layer_normalization || s->n_out != 1 ||
		l->inner != y->dims[y->ndim - 1])
		return false;
	*epsilon = l->epsilon;
	return true;
}

mmn_status
mmn_make_layer_norm(mmn_pool *pool, mmn_step *s, mmn_tensor *x,
					mmn_tensor *gain, mmn_tensor *bias, float epsilon,
					mmn_error *err)
{
	layer_params *l = mmn_pool_alloc(pool, 1, sizeof *l, err);

	s->in = mmn_pool_alloc(pool, 3, sizeof *s->in, err);
	if (!l || !s->in)
		return err->code;
	*l = (layer_params){.epsilon = epsilon,
						.inner = x->shape.dims[x->shape.ndim - 1]};
	s->op = &mmn_op_layer_normalization;
	s->params = l;
	s->params_size = sizeof *l;
	s->n_in = 3;
	s->in[0] = x;
	s->in[1] = gain;
	s->in[2] = bias;
	return MMN_OK;
}

/* y = x / (bias + alpha / size * sum of squares of the size nearest)^beta */
typedef struct lrn_params
{
	float alpha; /* over size */
	float beta;
	float bias;
	int64_t before; /* channels, of the size nearest */
	int64_t after;
	int64_t images;
	int64_t channels;
	int64_t inner;
} lrn_params;

static mmn_status
lrn_plan(mmn_planner *p, mmn_step *s)
{
	lrn_params *l = mmn_op_params(p, sizeof *l);
	const mmn_shape *x = &s->in[0]->shape;
	int64_t size = mmn_op_int(p, "size", 0);

	if (!l)
		return p->err->code;
	if (x->ndim < 3)
		return mmn_op_fail(p, MMN_BAD_DATA, "the input is not an image");
	if (size < 1 || size > INT32_MAX)
		return mmn_op_fail(p, MMN_BAD_DATA, "\"size\" is out of range");
	l->alpha = mmn_op_float(p, "alpha", 1e-4f) / (float)size;
	l->beta = mmn_op_float(p, "beta", 0.75f);
	l->bias = mmn_op_float(p, "bias", 1.0f);
	l->before = (size - 1) / 2;
	l->after = size - 1 - l->before;
	l->images = x->dims[0];
	l->channels = x->dims[1];
	l->inner = mmn_shape_span(x, 2, x->ndim);
	return mmn_op_output(p, 0, MMN_FLOAT, x);
}

/* n values: 1 / v^beta; the beta of all published networks without pow(). */
static void
power(float *v, float beta, int64_t n)
{
	if (beta == 0.75f)
		for (int64_t i = 0; i < n; i++)
		{
			float root = sqrtf(v[i]);

			v[i] = 1.0f / (root * sqrtf(root));
		}
	else
		for (int64_t i = 0; i < n; i++)
			v[i] = powf(v[i], -beta);
}

#define LRN_PIECE 512 /* positions at a time */

static mmn_status
lrn_run(const mmn_step *s, mmn_run *run)
{
	const lrn_params *l = s->params;
	float sum[LRN_PIECE];

	for (int64_t plane = 0; plane < l->images * l->channels; plane++)
	{
		int64_t c = plane % l->channels;
		int64_t from = c < l->before ? 0 : c - l->before;
		int64_t to = c + l->after >= l->channels ? l->channels - 1
												 : c + l->after;

		for (int64_t at = 0; at < l->inner; at += LRN_PIECE)
		{
			int64_t n = l->inner - at < LRN_PIECE ? l->inner - at : LRN_PIECE;
			const float *x = mmn_run_in(run, s, 0) + plane * l->inner + at;
			float *y = mmn_run_out(run, s, 0) + plane * l->inner + at;
			mmn_status status =
				mmn_run_spend(run, (size_t)((to - from + 8) * n));

			if (status != MMN_OK)
				return status;
			for (int64_t i = 0; i < n; i++)
				sum[i] = 0.0f;
			for (int64_t k = from - c; k <= to - c; k++)
				for (int64_t i = 0; i < n; i++)
					sum[i] += x[k * l->inner + i] * x[k * l->inner + i];
			for (int64_t i = 0; i < n; i++)
				sum[i] = l->bias + l->alpha * sum[i];
			power(sum, l->beta, n);
			for (int64_t i = 0; i < n; i++)
				y[i] = x[i] * sum[i];
		}
	}
	return MMN_OK;
}

const mmn_op mmn_op_instance_normalization = {
	.name = "InstanceNormalization",
	.attributes = "epsilon ",
	.min_inputs = 3,
	.max_inputs = 3,
	.max_outputs = 1,
	.plan = instance_normalization_plan,
	.run = layer_run};
const mmn_op mmn_op_layer_normalization = {
	.name = "LayerNormalization",
	.attributes = "axis epsilon stash_type ",
	.min_inputs = 2,
	.max_inputs = 3,
	.max_outputs = 3,
	.plan = layer_normalization_plan,
	.run = layer_run};
const mmn_op mmn_op_lrn = {.name = "LRN",
						   .attributes = "alpha beta bias size ",
						   .min_inputs = 1,
						   .max_inputs = 1,
						   .max_outputs = 1,
						   .plan = lrn_plan,
						   .run = lrn_run};
