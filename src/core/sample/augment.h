#ifndef MMN_SAMPLE_AUGMENT_H
#define MMN_SAMPLE_AUGMENT_H

#include "sample/fit.h"

/*
 * Random variations of an image, as a pure function of a key: the same in
 * every session and on every machine.  All zero: none.
 */
typedef struct mmn_augment
{
	bool flip_horizontal; /* left and right, for one half of the keys */
	bool flip_vertical;
	double rotate; /* by up to so many degrees either way */
	double crop;   /* to a part of each side no less than 1 - crop, anywhere */
	double window; /* rendered only: the window's center moves by up to so much
					* of its width, its width changes by up to so much of it */
} mmn_augment;

/* Whether it moves samples, so that mmn_augment_warp has work to do. */
bool mmn_augment_has_warp(const mmn_augment *augment);

/*
 * Flips, rotates and crops a rendition under `fit` into out.  Between samples
 * values are interpolated (bilinear), rounded to the nearest for whole-number
 * types, halves up; beyond the border they are those of the border.
 */
mmn_status mmn_augment_warp(const mmn_env *env, const mmn_augment *augment,
							const mmn_fit *fit, uint64_t key, const void *in,
							void *out, mmn_error *err);

/*
 * The window's share of a variation: what 0..255 becomes, before any rounding,
 * as clamp((v - base) * gain, 0, 255).
 */
void mmn_augment_window(const mmn_augment *augment, uint64_t key, double *base,
						double *gain);

#endif
