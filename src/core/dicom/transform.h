#ifndef MMN_DICOM_TRANSFORM_H
#define MMN_DICOM_TRANSFORM_H

#include "dicom/stored.h"

/*
 * From a frame's stored values to values that mean something.  The first of
 *
 *  1. the modality LUT, a table or Rescale Slope and Intercept (PS3.3 C.11.1),
 *     when it says in which unit: HU, OD, or Bq/ml of PET
 *  2. a Real World Value Mapping (C.7.6.16.2.11), of the frame, of all frames,
 *     or of the image, whose unit is one of ours
 *  3. the modality LUT in no unit
 *
 * but SUV is preferred to all of them, first by a mapping that says so, then by
 * the image's own numbers (suv.h).
 *
 * Of several mappings the first counts whose unit will do, together with all
 * others into that unit: a stored value is mapped by the first that is for it.
 * One that none is for has no value there: it becomes NaN.
 */
typedef struct mmn_transform
{
	mmn_modality_transform modality;
	mmn_lut lut;   /* what the former may point to */
	double *table; /* likewise */
	/*
	 * Where the modality LUT is not what is applied: from its values, in which
	 * windows are stated, to those that are.  gain 0: no such way.
	 */
	double gain;
	double offset;
} mmn_transform;

/* Free *out in any case. */
mmn_status mmn_dicom_transform(const mmn_env *env, const mmn_dicom *dicom,
							   const mmn_pixel_description *pixels,
							   uint32_t frame, mmn_transform *out,
							   mmn_error *err);
void mmn_transform_free(const mmn_env *env, mmn_transform *transform);

/* The window and table of an image, stated for the modality LUT's values. */
void mmn_transform_display(const mmn_env *env, const mmn_transform *transform,
						   mmn_image *image);

#endif
