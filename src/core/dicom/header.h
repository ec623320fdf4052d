#ifndef MMN_DICOM_HEADER_H
#define MMN_DICOM_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Headers of data elements (PS3.5 7.1), as writers write them. */

typedef struct mmn_encoding
{
	bool implicit;
	bool big;
} mmn_encoding;

typedef struct mmn_header
{
	uint32_t tag;
	uint32_t length;
	char vr[3]; /* "" : implicit */
	size_t size;
} mmn_header;

/*
 * Reads the header at p, of which "left" bytes exist (at least 8).  false: it is
 * cut off.
 */
bool mmn_header_read(const uint8_t *p, size_t left, mmn_encoding code,
					 mmn_header *h);

/* PS3.5 A.1, and PS3.6 where the VR depends on other elements. */
void mmn_header_vr(const mmn_header *h, bool is_signed, char *out);

/* Which encoding the element at p is in; the first of a data set tells. */
mmn_encoding mmn_encoding_sniff(const uint8_t *p, size_t left,
								mmn_encoding claimed);

/*
 * Whether a bare data set begins here: in group 0002 or 0008, with a short
 * element and another one after it.
 */
bool mmn_begins_dataset(const uint8_t *bytes, size_t length);

#endif
