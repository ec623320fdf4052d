#include "image/render.h"

#include <math.h>
#include <string.h>

/* Samples between two polls: a few milliseconds. */
#define POLL_SAMPLES 4194304

/* Windows in common use for CT, in HU. */
static const struct
{
	const char *name;
	double center, width;
} windows[] = {
	{"soft_tissue", 40, 400}, {"lung", -600, 1500},	 {"bone", 400, 1800},
	{"brain", 40, 80},		  {"subdural", 75, 215}, {"stroke", 40, 40},
	{"mediastinum", 50, 350}, {"liver", 60, 160},	 {"angio", 300, 600},
};

const char mmn_render_presets[] =
	"auto, percentile, full, soft_tissue, lung, bone, brain, subdural, "
	"stroke, mediastinum, liver, angio";

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static size_t
sample_count(const mmn_image *image)
{
	return (size_t)image->width * image->height * image->channels;
}

/* shown = clamp((sample - base) * scale, 0, 255), then turned if inverted */
typedef struct ramp
{
	bool identity; /* 8-bit samples as they are */
	float base;
	float scale;
} ramp;

/* base black, base + range white; a step at base when there is no range */
static ramp
ramp_from(double base, double range)
{
	double scale = 255 / range;

	/*
	 * Beyond 1e30 nothing but a step is left; a product with infinity would
	 * make NaN of samples that equal the base.
	 */
	return (ramp){false, (float)base, (float)(scale < 1e30 ? scale : 1e30)};
}

static ramp
ramp_window(double center, double width)
{
	/*
	 * C.11.2.1.2: black up to c - 0.5 - (w-1)/2 = c - w/2, white w-1 above,
	 * straight in between.
	 */
	if (width >= 1)
		return ramp_from(center - width / 2, width - 1);
	return ramp_from(center - width / 2, width);
}

/* --------------------------------------------------------- quantiles ---- */

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
	size_t n = sample_count(in);

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

/* ------------------------------------------------------------ ramps ---- */

static mmn_status
choose_ramp(const mmn_env *env, const mmn_image *in, const char *preset,
			ramp *out, mmn_error *err)
{
	double low, high;
	mmn_status status;

	if (strcmp(preset, "auto") == 0)
	{
		if (in->window_width > 0)
		{
			/* files with float pixels say 0.5,1 and mean all of 0..1 */
			if (in->sample_type == MMN_F32 && in->window_width <= 1)
				*out = ramp_from(in->window_center - in->window_width / 2,
								 in->window_width);
			else
				*out = ramp_window(in->window_center, in->window_width);
			return MMN_OK;
		}
		if (in->unit == MMN_UNIT_HU)
			preset = "soft_tissue";
		else if (in->sample_type == MMN_U8)
		{
			*out = (ramp){true, 0, 1};
			return MMN_OK;
		}
		else
			preset = "percentile";
	}
	for (size_t i = 0; i < COUNT(windows); i++)
		if (strcmp(preset, windows[i].name) == 0)
		{
			if (in->unit != MMN_UNIT_HU)
				return mmn_fail(err, MMN_BAD_ARGUMENT,
								"preset \"%s\" is for Hounsfield units, the "
								"image's unit is \"%s\"",
								windows[i].name, mmn_unit_name(in->unit));
			*out = ramp_window(windows[i].center, windows[i].width);
			return MMN_OK;
		}
	if (strcmp(preset, "percentile") == 0)
		status = mmn_image_quantiles(env, in, 0.005, 0.995, &low, &high, err);
	else if (strcmp(preset, "full") == 0)
		status = mmn_image_quantiles(env, in, 0, 1, &low, &high, err);
	else
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"unknown preset, valid ones are %s",
						mmn_render_presets);
	if (status == MMN_OK)
		*out = ramp_from(low, high - low);
	return status;
}

/* NaN fails the first comparison and so becomes black. */
static inline float
shade(float v, float base, float scale)
{
	float y = (v - base) * scale;

	y = y > 0 ? y : 0;
	return y < 255 ? y : 255;
}

#define SHADE(name, type)                                                      \
	static void name##_u8(const void *source, size_t n, const ramp *r,         \
						  uint8_t *restrict out)                               \
	{                                                                          \
		const type *in = source;                                               \
		float base = r->base, scale = r->scale;                                \
                                                                               \
		for (size_t i = 0; i < n; i++)                                         \
			out[i] = (uint8_t)(int)(shade(in[i], base, scale) + 0.5f);         \
	}                                                                          \
	static void name##_f32(const void *source, size_t n, const ramp *r,        \
						   float *restrict out)                                \
	{                                                                          \
		const type *in = source;                                               \
		float base = r->base, scale = r->scale;                                \
                                                                               \
		for (size_t i = 0; i < n; i++)                                         \
			out[i] = shade(in[i], base, scale);                                \
	}

SHADE(shade_u8, uint8_t)
SHADE(shade_u16, uint16_t)
SHADE(shade_i16, int16_t)
SHADE(shade_f32, float)

static void
shade_block(const mmn_image *in, size_t from, size_t n, const ramp *r,
			uint8_t sample_type, void *samples)
{
	const uint8_t *source =
		(const uint8_t *)in->samples + from * mmn_sample_size(in->sample_type);
	bool u8 = sample_type == MMN_U8;
	uint8_t *out8 = (uint8_t *)samples + from;
	float *out32 = (float *)samples + from;

	if (r->identity && u8)
		memcpy(out8, source, n);
	else
		switch (in->sample_type)
		{
			case MMN_U8:
				u8 ? shade_u8_u8(source, n, r, out8)
				   : shade_u8_f32(source, n, r, out32);
				break;
			case MMN_U16:
				u8 ? shade_u16_u8(source, n, r, out8)
				   : shade_u16_f32(source, n, r, out32);
				break;
			case MMN_I16:
				u8 ? shade_i16_u8(source, n, r, out8)
				   : shade_i16_f32(source, n, r, out32);
				break;
			default:
				u8 ? shade_f32_u8(source, n, r, out8)
				   : shade_f32_f32(source, n, r, out32);
				break;
		}
	if (!(in->flags & MMN_IMAGE_INVERTED) || in->channels != 1)
		return;
	for (size_t i = 0; i < n; i++)
		if (in->sample_type == MMN_F32 && isnan(((const float *)source)[i]))
			continue; /* stays black */
		else if (u8)
			out8[i] = (uint8_t)(255 - out8[i]);
		else
			out32[i] = 255 - out32[i];
}

static mmn_status
apply_ramp(const mmn_env *env, const mmn_image *in, const ramp *r,
		   uint8_t sample_type, mmn_image *out, mmn_error *err)
{
	size_t n = sample_count(in);
	mmn_status status = MMN_OK;

	*out = *in;
	out->sample_type = sample_type;
	out->unit = in->channels == 3 ? MMN_UNIT_RGB : MMN_UNIT_RAW;
	out->flags &= ~MMN_IMAGE_INVERTED;
	out->window_center = out->window_width = 0;
	out->samples = mmn_alloc_array(env, n, mmn_sample_size(sample_type));
	if (!out->samples)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	for (size_t from = 0; from < n && status == MMN_OK; from += POLL_SAMPLES)
	{
		shade_block(in, from, n - from > POLL_SAMPLES ? POLL_SAMPLES : n - from,
					r, sample_type, out->samples);
		status = mmn_poll(env, err);
	}
	if (status != MMN_OK)
	{
		mmn_free(env, out->samples);
		out->samples = NULL;
	}
	return status;
}

mmn_status
mmn_image_render(const mmn_env *env, const mmn_image *in, const char *preset,
				 mmn_image *out, mmn_error *err)
{
	ramp r;
	mmn_status status = choose_ramp(env, in, preset, &r, err);

	return status != MMN_OK ? status
							: apply_ramp(env, in, &r, MMN_U8, out, err);
}

mmn_status
mmn_image_render_f32(const mmn_env *env, const mmn_image *in,
					 const char *preset, mmn_image *out, mmn_error *err)
{
	ramp r;
	mmn_status status = choose_ramp(env, in, preset, &r, err);

	return status != MMN_OK ? status
							: apply_ramp(env, in, &r, MMN_F32, out, err);
}

mmn_status
mmn_image_window(const mmn_env *env, const mmn_image *in, double center,
				 double width, mmn_image *out, mmn_error *err)
{
	ramp r;

	if (!isfinite(center) || !isfinite(width) || width <= 0)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"window must be finite, its width above 0");
	r = ramp_window(center, width);
	return apply_ramp(env, in, &r, MMN_U8, out, err);
}
