#ifndef MMN_DECODER_DECODE_H
#define MMN_DECODER_DECODE_H

#include "dicom/stored.h"

/*
 * From a file's bytes to an image: which kind of file, which codec, then the
 * same way for all.
 */

typedef struct mmn_decode_limits
{
	size_t frame;  /* bytes of a decoded frame */
	size_t object; /* bytes of an inflated data set */
	/* where to put the image's samples; NULL: where all else goes */
	const mmn_env *samples;
} mmn_decode_limits;

/*
 * The stored samples of a frame of a DICOM file, out of their compression.
 * *owned, when not NULL, is memory that out->bytes points into: of room, which
 * out->room is then, or else of env.
 */
mmn_status mmn_decode_stored(const mmn_env *env, const mmn_env *room,
							 const mmn_dicom *dicom,
							 const mmn_pixel_description *pixels,
							 uint32_t frame, size_t max_bytes, mmn_stored *out,
							 void **owned, mmn_error *err);

/* A frame of a parsed DICOM file; out->samples: see below. */
mmn_status mmn_decode_dicom(const mmn_env *env, const mmn_dicom *dicom,
							const mmn_pixel_description *pixels, uint32_t frame,
							const mmn_decode_limits *limits, mmn_image *out,
							mmn_error *err);

/*
 * A frame of a file of any kind; out->samples is allocated in limits->samples,
 * else in env.
 */
mmn_status mmn_decode_frame(const mmn_env *env, const void *bytes,
							size_t length, uint32_t frame,
							const mmn_decode_limits *limits, mmn_image *out,
							mmn_error *err);

/*
 * Where in a file of "total" bytes, whose first "length" are here, the frame's
 * own are; false: that cannot be told.
 */
bool mmn_decode_locate(const mmn_env *env, const void *bytes, size_t length,
					   uint64_t total, uint32_t frame,
					   const mmn_decode_limits *limits, uint64_t *start,
					   uint64_t *size);

/* A frame of a file of which the head and the frame's own bytes are here. */
mmn_status mmn_decode_part(const mmn_env *env, const void *bytes, size_t length,
						   const void *part, size_t part_length, uint32_t frame,
						   const mmn_decode_limits *limits, mmn_image *out,
						   mmn_error *err);

/* Frames of a file of any kind. */
mmn_status mmn_decode_frame_count(const mmn_env *env, const void *bytes,
								  size_t length,
								  const mmn_decode_limits *limits,
								  uint32_t *out, mmn_error *err);

/* Says of a file that is none of ours what can be said; never MMN_OK. */
mmn_status mmn_decode_unknown(const void *bytes, size_t length, mmn_error *err);

#endif
