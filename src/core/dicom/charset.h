#ifndef MMN_DICOM_CHARSET_H
#define MMN_DICOM_CHARSET_H

#include "base/buffer.h"
#include "dicom/dicom.h"

/*
 * Text of a data set to UTF-8, by Specific Character Set (PS3.5 6.1.2 and
 * PS3.3 C.12.1.1.2).
 */

/*
 * The conversions of the C library that this needs.  Opening them may read
 * files: do it before files are closed off.  A conversion that the system
 * lacks makes text in it unreadable (U+FFFD), nothing else.
 */
typedef struct mmn_charsets mmn_charsets;

mmn_status mmn_charsets_open(const mmn_env *env, mmn_charsets **out,
							 mmn_error *err);
void mmn_charsets_close(mmn_charsets *charsets); /* NULL is fine */

/* What one data set, or item, says of its text. */
typedef struct mmn_charset
{
	uint8_t g0; /* an index into charset.c's repertoires */
	uint8_t g1;
} mmn_charset;

/* From Specific Character Set (0008,0005), which may be NULL: the default. */
mmn_charset mmn_charset_of(const mmn_dicom *dicom,
						   const mmn_dicom_element *specific);

/*
 * Appends the bytes as valid UTF-8: what is no character becomes U+FFFD,
 * control characters are dropped, but for tab, line feed and carriage return,
 * which stay in the VRs of several lines and become blanks elsewhere.  A backslash in the result is always the delimiter,
 * never the half of a character.
 */
void mmn_charset_to_utf8(mmn_charsets *charsets, mmn_charset charset,
						 const char *vr, const uint8_t *bytes, size_t length,
						 mmn_buffer *out);

#endif
