#ifndef MMN_DECODER_WIRE_H
#define MMN_DECODER_WIRE_H

#include <stdint.h>

#include "base/status.h"

/*
 * What a backend and its decoder helper say to each other.
 *
 * A SOCK_STREAM socket pair carries fixed-size requests and replies, strictly
 * in turn.  Bytes travel in two windows of shared memory, which the backend
 * makes, as memfds sealed against change of size (so nobody can cut off what
 * the other has mapped), and hands over with the first request that needs
 * them: input, and output.  Both are kept from request to request; when one is
 * too small the backend makes a larger one.
 *
 *   backend                                      helper
 *                                <- hello        after its sandbox is closed
 *   request (with 0..2 fds)      ->
 *                                <- reply        payload in the output window
 * or, when the payload does not fit:
 *                                <- reply        needed > 0, no payload
 *   request FETCH (with 1 fd)    ->
 *                                <- reply        the same, with its payload
 *
 * The helper may be in an attacker's hands: the backend takes nothing that it
 * says for granted, and copies the payload before it looks at it.  Both sides
 * come from one build, yet check the version: the file on disk may have been
 * replaced under a running server.
 */

#define MMN_WIRE_MAGIC 0x64656d6du /* "mmed" */
#define MMN_WIRE_VERSION 3

typedef enum mmn_wire_op
{
	MMN_OP_DESCRIBE = 1,	/* payload: JSON */
	MMN_OP_FRAME_COUNT = 2, /* reply.count */
	MMN_OP_DECODE = 3,		/* reply.image; payload: samples, VOI table */
	MMN_OP_DEIDENTIFY = 4,	/* payload: content */
	MMN_OP_RECEIVE = 5,		/* payload: JSON, then content */
	MMN_OP_FETCH = 6,		/* the last reply again, into a larger window */
	MMN_OP_LOCATE = 7		/* reply.range_*: of a frame, by the file's head */
} mmn_wire_op;

/* Which windows come as file descriptors with a request, in this order. */
#define MMN_WIRE_INPUT 1u
#define MMN_WIRE_OUTPUT 2u

#define MMN_WIRE_KEY_SIZE 32

typedef struct mmn_wire_request
{
	uint32_t magic;
	uint16_t version;
	uint16_t op;
	uint32_t windows;	 /* MMN_WIRE_INPUT | MMN_WIRE_OUTPUT */
	uint32_t frame;		 /* 1.. */
	uint64_t length;	 /* of the object, in the input window */
	uint64_t max_frame;	 /* bytes of a decoded frame */
	uint64_t max_object; /* bytes of an inflated or de-identified object */
	uint64_t head;		 /* DECODE: not 0, the object is so many bytes of its
						  * head, then those of the frame */
	uint64_t total; /* LOCATE: bytes of the object that this is the head of */
	uint8_t key[MMN_WIRE_KEY_SIZE];
} mmn_wire_request;

/* Fields as in mmn_image. */
typedef struct mmn_wire_image
{
	uint32_t width;
	uint32_t height;
	uint8_t channels;
	uint8_t sample_type;
	uint8_t unit;
	uint8_t zero;
	uint32_t flags;
	double spacing_row;
	double spacing_column;
	double window_center;
	double window_width;
	int32_t voi_first;
	uint32_t voi_entries;
} mmn_wire_image;

typedef struct mmn_wire_reply
{
	uint32_t magic;
	uint16_t version;
	uint16_t zero;
	int32_t status;		  /* mmn_status */
	uint32_t count;		  /* frames */
	uint64_t needed;	  /* bytes of output window; 0: the payload is there */
	uint64_t json_length; /* at offset 0 of the output window */
	uint64_t content_length; /* right behind it */
	uint64_t range_start;
	uint64_t range_length; /* 0: it cannot be told */
	mmn_wire_image image;
	char text[MMN_ERROR_TEXT]; /* of a failure */
} mmn_wire_reply;

/* No padding: what is sent holds nothing by accident. */
_Static_assert(sizeof(mmn_wire_request) == 88, "wire request layout");
_Static_assert(sizeof(mmn_wire_image) == 56, "wire image layout");
_Static_assert(sizeof(mmn_wire_reply) == 112 + MMN_ERROR_TEXT,
			   "wire reply layout");

#endif
