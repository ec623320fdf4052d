#include "nn/gemm.h"

#include <cblas.h>
#include <math.h>

/*
 * Multiply-adds of one call to BLAS: 1.3 ms at 100 GFLOP/s, 13 ms on a core
 * that has no vector units to speak of.
 */
#define PIECE ((int64_t)1 << 26)

/* Where BLAS is still near its peak. */
#define MIN_ROWS 64
#define MIN_COLUMNS 256
#define MIN_DEPTH 1024

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Elements of the matrix per call where it is only read once: some 2 ms. */
#define VECTOR_PIECE ((int64_t)1 << 22)

/*
 * One row of A: a matrix times a vector, which BLAS's matrix product would
 * first copy all of B for.
 */
static mmn_status
multiply_vector(const mmn_gemm_args *g, mmn_run *run)
{
	int64_t step = most(VECTOR_PIECE / (g->trans_b ? g->k : g->n), 1);
	int64_t rows = g->trans_b ? g->n : g->k;
	int64_t stride = g->trans_a ? g->lda : 1;

	for (int64_t r = 0; r < rows; r += step)
	{
		int64_t n = least(step, rows - r);
		mmn_status status;

		if (g->trans_b) /* rows of B are columns of C */
			cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)n, (int)g->k,
						g->alpha, g->b + r * g->ldb, (int)g->ldb, g->a,
						(int)stride, g->beta, g->c + r, 1);
		else /* rows of B are terms of the sum */
			cblas_sgemv(CblasRowMajor, CblasTrans, (int)n, (int)g->n, g->alpha,
						g->b + r * g->ldb, (int)g->ldb, g->a + r * stride,
						(int)stride, r ? 1.0f : g->beta, g->c, 1);
		status = mmn_run_spend(run, MMN_RUN_QUANTUM);
		if (status != MMN_OK)
			return status;
	}
	return MMN_OK;
}

mmn_status
mmn_gemm(const mmn_gemm_args *g, mmn_run *run)
{
	if (g->m == 1)
		return multiply_vector(g, run);

	/* shrink the depth last: splitting it costs another pass over C */
	int64_t dk = least(g->k, most(PIECE / (MIN_ROWS * MIN_COLUMNS), MIN_DEPTH));
	int64_t dn, dm;

	if (g->k <= PIECE / (least(g->m, MIN_ROWS) * least(g->n, MIN_COLUMNS)))
		dk = g->k;
	dm = least(g->m, most(PIECE / (dk * least(g->n, MIN_COLUMNS)), 1));
	dn = least(g->n, most(PIECE / (dk * dm), 1));
	for (int64_t m = 0; m < g->m; m += dm)
		for (int64_t n = 0; n < g->n; n += dn)
			for (int64_t k = 0; k < g->k; k += dk)
			{
				int64_t mm = least(dm, g->m - m);
				int64_t nn = least(dn, g->n - n);
				int64_t kk = least(dk, g->k - k);
				mmn_status status;

				cblas_sgemm(
					CblasRowMajor, g->trans_a ? CblasTrans : CblasNoTrans,
					g->trans_b ? CblasTrans : CblasNoTrans, (int)mm, (int)nn,
					(int)kk, g->alpha,
					g->a + (g->trans_a ? k * g->lda + m : m * g->lda + k),
					(int)g->lda,
					g->b + (g->trans_b ? n * g->ldb + k : k * g->ldb + n),
					(int)g->ldb, k ? 1.0f : g->beta, g->c + m * g->ldc + n,
					(int)g->ldc);
				/* BLAS does some 16 of these while we do one of ours */
				status = mmn_run_spend(run, (size_t)(mm * nn * kk / 16) + 1);
				if (status != MMN_OK)
					return status;
			}
	return MMN_OK;
}

/* Sizes that leave a rest in every blocking of OpenBLAS's kernels. */
#define CHECK_MAX 67

static float
check_value(int64_t i)
{
	return (float)(i * 37 % 101) / 101.0f - 0.5f;
}

/* A matrix of check_value()s, or its transpose. */
static void
fill(float *x, int64_t rows, int64_t columns, int64_t from, bool transposed)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			x[transposed ? j * rows + i : i * columns + j] =
				check_value(from + i * columns + j);
}

/*
 * One product, of size at most CHECK_MAX, against its definition in the four
 * ways that its factors can be stored.
 */
static bool
check_product(int64_t m, int64_t n, int64_t k)
{
	float a[CHECK_MAX * CHECK_MAX], b[CHECK_MAX * CHECK_MAX];
	float c[CHECK_MAX * CHECK_MAX];
	double sum[CHECK_MAX * CHECK_MAX];
	mmn_env env = {.poll = NULL};
	mmn_run run = {.env = &env};

	fill(a, m, k, 0, false);
	fill(b, k, n, 5, false);
	for (int64_t i = 0; i < m; i++)
	{
		double *row = sum + i * n;

		for (int64_t j = 0; j < n; j++)
			row[j] = (double)check_value(9 + i * n + j);
		for (int64_t l = 0; l < k; l++)
			for (int64_t j = 0; j < n; j++)
				row[j] += (double)a[i * k + l] * (double)b[l * n + j];
	}
	for (int trans = 0; trans < 4; trans++)
	{
		bool trans_a = trans & 1, trans_b = trans & 2;
		mmn_gemm_args g = {.trans_a = trans_a,
						   .trans_b = trans_b,
						   .m = m,
						   .n = n,
						   .k = k,
						   .alpha = 1.0f,
						   .a = a,
						   .lda = trans_a ? m : k,
						   .b = b,
						   .ldb = trans_b ? k : n,
						   .beta = 1.0f,
						   .c = c,
						   .ldc = n};

		fill(a, m, k, 0, trans_a);
		fill(b, k, n, 5, trans_b);
		fill(c, m, n, 9, false);
		(void)mmn_gemm(&g, &run);
		for (int64_t i = 0; i < m * n; i++)
			if (!(fabs(sum[i] - (double)c[i]) < 1e-4))
				return false;
	}
	return true;
}

mmn_status
mmn_gemm_check(mmn_error *err)
{
	static const int64_t sizes[][3] = {
		{1, 67, 61}, {3, 5, 7}, {17, 33, 9}, {64, 64, 64}, {67, 66, 65}};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		if (!check_product(sizes[i][0], sizes[i][1], sizes[i][2]))
			return mmn_fail(
				err, MMN_INTERNAL,
				"BLAS multiplies matrices of %dx%d and %dx%d wrongly",
				(int)sizes[i][0], (int)sizes[i][2], (int)sizes[i][2],
				(int)sizes[i][1]);
	return MMN_OK;
}
