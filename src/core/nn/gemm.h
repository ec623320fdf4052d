#ifndef MMN_NN_GEMM_H
#define MMN_NN_GEMM_H

#include "nn/op.h"

/*
 * C [M, N] = alpha * op(A) [M, K] * op(B) [K, N] + beta * C, row-major, cut
 * into pieces of a few milliseconds with a poll between them.  ld*: elements
 * from one row to the next.  All sizes are > 0 and fit an int (the planner
 * sees to it: MMN_TENSOR_MAX_COUNT).
 */
typedef struct mmn_gemm_args
{
	bool trans_a;
	bool trans_b;
	int64_t m;
	int64_t n;
	int64_t k;
	float alpha;
	const float *a;
	int64_t lda;
	const float *b;
	int64_t ldb;
	float beta;
	float *c;
	int64_t ldc;
} mmn_gemm_args;

mmn_status mmn_gemm(const mmn_gemm_args *g, mmn_run *run);

/*
 * Whether this machine's BLAS multiplies rightly: some products of odd sizes
 * against plain loops, in a few milliseconds.  OpenBLAS chooses its
 * kernels by the CPU's name, and has chosen wrongly before.  MMN_INTERNAL when
 * it does not.
 */
mmn_status mmn_gemm_check(mmn_error *err);

#endif
