#include "dicom/transform.h"

#include <math.h>
#include <string.h>

#include "dicom/real_world.h"
#include "dicom/suv.h"

/* ---- mappings of stored values ---- */

/* What stored values there can be. */
static void
stored_range(const mmn_pixel_description *p, double *low, double *high)
{
	bool integer = p->kind == MMN_PIXELS_INTEGER;

	*low = !integer		  ? -INFINITY
		   : p->is_signed ? -ldexp(1, p->bits_stored - 1)
						  : 0;
	*high = !integer ? INFINITY : ldexp(1, p->bits_stored - p->is_signed) - 1;
}

/* All mappings into a unit, in the order that they are to be tried. */
static size_t
find_pieces(const mmn_dicom *dicom, const mmn_dicom_element *mappings,
			uint8_t unit, double factor, mmn_mapping pieces[MMN_MAX_MAPPINGS])
{
	size_t count = 0;

	for (uint32_t i = 0; i < mappings->items && i < MMN_MAX_MAPPINGS; i++)
		if (mmn_dicom_mapping_unit(dicom, mappings, i) == unit &&
			mmn_dicom_mapping(dicom, mappings, i, &pieces[count]))
			mmn_mapping_multiply(&pieces[count++], factor);
	return count;
}

/* By the two numbers of a mapping. */
static void
set_linear(const mmn_mapping *m, mmn_transform *t)
{
	/* both are linear in the stored value */
	t->gain = t->modality.lut ? 0 : m->slope / t->modality.slope;
	t->offset = m->intercept - t->modality.intercept * t->gain;
	if (!isfinite(t->gain) || !isfinite(t->offset))
		t->gain = 0;
	t->modality.lut = NULL;
	t->modality.slope = m->slope;
	t->modality.intercept = m->intercept;
}

/* A value that no piece is for has none. */
static double
map_by_pieces(const mmn_dicom *dicom, const mmn_mapping *pieces, size_t count,
			  double stored)
{
	double value = NAN;

	for (size_t i = 0; i < count; i++)
	{
		const mmn_mapping *m = &pieces[i];

		if (stored < m->first || stored > m->last)
			continue;
		if (!m->table)
			value = stored * m->slope + m->intercept;
		else if (mmn_dicom_double(dicom, m->table, (size_t)(stored - m->first),
								  &value))
			value *= m->factor;
		break;
	}
	return value;
}

/* By a table over all stored values that there can be, up to 16 bits. */
static mmn_status
set_table(const mmn_env *env, const mmn_dicom *dicom, const mmn_mapping *pieces,
		  size_t count, double low, double high, mmn_transform *t,
		  mmn_error *err)
{
	size_t entries = (size_t)(high - low) + 1;

	t->table = mmn_alloc_array(env, entries, sizeof *t->table);
	if (!t->table)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for a table of values");
	for (size_t i = 0; i < entries; i++)
		t->table[i] = map_by_pieces(dicom, pieces, count, low + (double)i);
	if (count == 1 && !pieces[0].table)
		set_linear(&pieces[0], t);
	else
		t->gain = 0;
	t->modality.table = t->table;
	t->modality.table_first = (int32_t)low;
	t->modality.table_entries = (uint32_t)entries;
	return MMN_OK;
}

/* Float Pixel Data are in single precision, the ends of a range in double. */
static double
as_stored(const mmn_pixel_description *p, double limit)
{
	return p->kind == MMN_PIXELS_FLOAT ? (double)(float)limit : limit;
}

/* *found is false when there is none that will do. */
static mmn_status
map_into(const mmn_env *env, const mmn_dicom *dicom,
		 const mmn_dicom_element *mappings, uint8_t unit, double factor,
		 const mmn_pixel_description *pixels, mmn_transform *t, bool *found,
		 mmn_error *err)
{
	mmn_mapping pieces[MMN_MAX_MAPPINGS];
	size_t count = find_pieces(dicom, mappings, unit, factor, pieces);
	double low, high;
	mmn_status status = MMN_OK;

	*found = false;
	if (count == 0)
		return MMN_OK;
	stored_range(pixels, &low, &high);
	if (!pieces[0].table && pieces[0].first <= low && pieces[0].last >= high)
		set_linear(&pieces[0], t);
	else if (pixels->kind == MMN_PIXELS_INTEGER && pixels->bits_allocated <= 16)
		status = set_table(env, dicom, pieces, count, low, high, t, err);
	else if (count == 1 && !pieces[0].table)
	{
		set_linear(&pieces[0], t);
		t->modality.limited = true;
		t->modality.first = as_stored(pixels, pieces[0].first);
		t->modality.last = as_stored(pixels, pieces[0].last);
	}
	else
		return MMN_OK;
	if (status != MMN_OK)
		return status;
	t->modality.unit = unit;
	*found = true;
	return MMN_OK;
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

/*
 * By the first mapping into a unit that is better than what there is; with
 * "wanted", into no other unit.
 */
static mmn_status
map_real_world(const mmn_env *env, const mmn_dicom *dicom,
			   const mmn_pixel_description *pixels, uint32_t frame,
			   uint8_t wanted, double factor, mmn_transform *t, bool *found,
			   mmn_error *err)
{
	const mmn_dicom_element *mappings =
		mmn_dicom_frame_group(dicom, frame, MMN_REAL_WORLD_VALUES);
	uint32_t tried = 0;
	mmn_status status = MMN_OK;

	*found = false;
	for (uint32_t i = 0; mappings && i < mappings->items &&
						 i < MMN_MAX_MAPPINGS && !*found && status == MMN_OK;
		 i++)
	{
		uint8_t unit = mmn_dicom_mapping_unit(dicom, mappings, i);

		if (tried & 1u << unit ||
			(wanted ? unit != wanted : !is_better(unit, t->modality.unit)))
			continue;
		tried |= 1u << unit;
		status =
			map_into(env, dicom, mappings, unit, factor, pixels, t, found, err);
	}
	return status;
}

/* Into SUV, by a mapping or by one into Bq/ml and what it takes from there. */
static mmn_status
map_suv(const mmn_env *env, const mmn_dicom *dicom,
		const mmn_pixel_description *pixels, uint32_t frame, mmn_transform *t,
		bool *found, mmn_error *err)
{
	double factor;
	mmn_status status;

	*found = false;
	if (!is_better(MMN_UNIT_SUV, t->modality.unit))
		return MMN_OK;
	status = map_real_world(env, dicom, pixels, frame, MMN_UNIT_SUV, 1, t,
							found, err);
	if (status != MMN_OK || *found || !mmn_dicom_enhanced_suv(dicom, &factor))
		return status;
	status = map_real_world(env, dicom, pixels, frame, MMN_UNIT_BQML, factor, t,
							found, err);
	if (*found)
		t->modality.unit = MMN_UNIT_SUV;
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
	status = map_suv(env, dicom, pixels, frame, out, &mapped, err);
	if (status != MMN_OK || mapped)
		return status;
	if (!mmn_dicom_suv(dicom, pixels, &slope, &intercept))
		return map_real_world(env, dicom, pixels, frame, MMN_UNIT_RAW, 1, out,
							  &mapped, err);
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
