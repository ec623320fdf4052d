#ifndef MMN_DICOM_REAL_WORLD_H
#define MMN_DICOM_REAL_WORLD_H

#include "base/buffer.h"
#include "dicom/frames.h"

/*
 * The items of a Real World Value Mapping Sequence (PS3.3 C.7.6.16.2.11), each
 * from a range of stored values to quantities.
 */

#define MMN_REAL_WORLD_VALUES MMN_TAG(0x0040, 0x9096)

/* Items that are looked at; real sequences have up to three. */
#define MMN_MAX_MAPPINGS 32

typedef struct mmn_mapping
{
	/* stored values that it is for, both included; infinite: no limit */
	double first;
	double last;
	double slope;
	double intercept;
	const mmn_dicom_element *table; /* instead, one value each; or NULL */
	double factor;					/* of the table's values */
} mmn_mapping;

/* The unit of an item, MMN_UNIT_RAW when it is none of ours. */
uint8_t mmn_dicom_mapping_unit(const mmn_dicom *dicom,
							   const mmn_dicom_element *mappings,
							   uint32_t item);

/* Makes what it maps to "factor" times as much. */
static inline void
mmn_mapping_multiply(mmn_mapping *m, double factor)
{
	m->slope *= factor;
	m->intercept *= factor;
	m->factor *= factor;
}

/* Whether an item is into this unit; mappings may be NULL. */
bool mmn_dicom_maps_into(const mmn_dicom *dicom,
						 const mmn_dicom_element *mappings, uint8_t unit);

/* false: neither two numbers nor a table of numbers. */
bool mmn_dicom_mapping(const mmn_dicom *dicom,
					   const mmn_dicom_element *mappings, uint32_t item,
					   mmn_mapping *out);

/* Writes a sequence that maps all stored values into g/ml (suv.h). */
void mmn_dicom_write_suv(mmn_buffer *out, const mmn_pixel_description *pixels,
						 double slope, double intercept);

/*
 * Writes an item into g/ml for each item into Bq/ml, "factor" times its values;
 * none where there are items into g/ml.
 */
void mmn_dicom_write_suv_items(mmn_buffer *out, const mmn_dicom *dicom,
							   const mmn_dicom_element *mappings,
							   double factor);

#endif
