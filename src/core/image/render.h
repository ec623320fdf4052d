#ifndef MMN_IMAGE_RENDER_H
#define MMN_IMAGE_RENDER_H

#include "image/image.h"
#include "image/quantile.h"

/*
 * From stored values to what a person, or a network made for photographs, is
 * shown: 0..255, black to white.
 *
 * Presets:
 *  auto        the image's own VOI table if it has one; else its window; else
 *              for HU soft_tissue; else 8-bit samples and colour as they are;
 *              else, and for 8-bit samples that are marked as measured,
 *              percentile.  Gray 8-bit samples from 0 to 31 at most are the
 *              numbers of a label map: full
 *  percentile  from the 0.5th to the 99.5th percentile of finite samples
 *  full        from the least to the greatest finite sample
 *  soft_tissue, lung, bone, … (mmn_render_presets)   a window in HU;
 *              refused for images in another unit
 *
 * The result keeps size and spacing; it has no window and no unit, and is
 * never inverted: MONOCHROME1 has become MONOCHROME2 (PS3.3 C.7.6.3.1.2).  NaN
 * is shown black.  Samples are in memory of env, which the caller frees.
 */

/* u8 samples, rounded */
mmn_status mmn_image_render(const mmn_env *env, const mmn_image *in,
							const char *preset, mmn_image *out, mmn_error *err);

/* f32 samples in 0..255, not rounded */
mmn_status mmn_image_render_f32(const mmn_env *env, const mmn_image *in,
								const char *preset, mmn_image *out,
								mmn_error *err);

/*
 * The VOI LUT function LINEAR (PS3.3 C.11.2.1.2), u8 samples.  For a width
 * below 1, where LINEAR is not defined, LINEAR_EXACT (C.11.2.1.3.2).
 */
mmn_status mmn_image_window(const mmn_env *env, const mmn_image *in,
							double center, double width, mmn_image *out,
							mmn_error *err);

/* The names of presets, separated by ", ". */
extern const char mmn_render_presets[];

#endif
