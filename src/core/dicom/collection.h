#ifndef MMN_DICOM_COLLECTION_H
#define MMN_DICOM_COLLECTION_H

#include "dicom/frames.h"

/*
 * Frames of JPEG 2000 Part 2 Multi-component (PS3.5 A.4.5): one codestream may
 * hold several, a component collection, so that a transform can go across them.
 * Its components are the samples of one frame after the other.
 */

/*
 * The codestream that a frame is in, as mmn_dicom_frame_bytes() returns one,
 * and the component that the frame begins with, from 0.
 */
mmn_status mmn_dicom_collection_bytes(const mmn_env *env,
									  const mmn_dicom *dicom,
									  const mmn_pixel_description *pixels,
									  uint32_t frame, const uint8_t **out,
									  size_t *length, bool *owned,
									  uint32_t *component, mmn_error *err);

#endif
