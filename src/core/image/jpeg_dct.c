/*
 * DCT JPEG of 12 bits a sample, which no library of Debian's but GDCM decodes
 * (DICOM transfer syntax 1.2.840.10008.1.2.4.51, and the retired .53 and .55).
 *
 * All coefficients are gathered first, then transformed: so a progressive file,
 * which sends a block's coefficients in several scans, each a band of them or
 * one more bit (T.81 Annex G), goes the way of a sequential one.
 *
 * A scan of one component walks over the blocks that hold its pixels; a scan
 * of several over units of h * v blocks of each (T.81 A.2).
 */
#include "image/jpeg_dct.h"

#include <string.h>

#include "base/bytes.h"
#include "image/jpeg_entropy.h"
#include "image/jpeg_idct.h"

#define TABLES 4
#define MAX_COMPONENTS 3
#define MAX_FACTOR 4
#define LOOK 9

/* More scans than any encoder makes are an attack on the clock. */
#define MAX_SCANS 200

typedef struct huffman
{
	bool defined;
	uint8_t symbol[1 << LOOK];
	uint8_t length[1 << LOOK]; /* 0: more than LOOK bits */
	mmn_jpeg_codes codes;
} huffman;

typedef struct component
{
	uint8_t id;
	unsigned h, v; /* sampling factors */
	unsigned quantization;
	uint32_t width, height; /* in blocks that hold pixels */
	uint32_t stride;		/* in blocks, whole units */
	int16_t *blocks;		/* of 64 coefficients, in rows */
	bool seen;				/* its DC coefficients came */
} component;

typedef struct reader
{
	const mmn_env *env;
	const uint8_t *at;
	const uint8_t *end;
	uint32_t width;
	uint32_t height;
	bool framed;
	bool progressive;
	unsigned count; /* components */
	component components[MAX_COMPONENTS];
	unsigned h, v; /* largest factors */
	uint32_t units_across, units_down;
	unsigned scans;
	uint16_t restart; /* units between restarts; 0: none */
	bool quantized[TABLES];
	uint16_t steps[TABLES][64]; /* in rows */
	huffman dc[TABLES];
	huffman ac[TABLES];
	mmn_error *err;
} reader;

typedef struct scan
{
	mmn_jpeg_bits in;
	unsigned count;
	component *components[MAX_COMPONENTS];
	const huffman *dc[MAX_COMPONENTS];
	const huffman *ac[MAX_COMPONENTS];
	int32_t before[MAX_COMPONENTS]; /* DC of the block before */
	unsigned first, last;			/* band of coefficients */
	unsigned high, low;				/* bits sent before, and not sent yet */
	uint32_t end_run;				/* blocks to come with an empty band */
	bool progressive;
} scan;

/* T.81 figure A.6 */
static const uint8_t zigzag[64] = {
	0,	1,	8,	16, 9,	2,	3,	10, 17, 24, 32, 25, 18, 11, 4,	5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,	7,	14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

static mmn_status
damaged(mmn_error *err, const char *what)
{
	return mmn_fail(err, MMN_BAD_DATA, "the 12-bit JPEG data are damaged: %s",
					what);
}

static mmn_status
unsupported(mmn_error *err, const char *what)
{
	return mmn_fail(err, MMN_UNSUPPORTED, "unsupported 12-bit JPEG: %s", what);
}

/* ---- coefficients of a block; false: a code or a place that is none ---- */

static bool
read_symbol(mmn_jpeg_bits *in, const huffman *h, unsigned *symbol)
{
	unsigned length;

	if (in->count < 32)
		mmn_jpeg_refill(in);
	length = h->length[in->bits >> (64 - LOOK)];
	if (length)
		*symbol = h->symbol[in->bits >> (64 - LOOK)];
	else
		length = mmn_jpeg_codes_find(&h->codes, (uint16_t)(in->bits >> 48),
									 symbol);
	mmn_jpeg_consume(in, length);
	return length != 0;
}

static int32_t
read_value(mmn_jpeg_bits *in, unsigned size)
{
	return mmn_jpeg_extend(mmn_jpeg_take(in, size), size);
}

/* T.81 F.2.2.1; of a progressive file the upper bits, or one more (G.1.2.1) */
static bool
read_dc(scan *s, unsigned c, int16_t *block)
{
	unsigned size;

	if (s->high)
	{
		block[0] = (int16_t)(block[0] | mmn_jpeg_take(&s->in, 1) << s->low);
		return true;
	}
	if (!read_symbol(&s->in, s->dc[c], &size) || size > 15)
		return false;
	s->before[c] = (int16_t)(s->before[c] + read_value(&s->in, size));
	block[0] = (int16_t)(s->before[c] * (1 << s->low));
	return true;
}

/* T.81 F.2.2.2, and G.1.2.2, where runs of blocks may end early */
static bool
read_ac(scan *s, unsigned c, int16_t *block)
{
	unsigned symbol;

	if (s->end_run)
	{
		s->end_run--;
		return true;
	}
	for (unsigned k = s->first ? s->first : 1; k <= s->last; k++)
	{
		unsigned run, size;

		if (!read_symbol(&s->in, s->ac[c], &symbol))
			return false;
		run = symbol >> 4;
		size = symbol & 15;
		if (size == 0 && run < 15)
		{
			if (run > 0 && !s->progressive)
				return false;
			s->end_run = (1u << run) - 1 + mmn_jpeg_take(&s->in, run);
			return true;
		}
		k += run;
		if (size == 0)
			continue;
		if (k > s->last)
			return false;
		block[zigzag[k]] =
			(int16_t)(read_value(&s->in, size) * (1 << s->low));
	}
	return true;
}

/* One more bit of a coefficient that is not zero. */
static void
refine(scan *s, int16_t *coefficient)
{
	int bit = 1 << s->low;

	if (mmn_jpeg_take(&s->in, 1) && !(*coefficient & bit))
		*coefficient = (int16_t)(*coefficient + (*coefficient < 0 ? -bit : bit));
}

/*
 * T.81 G.1.2.3: a run counts the zeros before a coefficient that ceases to be
 * one; those in between that have done so before get their bit in passing.
 */
static bool
refine_ac(scan *s, unsigned c, int16_t *block)
{
	unsigned k = s->first;

	while (k <= s->last && s->end_run == 0)
	{
		unsigned symbol, run, size;
		int value = 0;

		if (!read_symbol(&s->in, s->ac[c], &symbol))
			return false;
		run = symbol >> 4;
		size = symbol & 15;
		if (size > 1)
			return false;
		if (size == 1)
			value = mmn_jpeg_take(&s->in, 1) ? 1 << s->low : -(1 << s->low);
		else if (run < 15)
		{
			s->end_run = (1u << run) + mmn_jpeg_take(&s->in, run);
			break;
		}
		for (; k <= s->last; k++)
		{
			int16_t *coefficient = &block[zigzag[k]];

			if (*coefficient)
				refine(s, coefficient);
			else if (run-- == 0)
			{
				*coefficient = (int16_t)value;
				k++;
				break;
			}
		}
	}
	if (s->end_run == 0)
		return true;
	for (; k <= s->last; k++)
		if (block[zigzag[k]])
			refine(s, &block[zigzag[k]]);
	s->end_run--;
	return true;
}

static bool
read_block(scan *s, unsigned c, int16_t *block)
{
	if (s->first == 0 && !read_dc(s, c, block))
		return false;
	if (s->last == 0)
		return true;
	return s->high ? refine_ac(s, c, block) : read_ac(s, c, block);
}

/* ---- scans ---- */

/* Unit number n of the scan. */
static bool
read_unit(const reader *r, scan *s, uint32_t n)
{
	component *c = s->components[0];

	if (s->count == 1)
		return read_block(s, 0,
						  c->blocks + 64 * ((size_t)(n / c->width) * c->stride +
											n % c->width));
	for (unsigned i = 0; i < s->count; i++)
	{
		c = s->components[i];
		for (unsigned y = 0; y < c->v; y++)
			for (unsigned x = 0; x < c->h; x++)
			{
				size_t row = (size_t)(n / r->units_across) * c->v + y;
				size_t column = (size_t)(n % r->units_across) * c->h + x;

				if (!read_block(s, i,
								c->blocks + 64 * (row * c->stride + column)))
					return false;
			}
	}
	return true;
}

static mmn_status
read_units(const reader *r, scan *s)
{
	uint32_t units = s->count > 1 ? r->units_across * r->units_down
								  : s->components[0]->width *
										s->components[0]->height;

	for (uint32_t n = 0; n < units; n++)
	{
		if (r->restart && n > 0 && n % r->restart == 0)
		{
			if (!mmn_jpeg_pass_restart(&s->in, n / r->restart - 1))
				return damaged(r->err, "a restart marker is missing");
			memset(s->before, 0, sizeof s->before);
			s->end_run = 0;
		}
		if (!read_unit(r, s, n))
			return damaged(r->err, "a code that makes no sense");
		if (mmn_jpeg_overrun(&s->in))
			return damaged(r->err, "they end before the image does");
	}
	return MMN_OK;
}

/* The band and bits that a progressive scan is for (T.81 G.1.1.1.1). */
static bool
is_proper(const scan *s)
{
	return s->last <= 63 && s->low <= 13 &&
		   (s->high == 0 || s->high == s->low + 1) &&
		   (s->first == 0 ? s->last == 0
						  : s->first <= s->last && s->count == 1);
}

/* Which component a scan names, with its tables; p: two bytes of the header. */
static mmn_status
read_scan_component(reader *r, scan *s, unsigned i, const uint8_t *p)
{
	const huffman *dc = p[1] >> 4 < TABLES ? &r->dc[p[1] >> 4] : NULL;
	const huffman *ac = (p[1] & 15) < TABLES ? &r->ac[p[1] & 15] : NULL;
	component *c = NULL;

	for (unsigned k = 0; k < r->count; k++)
		if (r->components[k].id == p[0])
			c = &r->components[k];
	for (unsigned k = 0; k < i; k++)
		if (s->components[k] == c)
			c = NULL;
	if (!c)
		return damaged(r->err, "a scan of no component");
	if (s->first == 0 && s->high == 0 && (!dc || !dc->defined))
		return damaged(r->err, "no Huffman table");
	if (s->last > 0 && (!ac || !ac->defined))
		return damaged(r->err, "no Huffman table");
	if (s->first == 0)
		c->seen = true;
	s->components[i] = c;
	s->dc[i] = dc;
	s->ac[i] = ac;
	return MMN_OK;
}

static mmn_status
read_scan(reader *r, const uint8_t *p, size_t n)
{
	scan s = {
		.in = {.at = p + n, .end = r->end},
		.count = n > 0 ? p[0] : 0,
		.progressive = r->progressive,
	};
	const uint8_t *tail;
	mmn_status status = MMN_OK;

	if (!r->framed || s.count < 1 || s.count > r->count ||
		n < 4 + 2 * (size_t)s.count)
		return damaged(r->err, "no proper scan header");
	if (++r->scans > MAX_SCANS)
		return mmn_fail(r->err, MMN_LIMIT, "JPEG data with more than %d scans",
						MAX_SCANS);
	/* a sequential scan has but one choice, which not all writers care for */
	s.last = 63;
	if (r->progressive)
	{
		tail = p + 1 + 2 * s.count;
		s.first = tail[0];
		s.last = tail[1];
		s.high = tail[2] >> 4;
		s.low = tail[2] & 15;
		if (!is_proper(&s))
			return damaged(r->err, "no proper band of coefficients");
	}
	for (unsigned i = 0; i < s.count && status == MMN_OK; i++)
		status = read_scan_component(r, &s, i, p + 1 + 2 * i);
	if (status == MMN_OK)
		status = read_units(r, &s);
	r->at = mmn_jpeg_scan_end(&s.in);
	return status;
}

/* ---- tables and the frame; p is a segment without its length ---- */

static mmn_status
read_quantization(reader *r, const uint8_t *p, size_t n)
{
	while (n > 0)
	{
		size_t bytes = p[0] >> 4 ? 2 : 1;
		unsigned t = p[0] & 15;

		if (p[0] >> 4 > 1 || t >= TABLES || n < 1 + 64 * bytes)
			return damaged(r->err, "no proper quantization table");
		for (unsigned k = 0; k < 64; k++)
			r->steps[t][zigzag[k]] =
				bytes == 2 ? mmn_load_u16be(p + 1 + 2 * k) : p[1 + k];
		r->quantized[t] = true;
		p += 1 + 64 * bytes;
		n -= 1 + 64 * bytes;
	}
	return MMN_OK;
}

static bool
make_table(huffman *h, const uint8_t counts[16], const uint8_t *symbols,
		   unsigned total)
{
	if (!mmn_jpeg_codes_make(&h->codes, counts, symbols, total))
		return false;
	for (uint32_t v = 0; v < 1u << LOOK; v++)
	{
		unsigned symbol = 0;
		unsigned length = mmn_jpeg_codes_find(
			&h->codes, (uint16_t)(v << (16 - LOOK)), &symbol);

		h->length[v] = (uint8_t)(length <= LOOK ? length : 0);
		h->symbol[v] = (uint8_t)symbol;
	}
	h->defined = true;
	return true;
}

static mmn_status
read_huffman(reader *r, const uint8_t *p, size_t n)
{
	while (n >= 17)
	{
		unsigned total = 0;

		for (int i = 1; i <= 16; i++)
			total += p[i];
		if (total > 256 || n - 17 < total || p[0] >> 4 > 1 ||
			(p[0] & 15) >= TABLES ||
			!make_table(p[0] >> 4 ? &r->ac[p[0] & 15] : &r->dc[p[0] & 15],
						p + 1, p + 17, total))
			return damaged(r->err, "no proper Huffman table");
		p += 17 + total;
		n -= 17 + total;
	}
	return MMN_OK;
}

static uint32_t
divided(uint64_t a, uint64_t by)
{
	return (uint32_t)((a + by - 1) / by);
}

/* Blocks for a component, once all sampling factors are known (T.81 A.2.4). */
static mmn_status
lay_out(reader *r, component *c)
{
	uint32_t rows = r->units_down * c->v;

	c->width = divided(divided((uint64_t)r->width * c->h, r->h), 8);
	c->height = divided(divided((uint64_t)r->height * c->v, r->v), 8);
	c->stride = r->units_across * c->h;
	c->blocks = mmn_alloc_zero(r->env, (size_t)c->stride * rows,
							   64 * sizeof *c->blocks);
	if (!c->blocks)
		return mmn_fail(r->err, MMN_NO_MEMORY, "no memory to decode JPEG data");
	return MMN_OK;
}

static mmn_status
read_frame_header(reader *r, const uint8_t *p, size_t n)
{
	mmn_status status = MMN_OK;

	if (n < 6 || n < 6 + 3 * (size_t)p[5] || r->framed)
		return damaged(r->err, "no proper frame header");
	if (p[0] != 12)
		return unsupported(r->err, "another precision");
	if (mmn_load_u16be(p + 1) != r->height ||
		mmn_load_u16be(p + 3) != r->width || p[5] != r->count)
		return damaged(r->err, "an image of another size");
	r->framed = true;
	r->h = r->v = 1;
	for (unsigned i = 0; i < r->count; i++)
	{
		component *c = &r->components[i];

		p += i ? 3 : 6;
		c->id = p[0];
		/* of a single one the factors mean nothing */
		c->h = r->count > 1 ? p[1] >> 4 : 1;
		c->v = r->count > 1 ? p[1] & 15 : 1;
		c->quantization = p[2];
		if (c->h < 1 || c->h > MAX_FACTOR || c->v < 1 || c->v > MAX_FACTOR ||
			c->quantization >= TABLES)
			return damaged(r->err, "no proper component");
		r->h = c->h > r->h ? c->h : r->h;
		r->v = c->v > r->v ? c->v : r->v;
	}
	r->units_across = divided(r->width, 8 * r->h);
	r->units_down = divided(r->height, 8 * r->v);
	for (unsigned i = 0; i < r->count && status == MMN_OK; i++)
		status = lay_out(r, &r->components[i]);
	return status;
}

/* A sequential image needs no end marker; of a progressive one it is proof. */
static bool
is_complete(const reader *r)
{
	for (unsigned i = 0; i < r->count; i++)
		if (!r->components[i].seen)
			return false;
	return r->framed && !r->progressive;
}

/* One segment; *done at the end of the image. */
static mmn_status
read_segment(reader *r, bool *done)
{
	const uint8_t *p = r->at;
	size_t left = (size_t)(r->end - p), size;
	uint8_t marker;

	*done = is_complete(r) || (left >= 2 && p[0] == 0xFF && p[1] == 0xD9);
	if (*done)
		return MMN_OK;
	if (left < 4 || p[0] != 0xFF)
		return damaged(r->err, "no marker where one should be");
	if (p[1] == 0xFF || p[1] == 0xD8 || p[1] == 0x01)
	{
		r->at += p[1] == 0xFF ? 1 : 2;
		return MMN_OK;
	}
	size = mmn_load_u16be(p + 2);
	if (size < 2 || size > left - 2)
		return damaged(r->err, "a segment beyond the end");
	r->at += 2 + size;
	marker = p[1];
	p += 4;
	size -= 2;
	switch (marker)
	{
		case 0xC1:
		case 0xC2:
			r->progressive = marker == 0xC2;
			return read_frame_header(r, p, size);
		case 0xC4:
			return read_huffman(r, p, size);
		case 0xDA:
			return read_scan(r, p, size);
		case 0xDB:
			return read_quantization(r, p, size);
		case 0xDD:
			if (size != 2)
				return damaged(r->err, "no proper restart interval");
			r->restart = mmn_load_u16be(p);
			return MMN_OK;
		case 0xDC: /* DNL: the height comes behind the first scan */
		case 0xDE: /* DHP: hierarchical */
			return unsupported(r->err, "another coding process");
		default: /* APPn, COM, … */
			/* other SOFn, JPG, DAC */
			if (marker >= 0xC0 && marker <= 0xCF)
				return unsupported(r->err, "another coding process");
			return MMN_OK;
	}
}

/* ---- samples ---- */

/* One block's samples, each as often as the component was subsampled. */
static void
store_block(const reader *r, const component *c, unsigned index, uint32_t row,
			uint32_t column, const uint16_t samples[64], uint8_t *out)
{
	uint32_t wide = r->h / c->h, high = r->v / c->v;
	uint32_t top = 8 * row * high, left = 8 * column * wide;

	for (uint32_t y = top; y < top + 8 * high && y < r->height; y++)
	{
		uint8_t *to = out + 2 * ((size_t)y * r->width * r->count + index);

		for (uint32_t x = left; x < left + 8 * wide && x < r->width; x++)
			mmn_store_u16le(
				to + 2 * (size_t)x * r->count,
				samples[(y - top) / high * 8 + (x - left) / wide]);
	}
}

static mmn_status
transform(const reader *r, uint8_t *out)
{
	for (unsigned i = 0; i < r->count; i++)
	{
		const component *c = &r->components[i];

		if (!c->seen)
			return damaged(r->err, "they end before the image does");
		if (!r->quantized[c->quantization])
			return damaged(r->err, "no quantization table");
		if (r->h % c->h || r->v % c->v)
			return unsupported(r->err, "components of odd sizes");
		for (uint32_t row = 0; row < c->height; row++)
			for (uint32_t column = 0; column < c->width; column++)
			{
				uint16_t samples[64];

				mmn_jpeg_idct12(
					c->blocks + 64 * ((size_t)row * c->stride + column),
					r->steps[c->quantization], samples);
				store_block(r, c, i, row, column, samples, out);
			}
	}
	return MMN_OK;
}

mmn_status
mmn_jpeg_dct12_decode(const mmn_env *env, const uint8_t *bytes, size_t length,
					  uint32_t width, uint32_t height, unsigned components,
					  uint8_t *out, mmn_error *err)
{
	mmn_status status = MMN_OK;
	bool done = false;
	reader *r;

	if (width < 1 || height < 1 || width > UINT16_MAX || height > UINT16_MAX ||
		(components != 1 && components != 3))
		return mmn_fail(err, MMN_BAD_ARGUMENT, "no size for 12-bit JPEG");
	r = mmn_alloc_zero(env, 1, sizeof *r);
	if (!r)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to decode JPEG data");
	r->env = env;
	r->at = bytes;
	r->end = bytes + length;
	r->width = width;
	r->height = height;
	r->count = components;
	r->err = err;
	while (status == MMN_OK && !done)
		status = read_segment(r, &done);
	if (status == MMN_OK && !r->framed)
		status = damaged(err, "no frame header");
	if (status == MMN_OK)
		status = transform(r, out);
	for (unsigned i = 0; i < MAX_COMPONENTS; i++)
		mmn_free(env, r->components[i].blocks);
	mmn_free(env, r);
	return status;
}
