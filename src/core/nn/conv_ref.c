/*
 * The convolution kernels in plain C: for CPUs without the vectors that the
 * other files are written for, and as the text they are read against.
 */
#include "nn/conv_epilogue.h"
#include "nn/conv_kernel.h"

#include <string.h>

static void
finish(const mmn_conv_tile *t, int pixel, const float *sum)
{
	size_t at = (size_t)pixel * MMN_BLOCK;

	for (int j = 0; j < MMN_BLOCK; j++)
	{
		float v = sum[j] + (t->residual ? t->residual[at + j] : 0.0f);

		t->out[at + j] = mmn_clip(v, t->lo, t->hi);
	}
}

static void
dense(const mmn_conv_tile *t, int pixel_stride)
{
	for (int p = 0; p < t->pixels; p++)
	{
		const float *in = t->in + mmn_tile_pixel(t, pixel_stride, p);
		const float *w = t->weights + MMN_BLOCK;
		float sum[MMN_BLOCK];

		memcpy(sum, t->weights, sizeof sum);
		for (int i = 0; i < t->n_taps; i++)
		{
			const float *x = in + t->taps[i].offset;

			for (int k = 0; k < t->taps[i].count; k++, w += MMN_BLOCK)
				for (int j = 0; j < MMN_BLOCK; j++)
					sum[j] += x[k] * w[j];
		}
		finish(t, p, sum);
	}
}

static void
depthwise(const mmn_conv_tile *t)
{
	for (int p = 0; p < t->pixels; p++)
	{
		const float *in = t->in + mmn_tile_pixel(t, MMN_BLOCK, p);
		const float *w = t->weights + MMN_BLOCK;
		float sum[MMN_BLOCK];

		memcpy(sum, t->weights, sizeof sum);
		for (int i = 0; i < t->n_taps; i++)
		{
			const float *x = in + t->taps[i].offset;

			for (int k = 0; k < t->taps[i].count; k++)
			{
				for (int j = 0; j < MMN_BLOCK; j++)
					sum[j] += x[j] * w[j];
				x += MMN_BLOCK;
				w += MMN_BLOCK;
			}
		}
		finish(t, p, sum);
	}
}

static void
tile(mmn_tile_kind kind, const mmn_conv_tile *t)
{
	if (kind == MMN_TILE_DEPTHWISE)
		depthwise(t);
	else
		dense(t, kind == MMN_TILE_BLOCKED ? MMN_BLOCK : 1);
}

static void
activate(const mmn_conv *conv, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = mmn_activate(conv, x[i]);
}

const mmn_conv_kernels mmn_conv_kernels_ref = {1, 16, true, tile, activate};
