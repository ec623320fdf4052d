/*
 * Conv: Y [N, M, OH, OW] = X [N, C, H, W] * W [M, C/g, KH, KW] + B [M].
 *
 * One of three kernels is chosen when planning:
 *   pointwise  1x1, stride 1, no padding: X of one image already is the
 *              matrix [C, H*W] that the weights [M, C] multiply
 *   depthwise  one input channel a group: no matrix worth the name; a direct
 *              loop, a row at a time
 *   columns    the rest: for a run of output positions, the inputs under the
 *              kernel are copied to a matrix [C/g*KH*KW, positions] small
 *              enough to stay in the cache, which the weights multiply
 */
#include <string.h>

#include "nn/fuse.h"
#include "nn/gemm.h"
#include "nn/op_list.h"
#include "nn/window.h"

typedef enum conv_kernel
{
	CONV_POINTWISE,
	CONV_DEPTHWISE,
	CONV_COLUMNS
} conv_kernel;

typedef struct conv_params
{
	mmn_window w;
	conv_kernel kernel;
	int64_t n; /* images */
	int64_t groups;
	int64_t c;		 /* input channels of a group */
	int64_t m;		 /* output channels of a group */
	int64_t depth;	 /* c * KH * KW */
	int64_t columns; /* output positions at a time */
} conv_params;

/* Floats of the matrix of columns: 1 MB, about an L2 cache. */
#define COLUMNS_FLOATS ((int64_t)1 << 18)
#define COLUMNS_MIN 64

static mmn_status
conv_plan(mmn_planner *p, mmn_step *s)
{
	conv_params *c = mmn_op_params(p, sizeof *c);
	const mmn_shape *x = &s->in[0]->shape, *w = &s->in[1]->shape;
	int64_t positions;
	mmn_shape out;
	mmn_status status;

	if (!c)
		return p->err->code;
	if (x->ndim != 4 || w->ndim != 4)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "only two-dimensional convolutions are supported");
	if (s->in[1]->element != MMN_FLOAT)
		return mmn_op_fail(p, MMN_BAD_DATA, "weights are not of type float");
	status = mmn_window_plan(p, w->dims + 2, &c->w);
	if (status != MMN_OK)
		return status;
	c->groups = mmn_op_int(p, "group", 1);
	if (c->groups < 1 || c->groups > w->dims[0] ||
		w->dims[0] % c->groups != 0 || x->dims[1] % c->groups != 0 ||
		x->dims[1] / c->groups != w->dims[1])
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "weights for %lld channels in %lld groups do not "
						   "fit an input of %lld channels",
						   (long long)w->dims[1], (long long)c->groups,
						   (long long)x->dims[1]);
	if (mmn_op_has_input(s, 2) &&
		(s->in[2]->element != MMN_FLOAT || s->in[2]->shape.ndim != 1 ||
		 s->in[2]->count != (size_t)w->dims[0]))
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "the bias does not fit %lld output channels",
						   (long long)w->dims[0]);
	c->n = x->dims[0];
	c->c = w->dims[1];
	c->m = w->dims[0] / c->groups;
	c->depth = c->c * c->w.kernel[0] * c->w.kernel[1];
	out = (mmn_shape){4, {c->n, w->dims[0], c->w.out[0], c->w.out[1]}};
	status = mmn_op_output(p, 0, MMN_FLOAT, &out);
	if (status != MMN_OK)
		return status;
	positions = c->w.out[0] * c->w.out[1];
	s->multiply_adds = (uint64_t)s->out[0]->count * (uint64_t)c->depth;
	if (c->c == 1)
		c->kernel = CONV_DEPTHWISE;
	else if (c->w.kernel[0] == 1 && c->w.kernel[1] == 1 &&
			 c->w.stride[0] == 1 && c->w.stride[1] == 1 &&
			 c->w.out[0] == c->w.in[0] && c->w.out[1] == c->w.in[1] &&
			 c->w.pad[0] == 0 && c->w.pad[1] == 0)
		c->kernel = CONV_POINTWISE;
	else
	{
		c->kernel = CONV_COLUMNS;
		c->columns = COLUMNS_FLOATS / c->depth & ~(int64_t)15;
		if (c->columns < COLUMNS_MIN)
			c->columns = COLUMNS_MIN;
		if (c->columns > positions)
			c->columns = positions;
		s->scratch = (size_t)(c->depth * c->columns) * sizeof(float);
	}
	return MMN_OK;
}

/* Output [m, positions] of one image and group starts as the bias. */
static void
fill_bias(float *out, int64_t m, int64_t positions, const float *bias)
{
	for (int64_t i = 0; i < m; i++, out += positions)
	{
		float b = bias ? bias[i] : 0.0f;

		for (int64_t k = 0; k < positions; k++)
			out[k] = b;
	}
}

/* Row [ow] of outputs gains weight * every stride-th input, where inside. */
static void
add_scaled_row(float *restrict out, const float *restrict in, float weight,
			   int64_t from, int64_t to, int64_t stride)
{
	if (stride == 1)
		for (int64_t o = from; o < to; o++)
			out[o] += weight * in[o - from];
	else
		for (int64_t o = from; o < to; o++)
			out[o] += weight * in[(o - from) * stride];
}

/* Output positions [*from, *to) whose input under kernel element k is inside. */
static void
inside(const mmn_window *w, int d, int64_t k, int64_t *from, int64_t *to)
{
	int64_t shift = w->pad[d] - k * w->dilation[d]; /* in = o*stride - shift */

	*from = shift > 0 ? (shift + w->stride[d] - 1) / w->stride[d] : 0;
	*to = w->in[d] + shift <= 0
			  ? 0
			  : (w->in[d] + shift + w->stride[d] - 1) / w->stride[d];
	if (*to > w->out[d])
		*to = w->out[d];
	if (*from > *to)
		*from = *to;
}

/* One input plane [H, W] by one kernel into one output plane [OH, OW]. */
static mmn_status
depthwise_plane(const mmn_window *w, const float *in, const float *kernel,
				float *out, mmn_run *run)
{
	for (int64_t kh = 0; kh < w->kernel[0]; kh++)
		for (int64_t kw = 0; kw < w->kernel[1]; kw++)
		{
			int64_t top, bottom, left, right;
			float weight = *kernel++;
			mmn_status status;

			inside(w, 0, kh, &top, &bottom);
			inside(w, 1, kw, &left, &right);
			if (left < right)
				for (int64_t o = top; o < bottom; o++)
					add_scaled_row(out + o * w->out[1],
								   in +
									   (o * w->stride[0] - w->pad[0] +
										kh * w->dilation[0]) *
										   w->in[1] +
									   left * w->stride[1] - w->pad[1] +
									   kw * w->dilation[1],
								   weight, left, right, w->stride[1]);
			status = mmn_run_spend(
				run, (size_t)((bottom - top) * (right - left + 4)));
			if (status != MMN_OK)
				return status;
		}
	return MMN_OK;
}

/*
 * Fills columns [depth, n]: the inputs x [C/g, H, W] under the kernel at
 * output positions first .. first+n-1, zero in the padding.
 */
static mmn_status
fill_columns(const conv_params *c, const float *x, int64_t first, int64_t n,
			 float *columns, mmn_run *run)
{
	const mmn_window *w = &c->w;
	int64_t plane = w->in[0] * w->in[1];

	for (int64_t d = 0; d < c->depth; d++, columns += n)
	{
		int64_t kw = d % w->kernel[1];
		int64_t kh = d / w->kernel[1] % w->kernel[0];
		const float *in = x + d / (w->kernel[0] * w->kernel[1]) * plane;
		int64_t from, to;
		mmn_status status = mmn_run_spend(run, (size_t)n + 16);

		if (status != MMN_OK)
			return status;
		inside(w, 1, kw, &from, &to);
		for (int64_t at = 0; at < n;)
		{
			int64_t oh = (first + at) / w->out[1];
			int64_t begin = (first + at) % w->out[1];
			int64_t end =
				begin + n - at < w->out[1] ? begin + n - at : w->out[1];
			int64_t ih = oh * w->stride[0] - w->pad[0] + kh * w->dilation[0];
			int64_t lo = from > begin ? from : begin;
			int64_t hi = to < end ? to : end;
			float *out = columns + at - begin; /* by output column */

			at += end - begin;
			if (ih < 0 || ih >= w->in[0] || lo >= hi)
			{
				memset(out + begin, 0, (size_t)(end - begin) * sizeof(float));
				continue;
			}
			const float *row = in + ih * w->in[1] + lo * w->stride[1] -
							   w->pad[1] + kw * w->dilation[1];

			for (int64_t o = begin; o < lo; o++)
				out[o] = 0.0f;
			if (w->stride[1] == 1)
				memcpy(out + lo, row, (size_t)(hi - lo) * sizeof(float));
			else
				for (int64_t o = lo; o < hi; o++)
					out[o] = row[(o - lo) * w->stride[1]];
			for (int64_t o = hi; o < end; o++)
				out[o] = 0.0f;
		}
	}
	return MMN_OK;
}

/* One image and group: x [c, H, W], weights [m, depth], out [m, OH*OW]. */
static mmn_status
conv_group(const conv_params *c, const float *x, const float *weights,
		   float *out, float *scratch, mmn_run *run)
{
	int64_t positions = c->w.out[0] * c->w.out[1];
	mmn_gemm_args g = {.m = c->m,
					   .n = positions,
					   .k = c->depth,
					   .alpha = 1.0f,
					   .a = weights,
					   .lda = c->depth,
					   .b = x,
					   .ldb = positions,
					   .beta = 1.0f,
					   .c = out,
					   .ldc = positions};
	mmn_status status = MMN_OK;

	if (c->kernel == CONV_POINTWISE)
		return mmn_gemm(&g, run);
	if (c->kernel == CONV_DEPTHWISE)
	{
		for (int64_t i = 0; i < c->m && status == MMN_OK; i++)
			status = depthwise_plane(&c->w, x, weights + i * c->depth,
									 out + i * positions, run);
		return status;
	}
	for (int64_t at = 0; at < positions && status == MMN_OK; at += g.n)
	{
		g.n = positions - at < c->columns ? positions - at : c->columns;
		g.b = scratch;
		g.ldb = g.n;
		g.c = out + at;
		status = fill_columns(c, x, at, g.n, scratch, run);
		if (status == MMN_OK)
			status = mmn_gemm(&g, run);
	}
	return status;
}

static mmn_status
conv_run(const mmn_step *s, mmn_run *run)
{
	const conv_params *c = s->params;
	const float *x = mmn_run_in(run, s, 0);
	const float *weights = mmn_run_in(run, s, 1);
	const float *bias = mmn_op_has_input(s, 2) ? mmn_run_in(run, s, 2) : NULL;
	float *out = mmn_run_out(run, s, 0);
	float *scratch = s->scratch ? mmn_run_scratch(run, s) : NULL;
	int64_t positions = c->w.out[0] * c->w.out[1];

	for (int64_t n = 0; n < c->n; n++)
		for (int64_t g = 0; g < c->groups; g++)
		{
			mmn_status status = mmn_run_spend(run, (size_t)(c->m * positions));

			if (status != MMN_OK)
				return status;
			fill_bias(out, c->m, positions, bias ? bias + g * c->m : NULL);
			status = conv_group(c, x, weights + g * c->m * c->depth, out,
								scratch, run);
			if (status != MMN_OK)
				return status;
			x += c->c * c->w.in[0] * c->w.in[1];
			out += c->m * positions;
		}
	return MMN_OK;
}

bool
mmn_look_conv(const mmn_step *s, mmn_conv *out)
{
	const conv_params *c = s->params;

	if (!s->in[1]->constant || (mmn_op_has_input(s, 2) && !s->in[2]->constant))
		return false;
	*out = (mmn_conv){.w = c->w,
					  .c = c->c * c->groups,
					  .m = c->m * c->groups,
					  .groups = c->groups};
	return true;
}

const mmn_op mmn_op_conv = {
	"Conv",	   "auto_pad dilations group kernel_shape pads strides ",
	2,		   3,
	1,		   0,
	conv_plan, conv_run};
