#ifndef MMN_NN_COPY_H
#define MMN_NN_COPY_H

#include "nn/op.h"

/*
 * Copies a block of elements from one walk over memory to another: what
 * Transpose, Slice, Pad, Concat, Split and Expand come down to.  Strides are
 * in elements, may be 0 (from) or negative (from).
 */
typedef struct mmn_copy
{
	int ndim;
	int64_t dims[MMN_SHAPE_MAX];
	int64_t from[MMN_SHAPE_MAX];
	int64_t to[MMN_SHAPE_MAX];
} mmn_copy;

/* Strides of a tensor of that shape in C order. */
void mmn_copy_strides(const mmn_shape *shape, int64_t *strides);

mmn_status mmn_copy_run(const mmn_copy *c, mmn_element element,
						const void *from, void *to, mmn_run *run);

#endif
