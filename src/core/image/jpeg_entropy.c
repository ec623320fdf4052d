#include "image/jpeg_entropy.h"

bool
mmn_jpeg_codes_make(mmn_jpeg_codes *codes, const uint8_t counts[16],
					const uint8_t *symbols, unsigned total)
{
	uint32_t code = 0;
	unsigned k = 0;

	memset(codes, 0, sizeof *codes);
	memcpy(codes->symbols, symbols, total);
	/* codes of the same length follow one another */
	for (unsigned length = 1; length <= 16; length++)
	{
		codes->offset[length] = (int32_t)k - (int32_t)code;
		k += counts[length - 1];
		code += counts[length - 1];
		if (code > 1u << length)
			return false;
		codes->last[length] = code << (16 - length);
		code <<= 1;
	}
	return true;
}

void
mmn_jpeg_refill_slowly(mmn_jpeg_bits *b)
{
	while (b->count <= 56)
	{
		uint64_t byte = 0;

		if (b->at < b->end && *b->at != 0xFF)
			byte = *b->at++;
		else if (b->end - b->at >= 2 && b->at[1] == 0)
		{
			byte = 0xFF;
			b->at += 2;
		}
		else
			b->missing += 8;
		b->bits |= byte << (56 - b->count);
		b->count += 8;
	}
}

/* Offset of what may be a marker: 0xFF, then neither stuffing nor a fill. */
static const uint8_t *
next_marker(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 2 && !(p[0] == 0xFF && p[1] != 0 && p[1] != 0xFF))
		p++;
	return end - p >= 2 ? p : end;
}

bool
mmn_jpeg_pass_restart(mmn_jpeg_bits *b, unsigned n)
{
	b->at = next_marker(b->at, b->end);
	if (b->at == b->end || b->at[1] != 0xD0 + n % 8)
		return false;
	b->at += 2;
	b->bits = 0;
	b->count = b->missing = 0;
	return true;
}

const uint8_t *
mmn_jpeg_scan_end(const mmn_jpeg_bits *b)
{
	const uint8_t *p = next_marker(b->at, b->end);

	while (p < b->end && p[1] >= 0xD0 && p[1] <= 0xD7)
		p = next_marker(p + 2, b->end);
	return p;
}
