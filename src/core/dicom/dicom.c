#include "dicom/dicom_private.h"

#include <string.h>

#include "base/bytes.h"
#include "dicom/dictionary.h"
#include "dicom/header.h"
#include "dicom/inflate.h"
#include "dicom/values.h"

/*
 * The parser walks the bytes once and makes a flat array of elements.  Where
 * it stands is a stack of levels: the data set, and by turns a sequence
 * (between items) and an item (between elements).  Nothing recurses.
 *
 * Files break the rules in ways every reader has learned to live with; those
 * accepted here are named where they are.  What is beyond them is an error
 * that tells tag and offset, never a value.
 */

#define TAG_ITEM 0xFFFEE000u
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu
#define TAG_PIXEL_DATA 0x7FE00010u
#define UNDEFINED 0xFFFFFFFFu

#define TS_IMPLICIT "1.2.840.10008.1.2"
#define TS_EXPLICIT "1.2.840.10008.1.2.1"
#define TS_DEFLATED "1.2.840.10008.1.2.1.99"
#define TS_BIG_ENDIAN "1.2.840.10008.1.2.2"
/* GE Medical Systems' own: implicit little endian, but for the pixels */
#define TS_GE_PRIVATE "1.2.840.113619.5.2"

#define MAX_LEVELS (2 * MMN_DICOM_MAX_DEPTH + 1)

typedef struct level
{
	int32_t sequence; /* the element this is nested in; -1 at the top */
	size_t end;		  /* offset where it ends, at the latest */
	bool undefined;	  /* ends by a delimiter */
	bool item;		  /* between elements; else between items */
	bool guess;		  /* UN that ought to be a sequence */
	bool is_signed;	  /* Pixel Representation here */
	bool discard;	  /* an item that nobody asked for: back to the next two */
	size_t elements;
	size_t items;
	mmn_encoding code;
} level;

typedef struct parser
{
	mmn_dicom *dicom;
	size_t pos;
	int top;
	uint32_t first; /* frames whose functional groups are kept */
	uint32_t last;
	bool pixels_seen; /* at the top level: what follows may be damaged */
	level stack[MAX_LEVELS];
	mmn_error *err;
} parser;

/* Makes room for one more; the array moves, as mmn_env knows no realloc. */
static mmn_status
grow(const mmn_env *env, void **array, size_t count, size_t *capacity,
	 size_t size, mmn_error *err)
{
	size_t wanted;
	void *larger;

	if (count < *capacity)
		return MMN_OK;
	wanted = *capacity ? *capacity * 2 : 256;
	larger = mmn_alloc_array(env, wanted, size);
	if (!larger)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	if (count)
		memcpy(larger, *array, count * size);
	mmn_free(env, *array);
	*array = larger;
	*capacity = wanted;
	return MMN_OK;
}

static mmn_status
count_item(parser *p)
{
	mmn_dicom *d = p->dicom;

	if (d->count + d->items >= MMN_DICOM_MAX_ELEMENTS)
		return mmn_fail(p->err, MMN_LIMIT,
						"more than %d data elements and items",
						MMN_DICOM_MAX_ELEMENTS);
	return MMN_OK;
}

/* ---- walking ---- */

static mmn_status
push(parser *p, int32_t sequence, bool item, size_t end, bool undefined,
	 mmn_encoding code)
{
	level *l;

	if (p->top + 1 >= MAX_LEVELS)
		return mmn_fail(p->err, MMN_LIMIT,
						"sequences nested deeper than %d at offset %zu",
						MMN_DICOM_MAX_DEPTH, p->pos);
	l = &p->stack[++p->top];
	l->sequence = sequence;
	l->end = end;
	l->undefined = undefined;
	l->item = item;
	l->guess = false;
	l->discard = false;
	l->is_signed = p->top > 0 && p->stack[p->top - 1].is_signed;
	l->code = code;
	return MMN_OK;
}

static void
pop(parser *p)
{
	level *l = &p->stack[p->top--];

	if (!l->item)
	{
		mmn_dicom_element *e = &p->dicom->elements[l->sequence];

		e->length = (size_t)(p->dicom->bytes + p->pos - e->value);
		e->end = (uint32_t)p->dicom->count;
	}
	else if (l->discard)
	{
		p->dicom->count = l->elements;
		p->dicom->items = l->items;
	}
}

/* The items of encapsulated pixel data, up to and with the delimiter. */
static mmn_status
parse_fragments(parser *p, const level *l, mmn_dicom_element *e)
{
	mmn_dicom *d = p->dicom;
	bool keep = e->parent < 0 && d->fragment_count == 0;

	for (;;)
	{
		uint32_t tag;
		uint64_t length;
		size_t left = l->end - p->pos;
		mmn_dicom_fragment f;

		/* a file that ends without the delimiter has all its fragments */
		if (left < 8 && l->sequence < 0)
		{
			e->length = (size_t)(d->bytes + p->pos - e->value);
			p->pos = l->end;
			return MMN_OK;
		}
		if (left < 8)
			break;
		tag = load_tag(d->bytes + p->pos, l->code.big);
		length = load_u32(d->bytes + p->pos + 4, l->code.big);
		if (tag == TAG_SEQUENCE_END)
		{
			e->length = (size_t)(d->bytes + p->pos - e->value);
			p->pos += 8;
			return MMN_OK;
		}
		if (tag != TAG_ITEM || length == UNDEFINED)
			break;
		left -= 8;
		f.bytes = d->bytes + p->pos + 8;
		f.length = length <= left ? (size_t)length : left;
		f.missing = (size_t)length - f.length;
		if (f.missing && l->sequence >= 0)
			break;
		if (d->fragment_count >= MMN_DICOM_MAX_FRAGMENTS)
			return mmn_fail(p->err, MMN_LIMIT,
							"pixel data in more than %d fragments",
							MMN_DICOM_MAX_FRAGMENTS);
		if (keep)
		{
			void *array = d->fragments;
			mmn_status status =
				grow(d->env, &array, d->fragment_count, &d->fragment_capacity,
					 sizeof *d->fragments, p->err);

			if (status != MMN_OK)
				return status;
			d->fragments = array;
			d->fragments[d->fragment_count++] = f;
		}
		p->pos += 8 + f.length;
	}
	return mmn_fail(p->err, MMN_BAD_DATA,
					"damaged item of encapsulated pixel data at offset %zu",
					p->pos);
}

#define TAG_TEXT 16

/*
 * A tag for an error's text.  In a damaged file what is taken for a header may
 * be the middle of a value, of a patient's name say: so only tags that DICOM
 * has are told, and no lengths.
 */
static const char *
tag_text(uint32_t tag, char out[TAG_TEXT])
{
	static const char digits[] = "0123456789ABCDEF";
	char *p = out;

	if (tag >> 16 & 1 || (tag & 0xFFFF) == 0 || !mmn_dictionary_vr(tag))
		return "data element";
	*p++ = '(';
	for (int shift = 28; shift >= 0; shift -= 4)
	{
		*p++ = digits[tag >> shift & 0xF];
		if (shift == 16)
			*p++ = ',';
	}
	memcpy(p, ")", 2);
	return out;
}

static mmn_status
too_long(const parser *p, const mmn_header *h, size_t offset, size_t left)
{
	char name[TAG_TEXT];

	return mmn_fail(p->err, MMN_BAD_DATA,
					"%s at offset %zu is longer than the %zu bytes that are "
					"left",
					tag_text(h->tag, name), offset, left);
}

static bool
is_native(const char *uid)
{
	return strcmp(uid, TS_IMPLICIT) == 0 || strcmp(uid, TS_EXPLICIT) == 0 ||
		   strcmp(uid, TS_BIG_ENDIAN) == 0 || strcmp(uid, TS_GE_PRIVATE) == 0;
}

static bool
is_deflated(const char *uid)
{
	/* and JPIP's two syntaxes, PS3.5 A.7 and A.11 */
	return strcmp(uid, TS_DEFLATED) == 0 ||
		   strcmp(uid, "1.2.840.10008.1.2.4.95") == 0 ||
		   strcmp(uid, "1.2.840.10008.1.2.4.205") == 0;
}

/*
 * Whether pixel data of defined length are fragments nevertheless: those of a
 * compressed transfer syntax that begin with an item.
 */
static bool
is_encapsulated(const parser *p, const mmn_header *h, size_t left)
{
	const mmn_dicom *d = p->dicom;

	return h->tag == TAG_PIXEL_DATA && p->top == 0 && left >= 8 &&
		   h->length >= 8 && d->transfer_syntax[0] &&
		   !is_native(d->transfer_syntax) && !is_deflated(d->transfer_syntax) &&
		   load_tag(d->bytes + p->pos, false) == TAG_ITEM;
}

static mmn_status
parse_element(parser *p)
{
	mmn_dicom *d = p->dicom;
	level *l = &p->stack[p->top];
	size_t start = p->pos, left = l->end - p->pos;
	mmn_dicom_element *e;
	mmn_encoding code = l->code;
	bool sequence, guess = false;
	mmn_header h;
	char name[TAG_TEXT];
	mmn_status status;
	void *array = d->elements;

	if (left < 8 || !mmn_header_read(d->bytes + start, left, code, &h))
		return mmn_fail(p->err, MMN_BAD_DATA,
						"data element cut off at offset %zu", start);
	if (h.tag >> 16 == 0xFFFE)
		return mmn_fail(p->err, MMN_BAD_DATA,
						"item or delimiter out of place at offset %zu", start);
	status = count_item(p);
	if (status == MMN_OK)
		status = grow(d->env, &array, d->count, &d->capacity,
					  sizeof *d->elements, p->err);
	if (status != MMN_OK)
		return status;
	d->elements = array;

	p->pos += h.size;
	left -= h.size;
	e = &d->elements[d->count++];
	e->tag = h.tag;
	e->encapsulated = false;
	e->big_endian = code.big;
	e->implicit = false;
	e->parent = l->sequence;
	e->item = l->sequence < 0 ? 0 : d->elements[l->sequence].items - 1u;
	e->end = (uint32_t)d->count;
	e->items = 0;
	e->value = d->bytes + p->pos;
	if (h.vr[0])
		memcpy(e->vr, h.vr, 3);
	else
		mmn_header_vr(&h, l->is_signed, e->vr);

	/*
	 * PS3.5 6.2.2: the value of a UN element is implicit little endian,
	 * wherever it stands.  Readers that know the tag know the VR.
	 */
	if (strcmp(h.vr, "UN") == 0)
	{
		if (h.length == UNDEFINED && h.tag != TAG_PIXEL_DATA)
			memcpy(e->vr, "SQ", 3);
		else if (h.tag == TAG_PIXEL_DATA)
			memcpy(e->vr, "OB", 3);
		else
			mmn_header_vr(&h, l->is_signed, e->vr);
		guess = strcmp(e->vr, "SQ") == 0 && h.length != UNDEFINED;
		if (strcmp(e->vr, "SQ") == 0)
			code.implicit = true;
		if (h.tag != TAG_PIXEL_DATA)
			code.big = e->big_endian = false;
	}
	/* only pixel data are anything else of undefined length, whatever the VR */
	sequence = strcmp(e->vr, "SQ") == 0 ||
			   (h.length == UNDEFINED && h.tag >> 16 != 0x7FE0);

	if (sequence)
	{
		memcpy(e->vr, "SQ", 3);
		e->implicit = code.implicit;
		if (h.length != UNDEFINED && h.length > left)
			return too_long(p, &h, start, left);
		status = push(p, (int32_t)d->count - 1, false,
					  h.length == UNDEFINED ? l->end : p->pos + h.length,
					  h.length == UNDEFINED, code);
		if (status == MMN_OK)
			p->stack[p->top].guess = guess;
		return status;
	}
	if (h.length == UNDEFINED)
	{
		if (h.tag != TAG_PIXEL_DATA)
			return mmn_fail(p->err, MMN_BAD_DATA,
							"%s at offset %zu has undefined length",
							tag_text(h.tag, name), start);
		e->encapsulated = true;
		memcpy(e->vr, "OB", 3);
		status = parse_fragments(p, l, e);
	}
	else if (is_encapsulated(p, &h, left))
	{
		level within = *l;

		within.end = p->pos + (h.length < left ? h.length : left);
		e->encapsulated = true;
		memcpy(e->vr, "OB", 3);
		status = parse_fragments(p, &within, e);
		if (status == MMN_OK)
			p->pos = within.end;
	}
	else if (h.length > left)
	{
		/* truncated native pixel data still has whole frames */
		if (h.tag >> 16 != 0x7FE0 || l->sequence >= 0)
			return too_long(p, &h, start, left);
		e->length = left;
		p->pos = l->end;
	}
	else
	{
		e->length = h.length;
		p->pos += h.length;
	}
	if (h.tag == 0x00280103 && e->length >= 2)
		l->is_signed = load_u16(e->value, e->big_endian) == 1;
	if (l->sequence < 0 &&
		(h.tag == TAG_PIXEL_DATA || h.tag == 0x7FE00008 || h.tag == 0x7FE00009))
		p->pixels_seen = status == MMN_OK;
	return status;
}

/*
 * Whether the next item of a sequence has the functional groups of a frame that
 * nobody asked for.  Thousands of frames have as many items, of which decoding
 * one needs one.
 */
static bool
is_other_frame(const parser *p, const mmn_dicom_element *sequence)
{
	return sequence->tag == MMN_PER_FRAME_GROUPS && sequence->parent < 0 &&
		   (sequence->items + 1 < p->first || sequence->items + 1 > p->last);
}

/*
 * Of a sequence and its last item that disagree where they end, the item is
 * right, as far as what both are in goes on.  The bytes left then.
 */
static size_t
longer_sequence(parser *p, size_t length)
{
	level *l = &p->stack[p->top];
	size_t left = p->stack[p->top - 1].end - p->pos;

	if (l->undefined || l->guess || length > left - 8)
		return l->end - p->pos;
	l->end = p->pos + 8 + length;
	return length + 8;
}

/* One step between items: the next item begins, or the sequence ends. */
static mmn_status
parse_item(parser *p)
{
	mmn_dicom *d = p->dicom;
	level *l = &p->stack[p->top];
	size_t left = l->end - p->pos;
	uint32_t tag, length;
	mmn_dicom_element *sequence = &d->elements[l->sequence];
	size_t elements = d->count, items = d->items;
	bool discard;
	mmn_status status;

	if (left == 0 && !l->undefined)
	{
		pop(p);
		return MMN_OK;
	}
	if (left < 8)
		return mmn_fail(p->err, MMN_BAD_DATA, "sequence cut off at offset %zu",
						p->pos);
	tag = load_tag(d->bytes + p->pos, l->code.big);
	length = load_u32(d->bytes + p->pos + 4, l->code.big);
	if (tag == TAG_SEQUENCE_END)
	{
		/* some writers delimit sequences of defined length as well */
		pop(p);
		p->pos += 8;
		return MMN_OK;
	}
	if (tag != TAG_ITEM)
		return mmn_fail(p->err, MMN_BAD_DATA,
						"sequence without an item at offset %zu", p->pos);
	if (length != UNDEFINED && length > left - 8)
		left = longer_sequence(p, length);
	if (length != UNDEFINED && length > left - 8)
		return mmn_fail(p->err, MMN_BAD_DATA,
						"item at offset %zu wants %lu bytes, %zu are left",
						p->pos, (unsigned long)length, left - 8);
	discard = is_other_frame(p, sequence);
	sequence->items++;
	p->pos += 8;
	if (discard && length != UNDEFINED)
	{
		p->pos += length;
		return MMN_OK;
	}
	status = count_item(p);
	if (status != MMN_OK)
		return status;
	d->items++;
	status = push(p, l->sequence, true,
				  length == UNDEFINED ? l->end : p->pos + length,
				  length == UNDEFINED, l->code);
	if (status == MMN_OK && discard)
	{
		/* where it ends is known only when it has been read */
		p->stack[p->top].discard = true;
		p->stack[p->top].elements = elements;
		p->stack[p->top].items = items;
	}
	return status;
}

/*
 * After a failure inside a UN element that was tried as a sequence, goes back
 * and takes its value as bytes.  false: there is no such element.
 */
static bool
abandon_guess(parser *p)
{
	mmn_dicom *d = p->dicom;

	for (int i = p->top; i >= 0; i--)
	{
		level *l = &p->stack[i];
		mmn_dicom_element *e;

		if (!l->guess)
			continue;
		e = &d->elements[l->sequence];
		memcpy(e->vr, "UN", 3);
		e->items = 0;
		e->length = (size_t)(d->bytes + l->end - e->value);
		d->count = e->end = (uint32_t)l->sequence + 1;
		p->pos = l->end;
		p->top = i - 1;
		return true;
	}
	return false;
}

/* One step: an item begins or ends, or an element is read. */
static mmn_status
step(parser *p)
{
	const level *l = &p->stack[p->top];
	size_t left = l->end - p->pos;
	uint32_t tag =
		left >= 8 ? load_tag(p->dicom->bytes + p->pos, l->code.big) : 0;
	mmn_status status = MMN_OK;

	if (!l->item)
		status = parse_item(p);
	else if (p->top > 0 && left == 0 && !l->undefined)
		pop(p);
	else if (p->top > 0 && tag == TAG_ITEM_END)
	{
		pop(p);
		p->pos += 8;
	}
	else if (p->top > 0 && l->undefined && tag == TAG_SEQUENCE_END)
		pop(p); /* an item whose delimiter was forgotten */
	else
		status = parse_element(p);
	return status == MMN_BAD_DATA && abandon_guess(p) ? MMN_OK : status;
}

/* Walks a data set (or only its group 0002) to its end. */
static mmn_status
parse_dataset(parser *p, size_t end, mmn_encoding code, bool meta)
{
	mmn_dicom *d = p->dicom;
	size_t whole = d->count; /* elements up to the last whole top-level one */
	mmn_status status = MMN_OK;

	p->top = -1;
	push(p, -1, true, end, false, code);
	for (;;)
	{
		level *l = &p->stack[p->top];
		size_t left = l->end - p->pos;
		uint32_t tag = left >= 8 ? load_tag(d->bytes + p->pos, l->code.big) : 0;

		if (p->top == 0)
		{
			whole = d->count;
			/* fewer than 8 bytes, or zeros, are padding */
			if (left < 8 || (tag == 0 && whole > 0))
				return MMN_OK;
			if (meta && tag >> 16 != 0x0002)
				return MMN_OK;
			if (tag == TAG_ITEM_END || tag == TAG_SEQUENCE_END)
			{
				p->pos += 8;
				continue;
			}
		}
		status = step(p);
		if (status == MMN_BAD_DATA && p->pixels_seen)
		{
			/* garbage after the pixels */
			d->count = whole;
			return MMN_OK;
		}
		if (status != MMN_OK)
			return status;
	}
}

/* ---- files (PS3.10) ---- */

static size_t
meta_offset(const uint8_t *bytes, size_t length)
{
	/* the four letters may stand there by chance in a bare data set */
	if (length >= 132 && memcmp(bytes + 128, "DICM", 4) == 0 &&
		!((length < 140 || mmn_load_u16le(bytes + 132) != 2) &&
		  mmn_begins_dataset(bytes, length)))
		return 132;
	if (length >= 4 && memcmp(bytes, "DICM", 4) == 0)
		return 4;
	return 0;
}

bool
mmn_dicom_probe(const void *bytes, size_t length)
{
	return meta_offset(bytes, length) > 0 || mmn_begins_dataset(bytes, length);
}

static void
swap_pixels(mmn_dicom *d)
{
	for (size_t i = 0; i < d->count; i = d->elements[i].end)
		if (d->elements[i].tag == TAG_PIXEL_DATA)
			d->elements[i].big_endian = true;
}

static mmn_status
parse_file(parser *p, size_t max_bytes)
{
	mmn_dicom *d = p->dicom;
	mmn_encoding meta_code = {false, false}, code = {true, false};
	char *uid = d->transfer_syntax;
	mmn_status status;

	if (!mmn_dicom_probe(d->bytes, d->length))
		return mmn_fail(p->err, MMN_BAD_DATA, "not a DICOM file");
	p->pos = meta_offset(d->bytes, d->length);
	if (d->length - p->pos >= 8 && (mmn_load_u16le(d->bytes + p->pos) == 2 ||
									mmn_load_u16be(d->bytes + p->pos) == 2))
	{
		meta_code = mmn_encoding_sniff(d->bytes + p->pos, d->length - p->pos,
									   meta_code);
		status = parse_dataset(p, d->length, meta_code, true);
		if (status != MMN_OK)
			return status;
		mmn_dicom_string(d, mmn_dicom_find(d, 0x00020010), 0, uid,
						 sizeof d->transfer_syntax);
	}
	if (is_deflated(uid))
	{
		size_t length;

		status = mmn_inflate_raw(d->env, d->bytes + p->pos, d->length - p->pos,
								 max_bytes, &d->inflated, &length, p->err);
		if (status != MMN_OK)
			return status;
		d->bytes = d->inflated;
		d->length = length;
		p->pos = 0;
	}
	if (uid[0])
	{
		code.implicit =
			strcmp(uid, TS_IMPLICIT) == 0 || strcmp(uid, TS_GE_PRIVATE) == 0;
		code.big = strcmp(uid, TS_BIG_ENDIAN) == 0;
	}
	code = mmn_encoding_sniff(d->bytes + p->pos, d->length - p->pos, code);
	status = parse_dataset(p, d->length, code, false);
	if (status != MMN_OK)
		return status;
	d->is_signed = p->stack[0].is_signed;
	if (strcmp(uid, TS_GE_PRIVATE) == 0)
		swap_pixels(d);
	if (is_native(uid) || (uid[0] == '\0' && d->fragment_count == 0))
		strcpy(uid, code.implicit ? TS_IMPLICIT
					: code.big	  ? TS_BIG_ENDIAN
								  : TS_EXPLICIT);
	return MMN_OK;
}

mmn_status
mmn_dicom_open(const mmn_env *env, const void *bytes, size_t length,
			   size_t max_bytes, mmn_dicom **out, mmn_error *err)
{
	return mmn_dicom_open_frames(env, bytes, length, max_bytes, 1, UINT32_MAX,
								 out, err);
}

mmn_status
mmn_dicom_open_frames(const mmn_env *env, const void *bytes, size_t length,
					  size_t max_bytes, uint32_t first, uint32_t last,
					  mmn_dicom **out, mmn_error *err)
{
	mmn_dicom *d = mmn_alloc_zero(env, 1, sizeof *d);
	parser p = {0};
	mmn_status status;

	*out = NULL;
	if (!d)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	d->env = env;
	d->bytes = bytes;
	d->length = length;
	p.dicom = d;
	p.err = err;
	p.first = first;
	p.last = last;
	status = parse_file(&p, max_bytes);
	if (status != MMN_OK)
	{
		mmn_dicom_close(d);
		return status;
	}
	*out = d;
	return MMN_OK;
}

/* Reads one item of the sequence that is the only element there is. */
static mmn_status
parse_one_item(parser *p, size_t end, mmn_encoding code, bool is_signed)
{
	mmn_status status;

	p->top = -1;
	push(p, -1, true, end, false, code);
	p->stack[0].is_signed = is_signed;
	push(p, 0, false, end, false, code);
	status = parse_item(p);
	while (status == MMN_OK && p->top > 1)
		status = step(p);
	if (status == MMN_OK && p->top == 1)
		p->dicom->elements[0].end = (uint32_t)p->dicom->count;
	return status;
}

mmn_status
mmn_dicom_next_item(const mmn_dicom *dicom, const mmn_dicom_element *sequence,
					size_t *at, mmn_dicom **out, mmn_error *err)
{
	size_t start = (size_t)(sequence->value - dicom->bytes);
	size_t end = start + sequence->length;
	mmn_encoding code = {sequence->implicit, sequence->big_endian};
	parser p = {.err = err, .first = 1, .last = UINT32_MAX, .pos = start + *at};
	void *array = NULL;
	mmn_dicom *d;
	mmn_status status;

	*out = NULL;
	if (*at >= sequence->length)
		return MMN_OK;
	/* an item may rely on it */
	if (dicom->length - end >= 8 &&
		load_tag(dicom->bytes + end, code.big) == TAG_SEQUENCE_END)
		end += 8;
	d = mmn_alloc_zero(dicom->env, 1, sizeof *d);
	if (!d)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	d->env = dicom->env;
	d->bytes = dicom->bytes;
	d->length = dicom->length;
	p.dicom = d;
	status = grow(d->env, &array, 0, &d->capacity, sizeof *d->elements, err);
	if (status == MMN_OK)
	{
		d->elements = array;
		d->elements[d->count++] = *sequence;
		d->elements[0].parent = -1;
		d->elements[0].items = 0;
		status = parse_one_item(&p, end, code, dicom->is_signed);
	}
	*at = p.pos - start;
	if (status != MMN_OK || d->elements[0].items == 0)
	{
		mmn_dicom_close(d);
		return status;
	}
	*out = d;
	return MMN_OK;
}

void
mmn_dicom_close(mmn_dicom *dicom)
{
	const mmn_env *env;

	if (!dicom)
		return;
	env = dicom->env;
	mmn_free(env, dicom->inflated);
	mmn_free(env, dicom->elements);
	mmn_free(env, dicom->fragments);
	mmn_free(env, dicom);
}
