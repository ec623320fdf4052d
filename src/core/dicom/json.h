#ifndef MMN_DICOM_JSON_H
#define MMN_DICOM_JSON_H

#include "base/buffer.h"
#include "dicom/charset.h"
#include "dicom/dicom.h"

/*
 * Binary numbers beyond so many are bulk data (lookup tables, waveforms in
 * US), left out like OB and OW.
 */
#define MMN_JSON_MAX_NUMBERS 1024

/*
 * Of functional groups of frames (5200,9230), the items of so many are written;
 * "omitted", beside "vr" and "Value", then counts the rest.
 */
#define MMN_JSON_MAX_FRAMES 64

/*
 * Appends the data set in the DICOM JSON model (PS3.18 Annex F): without
 * group 0002 and group lengths, and without bulk data: elements whose value
 * is such have only their "vr".  Valid JSON and UTF-8 without U+0000,
 * whatever the input.
 */
mmn_status mmn_dicom_json(mmn_charsets *charsets, const mmn_dicom *dicom,
						  mmn_buffer *out, mmn_error *err);

/* Appends a JSON string; the text must be UTF-8. */
void mmn_json_string(mmn_buffer *out, const char *text, size_t length);

#endif
