#ifndef MMN_NIFTI_SOURCE_H
#define MMN_NIFTI_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "base/env.h"

/*
 * The bytes of a volume from front to back, inflated on the way where the
 * file is compressed by gzip (RFC 1952; members that follow one another are
 * one stream).  Memory does not grow with the volume: what is skipped is
 * inflated into a small buffer.
 */
typedef struct mmn_source
{
	const mmn_env *env;
	const uint8_t *bytes;
	size_t left;
	bool gzip;
	bool open; /* z is to be ended */
	bool ended;
	z_stream z;
	uint8_t *scratch;
} mmn_source;

/* For inflate and deflate, with memory of env. */
z_stream mmn_z_stream(const mmn_env *env);

bool mmn_is_gzip(const void *bytes, size_t length);

/* bytes must live as long as the source; close it also after a failure. */
mmn_status mmn_source_open(mmn_source *s, const mmn_env *env,
						   const uint8_t *bytes, size_t length, mmn_error *err);
void mmn_source_close(mmn_source *s);

/* Exactly size bytes; MMN_BAD_DATA when the file is damaged or ends. */
mmn_status mmn_source_read(mmn_source *s, uint8_t *out, size_t size,
						   mmn_error *err);
mmn_status mmn_source_skip(mmn_source *s, uint64_t count, mmn_error *err);

/*
 * Reads to the end of the data, at most "limit" bytes, so that the checksum of
 * gzip is looked at.  What follows a volume is otherwise of no interest.
 */
mmn_status mmn_source_drain(mmn_source *s, uint64_t limit, mmn_error *err);

#endif
