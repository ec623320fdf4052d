#include "dicom/stored.h"

#include <math.h>
#include <string.h>

#include "dicom/cells.h"
#include "dicom/colour.h"

typedef struct grey
{
	mmn_cells cells;
	size_t pixels;
	double slope;
	double intercept;
	const mmn_lut *lut;
	const mmn_modality_transform *table; /* has one, or NULL */
	const mmn_modality_transform *limits;
	bool wide;							 /* through double */
	bool integral; /* the transform maps integers to integers */
	bool ranged;   /* the range of the results is asked for */
	void *room;	   /* the cells, if samples as large may go where they are */
} grey;

static void
block_narrow(const grey *g, size_t at, size_t n, int32_t v[MMN_BLOCK])
{
	int32_t slope = (int32_t)g->slope;
	int32_t intercept = (int32_t)g->intercept;

	mmn_cells_load_narrow(&g->cells, at, n, v);
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
		for (size_t i = 0; i < MMN_BLOCK; i++)
			v[i] = v[i] * slope + intercept;
	else if (intercept != 0)
		for (size_t i = 0; i < MMN_BLOCK; i++)
			v[i] += intercept;
}

static void
block_wide(const grey *g, size_t at, size_t n, double v[MMN_BLOCK])
{
	if (g->cells.allocated <= 16)
	{
		int32_t t[MMN_BLOCK];

		mmn_cells_load_narrow(&g->cells, at, n, t);
		if (g->table)
		{
			int64_t last = (int64_t)g->table->table_entries - 1;

			for (size_t i = 0; i < MMN_BLOCK; i++)
			{
				int64_t k = (int64_t)t[i] - g->table->table_first;

				v[i] = g->table->table[k < 0 ? 0 : k > last ? last : k];
			}
			return;
		}
		for (size_t i = 0; i < MMN_BLOCK; i++)
			v[i] = t[i];
	}
	else
		mmn_cells_load_wide(&g->cells, at, n, v);
	if (g->limits)
		for (size_t i = 0; i < MMN_BLOCK; i++)
			if (v[i] < g->limits->first || v[i] > g->limits->last)
				v[i] = NAN;
	for (size_t i = 0; i < MMN_BLOCK; i++)
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

/*
 * Whether samples can stay in 16-bit lanes all the way, twice as many to a
 * vector: the common case of a CT or MR slice.
 */
static bool
is_short(const grey *g, uint8_t type)
{
	return g->cells.allocated == 16 && g->cells.shift == 0 && !g->lut &&
		   !g->wide && g->slope == 1 && (type == MMN_U16 || type == MMN_I16);
}

/*
 * Cells may stand at any address, where the compiler does not vectorize loops
 * by itself.
 */
typedef uint16_t lanes __attribute__((vector_size(16)));

/*
 * convert_narrow for these, when nobody asks for the range: one pass over
 * memory.
 */
static void
convert_short_once(const grey *g, uint16_t *out)
{
	const uint8_t *from = g->cells.bytes + 2 * g->cells.offset;
	size_t n = g->pixels, at = 0;
	uint16_t mask = (uint16_t)((1u << g->cells.stored) - 1);
	uint16_t sign =
		g->cells.is_signed ? (uint16_t)(1u << (g->cells.stored - 1)) : 0;
	uint16_t add = (uint16_t)((uint16_t)(int32_t)g->intercept - sign);

	if (mask == UINT16_MAX && sign == 0 && add == 0)
	{
		if ((const void *)out != from)
			memcpy(out, from, 2 * n);
		return;
	}
	for (; at + 8 <= n; at += 8)
	{
		lanes v;

		memcpy(&v, from + 2 * at, sizeof v);
		v = ((v & mask) ^ sign) + add;
		memcpy(out + at, &v, sizeof v);
	}
	for (; at < n; at++)
	{
		uint16_t v;

		memcpy(&v, from + 2 * at, sizeof v);
		out[at] = (uint16_t)(((v & mask) ^ sign) + add);
	}
}

/* Whether samples are bytes that stay what they are. */
static bool
is_byte(const grey *g, uint8_t type)
{
	return g->cells.allocated == 8 && g->cells.shift == 0 &&
		   !g->cells.is_signed && !g->lut && !g->wide && g->slope == 1 &&
		   g->intercept == 0 && type == MMN_U8;
}

static void
convert_bytes(const grey *g, uint8_t *out)
{
	const uint8_t *from = g->cells.bytes + g->cells.offset;
	uint8_t mask = (uint8_t)((1u << g->cells.stored) - 1);

	if (mask != UINT8_MAX)
		for (size_t i = 0; i < g->pixels; i++)
			out[i] = from[i] & mask;
	else if (out != from)
		memcpy(out, from, g->pixels);
}

/*
 * The same with the range.  Sums are taken modulo 2^16: right when the range,
 * which is not, fits the type; else the caller does not use them.
 */
static void
convert_short(const grey *g, mmn_image *out, double *low, double *high)
{
	const mmn_cells *c = &g->cells;
	uint16_t mask = (uint16_t)((1u << c->stored) - 1);
	uint16_t sign = c->is_signed ? (uint16_t)(1u << (c->stored - 1)) : 0;
	uint16_t bias = c->is_signed ? 0 : 0x8000; /* for signed comparison */
	uint16_t intercept = (uint16_t)(int32_t)g->intercept;
	int16_t least = INT16_MAX, most = INT16_MIN;

	for (size_t at = 0; at < g->pixels; at += MMN_BLOCK)
	{
		size_t n = g->pixels - at < MMN_BLOCK ? g->pixels - at : MMN_BLOCK;
		uint16_t v[MMN_BLOCK];

		mmn_cells_load_raw(c, at, n, v);
		for (size_t i = n; i < MMN_BLOCK; i++)
			v[i] = v[0];
		for (size_t i = 0; i < MMN_BLOCK; i++)
		{
			uint16_t sample = (uint16_t)(((v[i] & mask) ^ sign) - sign);
			int16_t rank = (int16_t)(sample ^ bias);

			least = rank < least ? rank : least;
			most = rank > most ? rank : most;
			v[i] = (uint16_t)(sample + intercept);
		}
		memcpy((uint16_t *)out->samples + at, v, n * sizeof *v);
	}
	*low = least + (bias ? 32768 : 0) + g->intercept;
	*high = most + (bias ? 32768 : 0) + g->intercept;
}

/* Makes cells of what that made of them in place: all that counts of them. */
static void
revert_short(const grey *g)
{
	uint16_t *samples = g->room;
	uint16_t intercept = (uint16_t)(int32_t)g->intercept;

	for (size_t i = 0; i < g->pixels; i++)
		samples[i] = (uint16_t)(samples[i] - intercept);
}

/* Transforms and stores all samples; *low and *high get their range. */
static void
convert_narrow(const grey *g, mmn_image *out, double *low, double *high)
{
	int32_t least = INT32_MAX, most = INT32_MIN;

	for (size_t at = 0; at < g->pixels; at += MMN_BLOCK)
	{
		size_t n = g->pixels - at < MMN_BLOCK ? g->pixels - at : MMN_BLOCK;
		int32_t v[MMN_BLOCK];

		block_narrow(g, at, n, v);
		for (size_t i = n; i < MMN_BLOCK; i++)
			v[i] = v[0];
		for (size_t i = 0; i < MMN_BLOCK; i++)
		{
			least = v[i] < least ? v[i] : least;
			most = v[i] > most ? v[i] : most;
		}
		mmn_block_store_narrow(v, n, out->sample_type, out->samples, at);
	}
	*low = least;
	*high = most;
}

static void
convert_wide(const grey *g, mmn_image *out, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (size_t at = 0; at < g->pixels; at += MMN_BLOCK)
	{
		size_t n = g->pixels - at < MMN_BLOCK ? g->pixels - at : MMN_BLOCK;
		double v[MMN_BLOCK];

		block_wide(g, at, n, v);
		for (size_t i = 0; i < n; i++)
		{
			*low = v[i] < *low ? v[i] : *low;
			*high = v[i] > *high ? v[i] : *high;
		}
		mmn_block_store_wide(v, n, out->sample_type, out->samples, at);
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
	const mmn_cells *c = &g->cells;
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

/* Whether samples of the type may take the place of their cells. */
static bool
in_place(const grey *g, uint8_t type)
{
	return g->room && (is_byte(g, type) || is_short(g, type));
}

/* Allocates samples of out's type and fills them; the range if g->ranged. */
static mmn_status
grey_samples(const mmn_env *env, const grey *g, size_t max_bytes,
			 mmn_image *out, double *low, double *high, mmn_error *err)
{
	size_t bytes;
	mmn_status status = mmn_image_check(out, max_bytes, &bytes, err);

	if (status != MMN_OK)
		return status;
	out->samples =
		in_place(g, out->sample_type) ? g->room : mmn_alloc(env, bytes);
	if (!out->samples)
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory for %zu bytes of samples", bytes);
	if (!g->ranged && is_byte(g, out->sample_type))
		convert_bytes(g, out->samples);
	else if (!g->ranged && is_short(g, out->sample_type) &&
			 g->cells.stride == 1 && !g->cells.big_endian)
		convert_short_once(g, out->samples);
	else if (is_short(g, out->sample_type))
		convert_short(g, out, low, high);
	else if (g->wide)
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
		.cells = mmn_cells_of(stored),
		.pixels = (size_t)out->width * out->height,
		.slope = modality->slope,
		.intercept = modality->intercept,
	};
	double low, high;
	uint8_t promised, type;
	bool prefer_signed;
	mmn_status status;

	if (stored->room == env && !stored->big_endian)
		g.room = (void *)(uintptr_t)stored->bytes;
	if (g.cells.allocated <= 16 && modality->table)
		g.table = modality;
	else if (g.cells.allocated <= 16)
		g.lut = modality->lut;
	if (g.cells.allocated > 16 && modality->limited)
		g.limits = modality;
	if (g.lut || g.table)
	{
		g.slope = 1;
		g.intercept = 0;
	}
	g.integral = !g.table && !g.limits && is_whole(g.slope, INT32_MAX) &&
				 is_whole(g.intercept, INT32_MAX);
	/* 2^16 * 2^14 + 2^29 is below 2^31 */
	g.wide = g.cells.allocated > 16 || g.table || !is_whole(g.slope, 1 << 14) ||
			 !is_whole(g.intercept, 1 << 29);
	out->channels = 1;
	out->unit = g.lut ? g.lut->unit : modality->unit;
	out->flags =
		stored->pixels.photometric == MMN_MONOCHROME1 ? MMN_IMAGE_INVERTED : 0;
	promised = promised_type(&g);
	g.ranged = !promised;
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
	if (in_place(&g, out->sample_type))
		revert_short(&g);
	else
		mmn_free(env, out->samples);
	out->samples = NULL;
	out->sample_type = type;
	return grey_samples(env, &g, max_bytes, out, &low, &high, err);
}

mmn_status
mmn_stored_size(const mmn_pixel_description *p, size_t *out, mmn_error *err)
{
	/* rows and columns are 16 bits, 3 samples, 64 bits: below 2^41 bits */
	uint64_t samples = (uint64_t)p->rows * p->columns * p->samples_per_pixel;
	uint64_t bits;

	if (mmn_is_422(p->photometric) && !p->encapsulated)
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
	/* at most 2^32 * 3 * 12 bits */
	if (p->bits_allocated == 1 || p->bits_allocated == 12)
		size = (size_t)(((uint64_t)p->rows * p->columns * p->samples_per_pixel *
							 p->bits_allocated +
						 stored->bit_offset + 7) /
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
			return mmn_stored_palette(env, stored, palette, max_bytes, out,
									  err);
		default:
			return mmn_stored_colour(env, stored, max_bytes, out, err);
	}
}
