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
 * The rest is markers: SOI, tables, SOF3, one SOS, data, perhaps with restarts
 * between rows.
 */

#include "image/jpeg_lossless.h"

#include <endian.h>
#include <string.h>

#include "base/bytes.h"

#define LOOK 12
#define TABLES 4
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
	/* for the rest: codes of n bits, aligned left in 16, are below last[n] */
	uint32_t last[17];
	int32_t offset[17]; /* from a code of n bits to its index in sizes */
	uint8_t sizes[256];
} huffman;

typedef struct scan
{
	const uint8_t *at;
	const uint8_t *end;
	uint64_t bits;	  /* the next ones, from the top */
	unsigned count;	  /* how many of them are valid */
	unsigned missing; /* of these, not in the data: zeros instead */

	const huffman *table;
	uint32_t width;
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
	unsigned precision; /* 0: no SOF yet */
	uint8_t component;
	uint16_t restart; /* samples between restarts; 0: none */
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

/* T.81 F.2.2.1, EXTEND: what "size" bits stand for. */
static inline int32_t
extend(uint32_t bits, unsigned size)
{
	int32_t v = (int32_t)bits;

	if (size == 0)
		return 0;
	return v < 1 << (size - 1) ? v - (1 << size) + 1 : v;
}

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
		int32_t difference = size == MAX_SIZE ? INT16_MIN : extend(v, size);

		for (uint32_t k = 0; k < 1u << (LOOK - total); k++)
			h->look[from + k] = (entry){.difference = (int16_t)difference,
										.length = (uint8_t)total};
	}
}

/* T.81 Annex C: codes of the same length follow one another. */
static mmn_status
make_table(huffman *h, const uint8_t counts[16], const uint8_t *sizes,
		   unsigned total, mmn_error *err)
{
	uint32_t code = 0;
	unsigned k = 0;

	memset(h, 0, sizeof *h);
	memcpy(h->sizes, sizes, total);
	for (unsigned length = 1; length <= 16; length++)
	{
		h->offset[length] = (int32_t)k - (int32_t)code;
		for (unsigned i = 0; i < counts[length - 1]; i++, k++, code++)
		{
			if (sizes[k] > MAX_SIZE)
				return damaged(err, "a difference of more than 16 bits");
			if (code >= 1u << length)
				return damaged(err, "a Huffman table with too many codes");
			fill_look(h, code, length, sizes[k]);
		}
		h->last[length] = code << (16 - length);
		code <<= 1;
	}
	h->defined = true;
	return MMN_OK;
}

/* Bytes one by one, 0xFF unstuffed; zeros from a marker or the end on. */
static void
refill_slowly(scan *s)
{
	while (s->count <= 56)
	{
		uint64_t byte = 0;

		if (s->at < s->end && *s->at != 0xFF)
			byte = *s->at++;
		else if (s->end - s->at >= 2 && s->at[1] == 0)
		{
			byte = 0xFF;
			s->at += 2;
		}
		else
			s->missing += 8;
		s->bits |= byte << (56 - s->count);
		s->count += 8;
	}
}

/*
 * At least 56 valid bits.  What stands behind the valid ones is what a refill
 * will put there.
 */
static inline void
refill(scan *s)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t next;

	if (s->end - s->at < 8)
	{
		refill_slowly(s);
		return;
	}
	memcpy(&next, s->at, sizeof next);
	if ((~next - ones) & next & ones << 7) /* a byte is 0xFF */
	{
		refill_slowly(s);
		return;
	}
	s->bits |= be64toh(next) >> s->count;
	s->at += (63 - s->count) / 8;
	s->count |= 56;
}

static inline void
consume(scan *s, unsigned n)
{
	s->bits <<= n;
	s->count -= n;
}

/* A code that the table of short ones does not hold; false: there is none. */
static bool
read_long(scan *s, int32_t *out)
{
	const huffman *h = s->table;
	uint32_t next = (uint32_t)(s->bits >> 48);

	for (unsigned length = 1; length <= 16; length++)
		if (next < h->last[length])
		{
			int32_t code = (int32_t)(next >> (16 - length));
			unsigned size = h->sizes[code + h->offset[length]];
			unsigned extra = extra_bits(size);

			consume(s, length);
			*out = size == MAX_SIZE ? INT16_MIN : 0;
			if (extra)
				*out = extend((uint32_t)(s->bits >> (64 - extra)), extra);
			consume(s, extra);
			return true;
		}
	return false;
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
 * One row, to be compiled once per predictor.  Sums are modulo 2^16.  Returns
 * false at a code that is not in the table.
 */
static inline __attribute__((always_inline)) bool
read_row_by(scan *s, unsigned predictor, uint16_t first, const uint16_t *above,
			uint16_t *row)
{
	scan local = *s; /* in registers */
	int32_t a = first, c = 0;
	bool ok = true;

	for (uint32_t x = 0; x < local.width; x++)
	{
		int32_t b = above[x];
		int32_t prediction = x == 0 ? a : predict(predictor, a, b, c);
		const entry *e;
		int32_t difference;

		if (local.count < 32)
			refill(&local);
		e = &local.table->look[local.bits >> (64 - LOOK)];
		if (e->length)
		{
			difference = e->difference;
			consume(&local, e->length);
		}
		else if (!read_long(&local, &difference))
		{
			ok = false;
			break;
		}
		a = (uint16_t)(prediction + difference);
		row[x] = (uint16_t)a;
		c = b;
	}
	*s = local;
	return ok;
}

/* T.81 H.1.2.1: the first row after a restart is predicted from the left. */
static bool
read_row(scan *s, bool restarted, const uint16_t *above, uint16_t *row)
{
	uint16_t first = restarted ? s->first : above[0];

	switch (restarted ? 1 : s->predictor)
	{
		case 1:
			return read_row_by(s, 1, first, above, row);
		case 2:
			return read_row_by(s, 2, first, above, row);
		case 3:
			return read_row_by(s, 3, first, above, row);
		case 4:
			return read_row_by(s, 4, first, above, row);
		case 5:
			return read_row_by(s, 5, first, above, row);
		case 6:
			return read_row_by(s, 6, first, above, row);
		default:
			return read_row_by(s, 7, first, above, row);
	}
}

/* Past the marker RSTn, n = 0..7 in turn (T.81 E.2.4). */
static bool
pass_restart(scan *s, unsigned n)
{
	/* what is left of a byte, and fill bytes before the marker */
	while (s->end - s->at >= 2 &&
		   !(s->at[0] == 0xFF && s->at[1] != 0 && s->at[1] != 0xFF))
		s->at++;
	if (s->end - s->at < 2 || s->at[1] != 0xD0 + n % 8)
		return false;
	s->at += 2;
	s->bits = 0;
	s->count = s->missing = 0;
	return true;
}

static void
store_row(const uint16_t *row, uint32_t width, unsigned shift,
		  unsigned cell_bytes, uint8_t *out)
{
	if (cell_bytes == 1)
		for (uint32_t x = 0; x < width; x++)
			out[x] = (uint8_t)(row[x] << shift);
	else
		for (uint32_t x = 0; x < width; x++)
			mmn_store_u16le(out + 2 * (size_t)x, (uint16_t)(row[x] << shift));
}

static mmn_status
read_rows(const reader *r, scan *s, unsigned shift, uint16_t *rows,
		  uint8_t *out)
{
	uint32_t interval = r->restart / r->width; /* in rows */
	uint16_t *row = rows, *above = rows + r->width;
	size_t stride = (size_t)r->width * r->cell_bytes;

	for (uint32_t y = 0; y < r->height; y++)
	{
		bool restarted = y == 0 || (interval && y % interval == 0);
		uint16_t *t;

		if (restarted && y > 0 && !pass_restart(s, y / interval - 1))
			return damaged(r->err, "a restart marker is missing");
		if (!read_row(s, restarted, above, row))
			return damaged(r->err, "a code that its Huffman table lacks");
		if (s->count < s->missing)
			return damaged(r->err, "they end before the image does");
		store_row(row, r->width, shift, r->cell_bytes, out + y * stride);
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
	if (n < 9 || r->precision)
		return damaged(r->err, "no proper frame header");
	if (p[5] != 1)
		return unsupported(r->err, "more than one component");
	if (mmn_load_u16be(p + 1) != r->height || mmn_load_u16be(p + 3) != r->width)
		return damaged(r->err, "an image of another size");
	if (p[0] < 2 || p[0] > 8 * r->cell_bytes)
		return damaged(r->err, "more bits than a sample has");
	r->precision = p[0];
	r->component = p[6];
	return MMN_OK;
}

static mmn_status
read_scan(const mmn_env *env, reader *r, const uint8_t *p, size_t n,
		  uint8_t *out)
{
	scan s = {.at = p + n, .end = r->end, .width = r->width};
	uint16_t *rows;
	unsigned shift;
	mmn_status status;

	if (n < 6 || !r->precision || p[0] != 1 || p[1] != r->component)
		return damaged(r->err, "no proper scan header");
	if (p[2] >> 4 >= TABLES || !r->tables[p[2] >> 4].defined)
		return damaged(r->err, "no Huffman table");
	s.table = &r->tables[p[2] >> 4];
	s.predictor = p[3];
	shift = p[5] & 15;
	if (s.predictor < 1 || s.predictor > 7 || shift >= r->precision)
		return damaged(r->err, "no such predictor or point transform");
	/* T.81 H.1.1: whole rows */
	if (r->restart % r->width != 0)
		return unsupported(r->err, "restarts within rows");
	s.first = (uint16_t)(1u << (r->precision - shift - 1));
	rows = mmn_alloc_zero(env, r->width, 2 * sizeof *rows);
	if (!rows)
		return mmn_fail(r->err, MMN_NO_MEMORY, "no memory for rows");
	status = read_rows(r, &s, shift, rows, out);
	mmn_free(env, rows);
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
				return read_scan(env, r, p + 4, size - 2, out);
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
						 unsigned cell_bytes, uint8_t *out, mmn_error *err)
{
	reader *r;
	mmn_status status;

	if (width < 1 || height < 1 || width > UINT16_MAX || height > UINT16_MAX ||
		cell_bytes < 1 || cell_bytes > 2)
		return mmn_fail(err, MMN_BAD_ARGUMENT, "no size for lossless JPEG");
	r = mmn_alloc_zero(env, 1, sizeof *r);
	if (!r)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to decode JPEG data");
	r->at = bytes;
	r->end = bytes + length;
	r->width = width;
	r->height = height;
	r->cell_bytes = cell_bytes;
	r->err = err;
	status = read_segments(env, r, out);
	mmn_free(env, r);
	return status;
}
