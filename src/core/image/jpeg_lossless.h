#ifndef MMN_IMAGE_JPEG_LOSSLESS_H
#define MMN_IMAGE_JPEG_LOSSLESS_H

#include "base/env.h"

#include <stdint.h>

/*
 * Decodes lossless JPEG (ITU-T T.81 Annex H, Huffman-coded) of 1 or 3
 * components: width * height pixels to out, interleaved, cell_bytes (1 or 2,
 * little-endian) a sample.  All of out is written when MMN_OK is returned.
 *
 * MMN_UNSUPPORTED: not this kind of JPEG, though perhaps a valid one.
 * MMN_BAD_DATA: damaged, or not of this size, or with more bits than fit.
 */
mmn_status mmn_jpeg_lossless_decode(const mmn_env *env, const uint8_t *bytes,
									size_t length, uint32_t width,
									uint32_t height, unsigned components,
									unsigned cell_bytes, uint8_t *out,
									mmn_error *err);

#endif
