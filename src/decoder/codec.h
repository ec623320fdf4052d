#ifndef MMN_DECODER_CODEC_H
#define MMN_DECODER_CODEC_H

#include "dicom/frames.h"
#include "image/codestream.h"
#include "image/image.h"

/*
 * The decoders of other people's formats.  Each turns bytes into samples in
 * memory of env, at most max_bytes, and survives any input it can; what it
 * cannot survive, the sandbox contains.
 */

/* PNG file: u8 or u16, grey or RGB; alpha is dropped, gamma ignored. */
mmn_status mmn_png_decode(const mmn_env *env, const uint8_t *bytes,
						  size_t length, size_t max_bytes, mmn_image *out,
						  mmn_error *err);

/* JPEG file: u8, grey or RGB, turned upright as its Exif data ask. */
mmn_status mmn_jpeg_decode(const mmn_env *env, const uint8_t *bytes,
						   size_t length, size_t max_bytes, mmn_image *out,
						   mmn_error *err);

/*
 * One frame of a DICOM file with 8-bit DCT JPEG data, to interleaved 8-bit
 * samples of *pixels' size in out.  *pixels is changed to describe them.
 */
mmn_status mmn_jpeg_decode_frame(const mmn_env *env, const uint8_t *bytes,
								 size_t length, mmn_pixel_description *pixels,
								 uint8_t *out, mmn_error *err);

/*
 * The same for JPEG 2000 data, after a look at the codestream, of which the
 * frame is the components from "component" on.  out takes size bytes, a frame as
 * *pixels describes it.
 */
mmn_status mmn_jpeg2000_decode_frame(const uint8_t *bytes, size_t length,
									 const mmn_codestream *codestream,
									 uint32_t component,
									 mmn_pixel_description *pixels,
									 uint8_t *out, size_t size, mmn_error *err);

/* The same for JPEG XL data. */
mmn_status mmn_jpegxl_decode_frame(const mmn_env *env, const uint8_t *bytes,
								   size_t length,
								   const mmn_codestream *codestream,
								   mmn_pixel_description *pixels, uint8_t *out,
								   size_t size, mmn_error *err);

/* For codecs whose cells are as wide as their samples need. */
static inline void
mmn_pixels_narrow(mmn_pixel_description *pixels, uint16_t bits)
{
	if (pixels->bits_allocated <= bits)
		return;
	pixels->bits_allocated = bits;
	if (pixels->bits_stored > bits)
		pixels->bits_stored = bits;
	pixels->high_bit = pixels->bits_stored - 1;
}

#endif
