#ifndef MMN_IMAGE_IMAGE_H
#define MMN_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

/*
 * One decoded frame: stored values with the modality LUT applied, top row
 * first, samples interleaved (H, W, C).  The codes below are part of the
 * on-disk form of SQL type pixels and of the decoder's wire: never change
 * one, only add.
 */

typedef enum mmn_sample_type
{
	MMN_U8 = 1,
	MMN_U16 = 2,
	MMN_I16 = 3,
	MMN_F32 = 4
} mmn_sample_type;

/* What one step of the sample value means. */
typedef enum mmn_unit
{
	MMN_UNIT_RAW = 0,  /* no known scale */
	MMN_UNIT_RGB = 1,  /* colour, channels = 3 */
	MMN_UNIT_HU = 2,   /* Hounsfield units (PS3.3 C.11.1.1.2) */
	MMN_UNIT_SUV = 3,  /* standardized uptake value, g/ml */
	MMN_UNIT_OD = 4,   /* optical density */
	MMN_UNIT_BQML = 5, /* becquerel per millilitre */
	MMN_UNIT_US = 6,   /* the DICOM term US: "unspecified" */
	/* real world values, by their units in UCUM */
	MMN_UNIT_MM2S = 7,	  /* mm2/s, of diffusion */
	MMN_UNIT_UM2S = 8,	  /* um2/s */
	MMN_UNIT_MS = 9,	  /* ms, of relaxation */
	MMN_UNIT_S = 10,	  /* s */
	MMN_UNIT_PERCENT = 11 /* % */
} mmn_unit;

/* MONOCHROME1: the lowest value is shown white (PS3.3 C.7.6.3.1.2). */
#define MMN_IMAGE_INVERTED 1u
/* The window's function where it is not LINEAR (PS3.3 C.11.2.1.3): */
#define MMN_IMAGE_LINEAR_EXACT 2u
#define MMN_IMAGE_SIGMOID 4u
/* There is a VOI table: set exactly when voi_entries is not 0. */
#define MMN_IMAGE_VOI_TABLE 8u
/* 8-bit samples that are measurements, not shades to be shown as they are. */
#define MMN_IMAGE_MEASURED 16u

#define MMN_IMAGE_MAX_VOI 65536u

/* Largest side, in pixels: DICOM's Rows and Columns are 16 bits. */
#define MMN_IMAGE_MAX_SIDE 65535u

typedef struct mmn_image
{
	uint32_t width;
	uint32_t height;
	uint8_t channels;	   /* 1 or 3 */
	uint8_t sample_type;   /* mmn_sample_type */
	uint8_t unit;		   /* mmn_unit */
	uint32_t flags;		   /* MMN_IMAGE_* */
	double spacing_row;	   /* mm between row centres (y); 0 = unknown */
	double spacing_column; /* mm between column centres (x); 0 = unknown */
	double window_center;  /* the window the file asks for; in the samples' */
	double window_width;   /* unit; width 0 = none */
	void *samples;		   /* width * height * channels samples; not owned */
	/*
	 * VOI LUT (PS3.3 C.11.2.1.1): from sample values, the first of which is
	 * voi_first, to shades, 0 black, 65535 white.
	 */
	int32_t voi_first;
	uint32_t voi_entries; /* 0 = no table */
	uint16_t *voi;		  /* not owned */
} mmn_image;

/* Bytes of one sample; 0 for an unknown type. */
size_t mmn_sample_size(uint8_t sample_type);
const char *mmn_sample_type_name(uint8_t sample_type); /* "u8", NULL */
bool mmn_sample_type_parse(const char *name, uint8_t *out);
const char *mmn_unit_name(uint8_t unit); /* "HU", NULL */
bool mmn_unit_parse(const char *name, uint8_t *out);

/* Frees samples and table, which are in memory of env. */
void mmn_image_release(const mmn_env *env, mmn_image *image);

/*
 * Checks all header fields (not samples and table) and yields the bytes the samples
 * take.  Fails with MMN_BAD_DATA, or MMN_LIMIT beyond max_bytes.
 */
mmn_status mmn_image_check(const mmn_image *image, size_t max_bytes,
						   size_t *sample_bytes, mmn_error *err);

/* Sample at index i (over H*W*C) as a double. */
static inline double
mmn_image_sample(const mmn_image *image, size_t i)
{
	switch (image->sample_type)
	{
		case MMN_U8:
			return ((const uint8_t *)image->samples)[i];
		case MMN_U16:
			return ((const uint16_t *)image->samples)[i];
		case MMN_I16:
			return ((const int16_t *)image->samples)[i];
		default:
			return ((const float *)image->samples)[i];
	}
}

#endif
