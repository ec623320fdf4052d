#ifndef MMN_PG_DECODER_H
#define MMN_PG_DECODER_H

#include "base/status.h"
#include "pixels.h"

/*
 * The backend's side of the decoder helper (src/decoder): the only way in
 * which this extension looks into bytes that a contributor sent.
 *
 * Every function sends one object to the helper, which is started on first
 * need, and waits for the answer, interruptibly.  What is wrong with the
 * object, and a helper that died, hung or talked nonsense over it, comes back
 * as a status and a text without any patient's data: nothing is raised, so
 * that a load can go on with the next file.  Raised is what no file is to
 * blame for: cancel and termination of the session, a helper that cannot be
 * started, and the backend's own lack of memory.
 *
 * Results are allocated in CurrentMemoryContext.
 */

/* Bytes of the key of de-identification. */
#define DECODER_KEY_SIZE 32

/* Settings; see doc/ and DecoderInit. */
extern int decoder_max_frame_kb;
extern int decoder_max_object_kb;

/* Registers the settings medimnet.decoder_*, medimnet.max_*. */
extern void DecoderInit(void);

/*
 * Says that the client's statement may hold a file as a literal: should it
 * fail from here on, in whatever way, it is not written to the server's log.
 * The functions below say so themselves; a caller does who may fail before.
 */
extern void DecoderHideStatement(void);

/*
 * Decodes frame 1..n of a bytea that need not be detoasted yet: a large one
 * that is stored out of line goes to the helper without ever being whole here.
 */
extern mmn_status DecoderFrame(Datum content, int32 frame, Pixels **out,
							   mmn_error *err);

/*
 * Where in a file of "total" bytes, of which bytes are the head, frame 1..n
 * is.  *length is 0 when that cannot be told.
 */
extern mmn_status DecoderLocate(const void *bytes, Size len, Size total,
								int32 frame, Size *start, Size *length,
								mmn_error *err);

/* The same as DecoderFrame, of "head" bytes of a file and then the frame's. */
extern mmn_status DecoderFramePart(const void *bytes, Size len, Size head,
								   int32 frame, Pixels **out, mmn_error *err);

extern mmn_status DecoderFrameCount(const void *bytes, Size len, int32 *out,
									mmn_error *err);

/* The data set in the PS3.18 F model; *json is NUL-terminated UTF-8. */
extern mmn_status DecoderDescribe(const void *bytes, Size len, char **json,
								  mmn_error *err);

extern mmn_status DecoderDeidentify(const void *bytes, Size len,
									const uint8 key[DECODER_KEY_SIZE],
									bytea **content, mmn_error *err);

/*
 * All that ingest() needs: a JSON object (its keys are in
 * doc/architecture.md), NUL-terminated UTF-8, and the de-identified file.
 * Decodes the middle frame, so that a broken image is found now.
 */
extern mmn_status DecoderReceive(const void *bytes, Size len,
								 const uint8 key[DECODER_KEY_SIZE],
								 char **json, bytea **content, mmn_error *err);

#endif
