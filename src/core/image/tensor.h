#ifndef MMN_IMAGE_TENSOR_H
#define MMN_IMAGE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

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

#endif
