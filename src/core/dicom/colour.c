#include "dicom/colour.h"

#include <string.h>

#include "dicom/cells.h"

mmn_status
mmn_stored_palette(const mmn_env *env, const mmn_stored *stored,
				   const mmn_lut *palette, size_t max_bytes, mmn_image *out,
				   mmn_error *err)
{
	mmn_cells c = mmn_cells_of(stored);
	size_t pixels = (size_t)out->width * out->height;
	int32_t last;
	size_t bytes;
	mmn_status status;

	if (!palette || !palette->values || palette->channels != 3)
		return mmn_fail(err, MMN_BAD_DATA,
						"a PALETTE COLOR image without its palette");
	if (c.allocated > 16)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported PALETTE COLOR with %u bits allocated",
						c.allocated);
	last = (int32_t)palette->entries - 1;
	out->channels = 3;
	out->unit = MMN_UNIT_RGB;
	out->sample_type = palette->bits == 8 ? MMN_U8 : MMN_U16;
	status = mmn_image_check(out, max_bytes, &bytes, err);
	if (status != MMN_OK)
		return status;
	out->samples = mmn_alloc(env, bytes);
	if (!out->samples)
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory for %zu bytes of samples", bytes);
	for (size_t at = 0; at < pixels; at += MMN_BLOCK)
	{
		size_t n = pixels - at < MMN_BLOCK ? pixels - at : MMN_BLOCK;
		int32_t v[MMN_BLOCK];

		mmn_cells_load_narrow(&c, at, n, v);
		for (size_t i = 0; i < n; i++)
		{
			int32_t k = v[i] - palette->first;
			const uint16_t *entry =
				palette->values + 3 * (size_t)(k < 0	  ? 0
											   : k > last ? last
														  : k);

			for (size_t s = 0; s < 3; s++)
				if (out->sample_type == MMN_U8)
					((uint8_t *)out->samples)[3 * (at + i) + s] =
						(uint8_t)entry[s];
				else
					((uint16_t *)out->samples)[3 * (at + i) + s] = entry[s];
		}
	}
	return MMN_OK;
}

/*
 * The shade of a stored value that the palette leaves gray: by the window, else
 * over all values below the palette's.
 */
static double
gray_shade(const mmn_supplemental *s, int32_t v)
{
	double low = 0, range = s->palette->first - 1, y = v;

	if (s->window_width > 0)
	{
		/* PS3.3 C.11.2.1.2 */
		low = s->window_center - s->window_width / 2;
		range = s->window_width - 1;
		y = v * s->slope + s->intercept;
	}
	y = range > 0 ? (y - low) / range : y > low;
	return y < 0 ? 0 : y > 1 ? 1 : y;
}

mmn_status
mmn_stored_supplemental(const mmn_env *env, const mmn_stored *stored,
						const mmn_supplemental *s, size_t max_bytes,
						mmn_image *out, mmn_error *err)
{
	mmn_stored as_palette = *stored;
	mmn_cells c;
	size_t pixels;
	double white;
	mmn_status status;

	/* colour for all, and then what is to be gray */
	as_palette.pixels.photometric = MMN_PALETTE_COLOR;
	status = mmn_stored_image(env, &as_palette, NULL, s->palette, max_bytes,
							  out, err);
	if (status != MMN_OK || !s->mixed)
		return status;
	c = mmn_cells_of(stored);
	pixels = (size_t)out->width * out->height;
	white = out->sample_type == MMN_U8 ? UINT8_MAX : UINT16_MAX;
	for (size_t at = 0; at < pixels; at += MMN_BLOCK)
	{
		size_t n = pixels - at < MMN_BLOCK ? pixels - at : MMN_BLOCK;
		int32_t v[MMN_BLOCK];

		mmn_cells_load_narrow(&c, at, n, v);
		for (size_t i = 0; i < 3 * n; i++)
		{
			double y;

			if (v[i / 3] >= s->palette->first)
				continue;
			y = gray_shade(s, v[i / 3]) * white + 0.5;
			if (out->sample_type == MMN_U8)
				((uint8_t *)out->samples)[3 * at + i] = (uint8_t)y;
			else
				((uint16_t *)out->samples)[3 * at + i] = (uint16_t)y;
		}
	}
	return MMN_OK;
}

static inline int32_t
to_sample(float v, float top)
{
	v = v < 0 ? 0 : v > top ? top : v;
	return (int32_t)(v + 0.5f);
}

/* PS3.3 C.7.6.3.1.2 (retired): luminance 16..235, chrominance 16..240 */
static void
partial_to_rgb(int32_t v[3][MMN_BLOCK])
{
	for (size_t i = 0; i < MMN_BLOCK; i++)
	{
		float y = 1.1644f * (float)(v[0][i] - 16);
		float b = (float)(v[1][i] - 128);
		float r = (float)(v[2][i] - 128);

		v[0][i] = to_sample(y + 1.596f * r, 255);
		v[1][i] = to_sample(y - 0.3917f * b - 0.8129f * r, 255);
		v[2][i] = to_sample(y + 2.0173f * b, 255);
	}
}

/* PS3.3 C.7.6.3.1.2, for samples of any depth up to 16 bits. */
static void
ybr_to_rgb(int32_t v[3][MMN_BLOCK], unsigned bits)
{
	float top = (float)((1u << bits) - 1);
	float middle = (float)(1u << (bits - 1));

	for (size_t i = 0; i < MMN_BLOCK; i++)
	{
		float y = (float)v[0][i];
		float b = (float)v[1][i] - middle;
		float r = (float)v[2][i] - middle;

		v[0][i] = to_sample(y + 1.402f * r, top);
		v[1][i] = to_sample(y - 0.344136f * b - 0.714136f * r, top);
		v[2][i] = to_sample(y + 1.772f * b, top);
	}
}

/* One channel's cells; the sample layout is planes or interleaved. */
static mmn_cells
channel_cells(const mmn_stored *stored, unsigned channel, size_t pixels)
{
	mmn_cells c = mmn_cells_of(stored);

	c.stride = stored->pixels.planar ? 1 : 3;
	c.offset = stored->pixels.planar ? channel * pixels : channel;
	return c;
}

static void
colour_block(const mmn_stored *stored, size_t pixels, size_t at, size_t n,
			 mmn_image *out)
{
	int32_t v[3][MMN_BLOCK];
	int32_t interleaved[3 * MMN_BLOCK];

	for (unsigned s = 0; s < 3; s++)
	{
		mmn_cells c = channel_cells(stored, s, pixels);

		mmn_cells_load_narrow(&c, at, n, v[s]);
	}
	if (stored->pixels.photometric == MMN_YBR_PARTIAL_422)
		partial_to_rgb(v);
	else if (stored->pixels.photometric != MMN_RGB)
		ybr_to_rgb(v, stored->pixels.bits_stored);
	for (size_t i = 0; i < MMN_BLOCK; i++)
		for (size_t s = 0; s < 3; s++)
			interleaved[3 * i + s] = v[s][i];
	for (size_t done = 0; done < 3 * n; done += MMN_BLOCK)
		mmn_block_store_narrow(interleaved + done,
							   3 * n - done < MMN_BLOCK ? 3 * n - done
														: MMN_BLOCK,
							   out->sample_type, out->samples, 3 * at + done);
}

static void
colour_block_wide(const mmn_stored *stored, size_t pixels, size_t at, size_t n,
				  mmn_image *out)
{
	float *to = (float *)out->samples + 3 * at;

	for (unsigned s = 0; s < 3; s++)
	{
		mmn_cells c = channel_cells(stored, s, pixels);
		double v[MMN_BLOCK];

		mmn_cells_load_wide(&c, at, n, v);
		for (size_t i = 0; i < n; i++)
			to[3 * i + s] = (float)v[i];
	}
}

/* PS3.3 C.7.6.3.1.2: Y1 Y2 Cb Cr for two pixels, to Y Cb Cr for each. */
static void
expand_422(const mmn_stored *stored, uint8_t *out)
{
	size_t columns = stored->pixels.columns;
	const uint8_t *in = stored->bytes;

	for (uint32_t y = 0; y < stored->pixels.rows; y++)
		for (size_t x = 0; x < columns; x += 2, in += 4)
			for (size_t k = 0; k < 2 && x + k < columns; k++)
			{
				*out++ = in[k];
				*out++ = in[2];
				*out++ = in[3];
			}
}

mmn_status
mmn_stored_colour(const mmn_env *env, const mmn_stored *given, size_t max_bytes,
				  mmn_image *out, mmn_error *err)
{
	mmn_stored stored = *given;
	mmn_photometric photometric = given->pixels.photometric;
	size_t pixels = (size_t)out->width * out->height;
	uint8_t *expanded = NULL;
	bool as_is = photometric == MMN_RGB && given->pixels.bits_allocated == 8 &&
				 given->pixels.bits_stored == 8 && !given->pixels.planar;
	size_t bytes;
	mmn_status status;

	if (photometric != MMN_RGB && photometric != MMN_YBR_FULL &&
		!mmn_is_422(photometric))
		return mmn_fail(err, MMN_UNSUPPORTED,
						"this photometric interpretation needs a compressed "
						"transfer syntax");
	if (photometric != MMN_RGB && given->pixels.bits_stored > 16)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported YBR colour of %u bits",
						given->pixels.bits_stored);
	if (given->pixels.bits_allocated < 8)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported colour of %u bits allocated",
						given->pixels.bits_allocated);
	out->channels = 3;
	out->unit = MMN_UNIT_RGB;
	out->sample_type = given->pixels.bits_allocated > 16 ? MMN_F32
					   : given->pixels.bits_stored > 8	 ? MMN_U16
														 : MMN_U8;
	status = mmn_image_check(out, max_bytes, &bytes, err);
	if (status != MMN_OK)
		return status;
	if (as_is && given->room == env)
	{
		out->samples = (void *)(uintptr_t)given->bytes;
		return MMN_OK;
	}
	if (mmn_is_422(photometric))
	{
		if (given->pixels.bits_allocated != 8)
			return mmn_fail(err, MMN_UNSUPPORTED,
							"unsupported YBR of 4:2:2 with %u bits allocated",
							given->pixels.bits_allocated);
		expanded = mmn_alloc_array(env, pixels, 3);
		if (!expanded)
			return mmn_fail(err, MMN_NO_MEMORY, "no memory for a YBR frame");
		expand_422(given, expanded);
		stored.bytes = expanded;
		stored.pixels.planar = 0;
	}
	out->samples = mmn_alloc(env, bytes);
	if (!out->samples)
		status = mmn_fail(err, MMN_NO_MEMORY,
						  "no memory for %zu bytes of samples", bytes);
	else if (as_is)
		memcpy(out->samples, stored.bytes, bytes);
	else
		for (size_t at = 0; at < pixels; at += MMN_BLOCK)
		{
			size_t n = pixels - at < MMN_BLOCK ? pixels - at : MMN_BLOCK;

			if (stored.pixels.bits_allocated > 16)
				colour_block_wide(&stored, pixels, at, n, out);
			else
				colour_block(&stored, pixels, at, n, out);
		}
	mmn_free(env, expanded);
	return status;
}
