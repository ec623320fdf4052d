#ifndef MMN_IMAGE_TENSOR_H
#define MMN_IMAGE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/status.h"

/*
 * Element types of SQL type tensor; the codes are on disk, never change one.
 * Names are NumPy's ("uint8", "float32").
 */
typedef enum mmn_dtype
{
	MMN_DTYPE_UINT8 = 1,
	MMN_DTYPE_INT8 = 2,
	MMN_DTYPE_UINT16 = 3,
	MMN_DTYPE_INT16 = 4,
	MMN_DTYPE_INT32 = 5,
	MMN_DTYPE_INT64 = 6,
	MMN_DTYPE_FLOAT16 = 7,
	MMN_DTYPE_FLOAT32 = 8,
	MMN_DTYPE_FLOAT64 = 9
} mmn_dtype;

#define MMN_TENSOR_MAX_DIMS 8

/* An n-d array in C order; elements are little-endian and not owned. */
typedef struct mmn_tensor
{
	uint8_t dtype; /* mmn_dtype */
	uint8_t ndim;  /* 0..MMN_TENSOR_MAX_DIMS */
	int32_t dims[MMN_TENSOR_MAX_DIMS];
	void *data;
} mmn_tensor;

/* Bytes of one element; 0 for an unknown type. */
size_t mmn_dtype_size(uint8_t dtype);
const char *mmn_dtype_name(uint8_t dtype); /* "float32", NULL */
bool mmn_dtype_parse(const char *name, uint8_t *out);

/*
 * Checks type and dimensions (a dimension may be 0) and yields the bytes the
 * elements take.  Fails with MMN_BAD_DATA, or MMN_LIMIT beyond max_bytes.
 */
mmn_status mmn_tensor_check(const mmn_tensor *tensor, size_t max_bytes,
							size_t *data_bytes, mmn_error *err);

/*
 * Element i as a double; exact for all types but int64 beyond 2^53.
 */
double mmn_tensor_element(const mmn_tensor *tensor, size_t i);

/* IEEE 754 binary16: exact one way, to nearest even the other. */
double mmn_half_to_double(uint16_t half);
uint16_t mmn_half_from_double(double v);

/*
 * Text: type, dimensions, elements in C order without nesting:
 *
 *  float32[2,3]{1,2.5,-3,NaN,Infinity,0}
 *
 * A NaN other than the usual one is spelt with its bits, NaN(0x7fc00001).
 *
 * mmn_tensor_text_parse reads up to the elements; *elements is where they
 * begin in text; mmn_tensor_text_elements reads those into tensor->data.
 */
mmn_status mmn_tensor_text_parse(const char *text, size_t max_bytes,
								 mmn_tensor *out, const char **elements,
								 size_t *data_bytes, mmn_error *err);
mmn_status mmn_tensor_text_elements(const mmn_env *env,
									const mmn_tensor *tensor,
									const char *elements, mmn_error *err);

/* Bits of the NaN that is spelt just "NaN". */
uint64_t mmn_dtype_nan(uint8_t dtype);

#endif
