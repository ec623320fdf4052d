#ifndef MMN_IMAGE_JPEG_DCT_H
#define MMN_IMAGE_JPEG_DCT_H

#include "base/env.h"

#include <stdint.h>

/*
 * Decodes DCT JPEG of 12 bits a sample (ITU-T T.81 processes 4, 8 and 12:
 * Huffman-coded, sequential or progressive) of 1 or 3 components: width *
 * height pixels to out, interleaved, 16 bits a sample, little-endian.  All of
 * out is written when MMN_OK is returned; colours are as they were coded.
 *
 * MMN_UNSUPPORTED: not this kind of JPEG, though perhaps a valid one.
 * MMN_BAD_DATA: damaged, or not of this size.
 */
mmn_status mmn_jpeg_dct12_decode(const mmn_env *env, const uint8_t *bytes,
								 size_t length, uint32_t width, uint32_t height,
								 unsigned components, uint8_t *out,
								 mmn_error *err);

#endif
