#ifndef MMN_PG_COMPAT_H
#define MMN_PG_COMPAT_H

/* The one place for differences between PostgreSQL versions. */

#if PG_VERSION_NUM < 150000
#error "medimnet needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "access/htup_details.h"
#include "storage/latch.h"
#include "utils/memutils.h"

/* Whether messages larger than the output buffer go past it. */
#define SENDS_LARGE_MESSAGES_WHOLE (PG_VERSION_NUM >= 170000)

/* Events to wait for that no end of a transaction does away with. */
static inline WaitEventSet *
CreateLastingWaitEventSet(int events)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, events);
#else
	return CreateWaitEventSet(TopMemoryContext, events);
#endif
}

/*
 * Says in a row's header that it is a value, not a row of a table.  Minor
 * releases from 15.20 on copy a row that does not say so each time a column
 * is taken from it; those before take no notice.
 */
static inline void
MarkRowValue(HeapTupleHeader tuple)
{
#ifdef HEAP_IS_DATUM
	HeapTupleHeaderSetDatum(tuple);
#endif
}

#endif
