#ifndef MMN_DICOM_DICOM_H
#define MMN_DICOM_DICOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

/*
 * A parsed DICOM file (PS3.10) or bare data set: an index over the caller's
 * bytes.  Parsing is iterative and bounded: every length is checked against
 * the bytes left, nesting and element count against the limits below.
 */

#define MMN_DICOM_MAX_DEPTH 16 /* nested sequences; real files need 7 */
/*
 * Over all levels of nesting, and items; they take 48 bytes each.  Of functional
 * groups only those count whose frames are asked for.
 */
#define MMN_DICOM_MAX_ELEMENTS (1 << 20)

#define MMN_TAG(group, element) ((uint32_t)(group) << 16 | (element))

/*
 * Fragments of encapsulated pixel data: 1 M is a whole-slide image of
 * 260,000 pixels a side in tiles of 256.
 */
#define MMN_DICOM_MAX_FRAGMENTS (1 << 20)

typedef struct mmn_dicom mmn_dicom;

/*
 * One data element.  Elements are kept in file order; "parent" and "item"
 * say where one stands: parent is the index of the enclosing SQ element
 * (-1 at the top level), item the 0-based number of the item in it.
 */
typedef struct mmn_dicom_element
{
	uint32_t tag;
	char vr[3];		   /* two letters and NUL; as in the file or, for
						   * implicit VR, from the dictionary ("UN" if not
						   * there) */
	bool encapsulated; /* Pixel Data of undefined length: fragments */
	bool big_endian;   /* of the value */
	bool implicit;	   /* of a sequence: its items have no VRs */
	int32_t parent;
	uint32_t item;
	uint32_t end;		  /* index after the last element nested in this */
	uint32_t items;		  /* of a sequence: number of items */
	size_t length;		  /* bytes of value (whole span for SQ, fragments) */
	const uint8_t *value; /* into the file's bytes (or its inflated copy) */
} mmn_dicom_element;

/*
 * Parses a file, with or without preamble and file meta information (then
 * the encoding is guessed).  The deflated transfer syntax is inflated into
 * memory of env, at most max_bytes.  The bytes must outlive *out.
 * MMN_BAD_DATA: not DICOM, or damaged.  MMN_LIMIT: beyond a limit.
 */
mmn_status mmn_dicom_open(const mmn_env *env, const void *bytes, size_t length,
						  size_t max_bytes, mmn_dicom **out, mmn_error *err);
void mmn_dicom_close(mmn_dicom *dicom); /* NULL is fine */

#define MMN_PER_FRAME_GROUPS MMN_TAG(0x5200, 0x9230)

/*
 * The same for some frames, first..last, from 1: of Per-frame Functional Groups
 * Sequence (5200,9230) only their items have elements, so that neither memory
 * nor the limit of elements depends on the number of frames.
 */
mmn_status mmn_dicom_open_frames(const mmn_env *env, const void *bytes,
								 size_t length, size_t max_bytes,
								 uint32_t first, uint32_t last, mmn_dicom **out,
								 mmn_error *err);

/*
 * Items of a top-level sequence one after the other, also those of frames that
 * were not asked for.  *at is 0 at first.  *out, which the caller closes, is a
 * data set of that sequence with the item as its only one; NULL behind the last.
 */
mmn_status mmn_dicom_next_item(const mmn_dicom *dicom,
							   const mmn_dicom_element *sequence, size_t *at,
							   mmn_dicom **out, mmn_error *err);

/* Whether bytes look like DICOM at all: a glance, no promise to parse. */
bool mmn_dicom_probe(const void *bytes, size_t length);

/*
 * The transfer syntax UID.  Where the file says nothing, or says a native one
 * that it is not in (or one of GE's own), the one that it is in; "" when that
 * cannot be told.
 */
const char *mmn_dicom_transfer_syntax(const mmn_dicom *dicom);

size_t mmn_dicom_count(const mmn_dicom *dicom);
const mmn_dicom_element *mmn_dicom_at(const mmn_dicom *dicom, size_t index);

/* A top-level element, or NULL. */
const mmn_dicom_element *mmn_dicom_find(const mmn_dicom *dicom, uint32_t tag);

/* The element in item "item" (0-based) of sequence "parent"; NULL: none. */
const mmn_dicom_element *mmn_dicom_find_in(const mmn_dicom *dicom,
										   const mmn_dicom_element *parent,
										   uint32_t item, uint32_t tag);

/*
 * Fragments of the top level's encapsulated Pixel Data (PS3.5 A.4), in order;
 * the first is the Basic Offset Table.  "missing" counts bytes that the file
 * should have but ends without.
 */
typedef struct mmn_dicom_fragment
{
	const uint8_t *bytes;
	size_t length;
	size_t missing;
} mmn_dicom_fragment;

size_t mmn_dicom_fragment_count(const mmn_dicom *dicom);
const mmn_dicom_fragment *mmn_dicom_fragment_at(const mmn_dicom *dicom,
												size_t index);

/*
 * Values, by position (0-based) in a multi-valued element; e may be NULL.
 * false when absent, empty or not a number.  Byte order is taken care of;
 * DS and IS are parsed as text.
 */
bool mmn_dicom_int(const mmn_dicom *dicom, const mmn_dicom_element *e,
				   size_t position, int64_t *out);
bool mmn_dicom_double(const mmn_dicom *dicom, const mmn_dicom_element *e,
					  size_t position, double *out);

/*
 * Text without padding, NUL-terminated, control characters dropped, as the
 * bytes stand (no charset conversion; see charset.h); truncated to size.
 * false when absent or empty.  For code strings (CS), UIDs and the like.
 */
bool mmn_dicom_string(const mmn_dicom *dicom, const mmn_dicom_element *e,
					  size_t position, char *out, size_t size);

#endif
