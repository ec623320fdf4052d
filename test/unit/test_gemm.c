/*
 * The check of this machine's BLAS, with a BLAS of our own in its place: one
 * that is right, and ones that are wrong as kernels for another CPU are.
 */
#include <cblas.h>

#include "nn/gemm.h"
#include "tap.h"

/* Which element of the product is wrong. */
typedef enum fault
{
	NONE,
	LAST_COLUMN, /* of what does not fill a vector */
	LAST_ROW,
	LAST_TERM,
	NOT_A_NUMBER
} fault;

static fault with;

void
cblas_sgemm(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE ta,
			const enum CBLAS_TRANSPOSE tb, const blasint m, const blasint n,
			const blasint k, const float alpha, const float *a,
			const blasint lda, const float *b, const blasint ldb,
			const float beta, float *c, const blasint ldc)
{
	int terms = with == LAST_TERM && k % 4 ? k - 1 : k;

	(void)order;
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++)
		{
			float sum = 0;

			for (int l = 0; l < terms; l++)
				sum += a[ta == CblasNoTrans ? i * lda + l : l * lda + i] *
					   b[tb == CblasNoTrans ? l * ldb + j : j * ldb + l];
			if ((with == LAST_COLUMN && j == n - 1 && n % 16) ||
				(with == LAST_ROW && i == m - 1 && m % 4))
				continue;
			c[i * ldc + j] = with == NOT_A_NUMBER
								 ? NAN
								 : alpha * sum + beta * c[i * ldc + j];
		}
}

int
main(void)
{
	mmn_error err;

	is_int(mmn_gemm_check(&err), MMN_OK, "a BLAS that is right");
	for (with = LAST_COLUMN; with <= NOT_A_NUMBER; with++)
	{
		is_int(mmn_gemm_check(&err), MMN_INTERNAL, "a wrong one, %d", with);
		ok(strstr(err.text, "BLAS multiplies") != NULL, "is named: %s",
		   err.text);
	}
	return done_testing();
}
