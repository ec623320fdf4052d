/*
 * JPEG XL (ISO/IEC 18181) by libjxl in one thread, which it uses when it is
 * given no other runner.
 *
 * What it takes from its caller as a source of memory it uses for very little,
 * so the limits of the sandbox are what bounds it, and it ends the process when
 * they are reached.
 */
#include "codec.h"

#include <jxl/decode.h>
#include <string.h>

#include "base/bytes.h"

/* What it works with, a pixel: three planes of floats at least. */
#define WORKING_BYTES 12

static mmn_status
damaged(mmn_error *err, const char *how)
{
	return mmn_fail(err, MMN_BAD_DATA, "the JPEG XL data are damaged%s", how);
}

/* What libjxl has read against what our own look at the header found. */
static mmn_status
check_info(const JxlBasicInfo *info, const mmn_codestream *codestream,
		   mmn_error *err)
{
	if (info->xsize != codestream->width || info->ysize != codestream->height ||
		info->num_color_channels != codestream->components ||
		info->bits_per_sample != codestream->precision ||
		info->exponent_bits_per_sample || info->num_extra_channels ||
		info->have_animation || info->orientation != JXL_ORIENT_IDENTITY)
		return damaged(err, ": their header has two readings");
	return MMN_OK;
}

/*
 * XYB samples become those of the colour space that the codestream names.  If
 * that is an ICC profile, libjxl's choice would be linear light, which no
 * display of DICOM images expects.
 */
static mmn_status
choose_colours(JxlDecoder *jxl, const JxlBasicInfo *info, mmn_error *err)
{
	JxlColorEncoding srgb = {
		.color_space = info->num_color_channels == 1 ? JXL_COLOR_SPACE_GRAY
													 : JXL_COLOR_SPACE_RGB,
		.white_point = JXL_WHITE_POINT_D65,
		.primaries = JXL_PRIMARIES_SRGB,
		.transfer_function = JXL_TRANSFER_FUNCTION_SRGB,
		.rendering_intent = JXL_RENDERING_INTENT_RELATIVE,
	};

	if (info->uses_original_profile ||
		JxlDecoderGetColorAsEncodedProfile(jxl, NULL,
										   JXL_COLOR_PROFILE_TARGET_ORIGINAL,
										   NULL) == JXL_DEC_SUCCESS)
		return MMN_OK;
	if (JxlDecoderSetPreferredColorProfile(jxl, &srgb) != JXL_DEC_SUCCESS)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported colour profile in JPEG XL data");
	return MMN_OK;
}

static mmn_status
run(JxlDecoder *jxl, const mmn_codestream *codestream, uint8_t *out,
	size_t size, mmn_error *err)
{
	JxlPixelFormat format = {
		.num_channels = codestream->components,
		.data_type =
			codestream->precision > 8 ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8,
		.endianness = JXL_LITTLE_ENDIAN,
	};
	JxlBasicInfo info = {0};
	mmn_status status = MMN_OK;
	size_t needed;

	while (status == MMN_OK)
		switch (JxlDecoderProcessInput(jxl))
		{
			case JXL_DEC_BASIC_INFO:
				if (JxlDecoderGetBasicInfo(jxl, &info) != JXL_DEC_SUCCESS)
					return damaged(err, "");
				status = check_info(&info, codestream, err);
				break;
			case JXL_DEC_COLOR_ENCODING:
				status = choose_colours(jxl, &info, err);
				break;
			case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
				if (JxlDecoderImageOutBufferSize(jxl, &format, &needed) !=
						JXL_DEC_SUCCESS ||
					needed > size ||
					JxlDecoderSetImageOutBuffer(jxl, &format, out, needed) !=
						JXL_DEC_SUCCESS)
					return mmn_fail(err, MMN_INTERNAL,
									"no room for JPEG XL samples");
				break;
			case JXL_DEC_FULL_IMAGE:
				return MMN_OK;
			case JXL_DEC_NEED_MORE_INPUT:
				return damaged(err, ": they end before the image does");
			default:
				return damaged(err, "");
		}
	return status;
}

/* Better asked before, in the usual case. */
static bool
has_room(const mmn_env *env, const mmn_codestream *codestream)
{
	void *room = mmn_alloc_array(
		env, (size_t)codestream->width * codestream->height, WORKING_BYTES);

	mmn_free(env, room);
	return room != NULL;
}

/*
 * libjxl 0.7 spreads samples over all values of their cells.  A step there is
 * at least one, so the way back is exact.
 */
static void
unspread(uint8_t *cells, size_t n, unsigned bits)
{
	uint32_t top = (1u << bits) - 1;

	if (bits < 8)
		for (size_t i = 0; i < n; i++)
			cells[i] = (uint8_t)((cells[i] * top + 127) / 255);
	else if (bits > 8 && bits < 16)
		for (size_t i = 0; i < n; i++)
		{
			uint32_t v = mmn_load_u16le(cells + 2 * i);

			mmn_store_u16le(cells + 2 * i,
							(uint16_t)((v * top + 32767) / 65535));
		}
}

mmn_status
mmn_jpegxl_decode_frame(const mmn_env *env, const uint8_t *bytes, size_t length,
						const mmn_codestream *codestream,
						mmn_pixel_description *pixels, uint8_t *out,
						size_t size, mmn_error *err)
{
	size_t samples =
		(size_t)codestream->width * codestream->height * codestream->components;
	JxlDecoder *jxl = NULL;
	mmn_status status;

	if (has_room(env, codestream))
		jxl = JxlDecoderCreate(NULL);
	if (!jxl)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to decode JPEG XL data");
	if (JxlDecoderSubscribeEvents(jxl,
								  JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING |
									  JXL_DEC_FULL_IMAGE) != JXL_DEC_SUCCESS ||
		JxlDecoderSetKeepOrientation(jxl, JXL_TRUE) != JXL_DEC_SUCCESS ||
		JxlDecoderSetInput(jxl, bytes, length) != JXL_DEC_SUCCESS)
		status = mmn_fail(err, MMN_INTERNAL, "cannot set up libjxl");
	else
	{
		JxlDecoderCloseInput(jxl);
		status = run(jxl, codestream, out, size, err);
	}
	JxlDecoderDestroy(jxl);
	if (status != MMN_OK)
		return status;
	unspread(out, samples, codestream->precision);
	mmn_pixels_narrow(pixels, codestream->precision > 8 ? 16 : 8);
	pixels->planar = 0;
	/* as in JPEG-LS, what no transform has made is as the data set says */
	if (pixels->samples_per_pixel == 3 &&
		(codestream->transformed || pixels->photometric != MMN_YBR_FULL))
		pixels->photometric = MMN_RGB;
	return MMN_OK;
}
