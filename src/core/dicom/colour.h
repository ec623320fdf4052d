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

/* RGB and YBR */
mmn_status mmn_stored_colour(const mmn_env *env, const mmn_stored *stored,
							 size_t max_bytes, mmn_image *out, mmn_error *err);

#endif
