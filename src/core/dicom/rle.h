#ifndef MMN_DICOM_RLE_H
#define MMN_DICOM_RLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * RLE Lossless (PS3.5 Annex G): one frame is a 64-byte header and up to 15
 * segments, each one byte plane of one sample plane, most significant byte
 * first, packed like TIFF's PackBits.
 *
 * Decodes into out, pixels * samples little-endian values of "bytes" bytes
 * each, as planes when planar, else interleaved.  MMN_BAD_DATA when the
 * header does not fit the frame or a segment ends early; bytes beyond what a
 * plane needs are ignored.
 */
mmn_status mmn_rle_decode(const uint8_t *in, size_t length, size_t pixels,
						  unsigned samples, unsigned bytes, bool planar,
						  uint8_t *out, mmn_error *err);

#endif
