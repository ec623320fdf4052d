/*
 * The convolution kernels in plain C: for CPUs without the vectors that the
 * other files are written for, and as the text they are read against.
 */
#include "nn/conv_epilogue.h"
#include "nn/conv_kernel.h"

#include <string.h>

/* One pixel: what is added to its sums, and where they go. */
static void
finish(const float *sum, const float *residual, float *out, float lo, float hi)
{
	for (int j = 0; j < MMN_BLOCK; j++)
		out[j] = mmn_clip(sum[j] + (residual ? residual[j] : 0.0f), lo, hi);
}

static void
dense(const mmn_conv_tile *t, int pixel_stride)
{
	for (int p = 0; p < t->pixels; p++)
	{
		const float *in = t->in + mmn_tile_pixel(t, pixel_stride, p);
		const float *w = t->weights;
		float sum[MMN_BLOCK];

		memcpy(sum, t->start + (size_t)p * t->start_pixel, sizeof sum);
		for (int i = 0; i < t->n_taps; i++)
		{
			const float *x = in + t->taps[i].offset;

			for (int k = 0; k < t->taps[i].count; k++, w += MMN_BLOCK)
				for (int j = 0; j < MMN_BLOCK; j++)
					sum[j] += x[k] * w[j];
		}
		finish(sum, t->residual ? t->residual + p * MMN_BLOCK : NULL,
			   t->out + p * MMN_BLOCK, t->lo, t->hi);
	}
}

static void
narrow(const mmn_conv_tile *t)
{
	for (int p = 0; p < t->pixels; p++)
	{
		const float *in = t->in + mmn_tile_pixel(t, MMN_BLOCK, p);
		const float *w = t->weights;
		float sum[MMN_BLOCK];

		memcpy(sum, t->start + (size_t)p * t->start_pixel, sizeof sum);
		for (int i = 0; i < t->n_taps; i++)
		{
			const float *x = in + t->taps[i].offset;

			for (int k = 0; k < MMN_NARROW; k++, w += MMN_BLOCK)
				for (int j = 0; j < MMN_BLOCK; j++)
					sum[j] += x[j / MMN_NARROW * MMN_NARROW + k] * w[j];
		}
		finish(sum, t->residual ? t->residual + p * MMN_BLOCK : NULL,
			   t->out + p * MMN_BLOCK, t->lo, t->hi);
	}
}

static void
tile(mmn_tile_kind kind, const mmn_conv_tile *t)
{
	if (kind == MMN_TILE_NARROW)
		narrow(t);
	else
		dense(t, kind == MMN_TILE_BLOCKED ? MMN_BLOCK : 1);
}

static void
depthwise(const mmn_depthwise_tile *t)
{
	for (int p = 0; p < t->pixels; p++)
	{
		const float *w = t->weights;
		float sum[MMN_BLOCK];

		memcpy(sum, t->bias, sizeof sum);
		for (int r = 0; r < t->rows; r++)
			for (int c = 0; c < t->cols; c++, w += MMN_BLOCK)
			{
				int64_t at = t->column + p * t->stride + c * t->col_step;
				const float *x = t->in + r * t->row_step + at * MMN_BLOCK;

				if (at < 0 || at >= t->width)
					continue;
				for (int j = 0; j < MMN_BLOCK; j++)
					sum[j] += x[j] * w[j];
			}
		finish(sum, t->residual ? t->residual + p * MMN_BLOCK : NULL,
			   t->out + p * MMN_BLOCK, t->lo, t->hi);
	}
}

static void
activate(const mmn_conv *conv, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = mmn_activate(conv, x[i]);
}

const mmn_conv_kernels mmn_conv_kernels_ref = {1,	 16,		true,
											   tile, depthwise, activate};
