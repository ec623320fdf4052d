#ifndef MMN_DECODER_SANDBOX_H
#define MMN_DECODER_SANDBOX_H

#include <stddef.h>

#include "base/status.h"

/*
 * Closes this process off, for good: resource limits first, then a list of
 * system calls beyond which the kernel kills it.
 *
 * memory: bytes it may allocate; windows: bytes of shared memory it may map
 * besides; cpu: seconds of processor time.
 */
mmn_status mmn_sandbox_limit(size_t memory, size_t windows, unsigned cpu,
							 mmn_error *err);
mmn_status mmn_sandbox_close(mmn_error *err);

/*
 * Tries, in child processes, what the sandbox must not allow, and prints a
 * line for each.  0 when all is as it should be.
 */
int mmn_sandbox_check(void);

#endif
