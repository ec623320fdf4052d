/*
 * 12-bit DCT JPEG: ITU-T T.81, sequential and progressive, from an encoder of
 * coefficients made for the test, against the transform in floating point.
 */

#include "image/jpeg_dct.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tap.h"

#define WIDTH 37u
#define HEIGHT 19u
#define ACROSS 5u /* blocks */
#define DOWN 3u
#define BLOCKS (ACROSS * DOWN)
#define STEP 3

typedef struct writer
{
	uint8_t bytes[65536];
	size_t length;
	uint32_t bits;
	unsigned count;
} writer;

static const uint8_t zigzag[64] = {
	0,	1,	8,	16, 9,	2,	3,	10, 17, 24, 32, 25, 18, 11, 4,	5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,	7,	14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

static void
put(writer *w, const void *bytes, size_t n)
{
	memcpy(w->bytes + w->length, bytes, n);
	w->length += n;
}

static void
put_bits(writer *w, uint32_t bits, unsigned n)
{
	while (n-- > 0)
	{
		w->bits = w->bits << 1 | (bits >> n & 1);
		if (++w->count < 8)
			continue;
		w->bytes[w->length++] = (uint8_t)w->bits;
		if ((w->bits & 0xFF) == 0xFF)
			w->bytes[w->length++] = 0;
		w->count = 0;
	}
}

static void
flush_bits(writer *w)
{
	while (w->count > 0)
		put_bits(w, 1, 1);
}

/* Every symbol is a code of 9 bits: itself; but from 200 on it has 10. */
static void
put_symbol(writer *w, unsigned symbol)
{
	if (symbol < 200)
		put_bits(w, symbol, 9);
	else
		put_bits(w, 200 + symbol, 10);
}

static unsigned
size_of(int v)
{
	unsigned size = 0;

	while (abs(v) >> size)
		size++;
	return size;
}

static void
put_value(writer *w, int v, unsigned size)
{
	put_bits(w, (uint32_t)(v < 0 ? v - 1 : v), size);
}

static void
put_head(writer *w, bool progressive, unsigned components, unsigned factor,
		 unsigned restart)
{
	uint8_t frame[] = {0xFF, progressive ? 0xC2 : 0xC1,
					   0,	 (uint8_t)(8 + 3 * components),
					   12,	 0,
					   HEIGHT, 0,
					   WIDTH, (uint8_t)components};
	uint8_t interval[] = {0xFF, 0xDD, 0, 4, 0, (uint8_t)restart};

	memset(w, 0, sizeof *w);
	put(w, "\xFF\xD8\xFF\xFE\0\4xy\xFF\xDB\0\x43\0", 13);
	for (unsigned i = 0; i < 64; i++)
		put(w, (uint8_t[]){STEP}, 1);
	put(w, frame, sizeof frame);
	for (unsigned i = 0; i < components; i++)
		put(w,
			(uint8_t[]){(uint8_t)('a' + i),
						(uint8_t)((i ? 1 : factor) << 4 | (i ? 1 : factor)), 0},
			3);
	for (unsigned class = 0; class < 2; class++)
	{
		uint8_t counts[16] = {[8] = 200, [9] = 56};

		put(w, "\xFF\xC4\x01\x13", 4);
		put(w, (uint8_t[]){(uint8_t)(class << 4)}, 1);
		put(w, counts, 16);
		for (unsigned i = 0; i < 256; i++)
			put(w, (uint8_t[]){(uint8_t)i}, 1);
	}
	put(w, interval, sizeof interval);
}

static void
put_scan(writer *w, unsigned components, unsigned first, unsigned last,
		 unsigned high, unsigned low)
{
	put(w, (uint8_t[]){0xFF, 0xDA, 0, (uint8_t)(6 + 2 * components),
					   (uint8_t)components},
		5);
	for (unsigned i = 0; i < components; i++)
		put(w, (uint8_t[]){(uint8_t)('a' + i), 0}, 2);
	put(w, (uint8_t[]){(uint8_t)first, (uint8_t)last,
					   (uint8_t)(high << 4 | low)},
		3);
}

static void
put_dc(writer *w, int v, int *before)
{
	unsigned size = size_of(v - *before);

	put_symbol(w, size);
	put_value(w, v - *before, size);
	*before = v;
}

/* As sequential files have it, or the first bits of a progressive band. */
static void
put_ac(writer *w, const int16_t *block, unsigned first, unsigned last,
	   unsigned low)
{
	unsigned run = 0;

	for (unsigned k = first; k <= last; k++)
	{
		int v = block[zigzag[k]] / (1 << low);

		if (v == 0)
		{
			run++;
			continue;
		}
		for (; run > 15; run -= 16)
			put_symbol(w, 0xF0);
		put_symbol(w, run << 4 | size_of(v));
		put_value(w, v, size_of(v));
		run = 0;
	}
	if (run > 0)
		put_symbol(w, 0);
}

/* One more bit of a band (T.81 G.1.2.3), without runs of blocks. */
static void
put_refinement(writer *w, const int16_t *block, unsigned first, unsigned last,
			   unsigned low)
{
	unsigned at = first, end = first;

	for (unsigned k = first; k <= last; k++)
		if (abs(block[zigzag[k]]) >> low == 1)
			end = k + 1;
	while (at <= last)
	{
		unsigned run = 0, k = at;

		/* to the next that becomes 1, or the sixteenth zero */
		while (k < end && abs(block[zigzag[k]]) >> low != 1 && run < 16)
			run += abs(block[zigzag[k++]]) >> low == 0;
		if (at >= end)
		{
			put_symbol(w, 0);
			k = last;
		}
		else if (run == 16)
		{
			put_symbol(w, 0xF0);
			k--;
		}
		else
		{
			put_symbol(w, run << 4 | 1);
			put_bits(w, block[zigzag[k]] > 0, 1);
		}
		for (; at <= k; at++)
			if (abs(block[zigzag[at]]) >> low > 1)
				put_bits(w, (uint32_t)abs(block[zigzag[at]]) >> low, 1);
	}
}

static void
make_blocks(int16_t blocks[][64], size_t n, uint32_t state)
{
	for (size_t b = 0; b < n; b++)
		for (unsigned i = 0; i < 64; i++)
		{
			state = state * 1664525 + 1013904223;
			blocks[b][i] = 0;
			if (i == 0)
				blocks[b][i] = (int16_t)((int)(state >> 20) - 2048);
			else if (state >> 29 == 0)
				blocks[b][i] = (int16_t)((int)(state >> 20 & 255) - 128);
		}
}

/* T.81 A.3.3, as it stands there */
static double
sample(const int16_t *block, unsigned x, unsigned y)
{
	double sum = 0;

	for (unsigned v = 0; v < 8; v++)
		for (unsigned u = 0; u < 8; u++)
			sum += (u ? 1 : sqrt(.5)) * (v ? 1 : sqrt(.5)) * STEP *
				   block[8 * v + u] * cos((2 * x + 1) * u * acos(-1) / 16) *
				   cos((2 * y + 1) * v * acos(-1) / 16);
	sum = sum / 4 + 2048;
	return sum < 0 ? 0 : sum > 4095 ? 4095 : sum;
}

static mmn_status
decode(const writer *w, size_t length, unsigned components, uint8_t *out,
	   mmn_error *err)
{
	/* of its exact size, so that reading beyond is seen */
	uint8_t *in = malloc(length);
	mmn_status status;

	memcpy(in, w->bytes, length);
	status = mmn_jpeg_dct12_decode(&mmn_env_default, in, length, WIDTH, HEIGHT,
								   components, out, err);
	free(in);
	return status;
}

/* Largest difference from what the blocks should give. */
static double
distance(const uint8_t *out, int16_t blocks[][64])
{
	double most = 0;

	for (unsigned y = 0; y < HEIGHT; y++)
		for (unsigned x = 0; x < WIDTH; x++)
		{
			const uint8_t *p = out + 2 * (y * WIDTH + x);
			double want =
				sample(blocks[y / 8 * ACROSS + x / 8], x % 8, y % 8);

			most = fmax(most, fabs((p[0] | p[1] << 8) - want));
		}
	return most;
}

static void
encode_sequential(writer *w, int16_t blocks[][64], unsigned restart)
{
	int before = 0;

	put_head(w, false, 1, 2, restart);
	put_scan(w, 1, 0, 63, 0, 0);
	for (unsigned b = 0; b < BLOCKS; b++)
	{
		if (restart && b && b % restart == 0)
		{
			flush_bits(w);
			put(w, (uint8_t[]){0xFF, (uint8_t)(0xD0 + (b / restart - 1) % 8)},
				2);
			before = 0;
		}
		put_dc(w, blocks[b][0], &before);
		put_ac(w, blocks[b], 1, 63, 0);
	}
	flush_bits(w);
}

static void
encode_progressive(writer *w, int16_t blocks[][64])
{
	int before = 0;

	put_head(w, true, 1, 1, 0);
	put_scan(w, 1, 0, 0, 0, 1);
	for (unsigned b = 0; b < BLOCKS; b++)
		put_dc(w, blocks[b][0] >> 1, &before);
	flush_bits(w);
	for (unsigned low = 2; low-- > 0;)
		for (unsigned band = 0; band < 2; band++)
		{
			unsigned first = band ? 6 : 1, last = band ? 63 : 5;

			put_scan(w, 1, first, last, low ? 0 : 1, low);
			for (unsigned b = 0; b < BLOCKS; b++)
				if (low)
					put_ac(w, blocks[b], first, last, low);
				else
					put_refinement(w, blocks[b], first, last, low);
			flush_bits(w);
		}
	put_scan(w, 1, 0, 0, 1, 0);
	for (unsigned b = 0; b < BLOCKS; b++)
		put_bits(w, (uint32_t)blocks[b][0], 1);
	flush_bits(w);
	put(w, "\xFF\xD9", 2);
}

/* Three components, the first with four blocks in a unit; only DC. */
static void
test_subsampling(void)
{
	static writer w;
	uint8_t out[WIDTH * HEIGHT * 6];
	int before[3] = {0}, wrong = 0;
	mmn_error err = {0};

	put_head(&w, false, 3, 2, 0);
	put_scan(&w, 3, 0, 63, 0, 0);
	for (int unit = 0; unit < 6; unit++)
		for (int c = 0; c < 3; c++)
			for (int b = 0; b < (c ? 1 : 4); b++)
			{
				put_dc(&w, 100 * c + 10 * unit + b, &before[c]);
				put_symbol(&w, 0);
			}
	flush_bits(&w);
	is_int(decode(&w, w.length, 3, out, &err), MMN_OK, "subsampled colour: %s",
		   err.text);
	for (unsigned y = 0; y < HEIGHT; y++)
		for (unsigned x = 0; x < WIDTH; x++)
			for (unsigned c = 0; c < 3; c++)
			{
				const uint8_t *p = out + 2 * ((y * WIDTH + x) * 3 + c);
				int unit = (int)(y / 16 * 3 + x / 16);
				int b = c ? 0 : (int)(y / 8 % 2 * 2 + x / 8 % 2);
				double want =
					2048 + STEP * (100. * c + 10 * unit + b) / 8;

				wrong += fabs((p[0] | p[1] << 8) - want) > .5;
			}
	is_int(wrong, 0, "each sample is its block's");
}

int
main(void)
{
	static writer w;
	int16_t blocks[BLOCKS][64];
	uint8_t out[WIDTH * HEIGHT * 2];
	unsigned accepted = 0;
	mmn_error err = {0};
	size_t data;

	make_blocks(blocks, BLOCKS, 1);
	for (unsigned restart = 0; restart <= 4; restart += 2)
	{
		encode_sequential(&w, blocks, restart);
		is_int(decode(&w, w.length, 1, out, &err), MMN_OK,
			   "sequential, restart after %u blocks, no end marker: %s",
			   restart, err.text);
		ok(distance(out, blocks) < 1.01, "right to 1 in 4096");
	}
	encode_progressive(&w, blocks);
	is_int(decode(&w, w.length, 1, out, &err), MMN_OK, "progressive: %s",
		   err.text);
	ok(distance(out, blocks) < 1.01, "right to 1 in 4096");
	test_subsampling();

	for (unsigned progressive = 0; progressive < 2; progressive++)
	{
		accepted = 0;
		if (progressive)
			encode_progressive(&w, blocks);
		else
			encode_sequential(&w, blocks, 2);
		for (size_t n = 1; n + 3 < w.length; n++)
			accepted += decode(&w, n, 1, out, &err) == MMN_OK;
		is_int(accepted, 0, "data cut off anywhere are refused");
		/* an error or an image, but never more than that */
		for (size_t i = 2; i < w.length; i++)
		{
			w.bytes[i] ^= (uint8_t)(1u << i % 8);
			decode(&w, w.length, 1, out, &err);
			w.bytes[i] ^= (uint8_t)(1u << i % 8);
		}
		ok(1, "changed bits do no harm");
	}
	encode_sequential(&w, blocks, 2);
	for (data = w.length; w.bytes[data - 2] != 0xFF || w.bytes[data - 1] != 0xD1;)
		data--;
	w.bytes[data - 1] = 0xD5;
	is_int(decode(&w, w.length, 1, out, &err), MMN_BAD_DATA,
		   "restart markers out of turn are refused");
	is_int(mmn_jpeg_dct12_decode(&mmn_env_default, w.bytes, w.length, WIDTH + 1,
								 HEIGHT, 1, out, &err),
		   MMN_BAD_DATA, "another size is refused");
	put_head(&w, false, 1, 1, 0);
	w.bytes[8 + 5 + 64 + 1] = 0xC9;
	is_int(decode(&w, w.length, 1, out, &err), MMN_UNSUPPORTED,
		   "arithmetic coding is for nobody");
	return done_testing();
}
