#include "image/resize.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

/*
 * The filter is separable.  For each output row, the source rows under the
 * filter are first summed up into one row of floats (long, regular loops over
 * neighbouring samples: this is where SIMD helps and where most of the work
 * is), then that row is filtered horizontally straight into the result: no
 * intermediate image.
 *
 * All arithmetic is in float with the same order of operations everywhere and
 * without fused multiply-add (see the Makefile), so that results do not depend
 * on the machine.
 */

/* Along one axis: for each output index, which source samples at what weight. */
typedef struct axis
{
	uint32_t taps;	 /* room for weights per output index */
	uint32_t *start; /* first source index */
	uint32_t *count; /* weights in use, 1..taps */
	float *weights;	 /* [out][taps] */
} axis;

/* Output rows per poll are chosen for about this many multiplications. */
#define POLL_WORK 4000000

static void
axis_destroy(const mmn_env *env, axis *a)
{
	mmn_free(env, a->start);
	mmn_free(env, a->count);
	mmn_free(env, a->weights);
}

static mmn_status
axis_create(const mmn_env *env, uint32_t in, uint32_t out, axis *a,
			mmn_error *err)
{
	double scale = (double)in / out;
	double support = scale > 1 ? scale : 1;

	a->taps = (uint32_t)ceil(support) * 2 + 1;
	a->start = mmn_alloc_array(env, out, sizeof *a->start);
	a->count = mmn_alloc_array(env, out, sizeof *a->count);
	a->weights =
		mmn_alloc_array(env, (size_t)out * a->taps, sizeof *a->weights);
	if (!a->start || !a->count || !a->weights)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < out; i++)
	{
		double center = (i + 0.5) * scale;
		double low = center - support + 0.5, high = center + support + 0.5;
		uint32_t first = low > 0 ? (uint32_t)low : 0;
		uint32_t end = high < in ? (uint32_t)high : in;
		float *w = a->weights + (size_t)i * a->taps;
		double sum = 0;

		/* the outermost can fall on the filter's zero: leave those out */
		while (first + 1 < end && fabs(first + 0.5 - center) >= support)
			first++;
		while (end - 1 > first && fabs(end - 0.5 - center) >= support)
			end--;
		for (uint32_t k = first; k < end; k++)
			sum += 1 - fabs(k + 0.5 - center) / support;
		for (uint32_t k = first; k < end; k++)
			w[k - first] =
				(float)((1 - fabs(k + 0.5 - center) / support) / sum);
		a->start[i] = first;
		a->count[i] = end - first;
	}
	return MMN_OK;
}

/*
 * row[0..n) = sum of count source rows of n samples, each times its weight.
 * Two rows at a time: halves the traffic to row.
 */
#define VERTICAL(name, type)                                                   \
	static void name(const void *source, size_t n, const float *weights,       \
					 uint32_t count, float *restrict row)                      \
	{                                                                          \
		const type *p = source;                                                \
		uint32_t k = 0;                                                        \
                                                                               \
		if (count & 1)                                                         \
		{                                                                      \
			float w = weights[0];                                              \
                                                                               \
			for (size_t i = 0; i < n; i++)                                     \
				row[i] = w * p[i];                                             \
			p += n;                                                            \
			k = 1;                                                             \
		}                                                                      \
		else                                                                   \
			memset(row, 0, n * sizeof *row);                                   \
		for (; k < count; k += 2, p += 2 * n)                                  \
		{                                                                      \
			float w0 = weights[k], w1 = weights[k + 1];                        \
			const type *q = p + n;                                             \
                                                                               \
			for (size_t i = 0; i < n; i++)                                     \
				row[i] += w0 * p[i] + w1 * q[i];                               \
		}                                                                      \
	}

VERTICAL(vertical_u8, uint8_t)
VERTICAL(vertical_u16, uint16_t)
VERTICAL(vertical_i16, int16_t)
VERTICAL(vertical_f32, float)

static void
horizontal_gray(const float *restrict row, const axis *a, uint32_t width,
				float *restrict out)
{
	for (uint32_t x = 0; x < width; x++)
	{
		const float *p = row + a->start[x];
		const float *w = a->weights + (size_t)x * a->taps;
		float sum = 0;

		for (uint32_t k = 0; k < a->count[x]; k++)
			sum += w[k] * p[k];
		out[x] = sum;
	}
}

static void
horizontal_colour(const float *restrict row, const axis *a, uint32_t width,
				  float *restrict out)
{
	for (uint32_t x = 0; x < width; x++)
	{
		const float *p = row + (size_t)a->start[x] * 3;
		const float *w = a->weights + (size_t)x * a->taps;
		float sum[3] = {0, 0, 0};

		for (uint32_t k = 0; k < a->count[x]; k++, p += 3)
		{
			sum[0] += w[k] * p[0];
			sum[1] += w[k] * p[1];
			sum[2] += w[k] * p[2];
		}
		memcpy(out + (size_t)x * 3, sum, sizeof sum);
	}
}

/*
 * Weights sum up to 1 but for rounding, so results stay in range but for
 * rounding: which rounding to integer takes away.
 */
static void
store_row(const float *restrict row, size_t n, uint8_t sample_type, void *out)
{
	switch (sample_type)
	{
		case MMN_U8:
			for (size_t i = 0; i < n; i++)
				((uint8_t *)out)[i] = (uint8_t)(int)(row[i] + 0.5f);
			break;
		case MMN_U16:
			for (size_t i = 0; i < n; i++)
				((uint16_t *)out)[i] = (uint16_t)(int)(row[i] + 0.5f);
			break;
		case MMN_I16:
			for (size_t i = 0; i < n; i++)
				((int16_t *)out)[i] = (int16_t)(int)floorf(row[i] + 0.5f);
			break;
		default:
			memcpy(out, row, n * sizeof *row);
			break;
	}
}

static mmn_status
filter(const mmn_env *env, const mmn_image *in, const axis *rows,
	   const axis *columns, mmn_image *out, float *sums, float *result,
	   mmn_error *err)
{
	size_t in_row = (size_t)in->width * in->channels;
	size_t in_stride = in_row * mmn_sample_size(in->sample_type);
	size_t out_row = (size_t)out->width * out->channels;
	size_t out_stride = out_row * mmn_sample_size(out->sample_type);
	size_t work = 0;

	for (uint32_t y = 0; y < out->height; y++)
	{
		const uint8_t *source =
			(const uint8_t *)in->samples + rows->start[y] * in_stride;
		const float *w = rows->weights + (size_t)y * rows->taps;
		uint32_t count = rows->count[y];

		work += in_row * count + out_row * columns->taps;
		if (work >= POLL_WORK)
		{
			mmn_status status = mmn_poll(env, err);

			if (status != MMN_OK)
				return status;
			work = 0;
		}
		switch (in->sample_type)
		{
			case MMN_U8:
				vertical_u8(source, in_row, w, count, sums);
				break;
			case MMN_U16:
				vertical_u16(source, in_row, w, count, sums);
				break;
			case MMN_I16:
				vertical_i16(source, in_row, w, count, sums);
				break;
			default:
				vertical_f32(source, in_row, w, count, sums);
				break;
		}
		if (in->channels == 1)
			horizontal_gray(sums, columns, out->width, result);
		else
			horizontal_colour(sums, columns, out->width, result);
		store_row(result, out_row, out->sample_type,
				  (uint8_t *)out->samples + y * out_stride);
	}
	return MMN_OK;
}

static mmn_status
resize(const mmn_env *env, const mmn_image *in, uint32_t width, uint32_t height,
	   uint8_t sample_type, mmn_image *out, mmn_error *err)
{
	axis rows = {0}, columns = {0};
	float *sums = NULL, *result = NULL;
	size_t bytes;
	mmn_status status;

	if (width < 1 || width > MMN_IMAGE_MAX_SIDE || height < 1 ||
		height > MMN_IMAGE_MAX_SIDE)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"size %ux%u is outside 1..%u pixels a side", width,
						height, MMN_IMAGE_MAX_SIDE);
	*out = *in;
	out->width = width;
	out->height = height;
	out->sample_type = sample_type;
	out->spacing_row = in->spacing_row * in->height / height;
	out->spacing_column = in->spacing_column * in->width / width;
	bytes =
		(size_t)width * height * in->channels * mmn_sample_size(sample_type);
	out->samples = mmn_alloc(env, bytes);
	if (!out->samples)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	if (width == in->width && height == in->height &&
		sample_type == in->sample_type)
	{
		memcpy(out->samples, in->samples, bytes);
		return MMN_OK;
	}
	sums = mmn_alloc_array(env, (size_t)in->width * in->channels, sizeof *sums);
	result = mmn_alloc_array(env, (size_t)width * in->channels, sizeof *result);
	status =
		sums && result ? MMN_OK : mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	if (status == MMN_OK)
		status = axis_create(env, in->height, height, &rows, err);
	if (status == MMN_OK)
		status = axis_create(env, in->width, width, &columns, err);
	if (status == MMN_OK)
		status = filter(env, in, &rows, &columns, out, sums, result, err);
	axis_destroy(env, &columns);
	axis_destroy(env, &rows);
	mmn_free(env, result);
	mmn_free(env, sums);
	if (status != MMN_OK)
	{
		mmn_free(env, out->samples);
		out->samples = NULL;
	}
	return status;
}

mmn_status
mmn_image_resize(const mmn_env *env, const mmn_image *in, uint32_t width,
				 uint32_t height, mmn_image *out, mmn_error *err)
{
	return resize(env, in, width, height, in->sample_type, out, err);
}

mmn_status
mmn_image_resize_f32(const mmn_env *env, const mmn_image *in, uint32_t width,
					 uint32_t height, mmn_image *out, mmn_error *err)
{
	return resize(env, in, width, height, MMN_F32, out, err);
}
