#ifndef MMN_BASE_BUFFER_H
#define MMN_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

/*
 * A growing array of bytes.  A failure (no memory, beyond the limit) sticks:
 * later appends do nothing, and mmn_buffer_status() tells at the end, so that
 * writers need not check every step.
 */
typedef struct mmn_buffer
{
	const mmn_env *env;
	uint8_t *bytes; /* NULL until something is appended */
	size_t length;
	size_t capacity;
	size_t limit;
	mmn_status failure;
} mmn_buffer;

void mmn_buffer_init(mmn_buffer *b, const mmn_env *env, size_t limit);
void mmn_buffer_reset(mmn_buffer *b); /* frees the bytes */

void mmn_buffer_append(mmn_buffer *b, const void *bytes, size_t length);
void mmn_buffer_byte(mmn_buffer *b, uint8_t byte);
void mmn_buffer_text(mmn_buffer *b, const char *text);
void mmn_buffer_printf(mmn_buffer *b, const char *fmt, ...) MMN_PRINTF(2, 3);

/* The shortest digits that read back as the same double, or float if single. */
void mmn_buffer_number(mmn_buffer *b, double value, bool single);

/* Room for length bytes, appended and to be filled; NULL after a failure. */
uint8_t *mmn_buffer_extend(mmn_buffer *b, size_t length);

/* MMN_OK, or what went wrong. */
mmn_status mmn_buffer_status(const mmn_buffer *b, mmn_error *err);

#endif
