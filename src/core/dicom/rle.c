/*
 * Segments are unpacked side by side, a piece of the frame at a time, into
 * buffers that stay in the nearest cache; from there a loop that the compiler
 * makes vectors of puts the byte planes together, and writes the frame once and
 * in order.
 *
 * Most runs of real images are short, and which kind comes next cannot be
 * foretold.  So both kinds take the same instructions: as many bytes as fit
 * are written whatever the run's length, and those too many are written over
 * by the next.  Where the input is near its end there is no room for that, and
 * bytes are counted.
 */

#include "dicom/rle.h"

#include <string.h>

#include "base/bytes.h"

#define HEADER 64
#define MAX_SEGMENTS 15

#define RUN_MAX 128
#define RUN_SHORT 16
#define RESERVED 128 /* a control byte to be skipped */

#define PIECE 2048

typedef struct segment
{
	const uint8_t *in;
	const uint8_t *end;
	size_t have; /* bytes; a run may go beyond the piece */
	uint8_t bytes[PIECE + RUN_MAX];
} segment;

/* ---- runs ---- */

/* RUN_SHORT bytes of a run, of which the first is at in. */
static inline void
unpack_short(const uint8_t *in, uint64_t repeated, uint8_t *out)
{
	uint64_t one = *in * UINT64_C(0x0101010101010101);
	uint64_t words[RUN_SHORT / sizeof one];

	memcpy(words, in, sizeof words);
	for (size_t i = 0; i < RUN_SHORT / sizeof one; i++)
		words[i] = (one & repeated) | (words[i] & ~repeated);
	memcpy(out, words, sizeof words);
}

/* Unpacks while there is a run's worth of input, or until enough is there. */
static void
unpack_fast(segment *s, size_t wanted)
{
	const uint8_t *in = s->in;
	uint8_t *out = s->bytes + s->have, *stop = s->bytes + wanted;

	while (out < stop && s->end - in > RUN_MAX)
	{
		int control = (int8_t)*in++;
		uint64_t repeated = (uint64_t)((int64_t)control >> 63); /* all bits */

		if (control == (int8_t)RESERVED)
			continue;
		unpack_short(in, repeated, out);
		if (control >= RUN_SHORT)
			memcpy(out + RUN_SHORT, in + RUN_SHORT, RUN_MAX - RUN_SHORT);
		else if (control <= -RUN_SHORT)
			memset(out + RUN_SHORT, *in, RUN_MAX - RUN_SHORT);
		in += 1 + ((uint64_t)control & ~repeated);
		out += 1 + (control < 0 ? -control : control);
	}
	s->in = in;
	s->have = (size_t)(out - s->bytes);
}

/* The same up to the input's last byte; false: it ends early. */
static bool
unpack_carefully(segment *s, size_t wanted)
{
	while (s->have < wanted)
	{
		size_t left = (size_t)(s->end - s->in), run;
		uint8_t control;

		/* a control byte says nothing without one behind it */
		if (left < 2)
			return false;
		control = *s->in++;
		if (control == RESERVED)
			continue;
		if (control < RESERVED)
		{
			run = (size_t)control + 1;
			if (run > left - 1)
				run = left - 1;
			memcpy(s->bytes + s->have, s->in, run);
			s->in += run;
		}
		else
		{
			run = 257 - (size_t)control;
			memset(s->bytes + s->have, *s->in++, run);
		}
		s->have += run;
	}
	return true;
}

/* ---- planes ---- */

static void
interleave_two(const uint8_t *restrict a, const uint8_t *restrict b,
			   size_t count, uint8_t *restrict out)
{
	for (size_t i = 0; i < count; i++)
	{
		out[2 * i] = a[i];
		out[2 * i + 1] = b[i];
	}
}

/* Each pixel is written as four bytes, but the last. */
static void
interleave_three(const uint8_t *restrict a, const uint8_t *restrict b,
				 const uint8_t *restrict c, size_t count, uint8_t *restrict out)
{
	size_t last = count - 1;

	for (size_t i = 0; i < last; i++)
		mmn_store_u32le(out + 3 * i,
						a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16);
	out[3 * last] = a[last];
	out[3 * last + 1] = b[last];
	out[3 * last + 2] = c[last];
}

static void
interleave_four(const uint8_t *restrict a, const uint8_t *restrict b,
				const uint8_t *restrict c, const uint8_t *restrict d,
				size_t count, uint8_t *restrict out)
{
	for (size_t i = 0; i < count; i++)
	{
		out[4 * i] = a[i];
		out[4 * i + 1] = b[i];
		out[4 * i + 2] = c[i];
		out[4 * i + 3] = d[i];
	}
}

/* Writes in[0][0], in[1][0], … in[width - 1][0], in[0][1], …; count > 0. */
static void
interleave(const uint8_t *const *in, unsigned width, size_t count, uint8_t *out)
{
	switch (width)
	{
		case 1:
			memcpy(out, in[0], count);
			return;
		case 2:
			interleave_two(in[0], in[1], count, out);
			return;
		case 3:
			interleave_three(in[0], in[1], in[2], count, out);
			return;
		case 4:
			interleave_four(in[0], in[1], in[2], in[3], count, out);
			return;
		default:
			for (unsigned k = 0; k < width; k++)
				for (size_t i = 0; i < count; i++)
					out[i * width + k] = in[k][i];
	}
}

/*
 * Where the byte planes are in the input.  Returns how many are inside it, up
 * to the first that is not.
 */
static unsigned
find_segments(const uint8_t *in, size_t length, unsigned count, segment *out)
{
	for (unsigned s = 0; s < count; s++)
	{
		uint32_t from = mmn_load_u32le(in + 4 + 4 * s);
		size_t to = s + 1 < count ? mmn_load_u32le(in + 8 + 4 * s) : length;

		if (from < HEADER || to > length || from > to)
			return s;
		out[s].in = in + from;
		out[s].end = in + to;
		out[s].have = 0;
	}
	return count;
}

/* Returns how many segments have so much, up to the first that has not. */
static unsigned
unpack(segment *segments, unsigned count, size_t wanted)
{
	for (unsigned s = 0; s < count; s++)
	{
		unpack_fast(&segments[s], wanted);
		if (!unpack_carefully(&segments[s], wanted))
			return s;
	}
	return count;
}

/* Done with a piece: keeps what its last run has of the next. */
static void
drop(segment *s)
{
	memcpy(s->bytes, s->bytes + PIECE, RUN_MAX);
	s->have -= PIECE;
}

mmn_status
mmn_rle_decode(const uint8_t *in, size_t length, size_t pixels,
			   unsigned samples, unsigned bytes, bool planar, uint8_t *out,
			   mmn_error *err)
{
	segment segments[MAX_SEGMENTS];
	const uint8_t *order[MAX_SEGMENTS]; /* of bytes in the frame */
	unsigned width = planar ? bytes : samples * bytes;
	uint32_t count;
	unsigned inside, full;

	if (length < HEADER)
		return mmn_fail(err, MMN_BAD_DATA,
						"an RLE frame of %zu bytes has no room for its header",
						length);
	count = mmn_load_u32le(in);
	if (count != samples * bytes || count > MAX_SEGMENTS)
		return mmn_fail(err, MMN_BAD_DATA,
						"the RLE header says %u segments, the frame needs %u",
						count, samples * bytes);
	for (unsigned s = 0; s < count; s++)
		order[s - s % bytes + bytes - 1 - s % bytes] = segments[s].bytes;
	full = inside = find_segments(in, length, count, segments);
	for (size_t done = 0; done < pixels; done += PIECE)
	{
		size_t piece = pixels - done < PIECE ? pixels - done : PIECE;

		/* of a frame that is broken, all that matters is where first */
		full = unpack(segments, full, piece);
		if (full == count)
			for (unsigned s = 0; s < count; s += width)
				interleave(order + s, width, piece,
						   out + s * pixels + done * width);
		for (unsigned s = 0; s < full; s++)
			drop(&segments[s]);
	}
	if (full < inside)
		return mmn_fail(err, MMN_BAD_DATA,
						"RLE segment %u ends before its plane is full",
						full + 1);
	if (inside < count)
		return mmn_fail(err, MMN_BAD_DATA,
						"RLE segment %u lies outside its frame", inside + 1);
	return MMN_OK;
}
