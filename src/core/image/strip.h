#ifndef MMN_IMAGE_STRIP_H
#define MMN_IMAGE_STRIP_H

#include "base/buffer.h"

/*
 * PNG and JPEG files without metadata: a copy in which only what decoding
 * needs is left.  The structure is checked on the way, the pixels are not
 * decoded.  MMN_BAD_DATA: not such a file, or damaged.
 */

/*
 * PNG: keeps IHDR, PLTE, tRNS, sBIT, gAMA, pHYs, IDAT and IEND, whose order,
 * lengths and CRCs must be right; what follows IEND is dropped.
 */
mmn_status mmn_png_strip(const uint8_t *bytes, size_t length, mmn_buffer *out,
						 mmn_error *err);

/*
 * JPEG: drops comments and application segments but for JFIF (density, no
 * thumbnail), Adobe's colour transform, and Exif's orientation.
 */
mmn_status mmn_jpeg_strip(const uint8_t *bytes, size_t length, mmn_buffer *out,
						  mmn_error *err);

/*
 * Orientation (TIFF tag 0x0112, SHORT) in the first directory of an APP1
 * segment's payload, 1..8; 1, upright, when Exif does not say; 0: no Exif.
 */
int mmn_exif_orientation(const uint8_t *payload, size_t length);

/*
 * A compressed frame of a DICOM file (JPEG, JPEG-LS, JPEG 2000, JPEG XL), in
 * place: comments, application segments, names and boxes that decoding does
 * without, and what follows the image's end, become zeros; the length stays.
 * MMN_UNSUPPORTED: JPEG XL data with more that would have to go.
 */
mmn_status mmn_codestream_scrub(uint8_t *bytes, size_t length, mmn_error *err);

#endif
