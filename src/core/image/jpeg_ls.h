#ifndef MMN_IMAGE_JPEG_LS_H
#define MMN_IMAGE_JPEG_LS_H

#include "base/env.h"

#include <stdint.h>

/*
 * Decodes JPEG-LS (ITU-T T.87), lossless and near-lossless, of 1 or 3
 * components in any interleave mode: width * height pixels to out,
 * interleaved, cell_bytes (1 or 2, little-endian) a sample.  All of out is
 * written when MMN_OK is returned.
 *
 * MMN_UNSUPPORTED: valid perhaps, but with a palette or a colour transform
 * that is not known.
 * MMN_BAD_DATA: damaged, or not of this size, or with more bits than fit.
 */
mmn_status mmn_jpeg_ls_decode(const mmn_env *env, const uint8_t *bytes,
							  size_t length, uint32_t width, uint32_t height,
							  unsigned components, unsigned cell_bytes,
							  uint8_t *out, mmn_error *err);

#endif
