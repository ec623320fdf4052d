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

typedef enum method
{
	RAMP,	  /* clamp((sample - base) * scale, 0, 255) */
	IDENTITY, /* the same with 0 and 1: 8-bit samples as they are */
	SIGMOID,  /* 255 / (1 + exp((sample - base) * scale)) */
	TABLE	  /* the image's */
} method;

/* From samples to shades, which are turned where the image is inverted. */
typedef struct shading
{
	method how;
	float base;
	float scale;
} shading;

/* base black, base + range white; a step at base when there is no range */
static shading
ramp_from(double base, double range)
{
	double scale = 255 / range;

	/*
	 * Beyond 1e30 nothing but a step is left; a product with infinity would
	 * make NaN of samples that equal the base.
	 */
	return (shading){RAMP, (float)base, (float)(scale < 1e30 ? scale : 1e30)};
}

static shading
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

/* What the file asks for, when it does. */
static bool
choose_stated(const mmn_image *in, shading *out)
{
	double center = in->window_center, width = in->window_width;

	if (in->voi_entries > 0)
		out->how = TABLE;
	else if (width <= 0)
		return false;
	else if (in->flags & MMN_IMAGE_SIGMOID)
	{
		/* C.11.2.1.3.1: 1 / (1 + exp(-4 (x - c) / w)) */
		out->how = SIGMOID;
		out->base = (float)center;
		out->scale = (float)fmax(-4 / width, -1e30);
	}
	/* C.11.2.1.3.2; files with float pixels say 0.5,1 and mean all of 0..1 */
	else if (in->flags & MMN_IMAGE_LINEAR_EXACT ||
			 (in->sample_type == MMN_F32 && width <= 1))
		*out = ramp_from(center - width / 2, width);
	else
		*out = ramp_window(center, width);
	return true;
}

/*
 * Labels need more than 31 numbers only in large atlases; an image meant for
 * the eye has brighter samples.
 */
#define MAX_LABEL 31

/*
 * The largest number of what looks like a label map: 0, which is none of the
 * labels, and small numbers.  Of other 8-bit images 0.
 */
static mmn_status
largest_label(const mmn_env *env, const mmn_image *in, uint8_t *out,
			  mmn_error *err)
{
	const uint8_t *samples = in->samples;
	size_t n = sample_count(in);
	uint8_t least = UINT8_MAX, most = 0;

	*out = 0;
	for (size_t at = 0; at < n; at++)
	{
		if (at % POLL_SAMPLES == 0 && mmn_poll(env, err) != MMN_OK)
			return MMN_CANCELED;
		least = samples[at] < least ? samples[at] : least;
		most = samples[at] > most ? samples[at] : most;
		if (most > MAX_LABEL)
			return MMN_OK;
	}
	*out = least == 0 ? most : 0;
	return MMN_OK;
}

/* "auto" where the file does not say: a preset, or NULL with *out. */
static mmn_status
choose_preset(const mmn_env *env, const mmn_image *in, const char **preset,
			  shading *out, mmn_error *err)
{
	uint8_t high = 0;
	mmn_status status = MMN_OK;

	*preset = "percentile";
	if (in->unit == MMN_UNIT_HU)
		*preset = "soft_tissue";
	else if (in->channels == 3 && in->sample_type == MMN_U16)
	{
		*preset = NULL;
		*out = ramp_from(0, UINT16_MAX);
	}
	else if (in->sample_type == MMN_U8)
	{
		if (in->channels == 1)
			status = largest_label(env, in, &high, err);
		if (high > 0)
		{
			*preset = NULL;
			*out = ramp_from(0, high);
		}
		else if (!(in->flags & MMN_IMAGE_MEASURED))
		{
			*preset = NULL;
			*out = (shading){.how = IDENTITY, .scale = 1};
		}
	}
	return status;
}

static mmn_status
choose_shading(const mmn_env *env, const mmn_image *in, const char *preset,
			   shading *out, mmn_error *err)
{
	double low, high;
	mmn_status status = MMN_OK;

	*out = (shading){0};
	if (strcmp(preset, "auto") == 0)
	{
		if (choose_stated(in, out))
			return MMN_OK;
		status = choose_preset(env, in, &preset, out, err);
		if (status != MMN_OK || !preset)
			return status;
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
	static void name##_u8(const void *source, size_t n, const shading *r,      \
						  uint8_t *restrict out)                               \
	{                                                                          \
		const type *in = source;                                               \
		float base = r->base, scale = r->scale;                                \
                                                                               \
		for (size_t i = 0; i < n; i++)                                         \
			out[i] = (uint8_t)(int)(shade(in[i], base, scale) + 0.5f);         \
	}                                                                          \
	static void name##_f32(const void *source, size_t n, const shading *r,     \
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
shade_ramp(const mmn_image *in, const uint8_t *source, size_t n,
		   const shading *r, uint8_t *out8, float *out32)
{
	switch (in->sample_type)
	{
		case MMN_U8:
			out8 ? shade_u8_u8(source, n, r, out8)
				 : shade_u8_f32(source, n, r, out32);
			break;
		case MMN_U16:
			out8 ? shade_u16_u8(source, n, r, out8)
				 : shade_u16_f32(source, n, r, out32);
			break;
		case MMN_I16:
			out8 ? shade_i16_u8(source, n, r, out8)
				 : shade_i16_f32(source, n, r, out32);
			break;
		default:
			out8 ? shade_f32_u8(source, n, r, out8)
				 : shade_f32_f32(source, n, r, out32);
			break;
	}
}

/* The shade, 0..255, of a sample that is not NaN, by a curve. */
static float
curve(const mmn_image *in, const shading *r, double v)
{
	double k;

	/* in double, so that machines differ in no bit of the result */
	if (r->how == SIGMOID)
	{
		if (isinf(v))
			return v > 0 ? 255 : 0;
		k = (v - r->base) * r->scale;
		/* a window around infinity and as wide has its middle everywhere */
		return (float)(255 / (1 + exp(isnan(k) ? 0 : k)));
	}
	k = rint(v) - in->voi_first;
	k = k < 0 ? 0 : k < in->voi_entries ? k : in->voi_entries - 1;
	return (float)in->voi[(uint32_t)k] / 257;
}

static void
shade_curve(const mmn_image *in, size_t from, size_t n, const shading *r,
			uint8_t *out8, float *out32)
{
	for (size_t i = 0; i < n; i++)
	{
		double v = mmn_image_sample(in, from + i);
		float y = isnan(v) ? 0 : curve(in, r, v);

		if (out8)
			out8[i] = (uint8_t)(int)(y + 0.5f);
		else
			out32[i] = y;
	}
}

static void
shade_block(const mmn_image *in, size_t from, size_t n, const shading *r,
			uint8_t sample_type, void *samples)
{
	const uint8_t *source =
		(const uint8_t *)in->samples + from * mmn_sample_size(in->sample_type);
	bool u8 = sample_type == MMN_U8;
	uint8_t *out8 = u8 ? (uint8_t *)samples + from : NULL;
	float *out32 = u8 ? NULL : (float *)samples + from;

	if (r->how == IDENTITY && u8)
		memcpy(out8, source, n);
	else if (r->how == IDENTITY || r->how == RAMP)
		shade_ramp(in, source, n, r, out8, out32);
	else
		shade_curve(in, from, n, r, out8, out32);
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
apply_shading(const mmn_env *env, const mmn_image *in, const shading *r,
			  uint8_t sample_type, mmn_image *out, mmn_error *err)
{
	size_t n = sample_count(in);
	mmn_status status = MMN_OK;

	*out = *in;
	out->sample_type = sample_type;
	out->unit = in->channels == 3 ? MMN_UNIT_RGB : MMN_UNIT_RAW;
	out->flags = 0;
	out->window_center = out->window_width = 0;
	out->voi_first = 0;
	out->voi_entries = 0;
	out->voi = NULL;
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
	shading r;
	mmn_status status = choose_shading(env, in, preset, &r, err);

	return status != MMN_OK ? status
							: apply_shading(env, in, &r, MMN_U8, out, err);
}

mmn_status
mmn_image_render_f32(const mmn_env *env, const mmn_image *in,
					 const char *preset, mmn_image *out, mmn_error *err)
{
	shading r;
	mmn_status status = choose_shading(env, in, preset, &r, err);

	return status != MMN_OK ? status
							: apply_shading(env, in, &r, MMN_F32, out, err);
}

mmn_status
mmn_image_window(const mmn_env *env, const mmn_image *in, double center,
				 double width, mmn_image *out, mmn_error *err)
{
	shading r;

	if (!isfinite(center) || !isfinite(width) || width <= 0)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"window must be finite, its width above 0");
	r = ramp_window(center, width);
	return apply_shading(env, in, &r, MMN_U8, out, err);
}
