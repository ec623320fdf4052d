#include "dicom/header.h"

#include <string.h>

#include "dicom/dictionary.h"
#include "dicom/values.h"

#define UNDEFINED 0xFFFFFFFFu
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu

static bool
is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

/* What follows the tag: four bytes of length; a VR and two; or a VR, two, four. */
typedef enum form
{
	IMPLICIT,
	SHORT,
	WIDE
} form;

static void
read_length(const uint8_t *p, form form, bool big, mmn_header *h)
{
	h->size = form == WIDE ? 12 : 8;
	h->length = form == IMPLICIT ? load_u32(p + 4, big)
				: form == WIDE	 ? load_u32(p + 8, big)
								 : load_u16(p + 6, big);
}

/*
 * Whether another element stands where this one at p ends: a higher tag and
 * a VR, or what this one has for its VR; a delimiter; or nothing.  An item
 * stands where a value begins, of a sequence.
 */
static bool
is_followed(const uint8_t *p, size_t left, bool big, const mmn_header *h)
{
	const uint8_t *next;
	uint32_t tag;

	if (left < h->size || h->length > left - h->size)
		return false;
	left -= h->size + h->length;
	next = p + h->size + h->length;
	if (left < 8)
		return left == 0;
	tag = load_tag(next, big);
	if (tag >> 16 == 0xFFFE)
		return tag == TAG_ITEM_END || tag == TAG_SEQUENCE_END;
	return tag > h->tag && (mmn_vr_find((const char *)next + 4) ||
							memcmp(next + 4, p + 4, 2) == 0);
}

/* Whether another element stands where this one would end if it had this form. */
static bool
has_form(const uint8_t *p, size_t left, bool big, form form,
		 const mmn_header *h)
{
	mmn_header other = *h;

	if (form == WIDE && left < 12)
		return false;
	read_length(p, form, big, &other);
	return is_followed(p, left, big, &other);
}

/*
 * The form of a header whose VR is none.  Letters are one of a later edition,
 * in the wide form when its reserved bytes are zero; "??" and the like, what
 * some writers put for "unknown", in the short form; anything else, part of an
 * implicit length.  Unless what follows tells that it is another.
 */
static form
guess_form(const uint8_t *p, size_t left, bool big, const mmn_header *h)
{
	static const char unknown[][3] = {"??", "  ", "--"};
	form likely = IMPLICIT;

	if (is_upper(p[4]) && is_upper(p[5]))
		likely = p[6] == 0 && p[7] == 0 ? WIDE : SHORT;
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
		if (memcmp(p + 4, unknown[i], 2) == 0)
			likely = SHORT;
	/* the likely one first, then all in turn */
	for (int i = -1; i < 3; i++)
	{
		form form = i < 0 ? likely : (enum form)i;

		if (form == WIDE && (p[6] != 0 || p[7] != 0))
			continue;
		if (has_form(p, left, big, form, h))
			return form;
	}
	return likely;
}

bool
mmn_header_read(const uint8_t *p, size_t left, mmn_encoding code, mmn_header *h)
{
	const mmn_vr *vr = NULL;
	form form = IMPLICIT;

	h->tag = load_tag(p, code.big);
	h->vr[0] = h->vr[1] = h->vr[2] = '\0';
	if (h->tag >> 16 != 0xFFFE && (!code.implicit || is_upper(p[4])))
		vr = mmn_vr_find((const char *)p + 4);
	if (vr)
		form = vr->wide ? WIDE : SHORT;
	else if (h->tag >> 16 != 0xFFFE && !code.implicit)
		form = guess_form(p, left, code.big, h);
	/* letters of a VR where there ought to be none: an item of another file? */
	if (code.implicit && vr && !has_form(p, left, code.big, form, h))
	{
		vr = NULL;
		form = IMPLICIT;
	}
	if (form == WIDE && left < 12)
		return false;
	if (form != IMPLICIT)
		memcpy(h->vr, vr ? vr->name : "UN", 3);
	read_length(p, form, code.big, h);
	return true;
}

void
mmn_header_vr(const mmn_header *h, bool is_signed, char *out)
{
	const char *vr = mmn_dictionary_vr(h->tag);

	if (!vr)
		vr = "UN";
	else if (strcmp(vr, "xs") == 0)
		vr = is_signed ? "SS" : "US";
	else if (vr[0] >= 'a')
		vr = "OW";
	memcpy(out, vr, 3);
}

static bool
plausible(const uint8_t *p, size_t left, mmn_encoding code)
{
	mmn_header h;

	if (left < 8 || !mmn_header_read(p, left, code, &h))
		return false;
	return h.length == UNDEFINED || h.length <= left - h.size;
}

/* Whether one implicit element after another is here, by their tags and lengths. */
static bool
goes_on_implicit(const uint8_t *p, size_t left, mmn_encoding code)
{
	const uint8_t *next;
	mmn_header h;

	if (!plausible(p, left, code) || !mmn_header_read(p, left, code, &h) ||
		h.length == UNDEFINED)
		return false;
	next = p + h.size + h.length;
	left -= h.size + h.length;
	return left >= 8 && load_tag(next, code.big) > h.tag &&
		   !mmn_vr_find((const char *)next + 4) && plausible(next, left, code);
}

mmn_encoding
mmn_encoding_sniff(const uint8_t *p, size_t left, mmn_encoding claimed)
{
	mmn_encoding found = claimed;
	mmn_header h;

	if (left < 8)
		return claimed;
	found.implicit = mmn_vr_find((const char *)p + 4) == NULL;
	if (mmn_load_u16be(p) < mmn_load_u16le(p))
		found.big = true;
	else if (mmn_load_u16be(p) > mmn_load_u16le(p))
		found.big = false;
	/* no VR, but another element where it would end if it had one */
	if (found.implicit && !claimed.implicit && found.big == claimed.big &&
		!goes_on_implicit(p, left, found) &&
		mmn_header_read(p, left, claimed, &h) && h.vr[0] &&
		is_followed(p, left, claimed.big, &h))
		return claimed;
	/* an odd VR in the first element is no reason to think it implicit */
	if (!plausible(p, left, found) && plausible(p, left, claimed))
		return claimed;
	return found;
}

bool
mmn_begins_dataset(const uint8_t *bytes, size_t length)
{
	mmn_encoding code = {true, false};
	size_t end;
	mmn_header h;

	if (length < 16)
		return false;
	code = mmn_encoding_sniff(bytes, length, code);
	if (!plausible(bytes, length, code) ||
		!mmn_header_read(bytes, length, code, &h))
		return false;
	end = h.size + h.length;
	return (h.tag >> 16 == 0x0002 || h.tag >> 16 == 0x0008) &&
		   (h.tag & 0xFFFF) <= 0x1200 && h.length <= 1024 &&
		   length - end >= 8 && load_tag(bytes + end, code.big) > h.tag;
}
