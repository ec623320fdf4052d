#include "dicom/transform.h"

#include <math.h>
#include <string.h>

#include "dicom/suv.h"

#define CODE_VALUE MMN_TAG(0x0008, 0x0100)
#define CODING_SCHEME MMN_TAG(0x0008, 0x0102)
#define UNITS MMN_TAG(0x0040, 0x08EA)
#define REAL_WORLD_VALUES MMN_TAG(0x0040, 0x9096)
#define REAL_WORLD_LUT MMN_TAG(0x0040, 0x9212)
#define FIRST_MAPPED MMN_TAG(0x0040, 0x9216)
#define REAL_WORLD_INTERCEPT MMN_TAG(0x0040, 0x9224)
#define REAL_WORLD_SLOPE MMN_TAG(0x0040, 0x9225)

/* Mappings that an image may offer; real ones offer up to three. */
#define MAX_MAPPINGS 32

/* Units of UCUM that an image can have. */
static const struct
{
	const char *code;
	uint8_t unit;
} units[] = {
	{"[hnsf'U]", MMN_UNIT_HU},
	{"g/ml{SUVbw}", MMN_UNIT_SUV},
	{"Bq/ml", MMN_UNIT_BQML},
	{"mm2/s", MMN_UNIT_MM2S},
	{"um2/s", MMN_UNIT_UM2S},
	{"10*-6.mm2/s", MMN_UNIT_UM2S},
	{"10-6.mm2/s", MMN_UNIT_UM2S},
	{"ms", MMN_UNIT_MS},
	{"s", MMN_UNIT_S},
	{"%", MMN_UNIT_PERCENT},
};

uint8_t
mmn_dicom_mapping_unit(const mmn_dicom *dicom,
					   const mmn_dicom_element *mappings, uint32_t item)
{
	const mmn_dicom_element *code =
		mmn_dicom_find_in(dicom, mappings, item, UNITS);
	char text[17];

	if (!mmn_dicom_string(dicom,
						  mmn_dicom_find_in(dicom, code, 0, CODING_SCHEME), 0,
						  text, sizeof text) ||
		strcmp(text, "UCUM") != 0 ||
		!mmn_dicom_string(dicom, mmn_dicom_find_in(dicom, code, 0, CODE_VALUE),
						  0, text, sizeof text))
		return MMN_UNIT_RAW;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(text, units[i].code) == 0)
			return units[i].unit;
	return MMN_UNIT_RAW;
}

/* A mapping by its two numbers. */
static bool
read_linear(const mmn_dicom *dicom, const mmn_dicom_element *mappings,
			uint32_t item, mmn_transform *t)
{
	double slope, intercept;

	if (!mmn_dicom_double(
			dicom, mmn_dicom_find_in(dicom, mappings, item, REAL_WORLD_SLOPE),
			0, &slope) ||
		!mmn_dicom_double(
			dicom,
			mmn_dicom_find_in(dicom, mappings, item, REAL_WORLD_INTERCEPT), 0,
			&intercept) ||
		slope == 0)
		return false;
	/* both are linear in the stored value */
	t->gain = t->modality.lut ? 0 : slope / t->modality.slope;
	t->offset = intercept - t->modality.intercept * t->gain;
	if (!isfinite(t->gain) || !isfinite(t->offset))
		t->gain = 0;
	t->modality.lut = NULL;
	t->modality.slope = slope;
	t->modality.intercept = intercept;
	return true;
}

/* A mapping by a table; *found is false also when it is malformed. */
static mmn_status
read_table(const mmn_env *env, const mmn_dicom *dicom,
		   const mmn_dicom_element *mappings, uint32_t item, mmn_transform *t,
		   bool *found, mmn_error *err)
{
	const mmn_dicom_element *data =
		mmn_dicom_find_in(dicom, mappings, item, REAL_WORLD_LUT);
	size_t entries = data ? data->length / sizeof(double) : 0;
	int64_t first;

	*found = false;
	if (entries == 0 || entries > 65536 ||
		!mmn_dicom_int(dicom,
					   mmn_dicom_find_in(dicom, mappings, item, FIRST_MAPPED),
					   0, &first) ||
		first < INT16_MIN || first > UINT16_MAX)
		return MMN_OK;
	mmn_free(env, t->table); /* of an item before, malformed */
	t->table = mmn_alloc_array(env, entries, sizeof *t->table);
	if (!t->table)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for a table of values");
	for (size_t i = 0; i < entries; i++)
		if (!mmn_dicom_double(dicom, data, i, &t->table[i]))
			return MMN_OK;
	t->modality.table = t->table;
	t->modality.table_first = (int32_t)first;
	t->modality.table_entries = (uint32_t)entries;
	t->gain = 0;
	*found = true;
	return MMN_OK;
}

/*
 * Whether another mapping into the same unit begins at another value: the two
 * are for different samples.
 */
static bool
is_in_pieces(const mmn_dicom *dicom, const mmn_dicom_element *mappings,
			 uint32_t item, uint8_t unit)
{
	double first, other;

	if (!mmn_dicom_double(
			dicom, mmn_dicom_find_in(dicom, mappings, item, FIRST_MAPPED), 0,
			&first))
		return false;
	for (uint32_t i = 0; i < mappings->items && i < MAX_MAPPINGS; i++)
		if (i != item && mmn_dicom_mapping_unit(dicom, mappings, i) == unit &&
			mmn_dicom_double(
				dicom, mmn_dicom_find_in(dicom, mappings, i, FIRST_MAPPED), 0,
				&other) &&
			other != first)
			return true;
	return false;
}

/* Whether a mapping into this unit says more than the modality LUT. */
static bool
is_better(uint8_t unit, uint8_t modality_unit)
{
	if (modality_unit == MMN_UNIT_BQML)
		return unit == MMN_UNIT_SUV;
	return unit != MMN_UNIT_RAW &&
		   (modality_unit == MMN_UNIT_RAW || modality_unit == MMN_UNIT_US);
}

static mmn_status
map_real_world(const mmn_env *env, const mmn_dicom *dicom,
			   const mmn_pixel_description *pixels, uint32_t frame,
			   bool suv_only, mmn_transform *t, bool *found, mmn_error *err)
{
	const mmn_dicom_element *mappings =
		mmn_dicom_frame_group(dicom, frame, REAL_WORLD_VALUES);
	bool tables =
		pixels->kind == MMN_PIXELS_INTEGER && pixels->bits_allocated <= 16;
	mmn_status status = MMN_OK;

	*found = false;
	for (uint32_t i = 0; mappings && i < mappings->items && i < MAX_MAPPINGS;
		 i++)
	{
		uint8_t unit = mmn_dicom_mapping_unit(dicom, mappings, i);

		if (!is_better(unit, t->modality.unit) ||
			(suv_only && unit != MMN_UNIT_SUV) ||
			is_in_pieces(dicom, mappings, i, unit))
			continue;
		*found = read_linear(dicom, mappings, i, t);
		if (!*found && tables)
			status = read_table(env, dicom, mappings, i, t, found, err);
		if (*found)
			t->modality.unit = unit;
		if (*found || status != MMN_OK)
			return status;
	}
	return status;
}

mmn_status
mmn_dicom_transform(const mmn_env *env, const mmn_dicom *dicom,
					const mmn_pixel_description *pixels, uint32_t frame,
					mmn_transform *out, mmn_error *err)
{
	mmn_modality_transform *m = &out->modality;
	double slope, intercept;
	bool mapped;
	mmn_status status;

	memset(out, 0, sizeof *out);
	out->gain = 1;
	mmn_dicom_rescale(dicom, frame, &m->slope, &m->intercept, &m->unit);
	status =
		mmn_lut_read_modality(env, dicom, pixels->is_signed, &out->lut, err);
	if (status != MMN_OK)
		return status;
	if (out->lut.values)
	{
		m->lut = &out->lut;
		m->unit = out->lut.unit;
	}
	status = map_real_world(env, dicom, pixels, frame, true, out, &mapped, err);
	if (status != MMN_OK || mapped)
		return status;
	if (!mmn_dicom_suv(dicom, pixels, &slope, &intercept))
		return map_real_world(env, dicom, pixels, frame, false, out, &mapped,
							  err);
	out->gain = slope / m->slope;
	out->offset = intercept - m->intercept * out->gain;
	m->slope = slope;
	m->intercept = intercept;
	m->unit = MMN_UNIT_SUV;
	return MMN_OK;
}

void
mmn_transform_free(const mmn_env *env, mmn_transform *transform)
{
	mmn_lut_free(env, &transform->lut);
	mmn_free(env, transform->table);
	transform->table = NULL;
}

void
mmn_transform_display(const mmn_env *env, const mmn_transform *t,
					  mmn_image *image)
{
	const uint32_t functions = MMN_IMAGE_LINEAR_EXACT | MMN_IMAGE_SIGMOID;

	if (t->gain == 1 && t->offset == 0)
		return;
	mmn_free(env, image->voi);
	image->voi = NULL;
	image->voi_entries = 0;
	image->flags &= ~MMN_IMAGE_VOI_TABLE;
	if (image->window_width > 0 && !(image->flags & functions))
	{
		/* LINEAR as LINEAR_EXACT: a step of 1 is not what it was */
		if (image->window_width > 1)
		{
			image->window_center -= 0.5;
			image->window_width -= 1;
		}
		image->flags |= MMN_IMAGE_LINEAR_EXACT;
	}
	image->window_center = image->window_center * t->gain + t->offset;
	image->window_width *= fabs(t->gain);
	if (t->gain <= 0 || image->window_width == 0 ||
		!isfinite(image->window_center) || !isfinite(image->window_width))
	{
		image->window_center = image->window_width = 0;
		image->flags &= ~functions;
	}
}
