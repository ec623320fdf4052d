#include "dicom/deid_rules.h"

#include <string.h>

#include "dicom/dictionary.h"

/*
 * Table E.1-1 of PS3.15 says what is removed of the attributes it lists.  For
 * those it does not list the standard lets pass what is known to be harmless;
 * here that is decided by VR: numbers, codes and UIDs pass (the latter
 * replaced), text and times do not, but for the few below, without which
 * an image cannot be understood.
 */

typedef struct exact_row
{
	uint32_t tag;
	char action[7];
} exact_row;

typedef struct masked_row
{
	uint32_t mask;
	uint32_t value;
	char action[7];
} masked_row;

#include "dicom/profile.inc"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Text that describes a technique; values are looked at one by one. */
static const uint32_t technical_text[] = {
	0x00080070, /* Manufacturer */
	0x00080100, /* Code Value */
	0x00080102, /* Coding Scheme Designator */
	0x00080103, /* Coding Scheme Version */
	0x00080104, /* Code Meaning */
	0x00080119, /* Long Code Value */
	0x00081090, /* Manufacturer's Model Name */
	0x00180024, /* Sequence Name */
	0x00180031, /* Radiopharmaceutical */
	0x00180085, /* Imaged Nucleus */
	0x00181160, /* Filter Type */
	0x00181210, /* Convolution Kernel */
	0x00189005, /* Pulse Sequence Name */
	0x00281054, /* Rescale Type */
	0x00283004, /* Modality LUT Type */
};

/* Bulk data that decoding needs: lookup tables of PS3.3 C.7.6.3 and C.11. */
static const uint32_t tables[] = {
	0x00281201, 0x00281202, 0x00281203, 0x00281204, 0x00281221,
	0x00281222, 0x00281223, 0x00281224, 0x00283006,
};

static bool
listed(const uint32_t *tags, size_t count, uint32_t tag)
{
	for (size_t i = 0; i < count; i++)
	{
		if (tags[i] == tag)
			return true;
	}
	return false;
}

/* The table's code for a tag; NULL: not in it. */
static const char *
profile_action(uint32_t tag)
{
	size_t low = 0, high = COUNT(exact_rows);

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (exact_rows[middle].tag == tag)
			return exact_rows[middle].action;
		if (exact_rows[middle].tag < tag)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = 0; i < COUNT(masked_rows); i++)
	{
		if ((tag & masked_rows[i].mask) == masked_rows[i].value)
			return masked_rows[i].action;
	}
	return NULL;
}

/*
 * Where the table leaves a choice (X/Z and so on) the object's class decides
 * what keeps it conformant.  An empty value does in most, so Z is taken where
 * it is offered; else, X.  Sequences of references stay, with other UIDs.
 */
static mmn_deid_action
by_profile(const char *code, bool sequence, const char *vr)
{
	if (strcmp(code, "X") == 0 || strcmp(code, "X/D") == 0)
		return MMN_DEID_REMOVE;
	if (strcmp(code, "X/Z/U*") == 0)
		return sequence ? MMN_DEID_ITEMS : MMN_DEID_REMOVE;
	if (strchr(code, 'Z'))
		return MMN_DEID_EMPTY;
	if (strcmp(code, "D") == 0 && strcmp(vr, "UI") != 0)
		return sequence ? MMN_DEID_ITEMS : MMN_DEID_DUMMY;
	if (strcmp(code, "D") == 0 || strcmp(code, "U") == 0)
		return strcmp(vr, "UI") == 0 ? MMN_DEID_UID : MMN_DEID_REMOVE;
	return MMN_DEID_REMOVE;
}

static mmn_deid_action
by_vr(const char *vr)
{
	static const char numbers[] = "US SS UL SL UV SV FL FD AT";
	static const char checked[] = "CS DS IS AS";

	if (strcmp(vr, "SQ") == 0)
		return MMN_DEID_ITEMS;
	if (strcmp(vr, "UI") == 0)
		return MMN_DEID_UID;
	if (strstr(numbers, vr))
		return MMN_DEID_KEEP;
	if (strstr(checked, vr))
		return MMN_DEID_FILTER;
	return MMN_DEID_REMOVE;
}

static bool
is_image_data(uint32_t tag)
{
	return tag == 0x7FE00010 || tag == 0x7FE00008 || tag == 0x7FE00009 ||
		   tag == 0x7FE00001 || tag == 0x7FE00002;
}

mmn_deid_action
mmn_deid_rule(const mmn_dicom_element *e, bool nested)
{
	uint32_t group = e->tag >> 16;
	const char *known = mmn_dictionary_vr(e->tag);
	bool sequence = strcmp(e->vr, "SQ") == 0;
	const mmn_vr *vr = mmn_vr_find(e->vr);
	const char *code;

	/* commands, file meta, directories, private, curves, overlays, padding */
	if (group == 0 || group == 0x0002 || group == 0x0004 || (group & 1) ||
		(group & 0xFF00) == 0x5000 || (group & 0xFF00) == 0x6000 ||
		group >= 0xFFFC || (e->tag & 0xFFFF) == 0 || !known || !vr)
		return MMN_DEID_REMOVE;
	if (sequence != (strcmp(known, "SQ") == 0))
		return MMN_DEID_REMOVE;
	if (group == 0x7FE0)
		return !nested && is_image_data(e->tag) ? MMN_DEID_KEEP
												: MMN_DEID_REMOVE;
	code = profile_action(e->tag);
	if (code)
		return by_profile(code, sequence, e->vr);
	if (listed(tables, COUNT(tables), e->tag))
		return !vr->text && !sequence ? MMN_DEID_KEEP : MMN_DEID_REMOVE;
	if (listed(technical_text, COUNT(technical_text), e->tag))
		return vr->text ? MMN_DEID_FILTER : MMN_DEID_REMOVE;
	/* both the VR in the file and the standard's must be harmless */
	if (known[0] < 'a' && by_vr(known) == MMN_DEID_REMOVE)
		return MMN_DEID_REMOVE;
	return by_vr(e->vr);
}

/* ---- values ---- */

static bool
only(const char *text, size_t length, const char *allowed)
{
	for (size_t i = 0; i < length; i++)
	{
		char c = text[i];

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || c == ' ')
			continue;
		if (c == '\0' || !strchr(allowed, c))
			return false;
	}
	return true;
}

/* Many digits in a row are a number of somebody, or a date. */
static bool
long_number(const char *text, size_t length)
{
	size_t run = 0;

	for (size_t i = 0; i < length; i++)
	{
		run = text[i] >= '0' && text[i] <= '9' ? run + 1 : 0;
		if (run >= 6)
			return true;
	}
	return false;
}

bool
mmn_deid_value_passes(const char *vr, const char *text, size_t length)
{
	if (length == 0)
		return true;
	if (strcmp(vr, "DS") == 0 || strcmp(vr, "IS") == 0)
	{
		for (size_t i = 0; i < length; i++)
		{
			if (text[i] == '\0' || !strchr("0123456789+-.eE ", text[i]))
				return false;
		}
		return length <= 32;
	}
	if (strcmp(vr, "AS") == 0)
		return length == 4 && only(text, 4, "") && text[3] >= 'A';
	/* CS has 16 capitals, digits, blanks and underscores; be a bit wider */
	if (strcmp(vr, "CS") == 0)
		return length <= 32 && only(text, length, "_-.+*/") &&
			   !long_number(text, length);
	return length <= 64 && only(text, length, "_-.+*/,()[]{}^&%#:'");
}

bool
mmn_deid_public_scheme(const char *designator)
{
	/* PS3.16 table 8-1, those with public code lists */
	static const char *const schemes[] = {
		"ACR",		 "ASTM-sigpurpose",
		"BARI",		 "BI",
		"CD8",		 "DCM",
		"DCMUID",	 "DOCT",
		"FMA",		 "HPC",
		"I10",		 "I10P",
		"I9",		 "I9C",
		"ICDO3",	 "ISO639_1",
		"ISO3166_1", "LN",
		"MA",		 "MDC",
		"MDNS",		 "NCIt",
		"NEU",		 "NDC",
		"NYUMCCG",	 "PUBCHEM_CID",
		"RADLEX",	 "RXNORM",
		"SCT",		 "SDM",
		"SNM3",		 "SRT",
		"UBERON",	 "UCUM",
		"UMLS",		 "UNS",
		"99SDM",
	};

	for (size_t i = 0; i < COUNT(schemes); i++)
	{
		if (strcmp(designator, schemes[i]) == 0)
			return true;
	}
	return false;
}

const char *
mmn_deid_dummy(const char *vr)
{
	static const struct
	{
		char vr[3];
		const char *value;
	} dummies[] = {
		{"AE", "ANONYMIZED"}, {"AS", "000Y"},		{"CS", "ANONYMIZED"},
		{"DA", "19000101"},	  {"DS", "0"},			{"DT", "19000101000000"},
		{"IS", "0"},		  {"LO", "ANONYMIZED"}, {"LT", "ANONYMIZED"},
		{"PN", "ANONYMIZED"}, {"SH", "ANONYMIZED"}, {"ST", "ANONYMIZED"},
		{"TM", "000000"},	  {"UC", "ANONYMIZED"}, {"UT", "ANONYMIZED"},
	};

	for (size_t i = 0; i < COUNT(dummies); i++)
	{
		if (strcmp(vr, dummies[i].vr) == 0)
			return dummies[i].value;
	}
	return NULL;
}
