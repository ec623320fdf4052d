#ifndef MMN_NN_FUSE_H
#define MMN_NN_FUSE_H

#include "nn/conv.h"
#include "nn/graph.h"

/*
 * What fusion and layout want to know of steps that other files have planned;
 * each function is beside the operators that it knows.
 */

/* Whether the step is an activation that conv.h knows, and which. */
bool mmn_look_act(const mmn_step *s, mmn_act *act, float *lo, float *hi);

/*
 * Whether the step computes each element from the one at its place, so that
 * it may be done to a blocked map as it is.  any_number: and makes something
 * finite of every finite number, as the channels without meaning must stay.
 */
bool mmn_look_elementwise(const mmn_step *s, bool any_number);

/* Shape of a Conv; false when its weights or its bias are not constant. */
bool mmn_look_conv(const mmn_step *s, mmn_conv *out);

/* Of a BatchNormalization: scale [C], then shift [C]. */
const float *mmn_look_norm(const mmn_step *s);

/* Rows and columns of zeros that a Pad adds, before and after; else false. */
bool mmn_look_pad(const mmn_step *s, int64_t *before, int64_t *after);

typedef struct mmn_pool2d
{
	mmn_window w;
	bool max;		/* else the mean */
	bool count_pad; /* the mean is over the padding, too */
} mmn_pool2d;

/* Whether the step is a MaxPool or an AveragePool. */
bool mmn_look_pool(const mmn_step *s, mmn_pool2d *out);

/* Whether the step is the mean of each channel (or its maximum). */
bool mmn_look_global(const mmn_step *s, bool *max);

/* Whether the step is the mean over the last dimension, which stays as 1. */
bool mmn_look_mean_of_last(const mmn_step *s);

/* Whether the step is a Transpose of 4 dimensions to that order. */
bool mmn_look_transpose(const mmn_step *s, const int *order);

/* Whether the step is a LayerNormalization over the last dimension only. */
bool mmn_look_layer_norm(const mmn_step *s, float *epsilon);

/* Makes the step compute its output from x as another operator. */
void mmn_make_gelu(mmn_step *s, mmn_tensor *x);
mmn_status mmn_make_layer_norm(mmn_pool *pool, mmn_step *s, mmn_tensor *x,
							   mmn_tensor *gain, mmn_tensor *bias,
							   float epsilon, mmn_error *err);

/*
 * Makes a Conv, or a MatMul over channels, a step that knows nothing but
 * conv.h's description; transposed: its weights are [C, M].
 */
mmn_status mmn_make_conv(mmn_pool *pool, mmn_step *s, const mmn_conv *conv,
						 bool transposed, mmn_error *err);

/*
 * What a blocked convolution, or a scale per channel, packs: constants in C
 * order, and a scale and a shift [M] of what comes out, or NULL.
 */
typedef struct mmn_conv_source
{
	bool transposed;	  /* weights are [C, M], of a matrix product */
	const float *weights; /* NULL: no convolution */
	const float *bias;
	const float *scale;
	const float *shift;
} mmn_conv_source;

#endif
