#ifndef MMN_DICOM_LUT_H
#define MMN_DICOM_LUT_H

#include "dicom/dicom.h"

/*
 * Look-up tables of a data set: Palette Color (PS3.3 C.7.6.3.1.5), plain or
 * segmented (C.7.9.2), the Modality LUT (C.11.1) and the VOI LUT (C.11.2).
 */
typedef struct mmn_lut
{
	uint32_t entries; /* 1..65536 */
	int32_t first;	  /* stored value that maps to entry 0 */
	uint8_t bits;	  /* 8 or 16: what the values need */
	uint8_t channels; /* 3 for a palette, else 1 */
	uint8_t unit;	  /* mmn_unit of a modality LUT's output */
	uint16_t *values; /* entries * channels, interleaved; of env */
} mmn_lut;

/*
 * is_signed: the data set's Pixel Representation, which decides how "first"
 * is to be read.  MMN_BAD_DATA when there is no usable palette.
 */
mmn_status mmn_lut_read_palette(const mmn_env *env, const mmn_dicom *dicom,
								bool is_signed, mmn_lut *out, mmn_error *err);

/* out->values is NULL when the data set has no Modality LUT Sequence. */
mmn_status mmn_lut_read_modality(const mmn_env *env, const mmn_dicom *dicom,
								 bool is_signed, mmn_lut *out, mmn_error *err);

/*
 * The first item of a VOI LUT Sequence, NULL for none: values from 0, black, to
 * 65535, white.  out->values is NULL as well when it is malformed, for an image
 * can be shown without: the only failure is MMN_NO_MEMORY.
 */
mmn_status mmn_lut_read_voi(const mmn_env *env, const mmn_dicom *dicom,
							const mmn_dicom_element *sequence, mmn_lut *out,
							mmn_error *err);

void mmn_lut_free(const mmn_env *env, mmn_lut *lut);

#endif
