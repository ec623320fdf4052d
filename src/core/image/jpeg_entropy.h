#ifndef MMN_IMAGE_JPEG_ENTROPY_H
#define MMN_IMAGE_JPEG_ENTROPY_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * What our decoders of JPEG data (ITU-T T.81) share: the bits of a scan, and
 * its Huffman codes.
 */

/*
 * Bits to come stand at the top of "bits".  Behind the data's end, or in front
 * of a marker, they are zeros, and "missing" counts them: a reader asks now and
 * then whether it has taken any, by mmn_jpeg_overrun().
 */
typedef struct mmn_jpeg_bits
{
	const uint8_t *at;
	const uint8_t *end;
	uint64_t bits;
	unsigned count; /* how many of them are valid */
	unsigned missing;
} mmn_jpeg_bits;

/* Codes of n bits, aligned left in 16, are below last[n] (T.81 Annex C). */
typedef struct mmn_jpeg_codes
{
	uint32_t last[17];
	int32_t offset[17]; /* from a code of n bits to its index in symbols */
	uint8_t symbols[256];
} mmn_jpeg_codes;

/*
 * From a DHT segment's counts per length and "total" symbols, at most 256;
 * false when there are more codes than bits for them.
 */
bool mmn_jpeg_codes_make(mmn_jpeg_codes *codes, const uint8_t counts[16],
						 const uint8_t *symbols, unsigned total);

/* The symbol whose code starts "next", and the code's length; 0: none. */
static inline unsigned
mmn_jpeg_codes_find(const mmn_jpeg_codes *codes, uint16_t next,
					unsigned *symbol)
{
	for (unsigned length = 1; length <= 16; length++)
		if (next < codes->last[length])
		{
			*symbol =
				codes->symbols[(next >> (16 - length)) + codes->offset[length]];
			return length;
		}
	return 0;
}

/* Bytes one by one, 0xFF unstuffed; zeros from a marker or the end on. */
void mmn_jpeg_refill_slowly(mmn_jpeg_bits *b);

/* Past the marker RSTn, n = 0..7 in turn (T.81 E.2.4); false: not there. */
bool mmn_jpeg_pass_restart(mmn_jpeg_bits *b, unsigned n);

/* Where the scan's data end: at a marker that is no RSTn, or at the end. */
const uint8_t *mmn_jpeg_scan_end(const mmn_jpeg_bits *b);

/*
 * At least 56 valid bits.  What stands behind the valid ones is what a refill
 * will put there.
 */
static inline void
mmn_jpeg_refill(mmn_jpeg_bits *b)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t next;

	if (b->end - b->at < 8)
	{
		mmn_jpeg_refill_slowly(b);
		return;
	}
	memcpy(&next, b->at, sizeof next);
	if ((~next - ones) & next & ones << 7) /* a byte is 0xFF */
	{
		mmn_jpeg_refill_slowly(b);
		return;
	}
	b->bits |= be64toh(next) >> b->count;
	b->at += (63 - b->count) / 8;
	b->count |= 56;
}

static inline void
mmn_jpeg_consume(mmn_jpeg_bits *b, unsigned n)
{
	b->bits <<= n;
	b->count -= n;
}

/* The next n bits, 0 to 16. */
static inline uint32_t
mmn_jpeg_take(mmn_jpeg_bits *b, unsigned n)
{
	uint32_t v;

	if (n == 0)
		return 0;
	if (b->count < n)
		mmn_jpeg_refill(b);
	v = (uint32_t)(b->bits >> (64 - n));
	mmn_jpeg_consume(b, n);
	return v;
}

static inline bool
mmn_jpeg_overrun(const mmn_jpeg_bits *b)
{
	return b->count < b->missing;
}

/* T.81 F.2.2.1, EXTEND: what "size" bits stand for. */
static inline int32_t
mmn_jpeg_extend(uint32_t bits, unsigned size)
{
	int32_t v = (int32_t)bits;

	if (size == 0)
		return 0;
	return v < 1 << (size - 1) ? v - (1 << size) + 1 : v;
}

#endif
