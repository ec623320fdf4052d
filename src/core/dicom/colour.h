#ifndef MMN_DICOM_COLOUR_H
#define MMN_DICOM_COLOUR_H

#include "dicom/stored.h"

/*
 * The colour half of mmn_stored_image, which has checked the length of the
 * bytes and set the size of *out.
 */
mmn_status mmn_stored_palette(const mmn_env *env, const mmn_stored *stored,
							  const mmn_lut *palette, size_t max_bytes,
							  mmn_image *out, mmn_error *err);

/*
 * A Supplemental Palette (PS3.3 C.7.6.19): values from the palette's first on
 * are colours.  Those below are gray if "mixed", else the first colour.  The
 * result is as of PALETTE COLOR.
 */
typedef struct mmn_supplemental
{
	const mmn_lut *palette;
	bool mixed;
	double slope; /* of the window's values */
	double intercept;
	double window_center;
	double window_width; /* 0: none */
} mmn_supplemental;

mmn_status mmn_stored_supplemental(const mmn_env *env, const mmn_stored *stored,
								   const mmn_supplemental *supplemental,
								   size_t max_bytes, mmn_image *out,
								   mmn_error *err);

/* RGB and YBR */
mmn_status mmn_stored_colour(const mmn_env *env, const mmn_stored *stored,
							 size_t max_bytes, mmn_image *out, mmn_error *err);

#endif
