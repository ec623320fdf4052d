#ifndef MMN_IMAGE_JPEG_IDCT_H
#define MMN_IMAGE_JPEG_IDCT_H

#include <stdint.h>

/*
 * The inverse DCT (ITU-T T.81 A.3.3) of one block of 12-bit JPEG:
 * coefficients and quantization steps, both in rows, to samples 0..4095.
 */
void mmn_jpeg_idct12(const int16_t coefficients[64], const uint16_t steps[64],
					 uint16_t samples[64]);

#endif
