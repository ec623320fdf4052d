/*
 * Two passes of the one-dimensional transform, columns first, in fixed point.
 * The constants are 2^13 sqrt(2) cos(k pi / 16), rounded as they come out of
 * the factors of Loeffler, Ligtenberg and Moschytz (ICASSP 1989) to 13 bits,
 * with one bit kept between the passes: what most decoders of medical JPEG do,
 * so that the samples are the same to the bit.
 */
#include "image/jpeg_idct.h"

#define BITS 13
#define KEPT 1

/* By row of the result, for inputs 1, 3, 5, 7. */
static const int32_t odd[4][4] = {
	{11363, 9633, 6437, 2260},
	{9633, -2259, -11362, -6436},
	{6437, -11362, 2261, 9633},
	{2260, -6436, 9633, -11363},
};

/* in[i * step], i = 0..7, to out[i], times 2^BITS and not rounded. */
static void
transform(const int64_t *in, unsigned step, int64_t out[8])
{
	int64_t sum = (in[0] + in[4 * step]) * (1 << BITS);
	int64_t difference = (in[0] - in[4 * step]) * (1 << BITS);
	int64_t outer = 10703 * in[2 * step] + 4433 * in[6 * step];
	int64_t inner = 4433 * in[2 * step] - 10704 * in[6 * step];
	int64_t even[4] = {sum + outer, difference + inner, difference - inner,
					   sum - outer};

	for (unsigned i = 0; i < 4; i++)
	{
		int64_t v = odd[i][0] * in[step] + odd[i][1] * in[3 * step] +
					odd[i][2] * in[5 * step] + odd[i][3] * in[7 * step];

		out[i] = even[i] + v;
		out[7 - i] = even[i] - v;
	}
}

static int64_t
rounded(int64_t v, unsigned shift)
{
	return (v + ((int64_t)1 << (shift - 1))) >> shift;
}

void
mmn_jpeg_idct12(const int16_t coefficients[64], const uint16_t steps[64],
				uint16_t samples[64])
{
	int64_t block[64], line[8];

	for (unsigned i = 0; i < 64; i++)
		block[i] = (int64_t)coefficients[i] * steps[i];
	for (unsigned x = 0; x < 8; x++)
	{
		transform(block + x, 8, line);
		for (unsigned y = 0; y < 8; y++)
			block[8 * y + x] = rounded(line[y], BITS - KEPT);
	}
	for (unsigned y = 0; y < 8; y++)
	{
		transform(block + 8 * y, 1, line);
		for (unsigned x = 0; x < 8; x++)
		{
			int64_t v = rounded(line[x], BITS + KEPT + 3) + 2048;

			samples[8 * y + x] = (uint16_t)(v < 0 ? 0 : v > 4095 ? 4095 : v);
		}
	}
}
