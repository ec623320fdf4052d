/*
 * Compressed frames of DICOM files, bare: DCT JPEG of 8 and 12 bits, JPEG 2000
 * and JPEG XL, told apart as the decoder does.  The data set is what the
 * codestream asks for, else nothing would get far.
 */

#include <stdlib.h>
#include <string.h>

#include "../../src/decoder/codec.h"
#include "image/jpeg_dct.h"

#define MAX_SIDE 512

const char *__lsan_default_suppressions(void);

/* What OpenJPEG loses when it is left at a failed assertion. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libopenjp2\n";
}

static mmn_pixel_description
describe(const mmn_codestream *stream)
{
	mmn_pixel_description pixels = {
		.photometric =
			stream->components == 3 ? MMN_YBR_FULL_422 : MMN_MONOCHROME2,
		.rows = stream->height,
		.columns = stream->width,
		.frames = 1,
		.samples_per_pixel = stream->components,
		.bits_allocated = stream->precision <= 8	? 8
						  : stream->precision <= 16 ? 16
													: 32,
		.bits_stored = stream->precision,
		.high_bit = (uint16_t)(stream->precision - 1),
	};

	return pixels;
}

/* What the decoder refuses before it asks a codec, or what takes too long. */
static bool
is_plausible(const mmn_codestream *stream, size_t size)
{
	return (stream->components == 1 || stream->components == 3) &&
		   stream->precision >= 1 && stream->precision <= 32 &&
		   stream->width >= 1 && stream->width <= MAX_SIDE &&
		   stream->height >= 1 && stream->height <= MAX_SIDE &&
		   stream->tiles <= size / 14;
}

static mmn_status
decode(const uint8_t *data, size_t size, const mmn_codestream *stream,
	   mmn_pixel_description *pixels, uint8_t *out, size_t bytes)
{
	const mmn_env *env = &mmn_env_default;

	if (stream->kind == MMN_CODESTREAM_J2K)
		return mmn_jpeg2000_decode_frame(data, size, stream, 0, pixels, out,
										 bytes, NULL);
	if (stream->kind == MMN_CODESTREAM_JPEG_XL)
		return mmn_jpegxl_decode_frame(env, data, size, stream, pixels, out,
									   bytes, NULL);
	if (stream->kind == MMN_CODESTREAM_JPEG && stream->precision == 8 &&
		stream->process <= 2)
		return mmn_jpeg_decode_frame(env, data, size, pixels, out, NULL);
	if (stream->kind == MMN_CODESTREAM_JPEG && stream->precision == 12)
		return mmn_jpeg_dct12_decode(env, data, size, stream->width,
									 stream->height, stream->components, out,
									 NULL);
	return MMN_UNSUPPORTED;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mmn_pixel_description pixels;
	mmn_codestream stream;
	uint8_t *out, *again;
	size_t bytes;

	if (mmn_codestream_peek(data, size, &stream, NULL) != MMN_OK ||
		!is_plausible(&stream, size))
		return 0;
	pixels = describe(&stream);
	bytes = (size_t)stream.width * stream.height * stream.components *
			pixels.bits_allocated / 8;
	out = calloc(bytes, 1); /* also what the decoder does for JPEG XL */
	again = malloc(bytes);
	memset(again, 0xFF, bytes);
	if (decode(data, size, &stream, &pixels, out, bytes) == MMN_OK)
	{
		if (pixels.planar || pixels.high_bit + 1 < pixels.bits_stored ||
			pixels.high_bit >= pixels.bits_allocated)
			abort();
		/* whatever was there before is gone; libjxl need not see to that */
		pixels = describe(&stream);
		if (stream.kind != MMN_CODESTREAM_JPEG_XL &&
			(decode(data, size, &stream, &pixels, again, bytes) != MMN_OK ||
			 memcmp(out, again, bytes) != 0))
			abort();
	}
	free(again);
	free(out);
	return 0;
}
