#ifndef MMN_DICOM_FRAME_PART_H
#define MMN_DICOM_FRAME_PART_H

#include "dicom/frames.h"

/*
 * One frame of a file of which only the head and that frame's bytes are at hand:
 * a whole-slide image has ten thousand tiles in a gigabyte.
 *
 * The head, which ends anywhere behind the start of the pixel data, is parsed
 * like a file that was cut off.  Native frames are where arithmetic says, those
 * of encapsulated pixel data where the Extended or the Basic Offset Table says.
 */

/*
 * Where in the file, of which "total" bytes exist, the frame is.  bytes: the
 * head's, that dicom was opened on.  false: that cannot be told.
 */
bool mmn_dicom_locate_frame(const mmn_dicom *dicom, const uint8_t *bytes,
							const mmn_pixel_description *pixels, uint32_t frame,
							uint64_t total, uint64_t *start, uint64_t *length);

/*
 * Takes the bytes that were there for this frame's; they must outlive dicom,
 * of which no other frame can be had then.  MMN_BAD_DATA: they are not one
 * frame's, so the table is wrong.  codestreams: a codec's with markers of its
 * own, else a frame is one fragment.
 */
mmn_status mmn_dicom_use_part(mmn_dicom *dicom,
							  const mmn_pixel_description *pixels,
							  uint32_t frame, const uint8_t *bytes,
							  size_t length, bool codestreams, mmn_error *err);

#endif
