#include "image/image.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

static const struct
{
	const char *name;
	size_t size;
} sample_types[] = {
	[MMN_U8] = {"u8", 1},
	[MMN_U16] = {"u16", 2},
	[MMN_I16] = {"i16", 2},
	[MMN_F32] = {"f32", 4},
};

static const char *const units[] = {
	[MMN_UNIT_RAW] = "raw",	   [MMN_UNIT_RGB] = "rgb",
	[MMN_UNIT_HU] = "HU",	   [MMN_UNIT_SUV] = "SUV",
	[MMN_UNIT_OD] = "OD",	   [MMN_UNIT_BQML] = "BQML",
	[MMN_UNIT_US] = "US",	   [MMN_UNIT_MM2S] = "mm2/s",
	[MMN_UNIT_UM2S] = "um2/s", [MMN_UNIT_MS] = "ms",
	[MMN_UNIT_S] = "s",		   [MMN_UNIT_PERCENT] = "%",
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

size_t
mmn_sample_size(uint8_t sample_type)
{
	return sample_type < COUNT(sample_types) ? sample_types[sample_type].size
											 : 0;
}

const char *
mmn_sample_type_name(uint8_t sample_type)
{
	return sample_type < COUNT(sample_types) ? sample_types[sample_type].name
											 : NULL;
}

bool
mmn_sample_type_parse(const char *name, uint8_t *out)
{
	for (uint8_t i = MMN_U8; i < COUNT(sample_types); i++)
		if (strcmp(name, sample_types[i].name) == 0)
		{
			*out = i;
			return true;
		}
	return false;
}

const char *
mmn_unit_name(uint8_t unit)
{
	return unit < COUNT(units) ? units[unit] : NULL;
}

bool
mmn_unit_parse(const char *name, uint8_t *out)
{
	for (uint8_t i = 0; i < COUNT(units); i++)
		if (strcmp(name, units[i]) == 0)
		{
			*out = i;
			return true;
		}
	return false;
}

void
mmn_image_release(const mmn_env *env, mmn_image *image)
{
	mmn_free(env, image->samples);
	mmn_free(env, image->voi);
	image->samples = NULL;
	image->voi = NULL;
}

static bool
is_length(double v)
{
	return isfinite(v) && v >= 0;
}

mmn_status
mmn_image_check(const mmn_image *image, size_t max_bytes, size_t *sample_bytes,
				mmn_error *err)
{
	const uint32_t functions = MMN_IMAGE_LINEAR_EXACT | MMN_IMAGE_SIGMOID;
	const uint32_t known_flags = MMN_IMAGE_INVERTED | functions |
								 MMN_IMAGE_VOI_TABLE | MMN_IMAGE_MEASURED;
	size_t bytes = mmn_sample_size(image->sample_type);

	if (bytes == 0)
		return mmn_fail(err, MMN_BAD_DATA, "unknown sample type %d",
						image->sample_type);
	if (image->channels != 1 && image->channels != 3)
		return mmn_fail(err, MMN_BAD_DATA, "channels is %d, must be 1 or 3",
						image->channels);
	if (!mmn_unit_name(image->unit))
		return mmn_fail(err, MMN_BAD_DATA, "unknown unit %d", image->unit);
	if (image->width < 1 || image->width > MMN_IMAGE_MAX_SIDE ||
		image->height < 1 || image->height > MMN_IMAGE_MAX_SIDE)
		return mmn_fail(err, MMN_BAD_DATA,
						"size %ux%u is outside 1..%u pixels a side",
						image->width, image->height, MMN_IMAGE_MAX_SIDE);
	if (image->flags & ~known_flags || (image->flags & functions) == functions)
		return mmn_fail(err, MMN_BAD_DATA, "unknown flags 0x%x", image->flags);
	if (!(image->flags & MMN_IMAGE_VOI_TABLE) == (image->voi_entries > 0) ||
		image->voi_entries > MMN_IMAGE_MAX_VOI ||
		(image->voi_entries && image->channels != 1))
		return mmn_fail(err, MMN_BAD_DATA,
						"a VOI table of %u entries, must be 1 to %u of a gray "
						"image",
						image->voi_entries, MMN_IMAGE_MAX_VOI);
	if (!is_length(image->spacing_row) || !is_length(image->spacing_column))
		return mmn_fail(err, MMN_BAD_DATA,
						"pixel spacing must be finite and not negative");
	if (!isfinite(image->window_center) || !is_length(image->window_width))
		return mmn_fail(err, MMN_BAD_DATA,
						"window must be finite, its width not negative");
	if (!mmn_mul_size(bytes, image->width, &bytes) ||
		!mmn_mul_size(bytes, image->height, &bytes) ||
		!mmn_mul_size(bytes, image->channels, &bytes) || bytes > max_bytes)
		return mmn_fail(err, MMN_LIMIT,
						"a frame of %ux%ux%d samples exceeds the limit of "
						"%zu bytes",
						image->width, image->height, image->channels,
						max_bytes);
	*sample_bytes = bytes;
	return MMN_OK;
}
