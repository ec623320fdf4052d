#ifndef MMN_PG_TENSOR_H
#define MMN_PG_TENSOR_H

#include "fmgr.h"

#include "image/tensor.h"

/*
 * SQL type tensor: an n-d array in C order.  On disk:
 *
 *  offset size
 *   0     4    varlena length
 *   4     1    dtype (mmn_dtype)
 *   5     1    ndim, 0..MMN_TENSOR_MAX_DIMS
 *   6     2    zero
 *   8     4*n  dimensions
 *   then zero bytes up to a multiple of 8, then the elements, little-endian
 *
 * The binary (send) form is an NPY 1.0 file (see image/tensor.h).
 */
typedef struct Tensor
{
	int32 vl_len_;
	uint8 dtype;
	uint8 ndim;
	uint16 zero;
	int32 dims[FLEXIBLE_ARRAY_MEMBER];
} Tensor;

/* Allocates a tensor; elements are not set.  ereports when too large. */
extern Tensor *TensorCreate(mmn_dtype dtype, int ndim, const int32 *dims);

/*
 * The same in memory of the caller's, TensorSize bytes aligned on 8; returns
 * where the elements go.
 */
extern Size TensorSize(mmn_dtype dtype, int ndim, const int32 *dims);
extern void *TensorInit(void *at, mmn_dtype dtype, int ndim,
						const int32 *dims);

extern void *TensorData(const Tensor *tensor);

/* Bytes of the elements. */
extern Size TensorDataSize(const Tensor *tensor);

#define DatumGetTensorP(d) ((Tensor *) PG_DETOAST_DATUM(d))
#define PG_GETARG_TENSOR_P(n) DatumGetTensorP(PG_GETARG_DATUM(n))
#define PG_RETURN_TENSOR_P(p) PG_RETURN_POINTER(p)

#endif
