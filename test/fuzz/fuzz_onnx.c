/*
 * Model files: read, planned for a small input and run.  BLAS is replaced by
 * a plain loop, so that the sanitizers see what it would touch.
 */
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "nn/network.h"

#define MAX_BYTES ((size_t)1 << 22)
#define MAX_POLLS 4

void
cblas_sgemm(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE ta,
			const enum CBLAS_TRANSPOSE tb, const blasint m, const blasint n,
			const blasint k, const float alpha, const float *a,
			const blasint lda, const float *b, const blasint ldb,
			const float beta, float *c, const blasint ldc)
{
	if (order != CblasRowMajor || m < 1 || n < 1 || k < 1 || ldc < n ||
		lda < (ta == CblasNoTrans ? k : m) ||
		ldb < (tb == CblasNoTrans ? n : k))
		abort();
	for (long i = 0; i < m; i++)
		for (long j = 0; j < n; j++)
		{
			float sum = 0;

			/* the ends tell whether all is inside; all would take too long */
			for (long l = 0; l < k; l += l + 1 < k && k > 64 ? k - 1 - l : 1)
				sum += a[ta == CblasNoTrans ? i * lda + l : l * lda + i] *
					   b[tb == CblasNoTrans ? l * ldb + j : j * ldb + l];
			c[i * ldc + j] = alpha * sum + beta * c[i * ldc + j];
		}
}

void
cblas_sgemv(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE trans,
			const blasint m, const blasint n, const float alpha, const float *a,
			const blasint lda, const float *x, const blasint incx,
			const float beta, float *y, const blasint incy)
{
	/* the vector is a matrix of one row, its stride that of a column */
	if (incy != 1)
		abort();
	if (trans == CblasNoTrans)
		cblas_sgemm(order, CblasTrans, CblasTrans, 1, m, n, alpha, x, incx, a,
					lda, beta, y, m);
	else
		cblas_sgemm(order, CblasTrans, CblasNoTrans, 1, n, m, alpha, x, incx, a,
					lda, beta, y, n);
}

static int
count_polls(void *ctx)
{
	return ++*(int *)ctx > MAX_POLLS;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int polls = -10000; /* loading and planning poll at every step */
	mmn_env env = mmn_env_default;
	mmn_network *net;
	mmn_plan *plan;
	mmn_error err;
	mmn_shape shape;

	env.poll = count_polls;
	env.ctx = &polls;
	if (mmn_network_load(&env, data, size, MAX_BYTES, &net, &err) != MMN_OK)
		return 0;
	mmn_network_input(net, &shape);
	if (shape.ndim < 0)
		shape.ndim = 4;
	for (int i = 0; i < shape.ndim; i++)
		if (shape.dims[i] <= 0)
			shape.dims[i] = i == 0 ? 1 : 6;

	if (mmn_plan_create(&env, net, &shape,
						&(mmn_plan_options){.max_bytes = MAX_BYTES,
											.isa = mmn_isa_best()}, &plan,
						&err) == MMN_OK)
	{
		/* exact sizes: one byte beyond is an error */
		size_t n_in = 1, n_out = mmn_plan_output_count(plan);
		float *in, *out;
		int64_t images = 1 + (int64_t)(size & 1);
		void *workspace = malloc(mmn_plan_workspace(plan, images));

		for (int i = 0; i < shape.ndim; i++)
			n_in *= (size_t)shape.dims[i];
		n_in *= (size_t)images;
		n_out *= (size_t)images;
		if (n_in <= MAX_BYTES / sizeof(float))
		{
			in = malloc(n_in * sizeof *in);
			out = malloc(n_out * sizeof *out);
			for (size_t i = 0; i < n_in; i++)
				in[i] = (float)(i % 17) - 8.0f;
			polls = 0;
			(void)mmn_plan_forward(plan, images, workspace, in, out,
								   &env, &err);
			free(in);
			free(out);
		}
		free(workspace);
		mmn_plan_destroy(&env, plan);
	}
	mmn_network_destroy(net);
	return 0;
}
