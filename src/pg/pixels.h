#ifndef MMN_PG_PIXELS_H
#define MMN_PG_PIXELS_H

#include "fmgr.h"
#include "utils/memutils.h"

#include "image/image.h"

/*
 * On-disk form of SQL type pixels, also documented in doc/pixels.md.  Never
 * change it; add a version.
 *
 *  offset size
 *   0     4   varlena length
 *   4     1   version, 1
 *   5     1   sample type (mmn_sample_type)
 *   6     1   channels, 1 or 3
 *   7     1   unit (mmn_unit)
 *   8     4   width
 *  12     4   height
 *  16     4   flags (MMN_IMAGE_*)
 *  20     4   zero
 *  24     8   spacing between rows, mm, 0 = unknown
 *  32     8   spacing between columns, mm, 0 = unknown
 *  40     8   window center
 *  48     8   window width, 0 = none
 *  56     …   samples, top row first, channels interleaved
 *
 * If flags have MMN_IMAGE_VOI_TABLE, from the next multiple of 4:
 *
 *         4   value of the table's first entry, signed
 *         4   entries
 *         …   entries, 2 bytes each
 *
 * All numbers in the server's byte order; the type is aligned on 8 bytes.
 */
#define MMN_PIXELS_VERSION 1

typedef struct Pixels
{
	int32 vl_len_;
	uint8 version;
	uint8 sample_type;
	uint8 channels;
	uint8 unit;
	uint32 width;
	uint32 height;
	uint32 flags;
	uint32 zero;
	float8 spacing_row;
	float8 spacing_column;
	float8 window_center;
	float8 window_width;
	char samples[FLEXIBLE_ARRAY_MEMBER];
} Pixels;

/*
 * Largest samples one value may hold (1 GB varlena, less the header and the
 * largest table).
 */
#define MMN_PIXELS_MAX_BYTES \
	(MaxAllocSize - offsetof(Pixels, samples) - 16 - 2 * MMN_IMAGE_MAX_VOI)

/*
 * Allocates a value with image's header and room for its samples, which are
 * copied when image->samples is not NULL; so is its VOI table.  ereports on a
 * bad header.
 */
extern Pixels *PixelsCreate(const mmn_image *image);

/* A view of a (detoasted) value; samples and VOI table point into it. */
extern mmn_image PixelsImage(const Pixels *pixels);

#define DatumGetPixelsP(d) ((Pixels *) PG_DETOAST_DATUM(d))
#define PG_GETARG_PIXELS_P(n) DatumGetPixelsP(PG_GETARG_DATUM(n))
#define PG_RETURN_PIXELS_P(p) PG_RETURN_POINTER(p)

#endif
