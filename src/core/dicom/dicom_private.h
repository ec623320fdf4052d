#ifndef MMN_DICOM_DICOM_PRIVATE_H
#define MMN_DICOM_DICOM_PRIVATE_H

#include "dicom/dicom.h"

/* What dicom.c makes and dicom_find.c looks into. */
struct mmn_dicom
{
	const mmn_env *env;
	const uint8_t *bytes; /* the file, or its meta group and inflated rest */
	size_t length;
	uint8_t *inflated;
	mmn_dicom_element *elements;
	size_t count;
	size_t capacity;
	size_t items; /* counted together with elements against the limit */
	mmn_dicom_fragment *fragments;
	size_t fragment_count;
	size_t fragment_capacity;
	uint32_t part_frame; /* whose bytes are at hand, only they; 0: all */
	const uint8_t *part; /* of native pixel data */
	size_t part_length;
	bool is_signed; /* Pixel Representation, by which other values go */
	char transfer_syntax[65];
};

/* Of frames.c: by what codestreams begin and end. */
bool mmn_fragment_begins_image(const mmn_dicom_fragment *f);
bool mmn_fragment_ends_image(const mmn_dicom_fragment *f);

/*
 * Fragments first..last, which hold the frame, one after the other, as
 * mmn_dicom_frame_bytes() returns them.
 */
mmn_status mmn_dicom_join_fragments(const mmn_env *env, const mmn_dicom *dicom,
									size_t first, size_t last, uint32_t frame,
									const uint8_t **out, size_t *length,
									bool *owned, mmn_error *err);

#endif
