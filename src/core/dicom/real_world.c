#include "dicom/real_world.h"

#include <math.h>
#include <string.h>

#include "dicom/dictionary.h"
#include "dicom/write.h"

#define CODE_VALUE MMN_TAG(0x0008, 0x0100)
#define CODING_SCHEME MMN_TAG(0x0008, 0x0102)
#define UNITS MMN_TAG(0x0040, 0x08EA)
#define LABEL MMN_TAG(0x0040, 0x9210)
#define LAST_MAPPED MMN_TAG(0x0040, 0x9211)
#define TABLE MMN_TAG(0x0040, 0x9212)
#define DOUBLE_LAST_MAPPED MMN_TAG(0x0040, 0x9213)
#define DOUBLE_FIRST_MAPPED MMN_TAG(0x0040, 0x9214)
#define FIRST_MAPPED MMN_TAG(0x0040, 0x9216)
#define INTERCEPT MMN_TAG(0x0040, 0x9224)
#define SLOPE MMN_TAG(0x0040, 0x9225)

/* Units of UCUM that an image can have. */
static const struct
{
	const char *code;
	uint8_t unit;
} units[] = {
	{"[hnsf'U]", MMN_UNIT_HU},
	{"g/ml{SUVbw}", MMN_UNIT_SUV},
	{"{SUVbw}g/ml", MMN_UNIT_SUV}, /* earlier editions of PS3.16 */
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

bool
mmn_dicom_maps_into(const mmn_dicom *dicom, const mmn_dicom_element *mappings,
					uint8_t unit)
{
	for (uint32_t i = 0;
		 mappings && i < mappings->items && i < MMN_MAX_MAPPINGS; i++)
		if (mmn_dicom_mapping_unit(dicom, mappings, i) == unit)
			return true;
	return false;
}

static bool
number(const mmn_dicom *dicom, const mmn_dicom_element *mappings, uint32_t item,
	   uint32_t tag, double *out)
{
	return mmn_dicom_double(
		dicom, mmn_dicom_find_in(dicom, mappings, item, tag), 0, out);
}

/* A range that ends before it begins is none. */
static void
read_range(const mmn_dicom *dicom, const mmn_dicom_element *mappings,
		   uint32_t item, mmn_mapping *out)
{
	if (!number(dicom, mappings, item, FIRST_MAPPED, &out->first) &&
		!number(dicom, mappings, item, DOUBLE_FIRST_MAPPED, &out->first))
		out->first = -INFINITY;
	if (!number(dicom, mappings, item, LAST_MAPPED, &out->last) &&
		!number(dicom, mappings, item, DOUBLE_LAST_MAPPED, &out->last))
		out->last = INFINITY;
	if (out->last < out->first)
	{
		out->first = -INFINITY;
		out->last = INFINITY;
	}
}

/* It begins at the first value mapped, and ends where it has no more values. */
static bool
read_table(const mmn_dicom *dicom, const mmn_dicom_element *mappings,
		   uint32_t item, mmn_mapping *out)
{
	const mmn_dicom_element *table =
		mmn_dicom_find_in(dicom, mappings, item, TABLE);
	/* of text, each would be looked for from the first on */
	bool doubles = table && mmn_vr_find(table->vr)->size == sizeof(double);
	size_t entries = doubles ? table->length / sizeof(double) : 0;
	int64_t first;
	double value;

	if (entries == 0 || entries > 65536 ||
		!mmn_dicom_int(dicom,
					   mmn_dicom_find_in(dicom, mappings, item, FIRST_MAPPED),
					   0, &first) ||
		first < INT16_MIN || first > UINT16_MAX)
		return false;
	for (size_t i = 0; i < entries; i++)
		if (!mmn_dicom_double(dicom, table, i, &value))
			return false;
	out->table = table;
	out->first = (double)first;
	out->last = (double)first + (double)entries - 1;
	return true;
}

bool
mmn_dicom_mapping(const mmn_dicom *dicom, const mmn_dicom_element *mappings,
				  uint32_t item, mmn_mapping *out)
{
	memset(out, 0, sizeof *out);
	out->factor = 1;
	if (!number(dicom, mappings, item, SLOPE, &out->slope) ||
		!number(dicom, mappings, item, INTERCEPT, &out->intercept) ||
		out->slope == 0)
		return read_table(dicom, mappings, item, out);
	read_range(dicom, mappings, item, out);
	return true;
}

/* ---- writing ---- */

/* A stored value, in the VR of the samples. */
static void
write_stored(mmn_buffer *out, uint32_t tag, bool is_signed, int32_t value)
{
	mmn_write_header(out, tag, is_signed ? "SS" : "US", 2);
	mmn_write_u16(out, (uint32_t)value & 0xFFFF);
}

static void
write_table(mmn_buffer *out, const mmn_dicom *dicom, const mmn_mapping *m)
{
	size_t entries = m->table->length / sizeof(double);

	/* of implicit VR, more than explicit VR can say */
	if (!mmn_write_header(out, TABLE, "FD", entries * sizeof(double)))
		return;
	for (size_t i = 0; i < entries; i++)
	{
		double value = 0;

		mmn_dicom_double(dicom, m->table, i, &value);
		mmn_write_f64(out, value * m->factor);
	}
}

/* An item's first elements: the unit, as CID 85 of PS3.16 has it. */
static void
write_unit(mmn_buffer *out)
{
	mmn_write_code(out, UNITS, "g/ml{SUVbw}", "UCUM",
				   "Standardized Uptake Value body weight");
	mmn_write_string(out, LABEL, "SH", "SUVbw");
}

void
mmn_dicom_write_suv(mmn_buffer *out, const mmn_pixel_description *pixels,
					double slope, double intercept)
{
	int32_t most = (1 << (pixels->bits_stored - pixels->is_signed)) - 1;

	mmn_write_sequence(out, MMN_REAL_WORLD_VALUES);
	mmn_write_item(out);
	write_unit(out);
	write_stored(out, LAST_MAPPED, pixels->is_signed, most);
	write_stored(out, FIRST_MAPPED, pixels->is_signed,
				 pixels->is_signed ? -most - 1 : 0);
	mmn_write_double(out, INTERCEPT, intercept);
	mmn_write_double(out, SLOPE, slope);
	mmn_write_item_end(out);
	mmn_write_sequence_end(out);
}

/*
 * An item into g/ml for the stored values of one into Bq/ml: by its numbers,
 * nothing is copied.
 */
static void
write_suv_item(mmn_buffer *out, const mmn_dicom *dicom, const mmn_mapping *m)
{
	bool is_signed = m->first < 0;
	bool integer = m->first == rint(m->first) && m->last == rint(m->last) &&
				   m->first >= INT16_MIN &&
				   m->last <= (is_signed ? INT16_MAX : UINT16_MAX);

	mmn_write_item(out);
	write_unit(out);
	if (integer)
		write_stored(out, LAST_MAPPED, is_signed, (int32_t)m->last);
	if (m->table)
		write_table(out, dicom, m);
	if (!integer && isfinite(m->last))
		mmn_write_double(out, DOUBLE_LAST_MAPPED, m->last);
	if (!integer && isfinite(m->first))
		mmn_write_double(out, DOUBLE_FIRST_MAPPED, m->first);
	if (integer)
		write_stored(out, FIRST_MAPPED, is_signed, (int32_t)m->first);
	if (!m->table)
	{
		mmn_write_double(out, INTERCEPT, m->intercept);
		mmn_write_double(out, SLOPE, m->slope);
	}
	mmn_write_item_end(out);
}

void
mmn_dicom_write_suv_items(mmn_buffer *out, const mmn_dicom *dicom,
						  const mmn_dicom_element *mappings, double factor)
{
	mmn_mapping m;

	if (mmn_dicom_maps_into(dicom, mappings, MMN_UNIT_SUV))
		return;
	for (uint32_t i = 0; i < mappings->items && i < MMN_MAX_MAPPINGS; i++)
	{
		if (mmn_dicom_mapping_unit(dicom, mappings, i) != MMN_UNIT_BQML ||
			!mmn_dicom_mapping(dicom, mappings, i, &m))
			continue;
		mmn_mapping_multiply(&m, factor);
		write_suv_item(out, dicom, &m);
	}
}
