/*
 * JPEG-LS (ITU-T T.87, LOCO-I).
 *
 * A sample is predicted from its neighbours to the left (a), above (b), above
 * left (c) and above right (d).  The differences d-b, b-c and c-a, put into
 * nine classes each, choose one of 365 contexts, which know how large errors
 * of prediction were there (A, over N of them), so how to code the next one,
 * and how far they were off on average (B, C).  Where all three differences
 * are nought, a run of equal samples begins, whose length is coded instead.
 *
 * Names of one letter and numbers of clauses are those of T.87 Annex A.  The
 * rest is markers: SOI, LSE with other parameters, SOF55, SOS, data.  Three
 * components come sample by sample, line by line, or each in its own scan.
 */
#include "image/jpeg_ls.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/jpeg_entropy.h"

#define MAX_COMPONENTS 3
#define CONTEXTS 365
#define MAX_RUN_INDEX 31

typedef struct context
{
	int32_t a, b, c, n;
} context;

/* A.7.2: what interrupts a run; type 0 where b differs from a, type 1 else */
typedef struct run_context
{
	int32_t a, n, negative;
} run_context;

typedef struct scan
{
	mmn_jpeg_bits in;
	bool after_ff; /* the next byte has a stuffed bit (A.1) */
	bool bad;	   /* a code came that no encoder makes */
	int32_t near;
	int32_t step; /* 2 near + 1 */
	int32_t most; /* MAXVAL */
	int32_t range;
	int32_t reset;
	int32_t initial; /* A of a new context */
	unsigned value_bits;
	unsigned limit;
	const int8_t *classes; /* of differences, -most..most */
	unsigned components;   /* in this scan */
	unsigned run_index[MAX_COMPONENTS];
	context contexts[CONTEXTS];
	run_context runs[2];
} scan;

typedef enum interleave
{
	BY_COMPONENT = 0,
	BY_LINE = 1,
	BY_SAMPLE = 2
} interleave;

typedef struct reader
{
	const mmn_env *env;
	const uint8_t *at;
	const uint8_t *end;
	uint32_t width;
	uint32_t height;
	unsigned components;
	unsigned cell_bytes;
	unsigned precision; /* 0: no SOF yet */
	uint8_t ids[MAX_COMPONENTS];
	unsigned seen; /* components that had their scan, a bit each */
	uint32_t restart; /* lines between restarts; 0: none */
	unsigned transform; /* HP1 to HP3; 0: none */
	uint16_t preset[5]; /* MAXVAL, T1, T2, T3, RESET; 0: as A.2.1 has it */
	mmn_error *err;
} reader;

/* A.7.1.1: 2 to this power samples of a run for a bit */
static const uint8_t run_bits[MAX_RUN_INDEX + 1] = {
	0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,  2,  3,  3,  3,  3,
	4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static mmn_status
damaged(mmn_error *err, const char *what)
{
	return mmn_fail(err, MMN_BAD_DATA, "the JPEG-LS data are damaged: %s",
					what);
}

static mmn_status
unsupported(mmn_error *err, const char *what)
{
	return mmn_fail(err, MMN_UNSUPPORTED, "unsupported JPEG-LS: %s", what);
}

/* ---- bits ---- */

/* Byte by byte, seven bits behind 0xFF; zeros from a marker or the end on. */
static void
refill_slowly(scan *s)
{
	mmn_jpeg_bits *in = &s->in;

	while (in->count <= 56)
	{
		bool last = in->at == in->end ||
					(*in->at == 0xFF &&
					 (in->end - in->at < 2 || in->at[1] >= 0x80));
		unsigned n = s->after_ff ? 7 : 8;
		uint64_t byte = last ? 0 : *in->at++;

		if (last)
			in->missing += n;
		s->after_ff = byte == 0xFF;
		in->bits |= byte << (64 - n - in->count);
		in->count += n;
	}
}

/* At least 56 valid bits, as mmn_jpeg_refill() does. */
static inline void
refill(scan *s)
{
	const uint64_t ones = 0x0101010101010101u;
	mmn_jpeg_bits *in = &s->in;
	uint64_t next;

	if (in->end - in->at >= 8 && !s->after_ff)
	{
		memcpy(&next, in->at, sizeof next);
		if (!((~next - ones) & next & ones << 7)) /* no byte is 0xFF */
		{
			in->bits |= be64toh(next) >> in->count;
			in->at += (63 - in->count) / 8;
			in->count |= 56;
			return;
		}
	}
	refill_slowly(s);
}

static inline uint32_t
take(scan *s, unsigned n)
{
	uint32_t v;

	if (n == 0)
		return 0;
	if (s->in.count < n)
		refill(s);
	v = (uint32_t)(s->in.bits >> (64 - n));
	mmn_jpeg_consume(&s->in, n);
	return v;
}

/* How many zeros come before the next one, which is taken as well. */
static inline unsigned
take_zeros(scan *s)
{
	unsigned zeros;

	if (s->in.count < 56)
		refill(s);
	zeros = s->in.bits ? (unsigned)__builtin_clzll(s->in.bits) : 64;
	if (__builtin_expect(zeros >= s->in.count, 0))
	{
		/* at least 56, and no code has 64 */
		zeros = s->in.count;
		s->in.bits = zeros < 64 ? s->in.bits << zeros : 0;
		s->in.count = 0;
		refill(s);
		while (zeros < 64 && !take(s, 1))
			zeros++;
		return zeros;
	}
	/* by two steps: together they may be all of the 64 bits */
	mmn_jpeg_consume(&s->in, zeros);
	mmn_jpeg_consume(&s->in, 1);
	return zeros;
}

/* A.5.3: zeros count upper parts, "limit" of them at most; k bits follow. */
static inline int32_t
take_golomb(scan *s, unsigned k, unsigned limit)
{
	unsigned escape = limit - s->value_bits - 1;
	unsigned zeros = take_zeros(s);
	uint32_t v;

	if (zeros > escape)
	{
		s->bad = true;
		return 0;
	}
	if (zeros < escape)
		v = zeros << k | take(s, k);
	else
		v = take(s, s->value_bits) + 1;
	/* no error is larger: else sums could overflow */
	if (v > 2 * (uint32_t)s->range)
	{
		s->bad = true;
		return 0;
	}
	return (int32_t)v;
}

/* ---- samples ---- */

/* A.5.1: the least k with n 2^k >= a */
static inline unsigned
golomb_parameter(int32_t n, int32_t a)
{
	int k = __builtin_clz((unsigned)n) - __builtin_clz((unsigned)a | 1u);

	if (k < 0)
		return 0;
	return (unsigned)k + (n << k < a);
}

/* A.4.5, A.4.4: modulo the range, then into it */
static inline int32_t
reconstruct(const scan *s, int32_t near, int32_t prediction, int32_t error)
{
	int32_t step = near ? s->step : 1;
	int32_t v = prediction + error * step;

	if (v < -near)
		v += s->range * step;
	else if (v > s->most + near)
		v -= s->range * step;
	return v < 0 ? 0 : v > s->most ? s->most : v;
}

/* A.6: the context learns from an error. */
static inline void
update(const scan *s, context *q, int32_t near, int32_t error)
{
	q->a += abs(error);
	q->b += near ? error * s->step : error;
	if (q->n == s->reset)
	{
		q->a >>= 1;
		q->b = q->b >= 0 ? q->b >> 1 : -((1 - q->b) >> 1);
		q->n >>= 1;
	}
	q->n++;
	if (q->b <= -q->n)
	{
		q->b += q->n;
		if (q->b <= -q->n)
			q->b = -q->n + 1;
		if (q->c > -128)
			q->c--;
	}
	else if (q->b > 0)
	{
		q->b -= q->n;
		if (q->b > 0)
			q->b = 0;
		if (q->c < 127)
			q->c++;
	}
}

/* A.4, A.5: one sample; class: of its differences, -364 to 364 */
static inline __attribute__((always_inline)) int32_t
take_sample(scan *s, int32_t near, int32_t class, int32_t a, int32_t b,
			int32_t c)
{
	int32_t sign = class >> 31; /* 0 or -1 */
	context *q = &s->contexts[(class ^ sign) - sign];
	unsigned k = golomb_parameter(q->n, q->a);
	int32_t low = a < b ? a : b, high = a < b ? b : a;
	int32_t prediction = c >= high ? low : c <= low ? high : a + b - c;
	int32_t mapped, error;

	prediction += (q->c ^ sign) - sign;
	prediction = prediction < 0			? 0
				 : prediction > s->most ? s->most
										: prediction;
	mapped = take_golomb(s, k, s->limit);
	error = (mapped >> 1) ^ -(mapped & 1);
	if (near == 0 && k == 0 && 2 * q->b <= -q->n)
		error = ~error;
	update(s, q, near, error);
	return reconstruct(s, near, prediction, (error ^ sign) - sign);
}

/* A.7.2: the sample behind a run; type 1: a and b are alike */
static int32_t
take_interruption(scan *s, unsigned run_index, unsigned type, int32_t a,
				  int32_t b)
{
	run_context *q = &s->runs[type];
	unsigned k = golomb_parameter(q->n, q->a + (type ? q->n >> 1 : 0));
	int32_t coded = take_golomb(s, k, s->limit - run_bits[run_index] - 1);
	int32_t odd = (coded + (int32_t)type) & 1;
	int32_t error = (coded + (int32_t)type + odd) / 2;

	if ((k != 0 || 2 * q->negative >= q->n) == (odd != 0))
		error = -error;
	q->negative += error < 0;
	q->a += (coded + 1 - (int32_t)type) >> 1;
	if (q->n == s->reset)
	{
		q->a >>= 1;
		q->n >>= 1;
		q->negative >>= 1;
	}
	q->n++;
	if (type)
		return reconstruct(s, s->near, a, error);
	return reconstruct(s, s->near, b, a > b ? -error : error);
}

/* A.7.1: how many of the samples left in the line are the same */
static uint32_t
take_run(scan *s, unsigned *run_index, uint32_t left)
{
	uint32_t n = 0;

	while (take(s, 1))
	{
		uint32_t more = 1u << run_bits[*run_index];

		if (more > left - n)
			return left;
		n += more;
		if (*run_index < MAX_RUN_INDEX)
			++*run_index;
		if (n == left)
			return n;
	}
	n += take(s, run_bits[*run_index]);
	if (n >= left)
	{
		s->bad = true;
		return left;
	}
	return n;
}

static bool
is_near(const scan *s, int32_t a, int32_t b)
{
	return abs(a - b) <= s->near;
}

static inline int32_t
class_of(const scan *s, int32_t a, int32_t b, int32_t c, int32_t d)
{
	return s->classes[d - b] * 81 + s->classes[b - c] * 9 + s->classes[c - a];
}

/*
 * A line of one component; above[] and row[] have a sample more at either
 * end, of which all but row[width + 1] are set.
 */
static inline __attribute__((always_inline)) void
read_line_near(scan *s, int32_t near, unsigned *run_index, uint32_t width,
			   const uint16_t *above, uint16_t *row)
{
	int32_t a = row[0], b = above[1], c = above[0];

	for (uint32_t x = 1; x <= width; x++)
	{
		int32_t d = above[x + 1];
		int32_t class = class_of(s, a, b, c, d);

		if (class != 0)
		{
			a = take_sample(s, near, class, a, b, c);
			row[x] = (uint16_t)a;
		}
		else
		{
			uint32_t run = take_run(s, run_index, width + 1 - x);

			for (; run > 0; run--)
				row[x++] = (uint16_t)a;
			if (x > width)
				return;
			b = above[x];
			d = above[x + 1];
			a = take_interruption(s, *run_index, is_near(s, a, b), a, b);
			row[x] = (uint16_t)a;
			if (*run_index > 0)
				--*run_index;
		}
		c = b;
		b = d;
	}
}

static void
read_line(scan *s, unsigned component, uint32_t width, const uint16_t *above,
		  uint16_t *row)
{
	if (s->near == 0)
		read_line_near(s, 0, &s->run_index[component], width, above, row);
	else
		read_line_near(s, s->near, &s->run_index[component], width, above,
					   row);
}

/* The same of several components at once, whose runs are one. */
static void
read_line_by_sample(scan *s, uint32_t width, size_t stride,
					const uint16_t *above, uint16_t *row)
{
	for (uint32_t x = 1; x <= width; x++)
	{
		int32_t class[MAX_COMPONENTS], any = 0;

		for (unsigned k = 0; k < s->components; k++)
		{
			const uint16_t *up = above + k * stride + x;

			class[k] = class_of(s, row[k * stride + x - 1], up[0], up[-1],
								up[1]);
			any |= class[k];
		}
		if (!any)
		{
			uint32_t run = take_run(s, &s->run_index[0], width + 1 - x);

			for (; run > 0; run--, x++)
				for (unsigned k = 0; k < s->components; k++)
					row[k * stride + x] = row[k * stride + x - 1];
			if (x > width)
				return;
		}
		for (unsigned k = 0; k < s->components; k++)
		{
			const uint16_t *up = above + k * stride + x;
			int32_t a = row[k * stride + x - 1];

			row[k * stride + x] =
				(uint16_t)(any ? take_sample(s, s->near, class[k], a, up[0],
											 up[-1])
							   : take_interruption(s, s->run_index[0], 0, a,
												   up[0]));
		}
		if (!any && s->run_index[0] > 0)
			s->run_index[0]--;
	}
}

/* ---- scans ---- */

/* What some writers did to red, green and blue first (HP, "mrfx" in APP8). */
static void
undo_transform(unsigned transform, unsigned precision, uint16_t *r, uint16_t *g,
			   uint16_t *b)
{
	int32_t half = 1 << (precision - 1), mask = 2 * half - 1;
	int32_t v1 = *r, v2 = *g, v3 = *b;

	if (transform == 3)
	{
		int32_t green = (v1 - ((v2 + v3) >> 2) + half / 2) & mask;

		*r = (uint16_t)((v3 + green - half) & mask);
		*g = (uint16_t)green;
		*b = (uint16_t)((v2 + green - half) & mask);
		return;
	}
	*r = (uint16_t)((v1 + v2 - half) & mask);
	*b = (uint16_t)((v3 + (transform == 2 ? (*r + v2) >> 1 : v2) - half) &
					mask);
}

/* A line of the scan's components, from "component" on, to its cells. */
static void
store_line(const reader *r, const scan *s, unsigned component, size_t stride,
		   uint16_t *rows, uint8_t *out)
{
	size_t step = r->components;

	if (r->transform && s->components == 3)
		for (uint32_t x = 1; x <= r->width; x++)
			undo_transform(r->transform, r->precision, rows + x,
						   rows + stride + x, rows + 2 * stride + x);
	for (unsigned k = 0; k < s->components; k++)
	{
		const uint16_t *row = rows + k * stride + 1;
		uint8_t *to = out + (component + k) * r->cell_bytes;

		if (r->cell_bytes == 1)
			for (size_t x = 0; x < r->width; x++)
				to[x * step] = (uint8_t)row[x];
		else
			for (size_t x = 0; x < r->width; x++)
				mmn_store_u16le(to + 2 * x * step, row[x]);
	}
}

/* A.2.1: as at the start of a scan */
static void
start_contexts(scan *s)
{
	for (unsigned i = 0; i < CONTEXTS; i++)
		s->contexts[i] = (context){.a = s->initial, .n = 1};
	s->runs[0] = s->runs[1] = (run_context){.a = s->initial, .n = 1};
	memset(s->run_index, 0, sizeof s->run_index);
}

/* rows: two lines of samples for each component */
static mmn_status
read_lines(const reader *r, scan *s, unsigned component, interleave mode,
		   uint16_t *rows, uint8_t *out)
{
	size_t stride = (size_t)r->width + 2, line = stride * s->components;
	size_t out_line = (size_t)r->width * r->components * r->cell_bytes;
	uint16_t *above = rows, *row = rows + line;

	for (uint32_t y = 0; y < r->height; y++)
	{
		uint16_t *t;

		if (y == 0 || (r->restart && y % r->restart == 0))
		{
			if (y > 0 && !mmn_jpeg_pass_restart(&s->in, y / r->restart - 1))
				return damaged(r->err, "a restart marker is missing");
			s->after_ff = false;
			start_contexts(s);
			memset(rows, 0, 2 * line * sizeof *rows);
		}
		for (unsigned k = 0; k < s->components; k++)
		{
			uint16_t *up = above + k * stride;

			row[k * stride] = up[1];
			up[r->width + 1] = up[r->width];
			if (mode != BY_SAMPLE)
				read_line(s, k, r->width, up, row + k * stride);
		}
		if (mode == BY_SAMPLE)
			read_line_by_sample(s, r->width, stride, above, row);
		if (s->bad)
			return damaged(r->err, "a code that makes no sense");
		if (mmn_jpeg_overrun(&s->in))
			return damaged(r->err, "they end before the image does");
		t = above;
		above = row;
		row = t;
		/* undoing a transform needs a copy: the next line looks at this one */
		if (r->transform && s->components == 3)
		{
			memcpy(rows + 2 * line, above, line * sizeof *rows);
			t = rows + 2 * line;
		}
		else
			t = above;
		store_line(r, s, component, stride, t, out + y * out_line);
	}
	return MMN_OK;
}

static int32_t
clamped(int32_t v, int32_t low, int32_t high)
{
	return v > high || v < low ? low : v;
}

static unsigned
bits_for(uint32_t values)
{
	unsigned n = 0;

	while (1u << n < values)
		n++;
	return n;
}

/* C.2.4.1.1: what the preset says, or what there is by default */
static bool
set_parameters(const reader *r, scan *s, int32_t t[3])
{
	int32_t most = r->preset[0] ? r->preset[0] : (1 << r->precision) - 1;
	int32_t least = s->near + 1, bits;

	if (most < 1 || most >= 1 << r->precision || s->near > most / 2)
		return false;
	if (most >= 128)
	{
		int32_t factor = ((most < 4095 ? most : 4095) + 128) / 256;

		t[0] = clamped(factor + 2 + 3 * s->near, least, most);
		t[1] = clamped(4 * factor + 3 + 5 * s->near, t[0], most);
		t[2] = clamped(17 * factor + 4 + 7 * s->near, t[1], most);
	}
	else
	{
		int32_t factor = 256 / (most + 1);
		int32_t a = 3 / factor + 3 * s->near, b = 7 / factor + 5 * s->near;
		int32_t c = 21 / factor + 7 * s->near;

		t[0] = clamped(a < 2 ? 2 : a, least, most);
		t[1] = clamped(b < 3 ? 3 : b, t[0], most);
		t[2] = clamped(c < 4 ? 4 : c, t[1], most);
	}
	for (int i = 0; i < 3; i++)
		if (r->preset[1 + i])
			t[i] = r->preset[1 + i];
	if (t[0] < least || t[1] < t[0] || t[2] < t[1] || t[2] > most)
		return false;
	s->most = most;
	s->step = 2 * s->near + 1;
	s->range = (most + 2 * s->near) / s->step + 1;
	s->reset = r->preset[4] ? r->preset[4] : 64;
	s->initial = (s->range + 32) / 64 < 2 ? 2 : (s->range + 32) / 64;
	s->value_bits = bits_for((uint32_t)s->range);
	bits = (int32_t)bits_for((uint32_t)most + 1);
	bits = bits < 2 ? 2 : bits;
	s->limit = 2u * (unsigned)(bits + (bits < 8 ? 8 : bits));
	return s->reset >= 3;
}

/* Which of nine classes each difference is in (A.3.3); middle of the table. */
static void
fill_classes(int8_t *classes, int32_t most, int32_t near, const int32_t t[3])
{
	for (int32_t d = 0; d <= most; d++)
	{
		int8_t class = (int8_t)(d <= near  ? 0
								: d < t[0] ? 1
								: d < t[1] ? 2
								: d < t[2] ? 3
										   : 4);

		classes[d] = class;
		classes[-d] = (int8_t)-class;
	}
}

/* The components of a scan, all in turn, or one: which. p: the header. */
static bool
find_components(reader *r, const uint8_t *p, unsigned count, unsigned *first)
{
	*first = 0;
	while (count == 1 && *first < r->components && r->ids[*first] != p[1])
		++*first;
	for (unsigned k = 0; k < count; k++)
	{
		if (*first + k >= r->components || p[1 + 2 * k] != r->ids[*first + k] ||
			r->seen & 1u << (*first + k))
			return false;
		r->seen |= 1u << (*first + k);
	}
	return true;
}

static mmn_status
decode_scan(reader *r, scan *s, unsigned component, interleave mode,
			uint8_t *out)
{
	size_t line = ((size_t)r->width + 2) * s->components;
	int32_t t[3];
	uint16_t *rows;
	int8_t *classes;
	mmn_status status;

	if (!set_parameters(r, s, t))
		return damaged(r->err, "no proper coding parameters");
	classes = mmn_alloc(r->env, 2 * (size_t)s->most + 1);
	rows = mmn_alloc_array(r->env, line, 3 * sizeof *rows);
	if (classes && rows)
	{
		fill_classes(classes + s->most, s->most, s->near, t);
		s->classes = classes + s->most;
		status = read_lines(r, s, component, mode, rows, out);
	}
	else
		status =
			mmn_fail(r->err, MMN_NO_MEMORY, "no memory to decode JPEG-LS data");
	mmn_free(r->env, classes);
	mmn_free(r->env, rows);
	return status;
}

static mmn_status
read_scan(reader *r, const uint8_t *p, size_t n, uint8_t *out)
{
	unsigned count = n > 0 ? p[0] : 0, component;
	const uint8_t *tail = p + 1 + 2 * count;
	mmn_status status;
	scan *s;

	if (!r->precision || (count != 1 && count != r->components) ||
		n < 4 + 2 * (size_t)count ||
		!find_components(r, p, count, &component) || tail[1] > BY_SAMPLE ||
		(count == 1) != (tail[1] == BY_COMPONENT))
		return damaged(r->err, "no proper scan header");
	for (unsigned k = 0; k < count; k++)
		if (p[2 + 2 * k] != 0)
			return unsupported(r->err, "a palette");
	if (tail[2] & 15)
		return unsupported(r->err, "a point transform");
	s = mmn_alloc_zero(r->env, 1, sizeof *s);
	if (!s)
		return mmn_fail(r->err, MMN_NO_MEMORY,
						"no memory to decode JPEG-LS data");
	s->in = (mmn_jpeg_bits){.at = p + n, .end = r->end};
	s->near = tail[0];
	s->components = count;
	status = decode_scan(r, s, component, (interleave)tail[1], out);
	r->at = s->in.at;
	mmn_free(r->env, s);
	/* to a marker: in front of it may be fill bits */
	while (r->end - r->at >= 2 && !(r->at[0] == 0xFF && r->at[1] >= 0x80))
		r->at++;
	return status;
}

/* ---- markers; p is a segment without its length ---- */

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

/* LSE (C.2.4.1) */
static mmn_status
read_preset(reader *r, const uint8_t *p, size_t n)
{
	if (n < 1)
		return damaged(r->err, "no proper parameters");
	if (p[0] != 1)
		return unsupported(r->err, "a palette, or more than 65,535 lines");
	if (n < 11)
		return damaged(r->err, "no proper parameters");
	for (int i = 0; i < 5; i++)
		r->preset[i] = mmn_load_u16be(p + 1 + 2 * i);
	return MMN_OK;
}

/* DRI, of 2, 3 or 4 bytes (C.2.5) */
static mmn_status
read_restart(reader *r, const uint8_t *p, size_t n)
{
	if (n < 2 || n > 4)
		return damaged(r->err, "no proper restart interval");
	r->restart = 0;
	for (size_t i = 0; i < n; i++)
		r->restart = r->restart << 8 | p[i];
	return MMN_OK;
}

static mmn_status
read_segment(reader *r, uint8_t *out)
{
	const uint8_t *p = r->at;
	size_t left = (size_t)(r->end - p), size;
	uint8_t marker;

	if (left < 4 || p[0] != 0xFF)
		return damaged(r->err, "no marker where one should be");
	marker = p[1];
	if (marker == 0xFF || marker == 0xD8 || marker == 0x01)
	{
		r->at += marker == 0xFF ? 1 : 2;
		return MMN_OK;
	}
	size = mmn_load_u16be(p + 2);
	if (size < 2 || size > left - 2)
		return damaged(r->err, "a segment beyond the end");
	r->at += 2 + size;
	p += 4;
	size -= 2;
	switch (marker)
	{
		case 0xF7:
			return read_frame_header(r, p, size);
		case 0xF8:
			return read_preset(r, p, size);
		case 0xDD:
			return read_restart(r, p, size);
		case 0xDA:
			return read_scan(r, p, size, out);
		case 0xE8:
			if (size != 5 || memcmp(p, "mrfx", 4) != 0)
				return MMN_OK;
			if (p[4] > 3)
				return unsupported(r->err, "a colour transform");
			r->transform = p[4];
			return MMN_OK;
		default: /* APPn, COM, … */
			if ((marker >= 0xC0 && marker <= 0xCF) || marker == 0xDC)
				return unsupported(r->err, "another coding process");
			return MMN_OK;
	}
}

mmn_status
mmn_jpeg_ls_decode(const mmn_env *env, const uint8_t *bytes, size_t length,
				   uint32_t width, uint32_t height, unsigned components,
				   unsigned cell_bytes, uint8_t *out, mmn_error *err)
{
	reader r = {
		.env = env,
		.at = bytes,
		.end = bytes + length,
		.width = width,
		.height = height,
		.components = components,
		.cell_bytes = cell_bytes,
		.err = err,
	};
	mmn_status status = MMN_OK;

	if (width < 1 || height < 1 || width > UINT16_MAX || height > UINT16_MAX ||
		(components != 1 && components != 3) || cell_bytes < 1 ||
		cell_bytes > 2)
		return mmn_fail(err, MMN_BAD_ARGUMENT, "no size for JPEG-LS");
	while (status == MMN_OK && r.seen != (1u << components) - 1)
		status = read_segment(&r, out);
	return status;
}
