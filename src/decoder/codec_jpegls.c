/*
 * JPEG-LS (ITU-T T.87) by CharLS, through its C interface: no exception
 * crosses it.
 */
#include "codec.h"

#include <charls/charls.h>
#include <string.h>

static mmn_status
failed(charls_jpegls_errc code, mmn_error *err)
{
	switch (code)
	{
		case CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY:
			return mmn_fail(err, MMN_NO_MEMORY,
							"no memory to decode JPEG-LS data");
		case CHARLS_JPEGLS_ERRC_PARAMETER_VALUE_NOT_SUPPORTED:
		case CHARLS_JPEGLS_ERRC_BIT_DEPTH_FOR_TRANSFORM_NOT_SUPPORTED:
		case CHARLS_JPEGLS_ERRC_COLOR_TRANSFORM_NOT_SUPPORTED:
		case CHARLS_JPEGLS_ERRC_ENCODING_NOT_SUPPORTED:
		case CHARLS_JPEGLS_ERRC_JPEGLS_PRESET_EXTENDED_PARAMETER_TYPE_NOT_SUPPORTED:
			return mmn_fail(err, MMN_UNSUPPORTED,
							"unsupported kind of JPEG-LS: %s",
							charls_get_error_message(code));
		default:
			return mmn_fail(err, MMN_BAD_DATA,
							"the JPEG-LS data are damaged: %s",
							charls_get_error_message(code));
	}
}

static charls_jpegls_errc
read_header(charls_jpegls_decoder *decoder, const uint8_t *bytes, size_t length,
			charls_frame_info *frame, charls_interleave_mode *mode,
			size_t *size)
{
	charls_jpegls_errc code =
		charls_jpegls_decoder_set_source_buffer(decoder, bytes, length);

	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_read_header(decoder);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_get_frame_info(decoder, frame);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_get_interleave_mode(decoder, mode);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_get_destination_size(decoder, 0, size);
	return code;
}

/* Planes to pixels. */
static mmn_status
interleave(const mmn_env *env, uint8_t *samples, size_t size, size_t planes,
		   size_t cell, mmn_error *err)
{
	size_t pixels = size / planes / cell;
	uint8_t *copy = mmn_alloc(env, size);

	if (!copy)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to decode JPEG-LS data");
	memcpy(copy, samples, size);
	for (size_t c = 0; c < planes; c++)
		for (size_t i = 0; i < pixels; i++)
			memcpy(samples + (i * planes + c) * cell,
				   copy + (c * pixels + i) * cell, cell);
	mmn_free(env, copy);
	return MMN_OK;
}

static mmn_status
decode(const mmn_env *env, charls_jpegls_decoder *decoder, const uint8_t *bytes,
	   size_t length, mmn_pixel_description *pixels, uint8_t *out, size_t size,
	   mmn_error *err)
{
	charls_frame_info frame = {0};
	charls_interleave_mode mode = CHARLS_INTERLEAVE_MODE_NONE;
	size_t needed = 0;
	charls_jpegls_errc code =
		read_header(decoder, bytes, length, &frame, &mode, &needed);

	if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
		return failed(code, err);
	/* what it found may be another header than the one we looked at */
	if (frame.width != pixels->columns || frame.height != pixels->rows ||
		frame.component_count != pixels->samples_per_pixel ||
		frame.bits_per_sample < 2 ||
		(uint32_t)frame.bits_per_sample > pixels->bits_allocated ||
		needed > size)
		return mmn_fail(err, MMN_BAD_DATA,
						"the JPEG-LS data have another size than the data set "
						"says");
	code = charls_jpegls_decoder_decode_to_buffer(decoder, out, needed, 0);
	if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
		return failed(code, err);
	mmn_pixels_narrow(pixels, frame.bits_per_sample > 8 ? 16 : 8);
	pixels->planar = 0;
	/* a scan for each component, or all in one (T.87 C.2.3) */
	if (mode == CHARLS_INTERLEAVE_MODE_NONE && frame.component_count > 1)
		return interleave(env, out, needed, (size_t)frame.component_count,
						  pixels->bits_allocated / 8, err);
	return MMN_OK;
}

mmn_status
mmn_jpegls_decode_frame(const mmn_env *env, const uint8_t *bytes,
						size_t length, mmn_pixel_description *pixels,
						uint8_t *out, size_t size, mmn_error *err)
{
	charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
	mmn_status status;

	if (!decoder)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to decode JPEG-LS data");
	status = decode(env, decoder, bytes, length, pixels, out, size, err);
	charls_jpegls_decoder_destroy(decoder);
	return status;
}
