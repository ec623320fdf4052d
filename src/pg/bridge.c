#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bridge.h"
#include "compat.h"

static void *
backend_alloc(void *ctx, size_t size)
{
	if (!AllocHugeSizeIsValid(size))
		return NULL;
	return palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

static void
backend_free(void *ctx, void *p)
{
	if (p)
		pfree(p);
}

static int
backend_poll(void *ctx)
{
	CHECK_FOR_INTERRUPTS();
	return 0;
}

const mmn_env mmn_env_backend = {backend_alloc, backend_free, backend_poll,
								 NULL};

int
mmn_sqlstate(mmn_status code)
{
	switch (code)
	{
		case MMN_SYNTAX:
			return ERRCODE_INVALID_TEXT_REPRESENTATION;
		case MMN_BAD_DATA:
			return ERRCODE_DATA_EXCEPTION;
		case MMN_BAD_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case MMN_LIMIT:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case MMN_UNSUPPORTED:
		case MMN_NOT_IMAGE:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case MMN_NO_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case MMN_CANCELED:
			return ERRCODE_QUERY_CANCELED;
		default:
			return ERRCODE_INTERNAL_ERROR;
	}
}

void
mmn_report(const char *what, const mmn_error *err)
{
	ereport(ERROR, (errcode(mmn_sqlstate(err->code)), errmsg("%s", what),
					errdetail("%s.", err->text)));
}

void
mmn_check(mmn_status status, const char *what, const mmn_error *err)
{
	if (status != MMN_OK)
		mmn_report(what, err);
}
