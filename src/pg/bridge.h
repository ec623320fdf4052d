#ifndef MMN_PG_BRIDGE_H
#define MMN_PG_BRIDGE_H

#include "base/env.h"
#include "base/status.h"

/*
 * Between the core and the server: memory, interrupts, errors.
 */

/*
 * palloc in CurrentMemoryContext; its poll is CHECK_FOR_INTERRUPTS().  So a
 * cancel leaves the core by longjmp, which is safe as all that the core holds
 * is memory of a context that the abort empties, and an interrupt that
 * cancels nothing (a barrier, a parallel worker's message) is served without
 * starting a long computation over.
 */
extern const mmn_env mmn_env_backend;

/*
 * The SQLSTATE (as errcode() takes it) that a core status is reported with.
 */
extern int mmn_sqlstate(mmn_status code);

/*
 * Raises ERROR for a failed core call.  "what" is the primary message
 * ("could not decode image"), the core's text becomes the DETAIL.
 */
extern void mmn_report(const char *what, const mmn_error *err)
	pg_attribute_noreturn();

/* mmn_report unless status is MMN_OK */
extern void mmn_check(mmn_status status, const char *what,
					  const mmn_error *err);

#endif
