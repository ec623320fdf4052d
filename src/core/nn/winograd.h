#ifndef MMN_NN_WINOGRAD_H
#define MMN_NN_WINOGRAD_H

#include "nn/conv.h"

/*
 * 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): a quarter of the
 * multiplications.  The functions mirror those of conv.h, which calls them;
 * their arguments are documented there.
 */

/* Whether the shape is one that these functions can compute. */
bool mmn_winograd_fits(const mmn_conv *conv);

size_t mmn_winograd_packed_bytes(const mmn_conv *conv);
void mmn_winograd_pack(const mmn_conv *conv, const float *weights,
					   const float *bias, void *packed);
size_t mmn_winograd_scratch(const mmn_conv *conv, int64_t images, int workers);
mmn_status mmn_winograd_run(const mmn_conv *conv, const void *packed,
							const float *in, const float *residual, float *out,
							int64_t images, size_t in_stride, size_t out_stride,
							void *scratch, mmn_run *run);

#endif
