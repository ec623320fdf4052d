/* MaxPool and AveragePool: Y [N, C, OH, OW] of X [N, C, H, W]. */
#include <math.h>

#include "nn/fuse.h"
#include "nn/op_list.h"
#include "nn/window.h"

typedef mmn_pool2d pool_params;

static mmn_status
pool_plan(mmn_planner *p, mmn_step *s)
{
	pool_params *c = mmn_op_params(p, sizeof *c);
	mmn_shape out = s->in[0]->shape;
	mmn_status status;

	if (!c)
		return p->err->code;
	status = mmn_window_plan(p, NULL, &c->w);
	if (status != MMN_OK)
		return status;
	if (s->n_out > 1 && s->out[1])
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "the indices of the maxima are not supported");
	/* before opset 10, PyTorch writes ceil_mode as padding behind the end that
	 * may be larger than the kernel, but never makes a window of nothing else */
	for (int d = 0; d < 2; d++)
		if (c->w.pad[d] >= (c->w.kernel[d] - 1) * c->w.dilation[d] + 1 ||
			(c->w.out[d] - 1) * c->w.stride[d] >= c->w.in[d] + c->w.pad[d])
			return mmn_op_fail(p, MMN_UNSUPPORTED,
							   "windows of nothing but padding are not "
							   "supported");
	c->count_pad = mmn_op_int(p, "count_include_pad", 0) != 0;
	out.dims[2] = c->w.out[0];
	out.dims[3] = c->w.out[1];
	return mmn_op_output(p, 0, MMN_FLOAT, &out);
}

static float
max_at(const mmn_window *w, const float *in, int64_t oh, int64_t ow,
	   const int64_t *from, const int64_t *to)
{
	float best = -INFINITY;

	for (int64_t kh = from[0]; kh < to[0]; kh++)
	{
		const float *row =
			in +
			(oh * w->stride[0] - w->pad[0] + kh * w->dilation[0]) * w->in[1] +
			ow * w->stride[1];

		for (int64_t kw = from[1]; kw < to[1]; kw++)
		{
			float v = row[kw * w->dilation[1] - w->pad[1]];

			best = v > best ? v : best;
		}
	}
	return best;
}

static float
average_at(const pool_params *c, const float *in, int64_t oh, int64_t ow,
		   const int64_t *from, const int64_t *to)
{
	const mmn_window *w = &c->w;
	int64_t count = mmn_window_count(w, 0, oh, c->count_pad) *
					mmn_window_count(w, 1, ow, c->count_pad);
	float sum = 0.0f;

	for (int64_t kh = from[0]; kh < to[0]; kh++)
	{
		const float *row =
			in +
			(oh * w->stride[0] - w->pad[0] + kh * w->dilation[0]) * w->in[1] +
			ow * w->stride[1];

		for (int64_t kw = from[1]; kw < to[1]; kw++)
			sum += row[kw * w->dilation[1] - w->pad[1]];
	}
	return count > 0 ? sum / (float)count : 0.0f;
}

static mmn_status
run_pool(const mmn_step *s, mmn_run *run, bool max)
{
	const pool_params *c = s->params;
	const mmn_window *w = &c->w;
	const float *in = mmn_run_in(run, s, 0);
	float *out = mmn_run_out(run, s, 0);
	int64_t planes = mmn_shape_span(&s->in[0]->shape, 0, 2);
	size_t cost =
		(size_t)(w->kernel[0] < w->in[0] ? w->kernel[0] : w->in[0]) *
			(size_t)(w->kernel[1] < w->in[1] ? w->kernel[1] : w->in[1]) +
		4;

	for (int64_t i = 0; i < planes; i++, in += w->in[0] * w->in[1])
		for (int64_t oh = 0; oh < w->out[0]; oh++)
		{
			int64_t from[2], to[2];

			mmn_window_clip(w, 0, oh, &from[0], &to[0]);
			for (int64_t ow = 0; ow < w->out[1]; ow++)
			{
				mmn_status status = mmn_run_spend(run, cost);

				if (status != MMN_OK)
					return status;
				mmn_window_clip(w, 1, ow, &from[1], &to[1]);
				*out++ = max ? max_at(w, in, oh, ow, from, to)
							 : average_at(c, in, oh, ow, from, to);
			}
		}
	return MMN_OK;
}

static mmn_status
max_pool_run(const mmn_step *s, mmn_run *run)
{
	return run_pool(s, run, true);
}

static mmn_status
average_pool_run(const mmn_step *s, mmn_run *run)
{
	return run_pool(s, run, false);
}

bool
mmn_look_pool(const mmn_step *s, mmn_pool2d *out)
{
	if (s->op != &mmn_op_max_pool && s->op != &mmn_op_average_pool)
		return false;
	*out = *(const pool_params *)s->params;
	out->max = s->op == &mmn_op_max_pool;
	return true;
}

const mmn_op mmn_op_max_pool = {
	"MaxPool",
	"auto_pad ceil_mode dilations kernel_shape pads storage_order strides ",
	1,
	1,
	2,
	0,
	pool_plan,
	max_pool_run};
const mmn_op mmn_op_average_pool = {
	"AveragePool",
	"auto_pad ceil_mode count_include_pad kernel_shape pads strides ",
	1,
	1,
	1,
	0,
	pool_plan,
	average_pool_run};
