#include "dicom/stored.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

/*
 * Samples are worked on in blocks small enough for the first-level cache.
 * All arithmetic runs over whole blocks, so that its loops have a constant
 * trip count and the compiler turns them into vector code; only loading and
 * storing care about the tail.
 *
 * Cells of up to 16 bits go through int32, which holds them all and any
 * modality transform small enough (see narrow_transform); wider cells and
 * floating point go through double, which holds 32-bit integers exactly.
 */
#define BLOCK 256

/* PS3.5 8.1.1: where the bits of a sample are in its cell. */
typedef struct cells
{
	const uint8_t *bytes;
	size_t stride; /* cells from one sample to the next */
	size_t offset; /* of the first sample, in cells */
	unsigned bit_offset;
	uint16_t allocated;
	uint16_t stored;
	uint16_t shift;
	bool is_signed;
	bool big_endian;
	mmn_pixel_kind kind;
} cells;

static cells
stored_cells(const mmn_stored *stored)
{
	const mmn_pixel_description *p = &stored->pixels;

	return (cells){
		.bytes = stored->bytes,
		.stride = 1,
		.bit_offset = stored->bit_offset,
		.allocated = p->bits_allocated,
		.stored = p->bits_stored,
		.shift = (uint16_t)(p->high_bit + 1 - p->bits_stored),
		.is_signed = p->is_signed,
		.big_endian = stored->big_endian,
		.kind = p->kind,
	};
}

static void
load_raw(const cells *c, size_t at, size_t n, uint16_t raw[BLOCK])
{
	size_t first = c->offset + at * c->stride;

	if (c->allocated == 16 && c->stride == 1 && !c->big_endian)
		memcpy(raw, c->bytes + 2 * first, 2 * n);
	else if (c->allocated == 16)
		for (size_t i = 0; i < n; i++)
		{
			const uint8_t *p = c->bytes + 2 * (first + i * c->stride);

			raw[i] = c->big_endian ? mmn_load_u16be(p) : mmn_load_u16le(p);
		}
	else if (c->allocated == 8)
		for (size_t i = 0; i < n; i++)
			raw[i] = c->bytes[first + i * c->stride];
	else /* PS3.5 8.1.1: 1-bit pixels fill a byte from its lowest bit up */
		for (size_t i = 0; i < n; i++)
		{
			size_t bit = c->bit_offset + first + i * c->stride;

			raw[i] = c->bytes[bit / 8] >> bit % 8 & 1;
		}
}

/* Samples at..at+n-1 as integers; for cells of up to 16 bits. */
static void
load_narrow(const cells *c, size_t at, size_t n, int32_t v[BLOCK])
{
	uint16_t raw[BLOCK] = {0};
	int32_t mask = (int32_t)((1u << c->stored) - 1);
	int32_t sign = c->is_signed ? (int32_t)(1u << (c->stored - 1)) : 0;
	int shift = c->shift;

	load_raw(c, at, n, raw);
	for (size_t i = 0; i < BLOCK; i++)
		v[i] = (((raw[i] >> shift) & mask) ^ sign) - sign;
}

static uint64_t
load_cell(const cells *c, size_t i)
{
	const uint8_t *p = c->bytes + i * (c->allocated / 8);

	if (c->allocated == 32)
		return c->big_endian ? mmn_load_u32be(p) : mmn_load_u32le(p);
	return c->big_endian
			   ? (uint64_t)mmn_load_u32be(p) << 32 | mmn_load_u32be(p + 4)
			   : mmn_load_u64le(p);
}

/* The same for cells of 32 and 64 bits. */
static void
load_wide(const cells *c, size_t at, size_t n, double v[BLOCK])
{
	for (size_t i = 0; i < n; i++)
	{
		uint64_t raw = load_cell(c, c->offset + (at + i) * c->stride);

		if (c->kind == MMN_PIXELS_DOUBLE)
			memcpy(&v[i], &raw, sizeof raw);
		else if (c->kind == MMN_PIXELS_FLOAT)
		{
			uint32_t bits = (uint32_t)raw;
			float f;

			memcpy(&f, &bits, sizeof f);
			v[i] = f;
		}
		else
		{
			int unused = 64 - c->stored;

			raw = raw >> c->shift << unused;
			v[i] = c->is_signed ? (double)((int64_t)raw >> unused)
								: (double)(raw >> unused);
		}
	}
	for (size_t i = n; i < BLOCK; i++)
		v[i] = 0;
}

/* ---- storing blocks ---- */

static void
store_narrow(const int32_t v[BLOCK], size_t n, uint8_t type, void *out,
			 size_t at)
{
	union
	{
		uint8_t u8[BLOCK];
		uint16_t u16[BLOCK];
		float f32[BLOCK];
	} t;
	size_t size = mmn_sample_size(type);

	switch (type)
	{
		case MMN_U8:
			for (size_t i = 0; i < BLOCK; i++)
				t.u8[i] = (uint8_t)v[i];
			break;
		case MMN_F32:
			for (size_t i = 0; i < BLOCK; i++)
				t.f32[i] = (float)v[i];
			break;
		default: /* two's complement: the same bits, signed or not */
			for (size_t i = 0; i < BLOCK; i++)
				t.u16[i] = (uint16_t)v[i];
			break;
	}
	memcpy((uint8_t *)out + at * size, &t, n * size);
}

static void
store_wide(const double v[BLOCK], size_t n, uint8_t type, void *out, size_t at)
{
	int32_t t[BLOCK];
	float f[BLOCK];

	if (type == MMN_F32)
	{
		for (size_t i = 0; i < BLOCK; i++)
			f[i] = (float)v[i];
		memcpy((float *)out + at, f, n * sizeof *f);
		return;
	}
	for (size_t i = 0; i < BLOCK; i++)
		t[i] = (int32_t)v[i];
	store_narrow(t, n, type, out, at);
}

/* ---- grey ---- */

typedef struct grey
{
	cells cells;
	size_t pixels;
	double slope;
	double intercept;
	const mmn_lut *lut;
	bool wide;	   /* through double */
	bool integral; /* the transform maps integers to integers */
} grey;

static void
block_narrow(const grey *g, size_t at, size_t n, int32_t v[BLOCK])
{
	int32_t slope = (int32_t)g->slope;
	int32_t intercept = (int32_t)g->intercept;

	load_narrow(&g->cells, at, n, v);
	if (g->lut)
	{
		int64_t last = (int64_t)g->lut->entries - 1;

		for (size_t i = 0; i < n; i++)
		{
			int64_t k = (int64_t)v[i] - g->lut->first;

			v[i] = g->lut->values[k < 0 ? 0 : k > last ? last : k];
		}
	}
	else if (slope != 1)
		for (size_t i = 0; i < BLOCK; i++)
			v[i] = v[i] * slope + intercept;
	else if (intercept != 0)
		for (size_t i = 0; i < BLOCK; i++)
			v[i] += intercept;
}

static void
block_wide(const grey *g, size_t at, size_t n, double v[BLOCK])
{
	if (g->cells.allocated <= 16)
	{
		int32_t t[BLOCK];

		load_narrow(&g->cells, at, n, t);
		for (size_t i = 0; i < BLOCK; i++)
			v[i] = t[i];
	}
	else
		load_wide(&g->cells, at, n, v);
	for (size_t i = 0; i < BLOCK; i++)
		v[i] = v[i] * g->slope + g->intercept;
}

/* The smallest integer type for values low..high; 0 when there is none. */
static uint8_t
integer_type(double low, double high)
{
	if (low >= 0 && high <= UINT16_MAX)
		return MMN_U16;
	if (low >= INT16_MIN && high <= INT16_MAX)
		return MMN_I16;
	return 0;
}

/* Transforms and stores all samples; *low and *high get their range. */
static void
convert_narrow(const grey *g, mmn_image *out, double *low, double *high)
{
	int32_t least = INT32_MAX, most = INT32_MIN;

	for (size_t at = 0; at < g->pixels; at += BLOCK)
	{
		size_t n = g->pixels - at < BLOCK ? g->pixels - at : BLOCK;
		int32_t v[BLOCK];

		block_narrow(g, at, n, v);
		for (size_t i = n; i < BLOCK; i++)
			v[i] = v[0];
		for (size_t i = 0; i < BLOCK; i++)
		{
			least = v[i] < least ? v[i] : least;
			most = v[i] > most ? v[i] : most;
		}
		store_narrow(v, n, out->sample_type, out->samples, at);
	}
	*low = least;
	*high = most;
}

static void
convert_wide(const grey *g, mmn_image *out, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (size_t at = 0; at < g->pixels; at += BLOCK)
	{
		size_t n = g->pixels - at < BLOCK ? g->pixels - at : BLOCK;
		double v[BLOCK];

		block_wide(g, at, n, v);
		for (size_t i = 0; i < n; i++)
		{
			*low = v[i] < *low ? v[i] : *low;
			*high = v[i] > *high ? v[i] : *high;
		}
		store_wide(v, n, out->sample_type, out->samples, at);
	}
}

/*
 * The type that the description of the samples promises to be large enough.
 * 0: it allows for more than an integer type holds, though the samples may
 * use less (16-bit cells with an intercept, as in many a CT).
 */
static uint8_t
promised_type(const grey *g)
{
	const cells *c = &g->cells;
	double low, high, a, b;

	if (c->kind != MMN_PIXELS_INTEGER || !g->integral)
		return MMN_F32;
	if (g->lut)
		return g->lut->bits == 8 ? MMN_U8 : MMN_U16;
	low = c->is_signed ? -ldexp(1, c->stored - 1) : 0;
	high = ldexp(1, c->is_signed ? c->stored - 1 : c->stored) - 1;
	if (g->slope == 1 && g->intercept == 0 && !c->is_signed && c->stored <= 8)
		return MMN_U8;
	a = low * g->slope + g->intercept;
	b = high * g->slope + g->intercept;
	return integer_type(fmin(a, b), fmax(a, b));
}

/* The type for what was found; the same for all of a series, if possible. */
static uint8_t
found_type(bool prefer_signed, double low, double high)
{
	uint8_t type;

	if (prefer_signed && low >= INT16_MIN && high <= INT16_MAX)
		return MMN_I16;
	type = integer_type(low, high);
	return type ? type : MMN_F32;
}

/* Allocates samples of out's type and fills them. */
static mmn_status
grey_samples(const mmn_env *env, const grey *g, size_t max_bytes,
			 mmn_image *out, double *low, double *high, mmn_error *err)
{
	size_t bytes;
	mmn_status status = mmn_image_check(out, max_bytes, &bytes, err);

	if (status != MMN_OK)
		return status;
	out->samples = mmn_alloc(env, bytes);
	if (!out->samples)
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory for %zu bytes of samples", bytes);
	if (g->wide)
		convert_wide(g, out, low, high);
	else
		convert_narrow(g, out, low, high);
	return MMN_OK;
}

static bool
is_whole(double v, double limit)
{
	return fabs(v) <= limit && v == rint(v);
}

static mmn_status
grey_image(const mmn_env *env, const mmn_stored *stored,
		   const mmn_modality_transform *modality, size_t max_bytes,
		   mmn_image *out, mmn_error *err)
{
	grey g = {
		.cells = stored_cells(stored),
		.pixels = (size_t)out->width * out->height,
		.slope = modality->slope,
		.intercept = modality->intercept,
	};
	double low, high;
	uint8_t promised, type;
	bool prefer_signed;
	mmn_status status;

	if (g.cells.allocated <= 16)
		g.lut = modality->lut;
	if (g.lut)
	{
		g.slope = 1;
		g.intercept = 0;
	}
	g.integral =
		is_whole(g.slope, INT32_MAX) && is_whole(g.intercept, INT32_MAX);
	/* 2^16 * 2^14 + 2^29 is below 2^31 */
	g.wide = g.cells.allocated > 16 || !is_whole(g.slope, 1 << 14) ||
			 !is_whole(g.intercept, 1 << 29);
	out->channels = 1;
	out->unit = g.lut ? g.lut->unit : modality->unit;
	out->flags =
		stored->pixels.photometric == MMN_MONOCHROME1 ? MMN_IMAGE_INVERTED : 0;
	promised = promised_type(&g);
	/* else a guess: seldom wrong, and any double fits a float */
	prefer_signed = g.cells.is_signed || g.intercept < 0;
	out->sample_type = promised		   ? promised
					   : g.wide		   ? MMN_F32
					   : prefer_signed ? MMN_I16
									   : MMN_U16;
	status = grey_samples(env, &g, max_bytes, out, &low, &high, err);
	if (status != MMN_OK || promised)
		return status;
	type = found_type(prefer_signed, low, high);
	if (type == out->sample_type)
		return MMN_OK;
	mmn_free(env, out->samples);
	out->samples = NULL;
	out->sample_type = type;
	return grey_samples(env, &g, max_bytes, out, &low, &high, err);
}

/* ---- colour ---- */

static mmn_status
palette_image(const mmn_env *env, const mmn_stored *stored,
			  const mmn_lut *palette, size_t max_bytes, mmn_image *out,
			  mmn_error *err)
{
	cells c = stored_cells(stored);
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
	for (size_t at = 0; at < pixels; at += BLOCK)
	{
		size_t n = pixels - at < BLOCK ? pixels - at : BLOCK;
		int32_t v[BLOCK];

		load_narrow(&c, at, n, v);
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
ybr_to_rgb(int32_t v[3][BLOCK], unsigned bits)
{
	float top = (float)((1u << bits) - 1);
	float middle = (float)(1u << (bits - 1));

	for (size_t i = 0; i < BLOCK; i++)
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
static cells
channel_cells(const mmn_stored *stored, unsigned channel, size_t pixels)
{
	cells c = stored_cells(stored);

	c.stride = stored->pixels.planar ? 1 : 3;
	c.offset = stored->pixels.planar ? channel * pixels : channel;
	return c;
}

static void
colour_block(const mmn_stored *stored, size_t pixels, bool ybr, size_t at,
			 size_t n, mmn_image *out)
{
	int32_t v[3][BLOCK];
	int32_t interleaved[3 * BLOCK];

	for (unsigned s = 0; s < 3; s++)
	{
		cells c = channel_cells(stored, s, pixels);

		load_narrow(&c, at, n, v[s]);
	}
	if (ybr)
		ybr_to_rgb(v, stored->pixels.bits_stored);
	for (size_t i = 0; i < BLOCK; i++)
		for (size_t s = 0; s < 3; s++)
			interleaved[3 * i + s] = v[s][i];
	for (size_t done = 0; done < 3 * n; done += BLOCK)
		store_narrow(interleaved + done,
					 3 * n - done < BLOCK ? 3 * n - done : BLOCK,
					 out->sample_type, out->samples, 3 * at + done);
}

static void
colour_block_wide(const mmn_stored *stored, size_t pixels, size_t at, size_t n,
				  mmn_image *out)
{
	float *to = (float *)out->samples + 3 * at;

	for (unsigned s = 0; s < 3; s++)
	{
		cells c = channel_cells(stored, s, pixels);
		double v[BLOCK];

		load_wide(&c, at, n, v);
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

static mmn_status
colour_image(const mmn_env *env, const mmn_stored *given, size_t max_bytes,
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
		for (size_t at = 0; at < pixels; at += BLOCK)
		{
			size_t n = pixels - at < BLOCK ? pixels - at : BLOCK;

			if (stored.pixels.bits_allocated > 16)
				colour_block_wide(&stored, pixels, at, n, out);
			else
				colour_block(&stored, pixels, photometric != MMN_RGB, at, n,
							 out);
		}
	mmn_free(env, expanded);
	return status;
}

/* ---- */

mmn_status
mmn_stored_size(const mmn_pixel_description *p, size_t *out, mmn_error *err)
{
	/* rows and columns are 16 bits, 3 samples, 64 bits: below 2^41 bits */
	uint64_t samples = (uint64_t)p->rows * p->columns * p->samples_per_pixel;
	uint64_t bits;

	if (p->photometric == MMN_YBR_FULL_422 && !p->encapsulated)
		samples = (uint64_t)p->rows * ((p->columns + 1u) / 2) * 4;
	bits = samples * p->bits_allocated;
	if (p->rows > UINT16_MAX || p->columns > UINT16_MAX || bits / 8 > SIZE_MAX)
		return mmn_fail(err, MMN_LIMIT, "a frame of %ux%u pixels is too large",
						p->columns, p->rows);
	*out = (size_t)((bits + 7) / 8);
	return MMN_OK;
}

mmn_status
mmn_stored_image(const mmn_env *env, const mmn_stored *stored,
				 const mmn_modality_transform *modality, const mmn_lut *palette,
				 size_t max_bytes, mmn_image *out, mmn_error *err)
{
	const mmn_pixel_description *p = &stored->pixels;
	size_t size = 0;
	mmn_status status;

	memset(out, 0, sizeof *out);
	out->width = p->columns;
	out->height = p->rows;
	if (p->bits_stored < 1 || p->bits_stored > p->bits_allocated ||
		p->high_bit >= p->bits_allocated || p->high_bit + 1 < p->bits_stored)
		return mmn_fail(err, MMN_BAD_DATA,
						"%u bits stored up to bit %u do not fit %u allocated",
						p->bits_stored, p->high_bit, p->bits_allocated);
	status = mmn_stored_size(p, &size, err);
	if (status != MMN_OK)
		return status;
	if (p->bits_allocated == 1)
		size =
			(size_t)(((uint64_t)p->rows * p->columns + stored->bit_offset + 7) /
					 8);
	if (stored->length < size)
		return mmn_fail(err, MMN_BAD_DATA,
						"the frame has %zu bytes, %ux%u pixels need %zu",
						stored->length, p->columns, p->rows, size);
	switch (p->photometric)
	{
		case MMN_MONOCHROME1:
		case MMN_MONOCHROME2:
			return grey_image(env, stored, modality, max_bytes, out, err);
		case MMN_PALETTE_COLOR:
			return palette_image(env, stored, palette, max_bytes, out, err);
		default:
			return colour_image(env, stored, max_bytes, out, err);
	}
}
