#ifndef MMN_STATS_VECTOR_IO_H
#define MMN_STATS_VECTOR_IO_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * The two forms in which a vector of floats (SQL type embedding) travels,
 * those of pgvector's type vector.
 *
 * Binary, all numbers big-endian: 2 bytes dimensions, 2 bytes zero, then the
 * elements as IEEE floats.  Text: "[0.5,-1,2]".
 */

#define MMN_VECTOR_MAX_DIM 16000

/*
 * Reads a binary form's header; *elements points into data (unaligned).
 * Elements that are missing or too many are refused.
 */
mmn_status mmn_vector_binary_parse(const void *data, size_t length, int *dim,
								   const uint8_t **elements, mmn_error *err);

/* Fails when one of them is not finite. */
mmn_status mmn_vector_binary_elements(const uint8_t *elements, int dim,
									  float *out, mmn_error *err);

/* Counts what stands between the brackets; *elements is where it begins. */
mmn_status mmn_vector_text_parse(const char *text, int *dim,
								 const char **elements, mmn_error *err);

/*
 * Reads dim elements and the closing bracket.  A number as float4in takes it,
 * but finite: what is too small is 0.  Decimal points are strtof()'s.
 */
mmn_status mmn_vector_text_elements(const char *elements, int dim, float *out,
									mmn_error *err);

#endif
