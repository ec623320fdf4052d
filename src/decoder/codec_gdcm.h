#ifndef MMN_DECODER_CODEC_GDCM_H
#define MMN_DECODER_CODEC_GDCM_H

#ifdef __cplusplus
extern "C"
{
#endif

#include "dicom/frames.h"

	/*
 * Decodes one frame of JPEG (any process), JPEG-LS or JPEG 2000 by GDCM, which
 * sees nothing of the file but this frame and *pixels.  out takes size bytes:
 * the frame as *pixels describes it, interleaved, little-endian.  *pixels is
 * changed where the codec has undone a colour transform.
 */
	mmn_status mmn_gdcm_decode(const char *transfer_syntax,
							   const uint8_t *bytes, size_t length,
							   mmn_pixel_description *pixels, uint8_t *out,
							   size_t size, mmn_error *err);

#ifdef __cplusplus
}
#endif

#endif
