/* Lossless JPEG: ITU-T T.81 Annex H, against an encoder made for the test */

#include "image/jpeg_lossless.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tap.h"

#define WIDTH 37u
#define HEIGHT 11u
#define PIXELS (WIDTH * HEIGHT)

typedef struct writer
{
	uint8_t bytes[16384];
	size_t length;
	uint32_t bits;
	unsigned count;
} writer;

typedef struct options
{
	unsigned precision;
	unsigned predictor;
	unsigned shift;
	unsigned restart_rows;
} options;

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

/*
 * Codes 00, 01, 10, 110, 1110, … for sizes 0, 1, 2, 3, 4, …: short ones, and
 * such that only a search finds.
 */
static void
put_difference(writer *w, uint16_t difference)
{
	int32_t d = (int16_t)difference;
	uint32_t magnitude = (uint32_t)abs(d);
	unsigned size = 0;

	while (magnitude >> size)
		size++;
	if (size < 3)
		put_bits(w, size, 2);
	else
		put_bits(w, (1u << size) - 2, size);
	if (size < 16)
		put_bits(w, (uint32_t)(d < 0 ? d - 1 : d), size);
}

static int
predicted(const options *o, const uint16_t *v, unsigned x, unsigned y)
{
	unsigned from = o->restart_rows ? y % o->restart_rows : y;
	int a = x ? v[-1] : 0, b = y ? v[-(int)WIDTH] : 0;
	int c = x && y ? v[-(int)WIDTH - 1] : 0;

	if (from == 0)
		return x ? a : 1 << (o->precision - o->shift - 1);
	if (x == 0)
		return b;
	switch (o->predictor)
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

static const uint8_t table[] = {
	0xFF, 0xC4, 0, 36, 0, 0, 3, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1,
	1,	  1,	0, 1,  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void
encode(writer *w, const options *o, const uint16_t *samples)
{
	uint8_t frame[] = {0xFF, 0xC3,	 0, 11,	   (uint8_t)o->precision,
					   0,	 HEIGHT, 0, WIDTH, 1,
					   1,	 0x11,	 0};
	uint8_t scan[] = {
		0xFF, 0xDA, 0, 8, 1, 1, 0, (uint8_t)o->predictor, 0, (uint8_t)o->shift};
	uint8_t restart[] = {0xFF, 0xDD, 0, 4, 0, 0};
	uint16_t v[PIXELS];

	memset(w, 0, sizeof *w);
	restart[4] = (uint8_t)(o->restart_rows * WIDTH >> 8);
	restart[5] = (uint8_t)(o->restart_rows * WIDTH);
	for (unsigned i = 0; i < PIXELS; i++)
		v[i] = samples[i] >> o->shift;
	put(w, "\xFF\xD8\xFF\xE0\0\4xy", 8);
	put(w, frame, sizeof frame);
	put(w, table, sizeof table);
	put(w, restart, sizeof restart);
	put(w, scan, sizeof scan);
	for (unsigned y = 0; y < HEIGHT; y++)
	{
		if (o->restart_rows && y && y % o->restart_rows == 0)
		{
			uint8_t n = (uint8_t)(y / o->restart_rows - 1);

			flush_bits(w);
			put(w, (uint8_t[]){0xFF, 0xD0 + n % 8}, 2);
		}
		for (unsigned x = 0; x < WIDTH; x++)
		{
			const uint16_t *at = v + y * WIDTH + x;

			put_difference(w, (uint16_t)(*at - predicted(o, at, x, y)));
		}
	}
	flush_bits(w);
	put(w, "\xFF\xD9", 2);
}

/* Noise of all sizes: each sample by a random number of bits. */
static void
make_samples(uint16_t *out, unsigned precision, unsigned shift)
{
	uint32_t state = 12345 + precision;

	for (unsigned i = 0; i < PIXELS; i++)
	{
		unsigned bits;

		state = state * 1664525 + 1013904223;
		bits = (state >> 16) % (precision + 1);
		state = state * 1664525 + 1013904223;
		out[i] =
			(uint16_t)((state >> 15 & ((1u << bits) - 1)) >> shift << shift);
	}
	/* a difference of 32768 */
	out[PIXELS - 1] = precision == 16 ? out[PIXELS - 2] ^ 0x8000 : 0;
}

static mmn_status
decode(const writer *w, size_t length, unsigned cell_bytes, uint8_t *out,
	   mmn_error *err)
{
	/* of its exact size, so that reading beyond is seen */
	uint8_t *in = malloc(length);
	mmn_status status;

	memcpy(in, w->bytes, length);
	status = mmn_jpeg_lossless_decode(&mmn_env_default, in, length, WIDTH,
									  HEIGHT, 1, cell_bytes, out, err);
	free(in);
	return status;
}

static void
round_trip(const options *o)
{
	static writer w;
	uint16_t samples[PIXELS];
	uint8_t out[2 * PIXELS];
	unsigned cell_bytes = o->precision > 8 ? 2 : 1;
	unsigned wrong = 0;
	mmn_error err = {0};

	make_samples(samples, o->precision, o->shift);
	encode(&w, o, samples);
	if (decode(&w, w.length, cell_bytes, out, &err) != MMN_OK)
		wrong = PIXELS;
	for (unsigned i = 0; i < PIXELS && wrong < PIXELS; i++)
		wrong += samples[i] !=
				 (cell_bytes == 1 ? out[i] : out[2 * i] | out[2 * i + 1] << 8);
	is_int(wrong, 0, "%u bits, predictor %u, shift %u, restart after %u rows",
		   o->precision, o->predictor, o->shift, o->restart_rows);
}

/* Three components, in one scan or each in its own: made of three encodings. */
static void
test_colour(bool interleaved)
{
	static const uint8_t head[] = {0xFF, 0xD8, 0xFF, 0xC3,	 0, 17,	  8,
								   0,	 HEIGHT, 0,	 WIDTH, 3, 7,	  0x11,
								   0,	 8,		 0x11, 0,	  9, 0x11, 0};
	static writer w;
	const options o = {.precision = 8, .predictor = 5};
	uint16_t planes[3][PIXELS];
	uint8_t out[3 * PIXELS];
	unsigned wrong = 0;
	mmn_error err = {0};

	memset(&w, 0, sizeof w);
	put(&w, head, sizeof head);
	put(&w, table, sizeof table);
	for (unsigned c = 0; c < 3; c++)
	{
		make_samples(planes[c], 8, 0);
		for (unsigned i = 0; i < PIXELS; i++)
			planes[c][i] = (planes[c][i] + 50 * c) & 255;
	}
	for (unsigned scan = 0; scan < (interleaved ? 1 : 3); scan++)
	{
		unsigned first = interleaved ? 0 : 2 - scan; /* in any order */
		unsigned n = interleaved ? 3 : 1;

		put(&w, (uint8_t[]){0xFF, 0xDA, 0, (uint8_t)(6 + 2 * n), (uint8_t)n},
			5);
		for (unsigned c = 0; c < n; c++)
			put(&w, (uint8_t[]){(uint8_t)(7 + first + c), 0}, 2);
		put(&w, (uint8_t[]){(uint8_t)o.predictor, 0, 0}, 3);
		for (unsigned i = 0; i < PIXELS; i++)
			for (unsigned c = first; c < first + n; c++)
			{
				const uint16_t *at = planes[c] + i;

				put_difference(&w, (uint16_t)(*at - predicted(&o, at, i % WIDTH,
															  i / WIDTH)));
			}
		flush_bits(&w);
	}
	put(&w, "\xFF\xD9", 2);
	is_int(mmn_jpeg_lossless_decode(&mmn_env_default, w.bytes, w.length, WIDTH,
									HEIGHT, 3, 1, out, &err),
		   MMN_OK, "colour in %s: %s", interleaved ? "one scan" : "three scans",
		   err.text);
	for (unsigned i = 0; i < PIXELS; i++)
		for (unsigned c = 0; c < 3; c++)
			wrong += out[3 * i + c] != planes[c][i];
	is_int(wrong, 0, "is right");
	is_int(mmn_jpeg_lossless_decode(&mmn_env_default, w.bytes, w.length - 40,
									WIDTH, HEIGHT, 3, 1, out, &err),
		   MMN_BAD_DATA, "cut off, it is refused");
	is_int(mmn_jpeg_lossless_decode(&mmn_env_default, w.bytes, w.length, WIDTH,
									HEIGHT, 1, 1, out, &err),
		   MMN_BAD_DATA, "nor is it grey");
}

static void
test_damage(void)
{
	static const options o = {.precision = 12, .predictor = 1};
	static const options restarts = {
		.precision = 12, .predictor = 1, .restart_rows = 3};
	static writer w;
	uint16_t samples[PIXELS];
	uint8_t out[2 * PIXELS];
	unsigned accepted = 0;
	mmn_error err;
	size_t data;

	make_samples(samples, 12, 0);
	encode(&w, &o, samples);
	for (size_t n = 1; n + 3 < w.length; n++)
		accepted += decode(&w, n, 2, out, &err) == MMN_OK;
	is_int(accepted, 0, "data cut off anywhere are refused");
	is_int(decode(&w, w.length - 2, 2, out, &err), MMN_OK,
		   "the end marker may be missing");
	is_int(decode(&w, w.length, 1, out, &err), MMN_BAD_DATA,
		   "12 bits do not fit a byte");
	is_int(mmn_jpeg_lossless_decode(&mmn_env_default, w.bytes, w.length,
									WIDTH + 1, HEIGHT, 1, 2, out, &err),
		   MMN_BAD_DATA, "nor does another size");
	w.bytes[9] = 0xC0;
	is_int(decode(&w, w.length, 2, out, &err), MMN_UNSUPPORTED,
		   "other processes are for other decoders");

	encode(&w, &restarts, samples);
	for (data = w.length;
		 w.bytes[data - 2] != 0xFF || w.bytes[data - 1] != 0xD1;)
		data--;
	w.bytes[data - 1] = 0xD5;
	is_int(decode(&w, w.length, 2, out, &err), MMN_BAD_DATA,
		   "restart markers out of turn are refused");

	/* every byte changed: an error or an image, but never more than that */
	encode(&w, &restarts, samples);
	for (size_t i = 2; i < w.length; i++)
		for (unsigned bit = 0; bit < 8; bit++)
		{
			w.bytes[i] ^= 1u << bit;
			decode(&w, w.length, 2, out, &err);
			w.bytes[i] ^= 1u << bit;
		}
	ok(1, "changed bits do no harm");
}

int
main(void)
{
	static const unsigned precisions[] = {2, 8, 9, 12, 16};

	for (size_t p = 0; p < sizeof precisions / sizeof precisions[0]; p++)
		for (unsigned predictor = 1; predictor <= 7; predictor++)
			round_trip(
				&(options){.precision = precisions[p], .predictor = predictor});
	for (unsigned rows = 1; rows <= 4; rows++)
		round_trip(
			&(options){.precision = 12, .predictor = 4, .restart_rows = rows});
	round_trip(&(options){.precision = 12, .predictor = 7, .shift = 3});
	test_colour(true);
	test_colour(false);
	test_damage();
	return done_testing();
}
