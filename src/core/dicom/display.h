#ifndef MMN_DICOM_DISPLAY_H
#define MMN_DICOM_DISPLAY_H

#include "dicom/frames.h"
#include "image/image.h"

/*
 * How a decoded frame asks to be shown: sets the window, the VOI table and the
 * display flags of *image.  image->voi is allocated in env.
 *
 * What render's "auto" makes of an image of a modality is decided here, where
 * the modality is still known:
 *
 *  CT         the stated window, else a VOI table; else render takes soft tissue
 *  MR         nothing: values, and so windows, mean something else in each file
 *  others     a VOI table (PS3.3 C.11.2.1.1), else the stated window
 *             (C.11.2.1.2, C.11.2.1.3)
 *
 * Without either, segmentations go from 0 to their largest number, and samples
 * of less than 8 bits from 0 to the largest they can be; 8-bit samples of CR,
 * CT, DX, MG, MR, NM and PT are marked as measured, of others (US, SC, ES, …)
 * as shades; colour is shown as it is.
 *
 * What is malformed here spoils no image, and is not looked at: the only
 * failure is MMN_NO_MEMORY.
 */
mmn_status mmn_dicom_display(const mmn_env *env, const mmn_dicom *dicom,
							 const mmn_pixel_description *pixels,
							 uint32_t frame, mmn_image *image, mmn_error *err);

#endif
