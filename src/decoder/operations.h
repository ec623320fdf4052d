#ifndef MMN_DECODER_OPERATIONS_H
#define MMN_DECODER_OPERATIONS_H

#include "base/buffer.h"
#include "dicom/charset.h"
#include "image/image.h"
#include "wire.h"

/*
 * What the helper does with one object.
 */

typedef struct mmn_result
{
	uint32_t count;
	const mmn_env *samples; /* whose the image's samples are */
	uint64_t range_start;
	uint64_t range_length; /* 0: it cannot be told */
	mmn_image image;
	size_t sample_bytes;
	mmn_buffer json;
	mmn_buffer content;
} mmn_result;

/*
 * Makes an empty result; mmn_result_reset frees what it got to hold.  samples
 * may be an env of its own, for the image's.
 */
void mmn_result_init(mmn_result *result, const mmn_env *env,
					 const mmn_env *samples);
void mmn_result_reset(mmn_result *result);

/* bytes: request->length of them. */
mmn_status mmn_operate(const mmn_env *env, mmn_charsets *charsets,
					   const mmn_wire_request *request, const uint8_t *bytes,
					   mmn_result *result, mmn_error *err);

#endif
