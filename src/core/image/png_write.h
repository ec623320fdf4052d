#ifndef MMN_IMAGE_PNG_WRITE_H
#define MMN_IMAGE_PNG_WRITE_H

#include "image/image.h"

/*
 * Encodes u8 or u16 samples as PNG of the same depth; an inverted
 * (MONOCHROME1) image is written as it is meant to look.  *out is in memory
 * of env, which the caller frees.  The pixel spacing, when known, goes into
 * the chunk pHYs.  MMN_UNSUPPORTED for samples that PNG cannot hold (i16,
 * f32): render those first.
 */
mmn_status mmn_png_write(const mmn_env *env, const mmn_image *image,
						 uint8_t **out, size_t *length, mmn_error *err);

#endif
