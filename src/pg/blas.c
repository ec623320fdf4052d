/*
 * OpenBLAS, loaded when a session computes its first network.
 *
 * The library is 36 MB with kernels for all CPUs.  To relocate it, find out
 * which they are to be and start its threads takes several times as long as
 * all else that a session does until it has its first batch: so the module
 * does not name it as one that it needs.  The core calls BLAS by the names of
 * its standard interface; in the module these are the functions below, which
 * go on to the library's.
 */
#include "postgres.h"

#include <dlfcn.h>

/* not to be taken for the library's by anything else in the process */
#pragma GCC visibility push(hidden)
#include <cblas.h>
#pragma GCC visibility pop

#include "nn/gemm.h"

#include "blas.h"
#include "bridge.h"
#include "compat.h"

#define OPENBLAS "libopenblas.so.0"

static struct
{
	bool checked;
	void (*sgemm)(CBLAS_LAYOUT, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint,
				  blasint, blasint, float, const float *, blasint,
				  const float *, blasint, float, float *, blasint);
	void (*sgemv)(CBLAS_LAYOUT, CBLAS_TRANSPOSE, blasint, blasint, float,
				  const float *, blasint, const float *, blasint, float,
				  float *, blasint);
	char *(*corename)(void);
} blas;

void
cblas_sgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans_a,
			CBLAS_TRANSPOSE trans_b, blasint m, blasint n, blasint k,
			float alpha, const float *a, blasint lda, const float *b,
			blasint ldb, float beta, float *c, blasint ldc)
{
	blas.sgemm(layout, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta,
			   c, ldc);
}

void
cblas_sgemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans, blasint m, blasint n,
			float alpha, const float *a, blasint lda, const float *x,
			blasint incx, float beta, float *y, blasint incy)
{
	blas.sgemv(layout, trans, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

static void *
Symbol(void *library, const char *name, int elevel)
{
	void *symbol = dlsym(library, name);

	if (!symbol)
		ereport(elevel, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						 errmsg("\"%s\" has no function %s", OPENBLAS, name)));
	return symbol;
}

/* false: the library is not there, or another; which has been reported. */
static bool
Open(int elevel)
{
	void *library = dlopen(OPENBLAS, RTLD_NOW | RTLD_LOCAL);
	void (*set_num_threads)(int);
	int (*shutdown)(void);

	if (!library)
	{
		ereport(elevel, (errcode(ERRCODE_UNDEFINED_FILE),
						 errmsg("could not load OpenBLAS, which networks need"),
						 errdetail_internal("%s", dlerror()),
						 errhint("Debian's package libopenblas0 has it.")));
		return false;
	}
	/*
	 * A backend is one thread: BLAS's own, started when the library was
	 * loaded, would only catch signals meant for us.  Not all builds of it
	 * have threads to shut down.
	 */
	set_num_threads = Symbol(library, "openblas_set_num_threads", elevel);
	if (set_num_threads)
		set_num_threads(1);
	shutdown = dlsym(library, "blas_thread_shutdown_");
	if (shutdown)
		shutdown();
	blas.sgemv = Symbol(library, "cblas_sgemv", elevel);
	blas.corename = Symbol(library, "openblas_get_corename", elevel);
	if (set_num_threads && blas.sgemv && blas.corename)
		blas.sgemm = Symbol(library, "cblas_sgemm", elevel);
	return blas.sgemm != NULL;
}

void
BlasLoad(int elevel)
{
	mmn_error err;

	if (blas.checked || (!blas.sgemm && !Open(elevel)))
		return;
	/* a wrong kernel is an error, never a wrong embedding */
	blas.checked = mmn_gemm_check(&err) == MMN_OK;
	if (!blas.checked)
		ereport(elevel,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("OpenBLAS does not work on this CPU"),
				 errdetail("%s; its kernels are those for %s.", err.text,
						   blas.corename()),
				 errhint("Set OPENBLAS_CORETYPE in the server's environment to "
						 "kernels for this CPU, for example Haswell, and "
						 "restart it.")));
}
