#ifndef MMN_IMAGE_RESIZE_H
#define MMN_IMAGE_RESIZE_H

#include "image/image.h"

/*
 * Resampling with a triangle filter that widens when shrinking, so that every
 * source pixel counts; at the edges the weights that remain are normalised to
 * 1.  This is what Pillow calls BILINEAR and torchvision antialias=True.
 *
 * out gets in's header with the new size, its spacing adjusted, and samples
 * of in's type (integers rounded, halves up) in memory of env, which the
 * caller frees.  A NaN among the samples spreads as far as the filter.
 */
mmn_status mmn_image_resize(const mmn_env *env, const mmn_image *in,
							uint32_t width, uint32_t height, mmn_image *out,
							mmn_error *err);

/* The same with f32 samples, not rounded, whatever in's type. */
mmn_status mmn_image_resize_f32(const mmn_env *env, const mmn_image *in,
								uint32_t width, uint32_t height, mmn_image *out,
								mmn_error *err);

#endif
