#ifndef MMN_DICOM_SUV_H
#define MMN_DICOM_SUV_H

#include "dicom/frames.h"

/*
 * Standardized uptake values by body weight (SUVbw, g/ml) of PET images.
 *
 * What it takes is dates, times and a person's weight, which de-identification
 * removes.  So it is computed while they are there, and kept in the new file as
 * a Real World Value Mapping (PS3.3 C.7.6.16.2.11) from stored values to g/ml:
 * two numbers, from which none of the others follows.
 */

/*
 * The mapping of a classic PET image: SUV = stored value * *slope + *intercept.
 * false: the file does not say all it takes, says it ambiguously, or has
 * a mapping to g/ml of its own.
 */
bool mmn_dicom_suv(const mmn_dicom *dicom, const mmn_pixel_description *pixels,
				   double *slope, double *intercept);

/*
 * The factor from Bq/ml to g/ml of an Enhanced PET image (PS3.3 C.8.22), whose
 * frames have mappings into Bq/ml of their own.  false as above.
 */
bool mmn_dicom_enhanced_suv(const mmn_dicom *dicom, double *factor);

#endif
