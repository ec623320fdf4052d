#include "image/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/bytes.h"
#include "image/image_io.h"
#include "image/render.h"
#include "image/resize.h"

/* Bytes hashed between two polls: a few milliseconds. */
#define BLOCK 1048576

static const mmn_env never_stops; /* only for its lack of a poll function */

mmn_status
mmn_image_content_hash_env(const mmn_env *env, const mmn_image *image,
						   uint8_t out[32], mmn_error *err)
{
	struct sha256_ctx ctx;
	uint8_t geometry[12] = {0};
	size_t bytes, n;
	mmn_status status = mmn_image_check(image, SIZE_MAX, &bytes, err);

	if (status != MMN_OK)
		return status;
	mmn_store_u32le(geometry, image->width);
	mmn_store_u32le(geometry + 4, image->height);
	geometry[8] = image->channels;
	geometry[9] = image->sample_type;
	sha256_init(&ctx);
	sha256_update(&ctx, sizeof geometry, geometry);
	for (size_t at = 0; at < bytes; at += n)
	{
		const uint8_t *p = (const uint8_t *)image->samples + at;

		status = mmn_poll(env, err);
		if (status != MMN_OK)
			return status;
		n = bytes - at < BLOCK ? bytes - at : BLOCK;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		uint8_t swapped[4096];

		if (n > sizeof swapped)
			n = sizeof swapped;
		mmn_copy_little_endian(swapped, p, n,
							   mmn_sample_size(image->sample_type));
		p = swapped;
#endif
		sha256_update(&ctx, n, p);
	}
	sha256_digest(&ctx, 32, out);
	return MMN_OK;
}

mmn_status
mmn_image_content_hash(const mmn_image *image, uint8_t out[32], mmn_error *err)
{
	return mmn_image_content_hash_env(&never_stops, image, out, err);
}

/* ------------------------------------------------- perceptual hash ---- */

#define SIDE 32
#define FREQUENCIES 8

/* Below this a coefficient is rounding: an even image hashes to 0. */
#define NOISE 1e-3

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* DCT-II, orthonormal, of frequencies 0..7 in both directions. */
static void
low_frequencies(const float gray[SIDE * SIDE],
				double out[FREQUENCIES * FREQUENCIES])
{
	double basis[FREQUENCIES][SIDE];
	double rows[SIDE][FREQUENCIES];

	for (int f = 0; f < FREQUENCIES; f++)
		for (int i = 0; i < SIDE; i++)
			basis[f][i] = sqrt((f ? 2.0 : 1.0) / SIDE) *
						  cos(M_PI * f * (2 * i + 1) / (2 * SIDE));
	for (int y = 0; y < SIDE; y++)
		for (int f = 0; f < FREQUENCIES; f++)
		{
			rows[y][f] = 0;
			for (int x = 0; x < SIDE; x++)
				rows[y][f] += basis[f][x] * gray[y * SIDE + x];
		}
	for (int g = 0; g < FREQUENCIES; g++)
		for (int f = 0; f < FREQUENCIES; f++)
		{
			double sum = 0;

			for (int y = 0; y < SIDE; y++)
				sum += basis[g][y] * rows[y][f];
			out[g * FREQUENCIES + f] = sum;
		}
}

mmn_status
mmn_image_phash(const mmn_env *env, const mmn_image *image, uint64_t *out,
				mmn_error *err)
{
	double coefficients[FREQUENCIES * FREQUENCIES];
	double sorted[FREQUENCIES * FREQUENCIES];
	float gray[SIDE * SIDE];
	double median;
	mmn_image rendered, small;
	const float *v;
	mmn_status status = mmn_image_render(env, image, "auto", &rendered, err);

	if (status != MMN_OK)
		return status;
	status = mmn_image_resize_f32(env, &rendered, SIDE, SIDE, &small, err);
	mmn_free(env, rendered.samples);
	if (status != MMN_OK)
		return status;
	v = small.samples;
	for (int i = 0; i < SIDE * SIDE; i++)
		/* luma of ITU-R BT.601 */
		gray[i] = small.channels == 1
					  ? v[i]
					  : 0.299f * v[3 * i] + 0.587f * v[3 * i + 1] +
							0.114f * v[3 * i + 2];
	mmn_free(env, small.samples);

	low_frequencies(gray, coefficients);
	memcpy(sorted, coefficients, sizeof sorted);
	/* the mean's coefficient would always be on the same side: leave it out */
	qsort(sorted + 1, FREQUENCIES * FREQUENCIES - 1, sizeof *sorted,
		  compare_doubles);
	median = sorted[FREQUENCIES * FREQUENCIES / 2];
	*out = 0;
	for (int i = 1; i < FREQUENCIES * FREQUENCIES; i++)
		*out = *out << 1 | (coefficients[i] > median + NOISE);
	return MMN_OK;
}
