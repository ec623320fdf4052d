#ifndef MMN_DICOM_DICTIONARY_H
#define MMN_DICOM_DICTIONARY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What PS3.6 says of a tag, and what PS3.5 6.2 says of a value
 * representation.
 */

/*
 * The VR of a tag, as two letters and NUL, or NULL when the tag is private or
 * not in the dictionary.  Lower case letters where the VR depends on context:
 * "ox" OB or OW, "xs" US or SS, "lw" US or OW, "xw" US or SS or OW.  Group
 * lengths (gggg,0000) are "UL", private creators (odd,0010..00FF) "LO".
 */
const char *mmn_dictionary_vr(uint32_t tag);

typedef struct mmn_vr
{
	char name[3];
	bool wide;	  /* 32-bit length in explicit VR */
	bool text;	  /* character data */
	bool charset; /* Specific Character Set applies */
	bool single;  /* text in which a backslash is no delimiter */
	uint8_t unit; /* bytes of what is swapped for the other byte order */
	uint8_t size; /* bytes of one value; 0 for text, SQ and UN */
} mmn_vr;

/* NULL when the letters are no VR. */
const mmn_vr *mmn_vr_find(const char *name);

#endif
