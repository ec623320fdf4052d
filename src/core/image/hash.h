#ifndef MMN_IMAGE_HASH_H
#define MMN_IMAGE_HASH_H

#include "image/image.h"

/*
 * SHA-256 over width and height (32 bits each), channels and sample type (8
 * bits each), two zero bytes, and the samples, all little-endian: equal
 * exactly for images of the same pixels, however they were encoded.
 */
mmn_status mmn_image_content_hash(const mmn_image *image, uint8_t out[32],
								  mmn_error *err);

/* The same, interruptible. */
mmn_status mmn_image_content_hash_env(const mmn_env *env,
									  const mmn_image *image, uint8_t out[32],
									  mmn_error *err);

/*
 * 64-bit perceptual hash: which of the 8x8 lowest frequencies (DCT-II of the
 * rendered gray image at 32x32) exceed their median.  Images that look alike
 * differ in few bits, whatever their size.  Bits go row by row from the most
 * significant, which stands for the mean and is always 0.
 */
mmn_status mmn_image_phash(const mmn_env *env, const mmn_image *image,
						   uint64_t *out, mmn_error *err);

#endif
