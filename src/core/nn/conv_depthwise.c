/*
 * Depthwise convolutions: every channel by itself, so a vector of 16 channels
 * of X times one of weights, for each place of the kernel.  There is little to
 * compute per element read, so X is read where it is, without a padded copy.
 *
 * Packed: for each block, bias [16] and weights [KH][KW][16].
 */
#include <string.h>

#include "nn/conv_epilogue.h"
#include "nn/conv_layout.h"

typedef struct depthwise_job
{
	const mmn_conv *conv;
	const mmn_conv_kernels *kernels;
	const float *packed;
	const float *in;
	const float *residual;
	float *out;
	size_t in_stride, out_stride;
	int64_t tile; /* pixels of a row at a time */
} depthwise_job;

static int64_t
places_of(const mmn_conv *conv)
{
	return conv->w.kernel[0] * conv->w.kernel[1];
}

size_t
mmn_depthwise_packed_bytes(const mmn_conv *conv)
{
	return (size_t)(mmn_blocks(conv->c) * (places_of(conv) + 1) * MMN_BLOCK) *
		   sizeof(float);
}

void
mmn_depthwise_pack(const mmn_conv *conv, const float *weights,
				   const float *bias, void *packed)
{
	int64_t places = places_of(conv), channels = conv->c;
	float *out = packed;

	memset(packed, 0, mmn_depthwise_packed_bytes(conv));
	for (int64_t c = 0; c < channels; c++)
	{
		float *block =
			out + c / MMN_BLOCK * (places + 1) * MMN_BLOCK + c % MMN_BLOCK;

		block[0] = bias ? bias[c] : 0.0f;
		for (int64_t i = 0; i < places; i++)
			block[(i + 1) * MMN_BLOCK] = weights[c * places + i];
	}
}

/* For a tile whose columns of X are first..last. */
static mmn_tile_edges
edges_of(const mmn_window *w, int64_t first, int64_t last)
{
	if (first >= 0 && last < w->in[1])
		return MMN_EDGES_NONE;
	if (first >= -1 && last <= w->in[1])
		return MMN_EDGES_NEAR;
	return MMN_EDGES_ANY;
}

/* One row of the output; t is ready but for what differs along it. */
static void
run_row(const depthwise_job *job, mmn_depthwise_tile *t)
{
	const mmn_window *w = &job->conv->w;
	int64_t reach = (w->kernel[1] - 1) * w->dilation[1];
	int64_t n = job->tile;

	for (int64_t at = 0; at < w->out[1]; at += n)
	{
		if (n > w->out[1] - at)
			n = w->out[1] - at;
		t->pixels = (int)n;
		t->column = at * w->stride[1] - w->pad[1];
		t->edges =
			edges_of(w, t->column, t->column + (n - 1) * w->stride[1] + reach);
		job->kernels->depthwise(t);
		if (!mmn_epilogue_is_clip(job->conv))
			job->kernels->activate(job->conv, t->out, (size_t)n * MMN_BLOCK);
		t->out += n * MMN_BLOCK;
		if (t->residual)
			t->residual += n * MMN_BLOCK;
	}
}

/* One block of one image. */
static void
plane_task(void *ctx, int64_t task, int worker)
{
	const depthwise_job *job = ctx;
	const mmn_window *w = &job->conv->w;
	int64_t planes = mmn_blocks(job->conv->c);
	int64_t image = task / planes, plane = task % planes;
	int64_t row = w->in[1] * MMN_BLOCK;
	const float *block =
		job->packed + plane * (places_of(job->conv) + 1) * MMN_BLOCK;
	const float *in =
		job->in + (size_t)image * job->in_stride + plane * w->in[0] * row;
	size_t at = (size_t)image * job->out_stride +
				(size_t)(plane * w->out[0] * w->out[1] * MMN_BLOCK);
	mmn_depthwise_tile t = {
		.bias = block,
		.residual = job->residual ? job->residual + at : NULL,
		.out = job->out + at,
		.cols = (int)w->kernel[1],
		.row_step = w->dilation[0] * row,
		.col_step = w->dilation[1],
		.width = w->in[1],
		.stride = w->stride[1],
	};

	(void)worker;
	mmn_epilogue_bounds(job->conv, &t.lo, &t.hi);
	for (int64_t o = 0; o < w->out[0]; o++)
	{
		int64_t from, to;

		mmn_window_clip(w, 0, o, &from, &to);
		t.rows = (int)(to > from ? to - from : 0);
		t.weights = block + (from * w->kernel[1] + 1) * MMN_BLOCK;
		t.in =
			in + (o * w->stride[0] - w->pad[0] + from * w->dilation[0]) * row;
		run_row(job, &t);
	}
}

mmn_status
mmn_depthwise_run(const mmn_conv *conv, const void *packed, const float *in,
				  const float *residual, float *out, int64_t images,
				  size_t in_stride, size_t out_stride, mmn_run *run)
{
	depthwise_job job = {.conv = conv,
						 .kernels = mmn_conv_kernels_for(conv->isa),
						 .packed = packed,
						 .in = in,
						 .residual = residual,
						 .out = out,
						 .in_stride = in_stride,
						 .out_stride = out_stride};
	int64_t n = places_of(conv) * conv->w.out[0] * conv->w.out[1];
	int64_t cols = conv->w.out[1], most = job.kernels->pixels;
	int64_t tiles = (cols + most - 1) / most;

	/* as many tiles as needed, none much smaller than the others */
	job.tile = (cols + tiles - 1) / tiles;
	return mmn_run_tasks(run, images * mmn_blocks(conv->c),
						 mmn_conv_work(conv, n), plane_task, &job);
}
