#ifndef MMN_PG_BRIDGE_H
#define MMN_PG_BRIDGE_H

#include "base/env.h"
#include "base/status.h"

/*
 * Between the core and the server: memory, interrupts, errors.
 */

/*
 * palloc in CurrentMemoryContext; polls for pending interrupts.  After a
 * MMN_CANCELED, mmn_report processes them.
 */
extern const mmn_env mmn_env_backend;

/*
 * The SQLSTATE (as errcode() takes it) that a core status is reported with.
 */
extern int mmn_sqlstate(mmn_status code);

/*
 * Raises ERROR for a failed core call.  "what" is the primary message
 * ("could not decode image"), the core's text becomes the DETAIL.  Processes
 * interrupts instead when the status is MMN_CANCELED.
 */
extern void mmn_report(const char *what, const mmn_error *err)
	pg_attribute_noreturn();

/* mmn_report unless status is MMN_OK */
extern void mmn_check(mmn_status status, const char *what,
					  const mmn_error *err);

#endif
