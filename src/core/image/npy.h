#ifndef MMN_IMAGE_NPY_H
#define MMN_IMAGE_NPY_H

#include "image/tensor.h"

/*
 * NPY 1.0, NumPy's file format for one array: the binary form of SQL type
 * tensor.  Magic, version, 16-bit length of the header, the header (a Python
 * dictionary in ASCII, padded with spaces so that the elements begin at a
 * multiple of 64, ended by a newline), then the elements.
 *
 * Only what a tensor can be is written or read: C order, little-endian.
 */

/* Room for the longest header we write, 8 dimensions of 10 digits. */
#define MMN_NPY_HEADER_MAX 192

/* Writes magic and header of a checked tensor; returns their bytes. */
size_t mmn_npy_header(const mmn_tensor *tensor,
					  uint8_t out[MMN_NPY_HEADER_MAX]);

/*
 * Reads and checks an NPY file.  out->data is set to NULL: *data points into
 * the file (unaligned), *data_bytes says how much it is.  MMN_UNSUPPORTED for
 * arrays that are valid NPY but no tensor of ours (Fortran order, big-endian,
 * other element types, other versions).
 */
mmn_status mmn_npy_parse(const void *file, size_t length, size_t max_bytes,
						 mmn_tensor *out, const uint8_t **data,
						 size_t *data_bytes, mmn_error *err);

#endif
