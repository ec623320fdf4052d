#ifndef MMN_DECODER_WIRE_CHECK_H
#define MMN_DECODER_WIRE_CHECK_H

#include <stdbool.h>

#include "image/image.h"
#include "wire.h"

/*
 * What a backend demands of a reply before it uses any part of it: the helper
 * may be in an attacker's hands.  Nothing here knows PostgreSQL, so that it
 * can be fuzzed.  The reply is the backend's own copy; only the payload lies
 * in memory that the helper can still write.
 */

/*
 * The status of a reply as it came, in *status, and in case of a failure its
 * text, made harmless: it may be anything, ours are plain ASCII.  False when
 * the reply makes no sense.
 */
static inline bool
mmn_wire_check_status(mmn_wire_reply *reply, mmn_status *status)
{
	if (reply->magic != MMN_WIRE_MAGIC || reply->version != MMN_WIRE_VERSION)
		return false;
	if (reply->status < MMN_OK || reply->status > MMN_INTERNAL ||
		reply->status == MMN_CANCELED)
		return false;
	*status = (mmn_status)reply->status;
	reply->text[MMN_ERROR_TEXT - 1] = '\0';
	for (char *p = reply->text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return true;
}

/* Whether the payload is there, all of it, in a window of so many bytes. */
static inline bool
mmn_wire_check_payload(const mmn_wire_reply *reply, uint64_t window)
{
	return reply->needed == 0 && reply->json_length <= window &&
		   reply->content_length <= window - reply->json_length;
}

/*
 * The frame that a checked payload holds, without its samples, which come
 * first, and its VOI table, right behind them.
 */
static inline bool
mmn_wire_check_image(const mmn_wire_reply *reply, size_t max_bytes,
					 mmn_image *image, size_t *sample_bytes)
{
	*image = (mmn_image){
		.width = reply->image.width,
		.height = reply->image.height,
		.channels = reply->image.channels,
		.sample_type = reply->image.sample_type,
		.unit = reply->image.unit,
		.flags = reply->image.flags,
		.spacing_row = reply->image.spacing_row,
		.spacing_column = reply->image.spacing_column,
		.window_center = reply->image.window_center,
		.window_width = reply->image.window_width,
		.voi_first = reply->image.voi_first,
		.voi_entries = reply->image.voi_entries,
	};
	return mmn_image_check(image, max_bytes, sample_bytes, NULL) == MMN_OK &&
		   reply->json_length == 0 &&
		   reply->content_length ==
			   *sample_bytes + 2 * (uint64_t)image->voi_entries;
}

#endif
