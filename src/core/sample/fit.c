#include "sample/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

bool
mmn_fit_shape_parse(const char *name, mmn_fit_shape *out)
{
	static const char *const names[] = {"resize", "crop", "pad"};

	for (int i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0)
		{
			*out = (mmn_fit_shape)i;
			return true;
		}
	return false;
}

/* Whether name is one of the list "auto, percentile, ...". */
static bool
is_preset(const char *name)
{
	size_t n = strlen(name);
	const char *at = mmn_render_presets;

	while (n > 0 && at != NULL)
	{
		if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0'))
			return true;
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return false;
}

bool
mmn_fit_window_parse(const char *text, mmn_fit_window *out)
{
	char *end;

	memset(out, 0, sizeof(*out));
	if (strlen(text) < sizeof(out->preset) && is_preset(text))
	{
		snprintf(out->preset, sizeof(out->preset), "%s", text);
		return true;
	}
	out->center = strtod(text, &end);
	if (end == text || *end != '/')
		return false;
	text = end + 1;
	out->width = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(out->center) &&
		   isfinite(out->width) && out->width > 0;
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

/* Where channel c of pixel i goes: out[c * channel + i * pixel]. */
typedef struct place
{
	size_t channel;
	size_t pixel;
} place;

static place
place_of(const mmn_fit *fit)
{
	if (fit->channels_last)
		return (place){1, fit->channels};
	return (place){(size_t)fit->width * fit->height, 1};
}

/* Samples of 8 bits that need no arithmetic. */
static void
copy_plane(const mmn_image *image, int c, size_t step, uint8_t *out)
{
	const uint8_t *in = image->samples;
	size_t pixels = (size_t)image->width * image->height;

	if (image->channels == 1 && step == 1)
		memcpy(out, in, pixels);
	else if (image->channels == 1)
		for (size_t i = 0; i < pixels; i++)
			out[i * step] = in[i];
	else
		for (size_t i = 0; i < pixels; i++)
			out[i * step] = in[i * 3 + (size_t)c];
}

/*
 * An image of the right size as channel c of `channels`, which says whether
 * colour becomes grey.
 */
static mmn_status
store_channel(const mmn_image *image, const mmn_fit *fit, int channels, int c,
			  uint8_t *out, mmn_error *err)
{
	size_t size = mmn_dtype_size(fit->dtype);
	size_t pixels = (size_t)image->width * image->height;
	place at = place_of(fit);

	out += (size_t)c * at.channel * size;
	if (fit->dtype == MMN_DTYPE_UINT8 &&
		(image->channels == 1 || channels == 3))
	{
		copy_plane(image, c, at.pixel, out);
		return MMN_OK;
	}
	for (size_t i = 0; i < pixels; i++)
	{
		double v = channel_value(image, i, channels, c);

		if (!store(out + i * at.pixel * size, fit->dtype, v))
			return mmn_fail(err, MMN_BAD_DATA,
							"the value %g is outside the range of %s", v,
							mmn_dtype_name(fit->dtype));
	}
	return MMN_OK;
}

/* The part around the centre that has the aspect of width x height. */
static mmn_status
crop(const mmn_env *env, const mmn_image *in, uint32_t width, uint32_t height,
	 mmn_image *out, mmn_error *err)
{
	size_t pixel = in->channels * mmn_sample_size(in->sample_type);
	uint64_t across = (uint64_t)in->width * height;
	uint64_t down = (uint64_t)in->height * width;
	const uint8_t *from = in->samples;

	*out = *in;
	if (across > down) /* too wide */
		out->width = (uint32_t)((down + height / 2) / height);
	else
		out->height = (uint32_t)((across + width / 2) / width);
	out->width = out->width > 0 ? out->width : 1;
	out->height = out->height > 0 ? out->height : 1;
	out->samples = mmn_alloc_array(env, (size_t)out->width * out->height, pixel);
	if (!out->samples)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	from += ((size_t)((in->height - out->height) / 2) * in->width +
			 (in->width - out->width) / 2) *
			pixel;
	for (uint32_t y = 0; y < out->height; y++)
		memcpy((uint8_t *)out->samples + (size_t)y * out->width * pixel,
			   from + (size_t)y * in->width * pixel, out->width * pixel);
	return MMN_OK;
}

/*
 * What stored values show as black: the least that is there, of MONOCHROME1
 * the greatest.
 */
static mmn_status
find_black(const mmn_env *env, const mmn_image *in, float *black,
		   mmn_error *err)
{
	double low, high;
	mmn_status status = mmn_image_quantiles(env, in, 0, 1, &low, &high, err);

	if (status == MMN_OK)
		*black = (float)(in->flags & MMN_IMAGE_INVERTED ? high : low);
	return status;
}

/*
 * NaN, which stands where there is no value, as black: a network that is shown
 * one learns nothing more.  *out is *in where there is none, else a copy.
 */
static mmn_status
fill_missing(const mmn_env *env, const mmn_image *in, mmn_image *out,
			 mmn_error *err)
{
	size_t samples = (size_t)in->width * in->height * in->channels, i = 0;
	const float *from = in->samples;
	float black, *to;
	mmn_status status;

	*out = *in;
	if (in->sample_type != MMN_F32)
		return MMN_OK;
	while (i < samples && !isnan(from[i]))
		i++;
	if (i == samples)
		return MMN_OK;
	status = find_black(env, in, &black, err);
	if (status != MMN_OK)
		return status;
	to = mmn_alloc_array(env, samples, sizeof *to);
	if (!to)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	for (i = 0; i < samples; i++)
		to[i] = isnan(from[i]) ? black : from[i];
	out->samples = to;
	return MMN_OK;
}

/* A frame of width x height around the image, which is not larger. */
static mmn_status
pad(const mmn_env *env, const mmn_image *in, uint32_t width, uint32_t height,
	float black, mmn_image *out, mmn_error *err)
{
	size_t samples = (size_t)width * height * in->channels;
	size_t size = mmn_sample_size(in->sample_type);
	size_t row = (size_t)in->width * in->channels * size;
	uint8_t *to;

	*out = *in;
	out->width = width;
	out->height = height;
	to = out->samples = mmn_alloc_array(env, samples, size);
	if (!to)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	if (in->sample_type == MMN_F32)
		for (size_t i = 0; i < samples; i++)
			((float *)out->samples)[i] = black;
	else
		memset(to, (int)black, samples); /* rendered: u8 */
	to += ((size_t)((height - in->height) / 2) * width +
		   (width - in->width) / 2) *
		  in->channels * size;
	for (uint32_t y = 0; y < in->height; y++)
		memcpy(to + (size_t)y * width * in->channels * size,
			   (const uint8_t *)in->samples + y * row, row);
	return MMN_OK;
}

static mmn_status
resize(const mmn_env *env, const mmn_image *in, bool rendered, uint32_t width,
	   uint32_t height, mmn_image *out, mmn_error *err)
{
	return rendered ? mmn_image_resize(env, in, width, height, out, err)
					: mmn_image_resize_f32(env, in, width, height, out, err);
}

/* An image of any size as one of the fit's; rendered ones stay u8. */
static mmn_status
shape(const mmn_env *env, const mmn_image *in, const mmn_fit *fit,
	  bool rendered, mmn_image *out, mmn_error *err)
{
	mmn_image middle = {0};
	uint32_t width = fit->width, height = fit->height;
	uint64_t across = (uint64_t)in->width * height;
	uint64_t down = (uint64_t)in->height * width;
	float black = 0;
	mmn_status status;

	if (fit->shape == MMN_FIT_RESIZE || across == down)
		return resize(env, in, rendered, width, height, out, err);
	if (fit->shape == MMN_FIT_CROP)
	{
		status = crop(env, in, width, height, &middle, err);
		if (status == MMN_OK)
			status = resize(env, &middle, rendered, width, height, out, err);
	}
	else
	{
		if (across > down) /* too wide: full width */
			height = (uint32_t)((down + in->width / 2) / in->width);
		else
			width = (uint32_t)((across + in->height / 2) / in->height);
		status = resize(env, in, rendered, width > 0 ? width : 1,
						height > 0 ? height : 1, &middle, err);
		if (status == MMN_OK && !rendered)
			status = find_black(env, in, &black, err);
		if (status == MMN_OK)
			status = pad(env, &middle, fit->width, fit->height, black, out, err);
	}
	mmn_free(env, middle.samples);
	return status;
}

static mmn_status
render(const mmn_env *env, const mmn_image *in, const mmn_fit_window *window,
	   mmn_image *out, mmn_error *err)
{
	static const mmn_fit_window automatic = {.preset = "auto"};

	if (!window)
		window = &automatic;
	if (window->preset[0])
		return mmn_image_render(env, in, window->preset, out, err);
	return mmn_image_window(env, in, window->center, window->width, out, err);
}

mmn_status
mmn_fit_image(const mmn_env *env, const mmn_image *in, const mmn_fit *fit,
			  void *out, mmn_error *err)
{
	bool rendered = fit->dtype == MMN_DTYPE_UINT8;
	int rounds = rendered && fit->windows > 1 ? fit->windows : 1;
	int channels = rounds > 1 ? 1 : fit->channels;
	mmn_status status = MMN_OK;

	if (!mmn_fit_has_dtype(fit->dtype))
		return mmn_fail(err, MMN_BAD_ARGUMENT, "images cannot be made %s",
						mmn_dtype_name(fit->dtype));
	for (int n = 0; n < rounds && status == MMN_OK; n++)
	{
		mmn_image shown = {0}, sized = {0};

		if (rendered)
			status = render(env, in, fit->windows ? &fit->window[n] : NULL,
							&shown, err);
		else
			status = fill_missing(env, in, &shown, err);
		if (status == MMN_OK)
			status = shape(env, &shown, fit, rendered, &sized, err);
		for (int c = 0; c < channels && status == MMN_OK; c++)
		{
			status = store_channel(&sized, fit, channels, n + c, out, err);
			if (status == MMN_OK)
				status = mmn_poll(env, err);
		}
		mmn_free(env, sized.samples);
		if (shown.samples != in->samples)
			mmn_free(env, shown.samples);
	}
	return status;
}
