#ifndef MMN_DICOM_STORED_H
#define MMN_DICOM_STORED_H

#include "dicom/frames.h"
#include "dicom/lut.h"

/*
 * From the stored samples of one frame, uncompressed, to an image: bits are
 * picked out of their cells (PS3.5 8.1.1), then grey values go through the
 * modality transform, palettes and YBR become RGB, planes are interleaved.
 *
 * Grey samples keep an integer type where it holds the transformed values
 * (u8, u16, or i16), else they become f32.  Colour is u8 for up to 8 bits,
 * u16 for up to 16, else f32.
 */
typedef struct mmn_stored
{
	mmn_pixel_description pixels; /* as the bytes below are laid out */
	const uint8_t *bytes;
	size_t length;
	unsigned bit_offset; /* of 1 and 12 bits: where in the first byte */
	bool big_endian;
	/*
	 * Where bytes are allocated, when an image may keep that memory for its
	 * own samples, which then stand where the stored ones stood; else NULL.
	 */
	const mmn_env *room;
} mmn_stored;

typedef struct mmn_modality_transform
{
	double slope; /* not used when lut is set */
	double intercept;
	uint8_t unit;
	const mmn_lut *lut; /* may be NULL */
	/*
	 * Or values themselves, from that of table_first on, for samples of up to
	 * 16 bits; beyond its ends, the value there.  NULL: none.  NaN: no value.
	 */
	const double *table;
	int32_t table_first;
	uint32_t table_entries;
	/* of more bits and floating point, only stored values first..last have one */
	bool limited;
	double first;
	double last;
} mmn_modality_transform;

/* Bytes that a frame of this description has when it is not compressed. */
mmn_status mmn_stored_size(const mmn_pixel_description *pixels, size_t *out,
						   mmn_error *err);

/*
 * Sets size, channels, sample type, unit and the inverted flag of *out, zeros
 * the rest, and allocates out->samples in env, at most max_bytes; or, where
 * stored->room is env, may make stored->bytes out->samples: then, and after a
 * failure, they are not to be read again.  palette is needed for PALETTE COLOR
 * only.
 */
mmn_status mmn_stored_image(const mmn_env *env, const mmn_stored *stored,
							const mmn_modality_transform *modality,
							const mmn_lut *palette, size_t max_bytes,
							mmn_image *out, mmn_error *err);

#endif
