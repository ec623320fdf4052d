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

static inline int32_t
to_sample(float v, float top)
{
	v = v < 0 ? 0 : v > top ? top : v;
	return (int32_t)(v + 0.5f);
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
colour_block(const mmn_stored *stored, size_t pixels, bool ybr, size_t at,
			 size_t n, mmn_image *out)
{
	int32_t v[3][MMN_BLOCK];
	int32_t interleaved[3 * MMN_BLOCK];

	for (unsigned s = 0; s < 3; s++)
	{
		mmn_cells c = channel_cells(stored, s, pixels);

		mmn_cells_load_narrow(&c, at, n, v[s]);
	}
	if (ybr)
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
	size_t bytes;
	mmn_status status;

	if (photometric != MMN_RGB && photometric != MMN_YBR_FULL &&
		photometric != MMN_YBR_FULL_422)
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
	if (photometric == MMN_YBR_FULL_422)
	{
		if (given->pixels.bits_allocated != 8)
			return mmn_fail(err, MMN_UNSUPPORTED,
							"unsupported YBR_FULL_422 with %u bits allocated",
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
	else if (photometric == MMN_RGB && stored.pixels.bits_allocated == 8 &&
			 stored.pixels.bits_stored == 8 && !stored.pixels.planar)
		memcpy(out->samples, stored.bytes, bytes);
	else
		for (size_t at = 0; at < pixels; at += MMN_BLOCK)
		{
			size_t n = pixels - at < MMN_BLOCK ? pixels - at : MMN_BLOCK;

			if (stored.pixels.bits_allocated > 16)
				colour_block_wide(&stored, pixels, at, n, out);
			else
				colour_block(&stored, pixels, photometric != MMN_RGB, at, n,
							 out);
		}
	mmn_free(env, expanded);
	return status;
}
