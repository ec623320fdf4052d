/*
 * The last step before an image is served.
 *
 * A rendition of 8 bits needs no arithmetic: whatever happens to a sample
 * depends on its value and its channel only, so it is done to the 256 values
 * of each channel, and the samples are looked up.
 */
#include "sample/finish.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

uint8_t
mmn_finish_rendition_dtype(uint8_t dtype, bool rendered, bool normalised)
{
	if (rendered)
		return MMN_DTYPE_UINT8;
	return normalised ? MMN_DTYPE_FLOAT32 : dtype;
}

bool
mmn_finish_is_copy(const mmn_finish *finish, const mmn_fit *fit)
{
	return finish->dtype == fit->dtype && !finish->normalised &&
		   !mmn_augment_has_warp(&finish->augment) &&
		   finish->augment.window <= 0;
}

/* v as channel c of the image served. */
static inline float
normalise(const mmn_finish *finish, int c, float v)
{
	return finish->normalised ? (v - finish->mean[c]) / finish->std[c] : v;
}

/* Stores what is in range by construction. */
static inline void
store(uint8_t *p, uint8_t dtype, float v)
{
	uint32_t bits;

	switch (dtype)
	{
		case MMN_DTYPE_UINT8:
			*p = (uint8_t)floorf(v + 0.5f);
			break;
		case MMN_DTYPE_INT16:
		case MMN_DTYPE_UINT16:
			mmn_store_u16le(p, (uint16_t)floorf(v + 0.5f));
			break;
		case MMN_DTYPE_FLOAT16:
			mmn_store_u16le(p, mmn_half_from_double(v));
			break;
		default:
			memcpy(&bits, &v, sizeof(bits));
			mmn_store_u32le(p, bits);
			break;
	}
}

/* The elements of the table's type for n samples, `step` apart. */
#define LOOK_UP(type)                                                          \
	for (size_t i = 0; i < n; i++)                                             \
	((type *)out)[i * step] = ((const type *)(const void *)table)[in[i * step]]

static void
look_up(const uint8_t *in, size_t n, size_t step, size_t size,
		const uint8_t *table, void *out)
{
	if (size == 1)
		LOOK_UP(uint8_t);
	else if (size == 2)
		LOOK_UP(uint16_t);
	else
		LOOK_UP(uint32_t);
}

static void
finish_bytes(const mmn_finish *finish, const mmn_fit *fit, uint64_t key,
			 const uint8_t *in, uint8_t *out)
{
	size_t size = mmn_dtype_size(finish->dtype);
	size_t pixels = (size_t)fit->width * fit->height;
	size_t step = fit->channels_last ? fit->channels : 1;
	size_t channel = fit->channels_last ? 1 : pixels;
	double base = 0, gain = 1;
	uint32_t table[256]; /* of elements of `size` bytes */

	if (finish->augment.window > 0)
		mmn_augment_window(&finish->augment, key, &base, &gain);
	for (int c = 0; c < fit->channels; c++)
	{
		for (int i = 0; i < 256; i++)
		{
			double v = (i - base) * gain;

			v = v > 0 ? v : 0;
			v = v < 255 ? v : 255;
			store((uint8_t *)table + (size_t)i * size, finish->dtype,
				  normalise(finish, c, (float)v));
		}
		look_up(in + (size_t)c * channel, pixels, step, size,
				(const uint8_t *)table, out + (size_t)c * channel * size);
	}
}

/* float32, normalised: to float32 or float16 */
static mmn_status
finish_floats(const mmn_env *env, const mmn_finish *finish, const mmn_fit *fit,
			  const uint8_t *in, uint8_t *out, mmn_error *err)
{
	size_t size = mmn_dtype_size(finish->dtype);
	size_t pixels = (size_t)fit->width * fit->height;
	size_t step = fit->channels_last ? fit->channels : 1;
	size_t channel = fit->channels_last ? 1 : pixels;

	for (int c = 0; c < fit->channels; c++)
	{
		for (size_t i = 0; i < pixels; i++)
		{
			size_t at = (size_t)c * channel + i * step;
			uint32_t bits = mmn_load_u32le(in + at * 4);
			float v;

			memcpy(&v, &bits, sizeof(v));
			store(out + at * size, finish->dtype, normalise(finish, c, v));
		}
		if (mmn_poll(env, err) != MMN_OK)
			return MMN_CANCELED;
	}
	return MMN_OK;
}

mmn_status
mmn_finish_image(const mmn_env *env, const mmn_finish *finish,
				 const mmn_fit *fit, uint64_t key, void *rendition, void *out,
				 mmn_error *err)
{
	size_t elements = (size_t)fit->width * fit->height * fit->channels;
	size_t bytes = elements * mmn_dtype_size(fit->dtype);
	bool same = finish->dtype == fit->dtype && !finish->normalised;
	mmn_status status = MMN_OK;

	if (mmn_augment_has_warp(&finish->augment))
	{
		void *warped = mmn_alloc(env, bytes);

		if (!warped)
			return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
		status = mmn_augment_warp(env, &finish->augment, fit, key, rendition,
								  warped, err);
		memcpy(rendition, warped, bytes);
		mmn_free(env, warped);
		if (status != MMN_OK)
			return status;
	}
	if (same && finish->augment.window <= 0)
		memcpy(out, rendition, bytes);
	else if (fit->dtype == MMN_DTYPE_UINT8)
		finish_bytes(finish, fit, key, rendition, out);
	else if (fit->dtype == MMN_DTYPE_FLOAT32)
		status = finish_floats(env, finish, fit, rendition, out, err);
	else
		return mmn_fail(err, MMN_INTERNAL, "no way from %s to %s",
						mmn_dtype_name(fit->dtype),
						mmn_dtype_name(finish->dtype));
	return status;
}
