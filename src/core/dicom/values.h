#ifndef MMN_DICOM_VALUES_H
#define MMN_DICOM_VALUES_H

#include "base/bytes.h"
#include "dicom/dicom.h"

/* Loads in the byte order of an element, for the files of this folder. */

static inline uint16_t
load_u16(const uint8_t *p, bool big)
{
	return big ? mmn_load_u16be(p) : mmn_load_u16le(p);
}

static inline uint32_t
load_u32(const uint8_t *p, bool big)
{
	return big ? mmn_load_u32be(p) : mmn_load_u32le(p);
}

static inline uint64_t
load_u64(const uint8_t *p, bool big)
{
	if (big)
		return (uint64_t)mmn_load_u32be(p) << 32 | mmn_load_u32be(p + 4);
	return mmn_load_u64le(p);
}

static inline uint32_t
load_tag(const uint8_t *p, bool big)
{
	return MMN_TAG(load_u16(p, big), load_u16(p + 2, big));
}

/* Around a value: blanks and zeros, and what editors leave behind. */
static inline bool
mmn_dicom_is_padding(char c)
{
	return c == ' ' || c == '\0' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * The text of a DS as a finite number; false when it is none.  Longer than
 * the 16 characters DS allows is fine: writers use up to 26.  So is a comma for
 * the point, which programs write that follow their user's language.
 */
bool mmn_dicom_parse_number(const char *text, size_t length, double *out);

#endif
