#ifndef MMN_SAMPLE_FIT_H
#define MMN_SAMPLE_FIT_H

#include <stdbool.h>

#include "image/image.h"
#include "image/tensor.h"

/*
 * The rendition of an image: what a loader's images are before anything that
 * differs from one showing to the next (sample/finish.h).  It depends on the
 * image and on these rules only, so that it can be made once and kept.
 */

/* How an image of another shape becomes width x height. */
typedef enum mmn_fit_shape
{
	MMN_FIT_RESIZE = 0, /* stretched, its aspect not kept */
	MMN_FIT_CROP = 1,	/* cut to the aspect around its centre, then resized */
	MMN_FIT_PAD = 2		/* resized to fit inside, centred on black */
} mmn_fit_shape;

bool mmn_fit_shape_parse(const char *name, mmn_fit_shape *out);

#define MMN_FIT_MAX_CHANNELS 16

/* How stored values become 0..255. */
typedef struct mmn_fit_window
{
	char preset[16]; /* of image/render.h; empty: by the two numbers */
	double center;
	double width;
} mmn_fit_window;

/*
 * "lung", or center and width in the image's unit as "-600/1500"; false when
 * it is neither.
 */
bool mmn_fit_window_parse(const char *text, mmn_fit_window *out);

typedef struct mmn_fit
{
	uint32_t width;
	uint32_t height;
	uint8_t channels; /* 1 or 3; or as many as windows, if several */
	uint8_t dtype;	  /* mmn_dtype: uint8, int16, uint16, float16, float32 */
	uint8_t shape;	  /* mmn_fit_shape */
	bool channels_last; /* [H, W, C] instead of [C, H, W] */
	uint8_t windows;	/* uint8 only; none: "auto"; several: one a channel */
	mmn_fit_window window[MMN_FIT_MAX_CHANNELS];
} mmn_fit;

/* Whether mmn_fit_image can make that type. */
bool mmn_fit_has_dtype(uint8_t dtype);

/*
 * Writes an image as a tensor [channels, height, width], little-endian, to
 * out, which has room for it.
 *
 * uint8: rendered (image/render.h), then resized; with several windows, the
 * image's grey values once for each.  All other types: stored values, resized,
 * never windowed; int16 and uint16 are rounded, halves up.  Three channels
 * become one as 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), one becomes three
 * by repetition.  Black, with which MMN_FIT_PAD fills up, is the least stored
 * value of the image (of MONOCHROME1 the greatest).  A value that the type
 * cannot hold is MMN_BAD_DATA: nothing is clipped behind the reader's back.
 */
mmn_status mmn_fit_image(const mmn_env *env, const mmn_image *in,
						 const mmn_fit *fit, void *out, mmn_error *err);

#endif
