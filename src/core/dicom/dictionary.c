#include "dicom/dictionary.h"

#include <stddef.h>

typedef struct exact_row
{
	uint32_t tag;
	char vr[3];
} exact_row;

typedef struct masked_row
{
	uint32_t mask;
	uint32_t value;
	char vr[3];
} masked_row;

#include "dicom/dictionary.inc"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *
mmn_dictionary_vr(uint32_t tag)
{
	size_t low = 0, high = COUNT(exact_rows);

	if ((tag & 0xFFFF) == 0)
		return "UL";
	if (tag & 0x10000)
	{
		uint32_t element = tag & 0xFFFF;

		return element >= 0x10 && element <= 0xFF ? "LO" : NULL;
	}
	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (exact_rows[middle].tag == tag)
			return exact_rows[middle].vr;
		if (exact_rows[middle].tag < tag)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = 0; i < COUNT(masked_rows); i++)
	{
		if ((tag & masked_rows[i].mask) == masked_rows[i].value)
			return masked_rows[i].vr;
	}
	return NULL;
}

/* PS3.5 6.2 and, for "wide", 7.1.2 */
static const mmn_vr vrs[] = {
	/* name, wide, text, charset, single, unit, size */
	{"AE", false, true, false, false, 0, 0},
	{"AS", false, true, false, false, 0, 0},
	{"AT", false, false, false, false, 2, 4},
	{"CS", false, true, false, false, 0, 0},
	{"DA", false, true, false, false, 0, 0},
	{"DS", false, true, false, false, 0, 0},
	{"DT", false, true, false, false, 0, 0},
	{"FD", false, false, false, false, 8, 8},
	{"FL", false, false, false, false, 4, 4},
	{"IS", false, true, false, false, 0, 0},
	{"LO", false, true, true, false, 0, 0},
	{"LT", false, true, true, true, 0, 0},
	{"OB", true, false, false, false, 1, 1},
	{"OD", true, false, false, false, 8, 8},
	{"OF", true, false, false, false, 4, 4},
	{"OL", true, false, false, false, 4, 4},
	{"OV", true, false, false, false, 8, 8},
	{"OW", true, false, false, false, 2, 2},
	{"PN", false, true, true, false, 0, 0},
	{"SH", false, true, true, false, 0, 0},
	{"SL", false, false, false, false, 4, 4},
	{"SQ", true, false, false, false, 0, 0},
	{"SS", false, false, false, false, 2, 2},
	{"ST", false, true, true, true, 0, 0},
	{"SV", true, false, false, false, 8, 8},
	{"TM", false, true, false, false, 0, 0},
	{"UC", true, true, true, false, 0, 0},
	{"UI", false, true, false, false, 0, 0},
	{"UL", false, false, false, false, 4, 4},
	{"UN", true, false, false, false, 1, 0},
	{"UR", true, true, false, true, 0, 0},
	{"US", false, false, false, false, 2, 2},
	{"UT", true, true, true, true, 0, 0},
	{"UV", true, false, false, false, 8, 8},
};

const mmn_vr *
mmn_vr_find(const char *name)
{
	size_t low = 0, high = COUNT(vrs);

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;
		const char *n = vrs[middle].name;
		int order = n[0] != name[0] ? n[0] - name[0] : n[1] - name[1];

		if (order == 0)
			return &vrs[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
