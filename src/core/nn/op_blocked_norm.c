/*
 * Layer normalisation of the channels of each pixel of a blocked map.  A few
 * pixels at a time: their channels stay in the L1 cache for the three walks,
 * mean, variance, result.  Sums go lane by lane, then over the 16 lanes by
 * halves: of so short sums single precision loses nothing to speak of.
 */
#include <math.h>
#include <string.h>

#include "nn/op_blocked.h"
#include "nn/op_list.h"

#define B MMN_BLOCK
#define PIXELS 8 /* at a time: of 1,000 channels, 32 kB */

#define H (B / 2)

static inline float
add_lanes(const mmn_half *sum)
{
	float v[H];

	memcpy(v, sum, sizeof v);
	for (int n = H / 2; n > 0; n /= 2)
		for (int c = 0; c < n; c++)
			v[c] += v[c + n];
	return v[0];
}

/*
 * The mean over the channels of one pixel of x - from, or of its square; in is
 * the pixel in the first block.
 */
static inline __attribute__((always_inline)) float
average(const mmn_map *m, const float *in, bool squared, float from)
{
	int64_t whole = m->channels / B, rest = m->channels % B;
	mmn_half low = {0}, high = {0};
	float last = 0.0f;

	for (int64_t b = 0; b < whole; b++, in += m->plane * B)
	{
		mmn_half x = *(const mmn_half *)(const void *)in - from;
		mmn_half y = *(const mmn_half *)(const void *)(in + H) - from;

		low += squared ? x * x : x;
		high += squared ? y * y : y;
	}
	for (int64_t c = 0; c < rest; c++) /* the others have no meaning */
		last += squared ? (in[c] - from) * (in[c] - from) : in[c] - from;
	low += high;
	return (add_lanes(&low) + last) / (float)m->channels;
}

MMN_WIDE static void
normalise_pixels(const mmn_blocked_norm *norm, const float *in,
				 int64_t pixels, const float *v, float *out)
{
	const mmn_map *m = &norm->map;
	int64_t blocks = (m->channels + B - 1) / B, rest = m->channels % B;
	float mean[PIXELS], scale[PIXELS];

	for (int64_t p = 0; p < pixels; p++)
	{
		mean[p] = average(m, in + p * B, false, 0.0f);
		scale[p] = 1.0f / sqrtf(average(m, in + p * B, true, mean[p]) +
								norm->epsilon);
	}
	for (int64_t b = 0; b < blocks; b++, v += 2 * B)
		for (int64_t p = 0; p < pixels; p++)
		{
			const float *x = in + (b * m->plane + p) * B;
			float *y = out + (b * m->plane + p) * B;

			for (int c = 0; c < B; c++)
				y[c] = (x[c] - mean[p]) * scale[p] * v[c] + v[B + c];
		}
	/* what has no meaning must stay finite */
	for (int64_t p = 0; rest && p < pixels; p++)
		for (int64_t c = rest; c < B; c++)
			out[((blocks - 1) * m->plane + p) * B + c] = 0.0f;
}

static mmn_status
blocked_norm_run(const mmn_step *s, mmn_run *run)
{
	const mmn_blocked_norm *norm = s->params;
	const mmn_map *m = &norm->map;
	const float *in = mmn_run_in(run, s, 0);
	float *out = mmn_run_out(run, s, 0);

	for (int64_t at = 0, n; at < m->plane; at += n)
	{
		mmn_status status;

		n = m->plane - at < PIXELS ? m->plane - at : PIXELS;
		status = mmn_run_spend(run, (size_t)(n * (m->channels + B)));
		if (status != MMN_OK)
			return status;
		normalise_pixels(norm, in + at * B, n, s->packed, out + at * B);
	}
	return MMN_OK;
}

const mmn_op mmn_op_blocked_norm = {.name = "blocked norm",
									.flags = MMN_OP_IN_PLACE,
									.run = blocked_norm_run,
									.pack = mmn_blocked_scale_pack};
