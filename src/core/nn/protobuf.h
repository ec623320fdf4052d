#ifndef MMN_NN_PROTOBUF_H
#define MMN_NN_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * The wire format of Protocol Buffers, read field by field from bytes that
 * are not trusted.  A message is a slice; nothing is copied.
 */
typedef struct mmn_slice
{
	const uint8_t *p;
	size_t len;
} mmn_slice;

typedef enum mmn_wire_type
{
	MMN_WIRE_VARINT = 0,
	MMN_WIRE_FIXED64 = 1,
	MMN_WIRE_BYTES = 2,
	MMN_WIRE_FIXED32 = 5
} mmn_wire_type;

typedef struct mmn_field
{
	uint32_t number;
	mmn_wire_type type;
	uint64_t value;	 /* varint, fixed64, fixed32 */
	mmn_slice bytes; /* length-delimited */
} mmn_field;

/*
 * Takes the next field off the front of *message.  *more is false at its end.
 * Fails with MMN_BAD_DATA when the bytes are not a message.
 */
mmn_status mmn_field_next(mmn_slice *message, mmn_field *field, bool *more,
						  mmn_error *err);

/* Takes one varint off the front of *bytes (of a packed field). */
mmn_status mmn_varint_next(mmn_slice *bytes, uint64_t *value, mmn_error *err);

/*
 * How many elements the repeated scalar field holds in this occurrence: its
 * bytes when packed, else one.  size is that of one element, 0 for varints.
 */
mmn_status mmn_field_elements(const mmn_field *field, size_t size,
							  size_t *count, mmn_error *err);

bool mmn_slice_is(mmn_slice slice, const char *text);

#endif
