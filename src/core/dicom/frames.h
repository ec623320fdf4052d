#ifndef MMN_DICOM_FRAMES_H
#define MMN_DICOM_FRAMES_H

#include "dicom/dicom.h"
#include "image/image.h"

/*
 * What a data set says of its pixels (PS3.3 C.7.6.3), checked, and access to
 * the encoded bytes of one frame.
 */

typedef enum mmn_photometric
{
	MMN_MONOCHROME1,
	MMN_MONOCHROME2,
	MMN_PALETTE_COLOR,
	MMN_RGB,
	MMN_YBR_FULL,
	MMN_YBR_FULL_422,
	MMN_YBR_PARTIAL_420,
	MMN_YBR_ICT,
	MMN_YBR_RCT,
	MMN_YBR_PARTIAL_422,
	MMN_XYB
} mmn_photometric;

/* Whether native pixel data have chrominance for every second column only. */
static inline bool
mmn_is_422(mmn_photometric photometric)
{
	return photometric == MMN_YBR_FULL_422 ||
		   photometric == MMN_YBR_PARTIAL_422;
}

typedef enum mmn_pixel_kind
{
	MMN_PIXELS_INTEGER, /* Pixel Data (7FE0,0010) */
	MMN_PIXELS_FLOAT,	/* Float Pixel Data (7FE0,0008) */
	MMN_PIXELS_DOUBLE	/* Double Float Pixel Data (7FE0,0009) */
} mmn_pixel_kind;

typedef struct mmn_pixel_description
{
	mmn_photometric photometric;
	mmn_pixel_kind kind;
	uint32_t rows;
	uint32_t columns;
	uint32_t frames;			/* 1 when Number of Frames is absent */
	uint16_t samples_per_pixel; /* 1 or 3 */
	uint16_t planar;			/* 0 or 1 */
	uint16_t bits_allocated;	/* 1, 8, 12, 16, 32, 64 */
	uint16_t bits_stored;
	uint16_t high_bit;
	bool is_signed;
	bool encapsulated;
	const mmn_dicom_element *data; /* the pixel data element */
} mmn_pixel_description;

/*
 * MMN_NOT_IMAGE: a data set without pixel data (says which SOP class).
 * MMN_BAD_DATA: attributes missing or contradictory.
 */
mmn_status mmn_dicom_describe_pixels(const mmn_dicom *dicom,
									 mmn_pixel_description *out,
									 mmn_error *err);

/*
 * The encoded bytes of frame 1..frames.  *out points into the file where the
 * frame is contiguous; else fragments are joined in memory of env and *owned
 * is set (the caller frees *out).  Of native data of 1 or 12 bits the span may
 * start inside a byte: *bit_offset 0..7.
 */
mmn_status mmn_dicom_frame_bytes(const mmn_env *env, const mmn_dicom *dicom,
								 const mmn_pixel_description *pixels,
								 uint32_t frame, const uint8_t **out,
								 size_t *length, unsigned *bit_offset,
								 bool *owned, mmn_error *err);

/* Where a frame's bytes are in native pixel data; false: beyond all limits. */
bool mmn_dicom_native_range(const mmn_pixel_description *pixels, uint32_t frame,
							uint64_t *start, uint64_t *length);

/* Bytes of all frames together in native pixel data; SIZE_MAX: too many. */
size_t mmn_dicom_native_length(const mmn_pixel_description *pixels);

/*
 * How many bytes of native pixel data swap together when the element is big
 * endian (mmn_dicom_element.big_endian): 1 is none.  Cells of 16 and more bits
 * as a whole; smaller ones in the words of VR OW (PS3.5 8.1.1).  So do those of
 * 32 bits by the letter of the standard, and in the files of some writers: which
 * it is, the samples tell.
 */
unsigned mmn_dicom_pixel_unit(const mmn_dicom_element *data,
							  int64_t bits_allocated);

/*
 * Linear modality transform of a frame: Rescale Slope / Intercept, top level
 * or per-frame functional groups; identity when absent.  *unit from Rescale
 * Type, Modality (CT means HU) and Units (0054,1001).  false: what stands there
 * is no number, so that samples are neither scaled nor have a unit.
 */
bool mmn_dicom_rescale(const mmn_dicom *dicom, uint32_t frame, double *slope,
					   double *intercept, uint8_t *unit);

/*
 * Spacing in mm (Pixel Spacing, else Imager Pixel Spacing, else Nominal
 * Scanned Pixel Spacing, else ultrasound region physical delta; per frame
 * where it stands there); 0 when unknown.
 */
void mmn_dicom_spacing(const mmn_dicom *dicom, uint32_t frame, double *row,
					   double *column);

/*
 * The sequence of a functional group of a frame: its own, else that of all
 * frames (PS3.3 C.7.6.16), else the same sequence at the top level.
 */
const mmn_dicom_element *mmn_dicom_frame_group(const mmn_dicom *dicom,
											   uint32_t frame, uint32_t group);

/*
 * An attribute that may differ from frame to frame: in functional group
 * "group" of the frame, else of all frames (PS3.3 C.7.6.16), else at the top
 * level.
 */
const mmn_dicom_element *mmn_dicom_frame_attribute(const mmn_dicom *dicom,
												   uint32_t frame,
												   uint32_t group,
												   uint32_t tag);

/*
 * First VOI window; false when there is none usable: a width below 1 (PS3.3
 * C.11.2.1.2) or, with a function other than LINEAR, not above 0.
 */
bool mmn_dicom_window(const mmn_dicom *dicom, uint32_t frame, double *center,
					  double *width);

/*
 * Whether a frame has a palette to go through: PALETTE COLOR, or gray values
 * with a Supplemental Palette where Pixel Presentation (0008,9205) is COLOR, or
 * MIXED (then *mixed is set), of the frame (PS3.3 C.8.16.2.1.1.1) or the image.
 */
bool mmn_dicom_has_palette(const mmn_dicom *dicom,
						   const mmn_pixel_description *pixels, uint32_t frame,
						   bool *mixed);

/* VOI LUT Function (0028,1056) as a flag of images; 0: LINEAR. */
uint32_t mmn_dicom_window_function(const mmn_dicom *dicom, uint32_t frame);

#endif
