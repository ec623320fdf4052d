#ifndef MMN_NN_CONV_H
#define MMN_NN_CONV_H

#include "base/cpu.h"
#include "nn/window.h"

/*
 * Convolutions over blocked feature maps.
 *
 * A blocked map of C channels is float [ceil(C / 16)][H][W][16], aligned to
 * 64 bytes: the 16 channels of a block lie side by side, so that one vector
 * (AVX-512), two (AVX2) or four (SSE2) hold them.  Where C is no multiple of
 * 16, the last block's other channels hold finite values of no meaning, which
 * nobody may use: a convolution has weights of 0 for them.
 *
 * Y = act(X * W + bias [+ residual]), all in one pass over Y.
 *
 * A description is plain data.  Weights are packed once, for the description
 * and the kernels it names; what is packed holds no pointers.
 */

#define MMN_BLOCK 16

/* Floats of a blocked map of one image. */
static inline size_t
mmn_blocked_count(int64_t channels, int64_t height, int64_t width)
{
	return (size_t)((channels + MMN_BLOCK - 1) / MMN_BLOCK * height * width *
					MMN_BLOCK);
}

typedef enum mmn_act
{
	MMN_ACT_NONE = 0,
	MMN_ACT_CLIP = 1,		  /* to lo..hi; Relu is 0..infinity */
	MMN_ACT_LEAKY = 2,		  /* x < 0: lo * x */
	MMN_ACT_HARD_SIGMOID = 3, /* lo * x + hi, clipped to 0..1 */
	MMN_ACT_HARD_SWISH = 4,	  /* x * (x / 6 + 1 / 2, clipped to 0..1) */
	MMN_ACT_SIGMOID = 5,
	MMN_ACT_SILU = 6 /* x * sigmoid(x) */
} mmn_act;

typedef enum mmn_conv_method
{
	MMN_CONV_NONE = 0,
	MMN_CONV_POINTWISE = 1, /* 1x1, stride 1, no padding */
	MMN_CONV_DIRECT = 2,	/* any kernel, stride, dilation, groups */
	MMN_CONV_FIRST = 3,		/* the same from plain [C, H, W] */
	MMN_CONV_DEPTHWISE = 4, /* each channel by itself */
	MMN_CONV_WINOGRAD = 5	/* 3x3, stride 1: winograd.h */
} mmn_conv_method;

typedef struct mmn_conv
{
	mmn_window w;
	int64_t c; /* channels of X, all groups */
	int64_t m; /* channels of Y, all groups */
	int64_t groups;
	bool plain_input; /* X is [C, H, W], as the network's input is */
	bool residual;	  /* a blocked map of Y's shape is added */
	mmn_act act;
	float lo, hi;
	mmn_isa isa;
	mmn_conv_method method; /* set by mmn_conv_choose() */
} mmn_conv;

/*
 * Sets the method by a fixed rule over shape and instruction set.  False:
 * no kernel here is meant for it.
 */
bool mmn_conv_choose(mmn_conv *conv);

/* Bytes of packed weights, a multiple of 64. */
size_t mmn_conv_packed_bytes(const mmn_conv *conv);

/*
 * Packs weights [M, C/groups, KH, KW] and bias [M] (NULL: zeros).  packed is
 * aligned to 64 bytes.
 */
void mmn_conv_pack(const mmn_conv *conv, const float *weights,
				   const float *bias, void *packed);

/* Bytes of scratch that a run wants, aligned to 64. */
size_t mmn_conv_scratch(const mmn_conv *conv, int64_t images, int workers);

/*
 * in_stride and out_stride are floats from one image to the next, the latter
 * also for the residual, which may be the same memory as out.  What comes out
 * for an image does not depend on the others.
 */
mmn_status mmn_conv_run(const mmn_conv *conv, const void *packed,
						const float *in, const float *residual, float *out,
						int64_t images, size_t in_stride, size_t out_stride,
						void *scratch, mmn_run *run);

#endif
