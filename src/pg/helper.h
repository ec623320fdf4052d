#ifndef MMN_PG_HELPER_H
#define MMN_PG_HELPER_H

#include "../decoder/wire.h"
#include "helper_window.h"

/*
 * The process that looks into files, one for each backend, as operations on
 * files (decoder.c) see it: started on first need, given one object at a time,
 * and ended when it fails.
 */

/* Settings; see DecoderInit. */
extern int helper_timeout_ms;
extern int helper_memory_mb;
extern bool helper_sandbox;

/*
 * One object, one operation.  On success *reply is filled in and the payload
 * is in the output window, until HelperRelease.  After a failure the helper
 * is not trusted with another object.
 */
extern mmn_status HelperCallPart(mmn_wire_op op, const Object *object,
								 Size head, Size total, int32 frame,
								 const uint8 *key, mmn_wire_reply *reply,
								 mmn_error *err);

/* What the helper answered with; it can still write there. */
extern const char *HelperOutput(void);

/* Ends a helper whose answer makes no sense, and says so. */
extern mmn_status HelperBabbles(mmn_error *err);

/* Done with the output window after a successful call. */
extern void HelperRelease(const mmn_wire_reply *reply, Size len);

#endif
