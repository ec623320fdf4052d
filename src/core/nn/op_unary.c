/*
 * Functions of one element: activations and a few plain ones.  One walk over
 * the tensor, in pieces; a switch outside the loop chooses what is computed,
 * so that each loop is simple enough for the compiler to vectorise.
 */
#include <math.h>

#include "nn/fuse.h"
#include "nn/op_list.h"

typedef enum unary_kind
{
	UNARY_CLIP, /* Relu as well: clip to 0 .. infinity */
	UNARY_LEAKY_RELU,
	UNARY_ELU,
	UNARY_SIGMOID,
	UNARY_HARD_SIGMOID,
	UNARY_HARD_SWISH,
	UNARY_SOFTPLUS,
	UNARY_TANH,
	UNARY_ERF,
	UNARY_EXP,
	UNARY_LOG,
	UNARY_SQRT,
	UNARY_RECIPROCAL,
	UNARY_ABS,
	UNARY_NEG,
	UNARY_FLOOR,
	UNARY_CEIL,
	UNARY_ROUND,
	UNARY_SIGN,
	UNARY_SELU,
	UNARY_CELU,
	UNARY_THRESHOLDED_RELU,
	UNARY_SOFTSIGN,
	UNARY_GELU /* x * (1 + erf(x / sqrt(2))) / 2 */
} unary_kind;

typedef struct unary_params
{
	unary_kind kind;
	float a; /* alpha, or the lower bound */
	float b; /* beta, or the upper bound */
} unary_params;

static mmn_status
plan_unary(mmn_planner *p, unary_kind kind, float a, float b)
{
	unary_params *u = mmn_op_params(p, sizeof *u);
	mmn_step *s = p->step;

	if (!u)
		return p->err->code;
	*u = (unary_params){kind, a, b};
	return mmn_op_output(p, 0, s->in[0]->element, &s->in[0]->shape);
}

/*
 * erf() without branches, so that loops over it become vectors: x times the
 * ratio of two polynomials in x^2 of degree 5, fitted for the least relative
 * error over 0..4, which is 2.5e-8; with rounding 3.6e-7.  All coefficients are
 * positive: nothing cancels.  Beyond 4 it is 1 in float.
 */
static inline float
erf_of(float x)
{
	float v = x < -4.0f ? -4.0f : x;
	float t, p, q;

	v = v > 4.0f ? 4.0f : v; /* a NaN passes through */
	t = v * v;
	p = 1.98698295e-6f;
	p = p * t + 0.000284540812f;
	p = p * t + 0.00388220139f;
	p = p * t + 0.0530981691f;
	p = p * t + 0.193518291f;
	p = p * t + 1.12837914f;
	q = 3.74209742e-5f;
	q = q * t + 0.00118529654f;
	q = q * t + 0.0152049432f;
	q = q * t + 0.115338904f;
	q = q * t + 0.504833681f;
	q = q * t + 1.0f;
	v = v * p / q;
	v = v < -1.0f ? -1.0f : v;
	return v > 1.0f ? 1.0f : v;
}

MMN_WIDE static void
erf_piece(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = erf_of(x[i]);
}

MMN_WIDE static void
gelu_piece(const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * (erf_of(x[i] * 0.70710678f) + 1.0f) * 0.5f;
}

static void
unary_piece(const unary_params *u, const float *x, float *y, size_t n)
{
	float a = u->a, b = u->b;

	switch (u->kind)
	{
		case UNARY_CLIP: /* a NaN passes through */
			for (size_t i = 0; i < n; i++)
			{
				float v = x[i] < a ? a : x[i];

				y[i] = v > b ? b : v;
			}
			break;
		case UNARY_LEAKY_RELU:
			for (size_t i = 0; i < n; i++)
				y[i] = x[i] < 0.0f ? a * x[i] : x[i];
			break;
		case UNARY_ELU:
			for (size_t i = 0; i < n; i++)
				y[i] = x[i] < 0.0f ? a * expm1f(x[i]) : x[i];
			break;
		case UNARY_SIGMOID:
			for (size_t i = 0; i < n; i++)
				y[i] = 1.0f / (1.0f + expf(-x[i]));
			break;
		case UNARY_HARD_SIGMOID:
			for (size_t i = 0; i < n; i++)
			{
				float v = a * x[i] + b;

				v = v < 0.0f ? 0.0f : v;
				y[i] = v > 1.0f ? 1.0f : v;
			}
			break;
		case UNARY_HARD_SWISH:
			for (size_t i = 0; i < n; i++)
			{
				float v = x[i] * (1.0f / 6.0f) + 0.5f;

				v = v < 0.0f ? 0.0f : v;
				y[i] = x[i] * (v > 1.0f ? 1.0f : v);
			}
			break;
		case UNARY_SOFTPLUS: /* log(1 + e^x), without overflow */
			for (size_t i = 0; i < n; i++)
				y[i] = (x[i] > 0.0f ? x[i] : 0.0f) + log1pf(expf(-fabsf(x[i])));
			break;
		case UNARY_TANH:
			for (size_t i = 0; i < n; i++)
				y[i] = tanhf(x[i]);
			break;
		case UNARY_ERF:
			erf_piece(x, y, n);
			break;
		case UNARY_GELU:
			gelu_piece(x, y, n);
			break;
		case UNARY_EXP:
			for (size_t i = 0; i < n; i++)
				y[i] = expf(x[i]);
			break;
		case UNARY_LOG:
			for (size_t i = 0; i < n; i++)
				y[i] = logf(x[i]);
			break;
		case UNARY_SQRT:
			for (size_t i = 0; i < n; i++)
				y[i] = sqrtf(x[i]);
			break;
		case UNARY_RECIPROCAL:
			for (size_t i = 0; i < n; i++)
				y[i] = 1.0f / x[i];
			break;
		case UNARY_ABS:
			for (size_t i = 0; i < n; i++)
				y[i] = fabsf(x[i]);
			break;
		case UNARY_NEG:
			for (size_t i = 0; i < n; i++)
				y[i] = -x[i];
			break;
		case UNARY_FLOOR:
			for (size_t i = 0; i < n; i++)
				y[i] = floorf(x[i]);
			break;
		case UNARY_CEIL:
			for (size_t i = 0; i < n; i++)
				y[i] = ceilf(x[i]);
			break;
		case UNARY_ROUND: /* halves to even */
			for (size_t i = 0; i < n; i++)
				y[i] = rintf(x[i]);
			break;
		case UNARY_SIGN:
			for (size_t i = 0; i < n; i++)
				y[i] = (float)((x[i] > 0.0f) - (x[i] < 0.0f));
			break;
		case UNARY_SELU:
			for (size_t i = 0; i < n; i++)
				y[i] = b * (x[i] > 0.0f ? x[i] : a * expm1f(x[i]));
			break;
		case UNARY_CELU:
			for (size_t i = 0; i < n; i++)
				y[i] = x[i] > 0.0f ? x[i] : a * expm1f(x[i] / a);
			break;
		case UNARY_THRESHOLDED_RELU:
			for (size_t i = 0; i < n; i++)
				y[i] = x[i] > a ? x[i] : 0.0f;
			break;
		case UNARY_SOFTSIGN:
			for (size_t i = 0; i < n; i++)
				y[i] = x[i] / (1.0f + fabsf(x[i]));
			break;
	}
}

/* Of integers, which shapes are computed with: only Neg and Abs. */
static mmn_status
integers_run(const mmn_step *s, mmn_run *run)
{
	const unary_params *u = s->params;
	const int64_t *x = mmn_run_data(run, s->in[0]);
	int64_t *y = mmn_run_data(run, s->out[0]);

	for (size_t i = 0; i < s->out[0]->count; i++)
		y[i] = u->kind == UNARY_ABS && x[i] >= 0
				   ? x[i]
				   : (int64_t)(0 - (uint64_t)x[i]);
	return mmn_run_spend(run, s->out[0]->count);
}

static mmn_status
unary_run(const mmn_step *s, mmn_run *run)
{
	const unary_params *u = s->params;
	const float *x = mmn_run_in(run, s, 0);
	float *y = mmn_run_out(run, s, 0);
	size_t left = s->out[0]->count;
	/* an exponential costs some ten of the others */
	size_t cost = u->kind <= UNARY_LEAKY_RELU ? 1 : 8;

	while (left)
	{
		size_t n = left < 16384 ? left : 16384;
		mmn_status status = mmn_run_spend(run, n * cost);

		if (status != MMN_OK)
			return status;
		unary_piece(u, x, y, n);
		x += n;
		y += n;
		left -= n;
	}
	return MMN_OK;
}

static mmn_status
abs_or_neg_run(const mmn_step *s, mmn_run *run)
{
	return s->out[0]->element == MMN_INT64 ? integers_run(s, run)
										   : unary_run(s, run);
}

bool
mmn_look_act(const mmn_step *s, mmn_act *act, float *lo, float *hi)
{
	const unary_params *u = s->params;
	static const mmn_act acts[] = {[UNARY_CLIP] = MMN_ACT_CLIP,
								   [UNARY_LEAKY_RELU] = MMN_ACT_LEAKY,
								   [UNARY_SIGMOID] = MMN_ACT_SIGMOID,
								   [UNARY_HARD_SIGMOID] = MMN_ACT_HARD_SIGMOID,
								   [UNARY_HARD_SWISH] = MMN_ACT_HARD_SWISH};

	if (s->op->run != unary_run || u->kind >= sizeof acts / sizeof acts[0] ||
		acts[u->kind] == MMN_ACT_NONE)
		return false;
	*act = acts[u->kind];
	*lo = u->a;
	*hi = u->b;
	return true;
}

bool
mmn_look_elementwise(const mmn_step *s, bool any_number)
{
	const unary_params *u = s->params;

	if (s->op->run != unary_run && s->op->run != abs_or_neg_run)
		return false;
	switch (u->kind)
	{
		case UNARY_CLIP:
		case UNARY_LEAKY_RELU:
		case UNARY_SIGMOID:
		case UNARY_HARD_SIGMOID:
		case UNARY_HARD_SWISH:
		case UNARY_TANH:
		case UNARY_ABS:
		case UNARY_NEG:
		case UNARY_GELU:
			return true;
		default:
			return !any_number;
	}
}

static mmn_status
clip_plan(mmn_planner *p, mmn_step *s)
{
	float low = -INFINITY, high = INFINITY;

	(void)s;
	if (p->opset < 11)
	{
		low = mmn_op_float(p, "min", low);
		high = mmn_op_float(p, "max", high);
	}
	else
	{
		low = mmn_op_input_float(p, 1, low);
		high = mmn_op_input_float(p, 2, high);
	}
	return plan_unary(p, UNARY_CLIP, low, high);
}

static mmn_status
relu_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_unary(p, UNARY_CLIP, 0.0f, INFINITY);
}

static mmn_status
leaky_relu_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_unary(p, UNARY_LEAKY_RELU, mmn_op_float(p, "alpha", 0.01f),
					  0.0f);
}

static mmn_status
elu_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_unary(p, UNARY_ELU, mmn_op_float(p, "alpha", 1.0f), 0.0f);
}

static mmn_status
hard_sigmoid_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_unary(p, UNARY_HARD_SIGMOID, mmn_op_float(p, "alpha", 0.2f),
					  mmn_op_float(p, "beta", 0.5f));
}

static mmn_status
selu_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_unary(p, UNARY_SELU,
					  mmn_op_float(p, "alpha", 1.67326319217681884765625f),
					  mmn_op_float(p, "gamma", 1.05070102214813232421875f));
}

static mmn_status
celu_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_unary(p, UNARY_CELU, mmn_op_float(p, "alpha", 1.0f), 0.0f);
}

static mmn_status
thresholded_relu_plan(mmn_planner *p, mmn_step *s)
{
	(void)s;
	return plan_unary(p, UNARY_THRESHOLDED_RELU, mmn_op_float(p, "alpha", 1.0f),
					  0.0f);
}

#define PLAIN(name, kind)                                                      \
	static mmn_status name##_plan(mmn_planner *p, mmn_step *s)                 \
	{                                                                          \
		(void)s;                                                               \
		return plan_unary(p, kind, 0.0f, 0.0f);                                \
	}

PLAIN(sigmoid, UNARY_SIGMOID)
PLAIN(hard_swish, UNARY_HARD_SWISH)
PLAIN(softplus, UNARY_SOFTPLUS)
PLAIN(tanh, UNARY_TANH)
PLAIN(erf, UNARY_ERF)
PLAIN(exp, UNARY_EXP)
PLAIN(log, UNARY_LOG)
PLAIN(sqrt, UNARY_SQRT)
PLAIN(reciprocal, UNARY_RECIPROCAL)
PLAIN(abs, UNARY_ABS)
PLAIN(neg, UNARY_NEG)
PLAIN(floor, UNARY_FLOOR)
PLAIN(ceil, UNARY_CEIL)
PLAIN(round, UNARY_ROUND)
PLAIN(sign, UNARY_SIGN)
PLAIN(softsign, UNARY_SOFTSIGN)

#define UNARY(symbol, name, attributes, max_inputs)                            \
	const mmn_op mmn_op_##symbol = {                                           \
		name,		   attributes, 1, max_inputs, 1, MMN_OP_IN_PLACE,          \
		symbol##_plan, unary_run};

UNARY(relu, "Relu", "", 1)
UNARY(clip, "Clip", "min max ", 3)
UNARY(leaky_relu, "LeakyRelu", "alpha ", 1)
UNARY(elu, "Elu", "alpha ", 1)
UNARY(sigmoid, "Sigmoid", "", 1)
UNARY(hard_sigmoid, "HardSigmoid", "alpha beta ", 1)
UNARY(hard_swish, "HardSwish", "", 1)
UNARY(softplus, "Softplus", "", 1)
UNARY(tanh, "Tanh", "", 1)
UNARY(erf, "Erf", "", 1)
UNARY(exp, "Exp", "", 1)
UNARY(log, "Log", "", 1)
UNARY(sqrt, "Sqrt", "", 1)
UNARY(reciprocal, "Reciprocal", "", 1)
const mmn_op mmn_op_abs = {.name = "Abs",
						   .attributes = "",
						   .min_inputs = 1,
						   .max_inputs = 1,
						   .max_outputs = 1,
						   .flags = MMN_OP_IN_PLACE | MMN_OP_INT64,
						   .plan = abs_plan,
						   .run = abs_or_neg_run};
const mmn_op mmn_op_neg = {.name = "Neg",
						   .attributes = "",
						   .min_inputs = 1,
						   .max_inputs = 1,
						   .max_outputs = 1,
						   .flags = MMN_OP_IN_PLACE | MMN_OP_INT64,
						   .plan = neg_plan,
						   .run = abs_or_neg_run};
UNARY(floor, "Floor", "", 1)
UNARY(ceil, "Ceil", "", 1)
UNARY(round, "Round", "", 1)
UNARY(sign, "Sign", "", 1)
UNARY(selu, "Selu", "alpha gamma ", 1)
UNARY(celu, "Celu", "alpha ", 1)
UNARY(thresholded_relu, "ThresholdedRelu", "alpha ", 1)
UNARY(softsign, "Softsign", "", 1)

const mmn_op mmn_op_gelu = {
	.name = "Gelu", .flags = MMN_OP_IN_PLACE, .run = unary_run};

void
mmn_make_gelu(mmn_step *s, mmn_tensor *x)
{
	static const unary_params gelu = {.kind = UNARY_GELU};

	s->op = &mmn_op_gelu;
	s->params = (void *)(uintptr_t)&gelu;
	s->params_size = sizeof gelu;
	s->n_in = 1;
	s->in[0] = x;
}
