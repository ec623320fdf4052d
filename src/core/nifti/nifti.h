#ifndef MMN_NIFTI_NIFTI_H
#define MMN_NIFTI_NIFTI_H

#include "base/buffer.h"
#include "image/image.h"

/*
 * NIfTI-1 and NIfTI-2 volumes in one file (magic "n+1" and "n+2"), of either
 * byte order, plain or compressed by gzip, as images of many frames.
 *
 * Frame f, from 1, is the f-th plane of the first two dimensions in the order
 * of the file: slice (f - 1) % slices + 1 of volume (f - 1) / slices + 1.  A
 * row of it runs along the first dimension, rows follow one another along the
 * second: as stored, never turned; the affine says which way that is.
 */
#define MMN_NIFTI_MAX_HEADER 540

typedef struct mmn_nifti
{
	uint8_t version; /* 1 or 2 */
	bool big_endian;
	int64_t dim[8];	 /* dim[0] of them, from dim[1] */
	int64_t columns; /* dim[1]; those that are not there are 1 */
	int64_t rows;
	int64_t slices;
	uint32_t frames;
	const struct mmn_nifti_type *type;
	uint64_t offset;	  /* of the volume in the inflated file */
	uint64_t frame_bytes; /* frames * frame_bytes does not overflow */
	double slope;		  /* 1 and 0: none */
	double intercept;
	double spacing[3]; /* mm along the first three dimensions; 0: unknown */
	const char *orientation_from; /* "sform", "qform", NULL */
	double affine[3][4];		  /* index to mm, R A S; if orientation_from */
	uint8_t header[MMN_NIFTI_MAX_HEADER];
} mmn_nifti;

/*
 * Whether the file begins with such a header.  No more of it is read, nor
 * inflated: cheap and safe on anything.
 */
bool mmn_nifti_recognize(const uint8_t *bytes, size_t length);

/*
 * Whether the file is the header of a volume whose voxels are in a second file:
 * NIfTI's "ni1" and "ni2", or ANALYZE 7.5, from which they come.
 */
bool mmn_nifti_is_pair(const uint8_t *bytes, size_t length);

/*
 * Reads and checks the header.  MMN_LIMIT: the file, inflated, is larger than
 * max_object.
 */
mmn_status mmn_nifti_open(const mmn_env *env, const uint8_t *bytes,
						  size_t length, size_t max_object, mmn_nifti *out,
						  mmn_error *err);

/*
 * Decodes one frame of the file that was opened: the scale of its header is
 * applied.  out->samples is allocated in env, at most max_bytes.  Of a
 * compressed file the data up to the frame are checked by inflating them; the
 * checksum, which stands at the end, with the last frame only.
 */
mmn_status mmn_nifti_frame(const mmn_env *env, const mmn_nifti *nifti,
						   const uint8_t *bytes, size_t length, uint32_t frame,
						   size_t max_bytes, mmn_image *out, mmn_error *err);

/*
 * Appends a copy without free text and without header extensions, with all of
 * its volume: of the header, only numbers that describe the volume are kept.
 * Compressed if the file is.  What comes out gives itself.
 */
mmn_status mmn_nifti_strip(const mmn_nifti *nifti, const uint8_t *bytes,
						   size_t length, mmn_buffer *out, mmn_error *err);

/*
 * Appends a JSON object of what the header says of the volume
 * (doc/architecture.md).
 */
void mmn_nifti_json(const mmn_nifti *nifti, mmn_buffer *out);

#endif
