#ifndef MMN_NN_BROADCAST_H
#define MMN_NN_BROADCAST_H

#include "nn/tensor.h"

/*
 * Arguments of one shape as NumPy sees them: aligned at the last dimension, a
 * missing one or 1 stretched.  For operators that walk the result row by row;
 * the two-argument ones that networks spend time in are in op_binary.c.
 */

/* Widens *out to what both fit; false: they do not. */
bool mmn_broadcast_join(mmn_shape *out, const mmn_shape *in);

/* Strides of "in", in elements, over the dimensions of "out"; 0: stretched. */
void mmn_broadcast_strides(const mmn_shape *in, const mmn_shape *out,
						   int64_t *strides);

/* Where row number "row" (over all but the last dimension of out) starts. */
int64_t mmn_broadcast_row(const mmn_shape *out, const int64_t *strides,
						  int64_t row);

#endif
