/*
 * Lossless JPEG, as most archives of CT, CR and XA hold it (DICOM transfer
 * syntaxes 1.2.840.10008.1.2.4.57 and .70).
 *
 * Each sample is predicted from its neighbours; the difference is coded as a
 * Huffman code of its size in bits, SSSS, followed by these bits (T.81 H.1.2).
 * One look at the next LOOK bits mostly yields both at once, through a table
 * made of the file's Huffman table: for instance, when the code of SSSS = 2 is
 * 011, then 011 10 xxxx is the difference +2, 5 bits long, whatever the x are.
 *
 * The rest is markers: SOI, tables, SOF3, SOS, data, perhaps with restarts
 * between rows.  Three components come pixel by pixel in one scan, or each in
 * a scan of its own.
 */

#include "image/jpeg_lossless.h"

#include <string.h>

#include "base/bytes.h"
#include "image/jpeg_entropy.h"

#define LOOK 12
#define TABLES 4
#define MAX_COMPONENTS 3
#define MAX_SIZE 16 /* SSSS */

/* What the next LOOK bits mean. */
typedef struct entry
{
	int16_t difference;
	uint8_t length; /* of code and bits; 0: they do not fit */
} entry;

typedef struct huffman
{
	bool defined;
	entry look[1 << LOOK];
	mmn_jpeg_codes codes; /* of SSSS: for the rest */
} huffman;

typedef struct scan
{
	mmn_jpeg_bits in;
	const huffman *tables[MAX_COMPONENTS];
	uint32_t width;
	unsigned components;
	unsigned predictor;
	uint16_t first; /* prediction of the first sample */
} scan;

typedef struct reader
{
	const uint8_t *at;
	const uint8_t *end;
	uint32_t width;
	uint32_t height;
	unsigned cell_bytes;
	unsigned components;
	unsigned precision; /* 0: no SOF yet */
	uint8_t ids[MAX_COMPONENTS];
	unsigned seen;	  /* components that had their scan, a bit each */
	uint16_t restart; /* pixels between restarts; 0: none */
	huffman tables[TABLES];
	mmn_error *err;
} reader;

static mmn_status
damaged(mmn_error *err, const char *what)
{
	return mmn_fail(err, MMN_BAD_DATA, "the lossless JPEG data are damaged: %s",
					what);
}

static mmn_status
unsupported(mmn_error *err, const char *what)
{
	return mmn_fail(err, MMN_UNSUPPORTED, "unsupported lossless JPEG: %s",
					what);
}

/* ---- differences ---- */

/* A size of 16 has no bits: it can only be 32768 (T.81 H.1.2.2). */
static inline unsigned
extra_bits(unsigned size)
{
	return size == MAX_SIZE ? 0 : size;
}

/* Every LOOK bits that start with this code. */
static void
fill_look(huffman *h, uint32_t code, unsigned length, unsigned size)
{
	unsigned extra = extra_bits(size);
	unsigned total = length + extra;

	if (total > LOOK)
		return;
	for (uint32_t v = 0; v < 1u << extra; v++)
	{
		uint32_t from = (code << extra | v) << (LOOK - total);
		int32_t difference =
			size == MAX_SIZE ? INT16_MIN : mmn_jpeg_extend(v, size);

		for (uint32_t k = 0; k < 1u << (LOOK - total); k++)
			h->look[from + k] = (entry){.difference = (int16_t)difference,
										.length = (uint8_t)total};
	}
}

static mmn_status
make_table(huffman *h, const uint8_t counts[16], const uint8_t *sizes,
		   unsigned total, mmn_error *err)
{
	uint32_t code = 0;
	unsigned k = 0;

	for (unsigned i = 0; i < total; i++)
		if (sizes[i] > MAX_SIZE)
			return damaged(err, "a difference of more than 16 bits");
	if (!mmn_jpeg_codes_make(&h->codes, counts, sizes, total))
		return damaged(err, "a Huffman table with too many codes");
	memset(h->look, 0, sizeof h->look);
	for (unsigned length = 1; length <= 16; length++, code <<= 1)
		for (unsigned i = 0; i < counts[length - 1]; i++)
			fill_look(h, code++, length, sizes[k++]);
	h->defined = true;
	return MMN_OK;
}

/* A code that the table of short ones does not hold; false: there is none. */
static bool
read_long(mmn_jpeg_bits *in, const huffman *h, int32_t *out)
{
	unsigned size = 0, extra;
	unsigned length =
		mmn_jpeg_codes_find(&h->codes, (uint16_t)(in->bits >> 48), &size);

	if (length == 0)
		return false;
	extra = extra_bits(size);
	mmn_jpeg_consume(in, length);
	*out = size == MAX_SIZE ? INT16_MIN : 0;
	if (extra)
		*out = mmn_jpeg_extend((uint32_t)(in->bits >> (64 - extra)), extra);
	mmn_jpeg_consume(in, extra);
	return true;
}

/* ---- rows ---- */

/* T.81 table H.1; a: left, b: above, c: above left */
static inline __attribute__((always_inline)) int32_t
predict(unsigned predictor, int32_t a, int32_t b, int32_t c)
{
	switch (predictor)
	{
		case 1:
			return a;
		case 2:
			return b;
		case 3:
			return c;
		case 4:
			return a + b - c;
		case 5:
			return a + ((b - c) >> 1);
		case 6:
			return b + ((a - c) >> 1);
		default:
			return (a + b) >> 1;
	}
}

/*
 * One row, to be compiled once per predictor and number n of components.  Sums
 * are modulo 2^16.  Returns false at a code that is not in the table.
 */
static inline __attribute__((always_inline)) bool
read_row_by(scan *s, unsigned predictor, unsigned n, bool restarted,
			const uint16_t *above, uint16_t *row)
{
	mmn_jpeg_bits in = s->in; /* in registers */
	int32_t a[MAX_COMPONENTS], c[MAX_COMPONENTS] = {0};
	uint32_t width = s->width;
	bool ok = true;

	for (unsigned k = 0; k < n; k++)
		a[k] = restarted ? s->first : above[k];
	for (uint32_t x = 0; ok && x < width; x++)
		for (unsigned k = 0; k < n; k++)
		{
			int32_t b = above[x * n + k];
			int32_t prediction =
				x == 0 ? a[k] : predict(predictor, a[k], b, c[k]);
			const entry *e;
			int32_t difference;

			if (in.count < 32)
				mmn_jpeg_refill(&in);
			e = &s->tables[k]->look[in.bits >> (64 - LOOK)];
			if (e->length)
			{
				difference = e->difference;
				mmn_jpeg_consume(&in, e->length);
			}
			else if (!read_long(&in, s->tables[k], &difference))
			{
				ok = false;
				break;
			}
			a[k] = (uint16_t)(prediction + difference);
			row[x * n + k] = (uint16_t)a[k];
			c[k] = b;
		}
	s->in = in;
	return ok;
}

/* T.81 H.1.2.1: the first row after a restart is predicted from the left. */
static inline __attribute__((always_inline)) bool
read_row_of(scan *s, unsigned n, bool restarted, const uint16_t *above,
			uint16_t *row)
{
	switch (restarted ? 1 : s->predictor)
	{
		case 1:
			return read_row_by(s, 1, n, restarted, above, row);
		case 2:
			return read_row_by(s, 2, n, restarted, above, row);
		case 3:
			return read_row_by(s, 3, n, restarted, above, row);
		case 4:
			return read_row_by(s, 4, n, restarted, above, row);
		case 5:
			return read_row_by(s, 5, n, restarted, above, row);
		case 6:
			return read_row_by(s, 6, n, restarted, above, row);
		default:
			return read_row_by(s, 7, n, restarted, above, row);
	}
}

static bool
read_row(scan *s, bool restarted, const uint16_t *above, uint16_t *row)
{
	return s->components == 1 ? read_row_of(s, 1, restarted, above, row)
							  : read_row_of(s, 3, restarted, above, row);
}

/* Samples to every step-th cell. */
static void
store_row(const uint16_t *row, size_t n, size_t step, unsigned shift,
		  unsigned cell_bytes, uint8_t *out)
{
	if (cell_bytes == 1)
		for (size_t x = 0; x < n; x++)
			out[x * step] = (uint8_t)(row[x] << shift);
	else
		for (size_t x = 0; x < n; x++)
			mmn_store_u16le(out + 2 * x * step, (uint16_t)(row[x] << shift));
}

/* component: which one a scan of its own is for */
static mmn_status
read_rows(const reader *r, scan *s, unsigned component, unsigned shift,
		  uint16_t *rows, uint8_t *out)
{
	uint32_t interval = r->restart / r->width; /* in rows */
	size_t samples = (size_t)r->width * s->components;
	size_t step = s->components == r->components ? 1 : r->components;
	size_t stride = (size_t)r->width * r->components * r->cell_bytes;
	uint16_t *row = rows, *above = rows + samples;

	out += component * r->cell_bytes;
	for (uint32_t y = 0; y < r->height; y++)
	{
		bool restarted = y == 0 || (interval && y % interval == 0);
		uint16_t *t;

		if (restarted && y > 0 &&
			!mmn_jpeg_pass_restart(&s->in, y / interval - 1))
			return damaged(r->err, "a restart marker is missing");
		if (!read_row(s, restarted, above, row))
			return damaged(r->err, "a code that its Huffman table lacks");
		if (mmn_jpeg_overrun(&s->in))
			return damaged(r->err, "they end before the image does");
		store_row(row, samples, step, shift, r->cell_bytes, out + y * stride);
		t = above;
		above = row;
		row = t;
	}
	return MMN_OK;
}

/* ---- markers; p is a segment without its length ---- */

static mmn_status
read_tables(reader *r, const uint8_t *p, size_t n)
{
	while (n >= 17)
	{
		unsigned total = 0;
		mmn_status status = MMN_OK;

		for (int i = 1; i <= 16; i++)
			total += p[i];
		if (total > 256 || n - 17 < total)
			return damaged(r->err, "a Huffman table beyond its segment");
		/* of class 1 there is no use here */
		if (p[0] < TABLES)
			status = make_table(&r->tables[p[0]], p + 1, p + 17, total, r->err);
		if (status != MMN_OK)
			return status;
		p += 17 + total;
		n -= 17 + total;
	}
	return MMN_OK;
}

static mmn_status
read_frame_header(reader *r, const uint8_t *p, size_t n)
{
	if (n < 6 || n < 6 + 3 * (size_t)p[5] || r->precision)
		return damaged(r->err, "no proper frame header");
	if (mmn_load_u16be(p + 1) != r->height ||
		mmn_load_u16be(p + 3) != r->width || p[5] != r->components)
		return damaged(r->err, "an image of another size");
	if (p[0] < 2 || p[0] > 8 * r->cell_bytes)
		return damaged(r->err, "more bits than a sample has");
	for (unsigned k = 0; k < r->components; k++)
	{
		const uint8_t *c = p + 6 + 3 * k;

		if (r->components > 1 && c[1] != p[7])
			return unsupported(r->err, "components of different sizes");
		for (unsigned other = 0; other < k; other++)
			if (r->ids[other] == c[0])
				return damaged(r->err, "a component twice");
		r->ids[k] = c[0];
	}
	r->precision = p[0];
	return MMN_OK;
}

/* The components of a scan, all of them in turn, or one: which. */
static mmn_status
read_scan_components(reader *r, const uint8_t *p, scan *s, unsigned *component)
{
	*component = 0;
	while (s->components < r->components && *component < r->components &&
		   r->ids[*component] != p[1])
		++*component;
	for (unsigned k = 0; k < s->components; k++)
	{
		unsigned table = p[2 + 2 * k] >> 4;
		unsigned which = *component + k;

		if (which >= r->components || p[1 + 2 * k] != r->ids[which] ||
			r->seen & 1u << which)
			return damaged(r->err, "no proper scan header");
		if (table >= TABLES || !r->tables[table].defined)
			return damaged(r->err, "no Huffman table");
		s->tables[k] = &r->tables[table];
		r->seen |= 1u << which;
	}
	return MMN_OK;
}

static mmn_status
read_scan(const mmn_env *env, reader *r, const uint8_t *p, size_t n,
		  uint8_t *out)
{
	scan s = {
		.in = {.at = p + n, .end = r->end},
		.width = r->width,
		.components = n > 0 ? p[0] : 0,
	};
	unsigned component, shift;
	const uint8_t *tail;
	uint16_t *rows;
	mmn_status status;

	if (!r->precision ||
		(s.components != 1 && s.components != r->components) ||
		n < 4 + 2 * (size_t)s.components)
		return damaged(r->err, "no proper scan header");
	status = read_scan_components(r, p, &s, &component);
	if (status != MMN_OK)
		return status;
	tail = p + 1 + 2 * s.components;
	s.predictor = tail[0];
	shift = tail[2] & 15;
	if (s.predictor < 1 || s.predictor > 7 || shift >= r->precision)
		return damaged(r->err, "no such predictor or point transform");
	/* T.81 H.1.1: whole rows */
	if (r->restart % r->width != 0)
		return unsupported(r->err, "restarts within rows");
	s.first = (uint16_t)(1u << (r->precision - shift - 1));
	rows = mmn_alloc_zero(env, (size_t)r->width * s.components,
						  2 * sizeof *rows);
	if (!rows)
		return mmn_fail(r->err, MMN_NO_MEMORY, "no memory for rows");
	status = read_rows(r, &s, component, shift, rows, out);
	mmn_free(env, rows);
	r->at = mmn_jpeg_scan_end(&s.in);
	return status;
}

static mmn_status
read_segments(const mmn_env *env, reader *r, uint8_t *out)
{
	for (;;)
	{
		const uint8_t *p = r->at;
		size_t left = (size_t)(r->end - p), size;
		mmn_status status = MMN_OK;

		if (left < 4 || p[0] != 0xFF)
			return damaged(r->err, "no marker where one should be");
		if (p[1] == 0xFF || p[1] == 0xD8 || p[1] == 0x01)
		{
			r->at += p[1] == 0xFF ? 1 : 2;
			continue;
		}
		size = mmn_load_u16be(p + 2);
		if (size < 2 || size > left - 2)
			return damaged(r->err, "a segment beyond the end");
		r->at += 2 + size;
		switch (p[1])
		{
			case 0xC3:
				status = read_frame_header(r, p + 4, size - 2);
				break;
			case 0xC4:
				status = read_tables(r, p + 4, size - 2);
				break;
			case 0xDD:
				if (size != 4)
					return damaged(r->err, "no proper restart interval");
				r->restart = mmn_load_u16be(p + 4);
				break;
			case 0xDA:
				status = read_scan(env, r, p + 4, size - 2, out);
				if (status == MMN_OK && r->seen == (1u << r->components) - 1)
					return MMN_OK;
				break;
			case 0xC0:
			case 0xC1:
			case 0xC2:
			case 0xC5:
			case 0xC6:
			case 0xC7:
			case 0xC9:
			case 0xCA:
			case 0xCB:
			case 0xCD:
			case 0xCE:
			case 0xCF:
			case 0xDE: /* DHP: hierarchical */
				return unsupported(r->err, "another coding process");
			default: /* DQT, APPn, COM, … */
				break;
		}
		if (status != MMN_OK)
			return status;
	}
}

mmn_status
mmn_jpeg_lossless_decode(const mmn_env *env, const uint8_t *bytes,
						 size_t length, uint32_t width, uint32_t height,
						 unsigned components, unsigned cell_bytes, uint8_t *out,
						 mmn_error *err)
{
	reader *r;
	mmn_status status;

	if (width < 1 || height < 1 || width > UINT16_MAX || height > UINT16_MAX ||
		(components != 1 && components != 3) || cell_bytes < 1 ||
		cell_bytes > 2)
		return mmn_fail(err, MMN_BAD_ARGUMENT, "no size for lossless JPEG");
	r = mmn_alloc_zero(env, 1, sizeof *r);
	if (!r)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to decode JPEG data");
	r->at = bytes;
	r->end = bytes + length;
	r->width = width;
	r->height = height;
	r->components = components;
	r->cell_bytes = cell_bytes;
	r->err = err;
	status = read_segments(env, r, out);
	mmn_free(env, r);
	return status;
}
