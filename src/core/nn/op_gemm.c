/*
 * Gemm: Y [M, N] = alpha * A' [M, K] * B' [K, N] + beta * C.
 * MatMul: the same without C, over any leading dimensions.
 */
#include <string.h>

#include "nn/gemm.h"
#include "nn/op_list.h"

static mmn_status
gemm_plan(mmn_planner *p, mmn_step *s)
{
	mmn_gemm_args *g = mmn_op_params(p, sizeof *g);
	const mmn_shape *a = &s->in[0]->shape, *b = &s->in[1]->shape;
	mmn_shape out;

	if (!g)
		return p->err->code;
	if (a->ndim != 2 || b->ndim != 2 || s->in[1]->element != MMN_FLOAT)
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "arguments must be matrices of floats");
	g->trans_a = mmn_op_int(p, "transA", 0) != 0;
	g->trans_b = mmn_op_int(p, "transB", 0) != 0;
	g->alpha = mmn_op_float(p, "alpha", 1.0f);
	g->beta = mmn_op_float(p, "beta", 1.0f);
	g->m = a->dims[g->trans_a ? 1 : 0];
	g->k = a->dims[g->trans_a ? 0 : 1];
	g->n = b->dims[g->trans_b ? 0 : 1];
	g->lda = a->dims[1];
	g->ldb = b->dims[1];
	g->ldc = g->n;
	if (b->dims[g->trans_b ? 1 : 0] != g->k)
		return mmn_op_fail(p, MMN_BAD_DATA,
						   "matrices of %lld and %lld inner elements do not "
						   "fit",
						   (long long)g->k,
						   (long long)b->dims[g->trans_b ? 1 : 0]);
	if (mmn_op_has_input(s, 2))
	{
		const mmn_shape *c = &s->in[2]->shape;
		int64_t rows = c->ndim == 2 ? c->dims[0] : 1;
		int64_t columns = c->ndim ? c->dims[c->ndim - 1] : 1;

		if (s->in[2]->element != MMN_FLOAT || c->ndim > 2 ||
			(rows != 1 && rows != g->m) || (columns != 1 && columns != g->n))
			return mmn_op_fail(p, MMN_BAD_DATA, "the bias does not fit");
	}
	s->multiply_adds = (uint64_t)g->m * (uint64_t)g->n * (uint64_t)g->k;
	out = (mmn_shape){2, {g->m, g->n}};
	return mmn_op_output(p, 0, MMN_FLOAT, &out);
}

static mmn_status
gemm_run(const mmn_step *s, mmn_run *run)
{
	mmn_gemm_args g = *(const mmn_gemm_args *)s->params;
	int64_t rows = 1, columns = 1;
	const float *bias = NULL;

	g.a = mmn_run_in(run, s, 0);
	g.b = mmn_run_in(run, s, 1);
	g.c = mmn_run_out(run, s, 0);
	if (mmn_op_has_input(s, 2))
	{
		const mmn_shape *c = &s->in[2]->shape;

		rows = c->ndim == 2 ? c->dims[0] : 1;
		columns = c->ndim ? c->dims[c->ndim - 1] : 1;
		bias = mmn_run_in(run, s, 2);
	}
	for (int64_t m = 0; m < g.m; m++)
	{
		float *out = g.c + m * g.n;
		const float *from = bias ? bias + (rows > 1 ? m * columns : 0) : NULL;
		mmn_status status = mmn_run_spend(run, (size_t)g.n);

		if (status != MMN_OK)
			return status;
		for (int64_t n = 0; n < g.n; n++)
			out[n] = from ? g.beta * from[columns > 1 ? n : 0] : 0.0f;
	}
	g.beta = 1.0f;
	return mmn_gemm(&g, run);
}

typedef struct matmul_params
{
	mmn_gemm_args g;
	int64_t batches;
	int ndim; /* of the leading dimensions */
	int64_t dims[MMN_SHAPE_MAX];
	int64_t stride_a[MMN_SHAPE_MAX]; /* elements; 0 where broadcast */
	int64_t stride_b[MMN_SHAPE_MAX];
} matmul_params;

/* Leading dimensions of both, broadcast as NumPy does. */
static mmn_status
matmul_batches(mmn_planner *p, const mmn_shape *a, const mmn_shape *b,
			   matmul_params *m)
{
	int na = a->ndim - 2, nb = b->ndim - 2;
	int64_t step_a = m->g.m * m->g.k, step_b = m->g.k * m->g.n;

	m->ndim = na > nb ? na : nb;
	m->batches = 1;
	for (int i = m->ndim - 1; i >= 0; i--)
	{
		int64_t da = i - m->ndim + na >= 0 ? a->dims[i - m->ndim + na] : 1;
		int64_t db = i - m->ndim + nb >= 0 ? b->dims[i - m->ndim + nb] : 1;

		if (da != db && da != 1 && db != 1)
			return mmn_op_fail(p, MMN_BAD_DATA, "shapes do not fit");
		m->dims[i] = da > db ? da : db;
		m->stride_a[i] = da == 1 ? 0 : step_a;
		m->stride_b[i] = db == 1 ? 0 : step_b;
		step_a *= da;
		step_b *= db;
		if (m->dims[i] > (int64_t)MMN_TENSOR_MAX_COUNT / m->batches)
			return mmn_op_fail(p, MMN_LIMIT, "the product is too large");
		m->batches *= m->dims[i];
	}
	return MMN_OK;
}

static mmn_status
matmul_plan(mmn_planner *p, mmn_step *s)
{
	matmul_params *m = mmn_op_params(p, sizeof *m);
	const mmn_shape *a = &s->in[0]->shape, *b = &s->in[1]->shape;
	mmn_shape out;
	mmn_status status;

	if (!m)
		return p->err->code;
	if (a->ndim < 2 || b->ndim < 2 || s->in[1]->element != MMN_FLOAT)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "arguments must have at least two dimensions");
	m->g.m = a->dims[a->ndim - 2];
	m->g.k = a->dims[a->ndim - 1];
	m->g.n = b->dims[b->ndim - 1];
	if (b->dims[b->ndim - 2] != m->g.k)
		return mmn_op_fail(p, MMN_BAD_DATA, "shapes do not fit");
	m->g.alpha = 1.0f;
	m->g.lda = m->g.k;
	m->g.ldb = m->g.ldc = m->g.n;
	status = matmul_batches(p, a, b, m);
	if (status != MMN_OK)
		return status;
	s->multiply_adds = (uint64_t)m->batches * (uint64_t)m->g.m *
					   (uint64_t)m->g.n * (uint64_t)m->g.k;
	out.ndim = m->ndim + 2;
	memcpy(out.dims, m->dims, sizeof out.dims);
	out.dims[out.ndim - 2] = m->g.m;
	out.dims[out.ndim - 1] = m->g.n;
	status = mmn_op_output(p, 0, MMN_FLOAT, &out);
	if (status == MMN_OK && b->ndim == 2)
	{
		/* many times the same B: one product of all rows of A */
		m->g.m *= m->batches;
		m->batches = 1;
		m->ndim = 0;
	}
	return status;
}

static mmn_status
matmul_run(const mmn_step *s, mmn_run *run)
{
	const matmul_params *m = s->params;
	mmn_gemm_args g = m->g;
	const float *a = mmn_run_in(run, s, 0), *b = mmn_run_in(run, s, 1);

	g.c = mmn_run_out(run, s, 0);
	for (int64_t i = 0; i < m->batches; i++, g.c += g.m * g.n)
	{
		int64_t rest = i;
		mmn_status status;

		g.a = a;
		g.b = b;
		for (int d = m->ndim - 1; d >= 0; d--)
		{
			g.a += rest % m->dims[d] * m->stride_a[d];
			g.b += rest % m->dims[d] * m->stride_b[d];
			rest /= m->dims[d];
		}
		status = mmn_gemm(&g, run);
		if (status != MMN_OK)
			return status;
	}
	return MMN_OK;
}

const mmn_op mmn_op_gemm = {
	"Gemm", "alpha beta transA transB ", 2, 3, 1, 0, gemm_plan, gemm_run};
const mmn_op mmn_op_matmul = {"MatMul", "", 2,			 2,
							  1,		0,	matmul_plan, matmul_run};
