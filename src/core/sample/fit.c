#include "sample/fit.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "image/render.h"
#include "image/resize.h"

/* Largest finite binary16. */
#define HALF_MAX 65504.0

bool
mmn_fit_has_dtype(uint8_t dtype)
{
	return dtype == MMN_DTYPE_UINT8 || dtype == MMN_DTYPE_INT16 ||
		   dtype == MMN_DTYPE_UINT16 || dtype == MMN_DTYPE_FLOAT16 ||
		   dtype == MMN_DTYPE_FLOAT32;
}

/* Channel c of `channels` at pixel i. */
static inline double
channel_value(const mmn_image *image, size_t i, int channels, int c)
{
	if (image->channels == 1)
		return mmn_image_sample(image, i);
	if (channels == 3)
		return mmn_image_sample(image, i * 3 + (size_t)c);
	return 0.299 * mmn_image_sample(image, i * 3) +
		   0.587 * mmn_image_sample(image, i * 3 + 1) +
		   0.114 * mmn_image_sample(image, i * 3 + 2);
}

/* Little-endian store of v as dtype; false when it does not fit. */
static inline bool
store(uint8_t *out, uint8_t dtype, double v)
{
	double whole = floor(v + 0.5);
	float f = (float)v;
	uint32_t bits;

	switch (dtype)
	{
		case MMN_DTYPE_UINT8:
			*out = (uint8_t)whole; /* rendered: within 0..255 */
			return true;
		case MMN_DTYPE_INT16:
			if (!(whole >= INT16_MIN && whole <= INT16_MAX))
				return false;
			mmn_store_u16le(out, (uint16_t)(int16_t)whole);
			return true;
		case MMN_DTYPE_UINT16:
			if (!(whole >= 0 && whole <= UINT16_MAX))
				return false;
			mmn_store_u16le(out, (uint16_t)whole);
			return true;
		case MMN_DTYPE_FLOAT16:
			if (isfinite(v) && fabs(v) > HALF_MAX)
				return false;
			mmn_store_u16le(out, mmn_half_from_double(v));
			return true;
		default:
			memcpy(&bits, &f, sizeof(bits));
			mmn_store_u32le(out, bits);
			return true;
	}
}

/* A grey or colour plane of 8 bits that needs no arithmetic. */
static void
copy_plane(const mmn_image *image, int c, size_t pixels, uint8_t *out)
{
	const uint8_t *in = image->samples;

	if (image->channels == 1)
		memcpy(out, in, pixels);
	else
		for (size_t i = 0; i < pixels; i++)
			out[i] = in[i * 3 + (size_t)c];
}

static mmn_status
to_planes(const mmn_env *env, const mmn_image *image, const mmn_fit *fit,
		  uint8_t *out, mmn_error *err)
{
	size_t pixels = (size_t)image->width * image->height;
	size_t size = mmn_dtype_size(fit->dtype);
	mmn_status status;

	for (int c = 0; c < fit->channels; c++)
	{
		if (fit->dtype == MMN_DTYPE_UINT8 &&
			(image->channels == 1 || fit->channels == 3))
			copy_plane(image, c, pixels, out);
		else
			for (size_t i = 0; i < pixels; i++)
			{
				double v = channel_value(image, i, fit->channels, c);

				if (!store(out + i * size, fit->dtype, v))
					return mmn_fail(err, MMN_BAD_DATA,
									"the value %g is outside the range of %s",
									v, mmn_dtype_name(fit->dtype));
			}
		out += pixels * size;
		if ((status = mmn_poll(env, err)) != MMN_OK)
			return status;
	}
	return MMN_OK;
}

mmn_status
mmn_fit_image(const mmn_env *env, const mmn_image *in, const mmn_fit *fit,
			  void *out, mmn_error *err)
{
	mmn_image rendered = {0}, sized = {0};
	mmn_status status;

	if (!mmn_fit_has_dtype(fit->dtype))
		return mmn_fail(err, MMN_BAD_ARGUMENT, "images cannot be made %s",
						mmn_dtype_name(fit->dtype));
	if (fit->dtype == MMN_DTYPE_UINT8)
	{
		status = mmn_image_render(env, in, "auto", &rendered, err);
		if (status == MMN_OK && rendered.width == fit->width &&
			rendered.height == fit->height)
			status = to_planes(env, &rendered, fit, out, err);
		else if (status == MMN_OK)
		{
			status = mmn_image_resize(env, &rendered, fit->width, fit->height,
									  &sized, err);
			if (status == MMN_OK)
				status = to_planes(env, &sized, fit, out, err);
		}
	}
	else
	{
		status =
			mmn_image_resize_f32(env, in, fit->width, fit->height, &sized, err);
		if (status == MMN_OK)
			status = to_planes(env, &sized, fit, out, err);
	}
	mmn_free(env, sized.samples);
	mmn_free(env, rendered.samples);
	return status;
}
