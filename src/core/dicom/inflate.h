#ifndef MMN_DICOM_INFLATE_H
#define MMN_DICOM_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

/*
 * Inflates raw deflate data (RFC 1951, as PS3.5 A.5 has it) into memory of
 * env, which the caller frees.  MMN_LIMIT beyond max_bytes.
 */
mmn_status mmn_inflate_raw(const mmn_env *env, const uint8_t *bytes,
						   size_t length, size_t max_bytes, uint8_t **out,
						   size_t *out_length, mmn_error *err);

/*
 * The same into "size" bytes that the caller has, all of which are filled, or
 * it is MMN_BAD_DATA; what the data hold beyond them is not looked at.
 */
mmn_status mmn_inflate_exact(const mmn_env *env, const uint8_t *bytes,
							 size_t length, uint8_t *out, size_t size,
							 mmn_error *err);

#endif
