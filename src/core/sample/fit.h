#ifndef MMN_SAMPLE_FIT_H
#define MMN_SAMPLE_FIT_H

#include "image/image.h"
#include "image/tensor.h"

/* What a training job wants every image to be. */
typedef struct mmn_fit
{
	uint32_t width;
	uint32_t height;
	uint8_t channels; /* 1 or 3 */
	uint8_t dtype;	  /* mmn_dtype: uint8, int16, uint16, float16, float32 */
} mmn_fit;

/* Whether mmn_fit_image can make that type. */
bool mmn_fit_has_dtype(uint8_t dtype);

/*
 * Writes an image as a tensor [channels, height, width], little-endian, to
 * out, which has room for it.
 *
 * uint8: rendered as 'auto' (image/render.h), then resized.  All other types:
 * stored values, resized, never windowed; int16 and uint16 are rounded, halves
 * up.  Three channels become one as 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601),
 * one becomes three by repetition.  A value that the type cannot hold is
 * MMN_BAD_DATA: nothing is clipped behind the reader's back.
 */
mmn_status mmn_fit_image(const mmn_env *env, const mmn_image *in,
						 const mmn_fit *fit, void *out, mmn_error *err);

#endif
