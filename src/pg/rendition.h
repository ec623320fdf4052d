#ifndef MMN_PG_RENDITION_H
#define MMN_PG_RENDITION_H

#include "utils/array.h"

#include "keyscan.h"
#include "sample/fit.h"

/*
 * Renditions in table medimnet.rendition: an image as the loaders of a rule
 * want it, in rows of RENDITION_CHUNK bytes of which a page holds one.
 */

/*
 * A page of 8192 bytes has room for a tuple of 8160: 24 bytes of header, 28 of
 * key, 4 of length, and this.
 */
#define RENDITION_CHUNK 8096

extern Size RenditionSize(const mmn_fit *fit);

/* NULL when there are none that the caller may read. */
extern KeyScan *RenditionsOpen(Snapshot snapshot);

/*
 * Copies the rendition of an image under a rule into out; false when there is
 * none.
 */
extern bool RenditionRead(KeyScan *renditions, int64 subject_id,
						  int64 image_id, int32 rule_id, int32 frame,
						  void *out, Size size);

/* Parsers of the columns that tables loader and rendition_rule share. */
extern uint8 ParseDtype(const char *name);
extern mmn_fit_shape ParseFitShape(const char *name);
extern bool ParseLayout(const char *name); /* true: channels last */
extern void ParseWindows(ArrayType *windows, mmn_fit *fit);

#endif
