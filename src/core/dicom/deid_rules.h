#ifndef MMN_DICOM_DEID_RULES_H
#define MMN_DICOM_DEID_RULES_H

#include "dicom/dicom.h"

/* What becomes of an attribute in de-identification. */
typedef enum mmn_deid_action
{
	MMN_DEID_REMOVE,
	MMN_DEID_EMPTY,
	MMN_DEID_DUMMY,
	MMN_DEID_UID,	 /* replaced, each value by itself */
	MMN_DEID_KEEP,	 /* the value as it is */
	MMN_DEID_FILTER, /* text, value by value, where it looks technical */
	MMN_DEID_ITEMS	 /* a sequence: its items by these same rules */
} mmn_deid_action;

/* By tag and VR alone; nested: in the item of a sequence. */
mmn_deid_action mmn_deid_rule(const mmn_dicom_element *e, bool nested);

/* Whether a value of VR CS, DS, ... may pass FILTER. */
bool mmn_deid_value_passes(const char *vr, const char *text, size_t length);

/* Whether codes of this scheme are public, and so are their meanings. */
bool mmn_deid_public_scheme(const char *designator);

/* A dummy value for a VR; NULL when there is none to be had. */
const char *mmn_deid_dummy(const char *vr);

#endif
