#ifndef MMN_DICOM_RECEIVE_H
#define MMN_DICOM_RECEIVE_H

#include "dicom/charset.h"
#include "dicom/deid.h"
#include "dicom/frames.h"

/* What the decoder measured on the frame that stands for all. */
typedef struct mmn_received_frame
{
	uint32_t frame; /* which, from 1 */
	uint32_t width;
	uint32_t height;
	uint8_t channels;
	double spacing_row; /* mm, 0 = unknown */
	double spacing_column;
	const char *content_hash; /* 64 hexadecimal digits; NULL: it is blank */
	const char *phash;		  /* 64 characters of 0 and 1 */
} mmn_received_frame;

/*
 * Appends the JSON object of "receive" (doc/architecture.md) for a DICOM
 * file: what is public of the original, keyed identities, and the attributes
 * of its de-identified copy.
 */
mmn_status mmn_dicom_receive_json(mmn_charsets *charsets,
								  const mmn_dicom *original,
								  const mmn_dicom *deidentified,
								  const mmn_pixel_description *pixels,
								  const mmn_received_frame *frame,
								  const void *key, size_t key_length,
								  mmn_buffer *out, mmn_error *err);

/*
 * The same object for another file, which has less to say.  attributes: JSON of
 * them, or NULL.
 */
mmn_status mmn_image_receive_json(const char *media_type,
								  const mmn_received_frame *frame,
								  uint32_t frames, const mmn_buffer *attributes,
								  mmn_buffer *out, mmn_error *err);

/*
 * Why a person must look before the image is used (text burned into the
 * pixels); NULL: no reason.
 */
const char *mmn_dicom_quarantine(const mmn_dicom *dicom);

/*
 * Whether the de-identified copy says the same of its pixels, and of the scale
 * of a frame that both were opened for (0: of none), as the original:
 * de-identification drops what is in a form that it does not know.
 * MMN_BAD_DATA: it does not.
 */
mmn_status mmn_dicom_check_copy(const mmn_env *env, const mmn_dicom *original,
								const mmn_dicom *copy, uint32_t frame,
								mmn_error *err);

#endif
