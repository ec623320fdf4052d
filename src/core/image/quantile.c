#include "image/quantile.h"

#include <math.h>
#include <string.h>

/* Samples between two polls: a few milliseconds. */
#define POLL_SAMPLES 4194304

/*
 * Samples as unsigned integers of the same order, 16 bits: of f32 the upper
 * half first, the lower half in a second pass over those that share the upper
 * half with a wanted one.  Exact, and no sorting.
 */
#define BINS 65536

static inline uint32_t
float_key(float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof bits);
	return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}

static inline float
key_float(uint32_t key)
{
	uint32_t bits = key & 0x80000000 ? key & 0x7fffffff : ~key;
	float v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* The bin that holds rank, and how many samples lie below it. */
static uint32_t
find_bin(const uint32_t *bins, uint64_t rank, uint64_t *below)
{
	uint64_t seen = 0;
	uint32_t i;

	for (i = 0; i < BINS - 1 && seen + bins[i] <= rank; i++)
		seen += bins[i];
	*below = seen;
	return i;
}

static void
count_block(const mmn_image *in, size_t from, size_t to, uint32_t *bins)
{
	switch (in->sample_type)
	{
		case MMN_U8:
			for (size_t i = from; i < to; i++)
				bins[((const uint8_t *)in->samples)[i]]++;
			break;
		case MMN_U16:
			for (size_t i = from; i < to; i++)
				bins[((const uint16_t *)in->samples)[i]]++;
			break;
		case MMN_I16:
			for (size_t i = from; i < to; i++)
				bins[((const int16_t *)in->samples)[i] + 32768]++;
			break;
		default:
			for (size_t i = from; i < to; i++)
			{
				float v = ((const float *)in->samples)[i];

				if (isfinite(v))
					bins[float_key(v) >> 16]++;
			}
			break;
	}
}

static void
count_lower_block(const mmn_image *in, size_t from, size_t to, uint32_t upper,
				  uint32_t *bins)
{
	for (size_t i = from; i < to; i++)
	{
		float v = ((const float *)in->samples)[i];
		uint32_t key = float_key(v);

		if (key >> 16 == upper && isfinite(v))
			bins[key & 0xffff]++;
	}
}

/* Counts samples by upper half, or (upper >= 0) those of f32 by lower half. */
static mmn_status
count_all(const mmn_env *env, const mmn_image *in, int32_t upper,
		  uint32_t *bins, mmn_error *err)
{
	size_t n = (size_t)in->width * in->height * in->channels;

	memset(bins, 0, BINS * sizeof *bins);
	for (size_t from = 0; from < n; from += POLL_SAMPLES)
	{
		size_t to = n - from > POLL_SAMPLES ? from + POLL_SAMPLES : n;
		mmn_status status = mmn_poll(env, err);

		if (status != MMN_OK)
			return status;
		if (upper < 0)
			count_block(in, from, to, bins);
		else
			count_lower_block(in, from, to, (uint32_t)upper, bins);
	}
	return MMN_OK;
}

mmn_status
mmn_image_quantiles(const mmn_env *env, const mmn_image *in, double low,
					double high, double *low_value, double *high_value,
					mmn_error *err)
{
	uint32_t *bins = mmn_alloc_array(env, BINS, sizeof *bins);
	uint64_t total = 0, below[2], rank[2];
	uint32_t bin[2];
	double value[2] = {0, 0};
	mmn_status status;

	if (!bins)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	status = count_all(env, in, -1, bins, err);
	for (uint32_t i = 0; i < BINS; i++)
		total += bins[i];
	if (status != MMN_OK || total == 0)
		goto done;
	rank[0] = (uint64_t)floor(low * (double)(total - 1));
	rank[1] = (uint64_t)ceil(high * (double)(total - 1));
	for (int i = 0; i < 2; i++)
		bin[i] = find_bin(bins, rank[i], &below[i]);
	for (int i = 0; i < 2; i++)
	{
		if (in->sample_type == MMN_F32)
		{
			uint64_t ignored;
			uint32_t key;

			status = count_all(env, in, (int32_t)bin[i], bins, err);
			if (status != MMN_OK)
				goto done;
			key = find_bin(bins, rank[i] - below[i], &ignored);
			value[i] = key_float(bin[i] << 16 | key);
		}
		else
			value[i] =
				in->sample_type == MMN_I16 ? (double)bin[i] - 32768 : bin[i];
	}
done:
	mmn_free(env, bins);
	if (status == MMN_OK)
	{
		*low_value = value[0];
		*high_value = value[1];
	}
	return status;
}
