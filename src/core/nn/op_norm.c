/* BatchNormalization (of inference), Softmax and LogSoftmax. */
#include <math.h>

#include "nn/fuse.h"
#include "nn/op_list.h"

/* y = x * scale[c] + shift[c] */
typedef struct norm_params
{
	int64_t channels;
	int64_t inner;		 /* elements of one channel of one image */
	float scale_shift[]; /* [channels] scale, [channels] shift */
} norm_params;

static mmn_status
batch_normalization_plan(mmn_planner *p, mmn_step *s)
{
	const mmn_shape *x = &s->in[0]->shape;
	float epsilon = mmn_op_float(p, "epsilon", 1e-5f);
	const float *v[5] = {NULL};
	size_t channels = x->ndim < 2 ? 0 : (size_t)x->dims[1];
	norm_params *b = mmn_op_params(p, sizeof *b + 2 * channels * sizeof(float));

	if (!b)
		return p->err->code;
	bool training = mmn_op_int(p, "training_mode", 0) != 0;

	for (int k = 1; k < s->n_out; k++)
		training = training || s->out[k];
	if (training)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "normalisation as in training is not supported: "
						   "export for inference");
	if (mmn_op_int(p, "spatial", 1) != 1)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "\"spatial\" other than 1 is not supported");
	if (x->ndim < 2)
		return mmn_op_fail(p, MMN_BAD_DATA, "the input has no channels");
	b->channels = x->dims[1];
	b->inner = mmn_shape_span(x, 2, x->ndim);
	for (int i = 1; i < 5; i++)
	{
		if (!s->in[i]->constant || s->in[i]->element != MMN_FLOAT ||
			s->in[i]->count != (size_t)b->channels)
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "input %d must be %lld constants", i + 1,
							   (long long)b->channels);
		v[i] = s->in[i]->constant;
	}
	for (int64_t c = 0; c < b->channels; c++)
	{
		double a = (double)v[1][c] / sqrt((double)v[4][c] + (double)epsilon);

		b->scale_shift[c] = (float)a;
		b->scale_shift[b->channels + c] =
			(float)((double)v[2][c] - a * (double)v[3][c]);
	}
	return mmn_op_output(p, 0, MMN_FLOAT, x);
}

static mmn_status
batch_normalization_run(const mmn_step *s, mmn_run *run)
{
	const norm_params *b = s->params;
	const float *x = mmn_run_in(run, s, 0);
	float *y = mmn_run_out(run, s, 0);
	int64_t planes = (int64_t)s->out[0]->count / b->inner;

	for (int64_t i = 0; i < planes; i++, x += b->inner, y += b->inner)
	{
		float scale = b->scale_shift[i % b->channels];
		float shift = b->scale_shift[b->channels + i % b->channels];
		mmn_status status = mmn_run_spend(run, (size_t)b->inner + 4);

		if (status != MMN_OK)
			return status;
		for (int64_t k = 0; k < b->inner; k++)
			y[k] = x[k] * scale + shift;
	}
	return MMN_OK;
}

const float *
mmn_look_norm(const mmn_step *s)
{
	return ((const norm_params *)s->params)->scale_shift;
}

typedef struct softmax_params
{
	int64_t outer;
	int64_t n; /* elements that sum to one, inner apart */
	int64_t inner;
	bool log;
} softmax_params;

static mmn_status
plan_softmax(mmn_planner *p, mmn_step *s, bool log)
{
	softmax_params *f = mmn_op_params(p, sizeof *f);
	const mmn_shape *x = &s->in[0]->shape;
	int axis;

	if (!f)
		return p->err->code;
	if (x->ndim < 1)
		return mmn_op_fail(p, MMN_BAD_DATA, "the input is a scalar");
	axis =
		mmn_op_axis(p, mmn_op_int(p, "axis", p->opset < 13 ? 1 : -1), x->ndim);
	f->log = log;
	f->outer = mmn_shape_span(x, 0, axis);
	/* before opset 13, over all dimensions from the axis on */
	f->n = p->opset < 13 ? mmn_shape_span(x, axis, x->ndim) : x->dims[axis];
	f->inner = p->opset < 13 ? 1 : mmn_shape_span(x, axis + 1, x->ndim);
	return mmn_op_output(p, 0, MMN_FLOAT, x);
}

static mmn_status
softmax_plan(mmn_planner *p, mmn_step *s)
{
	return plan_softmax(p, s, false);
}

static mmn_status
log_softmax_plan(mmn_planner *p, mmn_step *s)
{
	return plan_softmax(p, s, true);
}

static mmn_status
softmax_run(const mmn_step *s, mmn_run *run)
{
	const softmax_params *f = s->params;
	const float *x = mmn_run_in(run, s, 0);
	float *y = mmn_run_out(run, s, 0);

	for (int64_t o = 0; o < f->outer * f->inner; o++)
	{
		int64_t at = o / f->inner * f->n * f->inner + o % f->inner;
		float max = -INFINITY;
		double sum = 0.0;
		mmn_status status = mmn_run_spend(run, (size_t)f->n * 16);

		if (status != MMN_OK)
			return status;
		for (int64_t i = 0; i < f->n; i++)
			if (x[at + i * f->inner] > max)
				max = x[at + i * f->inner];
		for (int64_t i = 0; i < f->n; i++)
		{
			float e = expf(x[at + i * f->inner] - max);

			y[at + i * f->inner] = f->log ? x[at + i * f->inner] - max : e;
			sum += (double)e;
		}
		if (f->log)
			sum = log(sum);
		for (int64_t i = 0; i < f->n; i++)
		{
			double v = (double)y[at + i * f->inner];

			y[at + i * f->inner] = (float)(f->log ? v - sum : v / sum);
		}
	}
	return MMN_OK;
}

const mmn_op mmn_op_batch_normalization = {
	"BatchNormalization",
	"epsilon momentum spatial training_mode ",
	5,
	5,
	5,
	MMN_OP_IN_PLACE,
	batch_normalization_plan,
	batch_normalization_run};
#define SOFTMAX(symbol, op_name)                                               \
	const mmn_op mmn_op_##symbol = {.name = op_name,                           \
									.attributes = "axis ",                     \
									.min_inputs = 1,                           \
									.max_inputs = 1,                           \
									.max_outputs = 1,                          \
									.flags = MMN_OP_IN_PLACE,                  \
									.plan = symbol##_plan,                     \
									.run = softmax_run};

SOFTMAX(softmax, "Softmax")
SOFTMAX(log_softmax, "LogSoftmax")
