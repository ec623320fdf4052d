#include "dicom/deid.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hmac.h"
#include "dicom/deid_rules.h"
#include "dicom/dictionary.h"
#include "dicom/frames.h"
#include "dicom/real_world.h"
#include "dicom/suv.h"
#include "dicom/transfer_syntax.h"
#include "dicom/values.h"
#include "dicom/write.h"
#include "image/jpegxl.h"
#include "image/strip.h"

/*
 * Writes a new file element by element: nothing of the original is copied
 * that a rule (deid_rules.c) does not name.  Sequences and items get undefined
 * lengths, so that one pass does.
 *
 * As a second net below the rules, text that passes them is dropped when it
 * holds a word of the patient's name or number as the file states them: people
 * type names into the strangest attributes.
 */

/* Identifies this software's files (PS3.10 7.1); 2.25 is a UUID. */
#define IMPLEMENTATION_UID "2.25.81318314950171936730088153380327156471"
#define IMPLEMENTATION_NAME "MEDIMNET"
#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define SECONDARY_CAPTURE "1.2.840.10008.5.1.4.1.1.7"

#define MAX_WORDS 48
#define MAX_WHOLES 16
#define MAX_WORD 64
#define MIN_WORD 4 /* shorter ones are in every text */

typedef struct level
{
	int32_t sequence;
	uint32_t items;		/* begun */
	uint32_t last;		/* tag written last in this item */
	bool public_scheme; /* of this item's code */
} level;

typedef struct deid
{
	const mmn_dicom *dicom;
	const void *key;
	size_t key_length;
	mmn_buffer *out;
	bool encapsulated;
	mmn_frame_coding coding;
	bool has_suv; /* to be kept as a mapping of stored values */
	double suv_slope;
	double suv_intercept;
	double suv_factor; /* to be kept beside mappings into Bq/ml; 0: none */
	mmn_pixel_description pixels; /* as far as they are described */
	size_t native_length;		  /* of all frames, when that is known */
	bool odd_fragments; /* to be padded: offset tables are no longer right */
	unsigned pixel_unit;
	char patient_id[MMN_SUBJECT_HASH_SIZE];
	int words; /* of names and numbers, in lower case */
	char word[MAX_WORDS][MAX_WORD];
	int wholes; /* the names and numbers themselves */
	char whole[MAX_WHOLES][MAX_WORD];
	int top;
	level stack[MMN_DICOM_MAX_DEPTH + 1];
} deid;

/* ---- fragments ---- */

/*
 * Whether a fragment is the first of a compressed image.  That of JPEG XL is
 * known by 16 bits, which others have by chance.
 */
static bool
begins_frame(const deid *d, const uint8_t *b, size_t length)
{
	if (d->coding == MMN_CODING_JPEG_XL)
		return d->pixels.frames != 1 && mmn_is_jpegxl(b, length);
	return length >= 4 && (memcmp(b, "\xFF\xD8\xFF", 3) == 0 ||
						   memcmp(b, "\xFF\x4F\xFF\x51", 4) == 0 ||
						   memcmp(b, "\0\0\0\x0C", 4) == 0);
}

/*
 * Codecs have metadata of their own: takes them out of the frame in the
 * fragments first..last, whose bytes are at these offsets of the output.
 */
static mmn_status
scrub_frame(deid *d, const size_t *offsets, size_t first, size_t last,
			mmn_error *err)
{
	uint8_t *out = d->out->bytes, *joined;
	size_t length = 0, done = 0;
	mmn_status status;

	if (first == last)
		return mmn_codestream_scrub(
			out + offsets[first],
			mmn_dicom_fragment_at(d->dicom, first)->length, err);
	for (size_t i = first; i <= last; i++)
		length += mmn_dicom_fragment_at(d->dicom, i)->length;
	joined = mmn_alloc(d->out->env, length);
	if (!joined)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	for (size_t i = first; i <= last; i++)
	{
		size_t n = mmn_dicom_fragment_at(d->dicom, i)->length;

		memcpy(joined + done, out + offsets[i], n);
		done += n;
	}
	status = mmn_codestream_scrub(joined, length, err);
	done = 0;
	for (size_t i = first; i <= last; i++)
	{
		size_t n = mmn_dicom_fragment_at(d->dicom, i)->length;

		memcpy(out + offsets[i], joined + done, n);
		done += n;
	}
	mmn_free(d->out->env, joined);
	return status;
}

static mmn_status
put_fragments(deid *d, const mmn_dicom_element *e, mmn_error *err)
{
	mmn_buffer *out = d->out;
	size_t count = mmn_dicom_fragment_count(d->dicom), first = 1;
	size_t *offsets = mmn_alloc_array(out->env, count + 1, sizeof *offsets);
	mmn_status status = MMN_OK;

	if (!offsets)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	mmn_write_tag(out, e->tag);
	mmn_buffer_append(out, "OB\0\0\xFF\xFF\xFF\xFF", 8);
	for (size_t i = 0; i < count; i++)
	{
		const mmn_dicom_fragment *f = mmn_dicom_fragment_at(d->dicom, i);
		size_t length = i == 0 && d->odd_fragments ? 0 : f->length;

		mmn_write_tag(out, 0xFFFEE000);
		mmn_write_u32(out, (uint32_t)(length + (length & 1)));
		offsets[i] = out->length;
		mmn_buffer_append(out, f->bytes, length);
		if (length & 1)
			mmn_buffer_byte(out, 0);
	}
	mmn_write_tag(out, 0xFFFEE0DD);
	mmn_write_u32(out, 0);
	if (!out->failure && mmn_coding_has_codestreams(d->coding))
		for (size_t i = 2; i <= count && status == MMN_OK; i++)
		{
			const mmn_dicom_fragment *f =
				i < count ? mmn_dicom_fragment_at(d->dicom, i) : NULL;

			if (f && !begins_frame(d, f->bytes, f->length))
				continue;
			status = scrub_frame(d, offsets, first, i - 1, err);
			first = i;
		}
	mmn_free(out->env, offsets);
	return status;
}

/* ---- text that passes ---- */

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_word_byte(char c)
{
	c = fold(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		   (unsigned char)c >= 0x80;
}

/* Remembers the words of an identifying attribute. */
static void
collect_words(deid *d, uint32_t tag)
{
	const mmn_dicom_element *e = mmn_dicom_find(d->dicom, tag);
	const mmn_vr *vr = e ? mmn_vr_find(e->vr) : NULL;
	char *whole = d->whole[d->wholes];
	size_t n = 0;

	if (!vr || !vr->text)
		return;
	if (d->wholes < MAX_WHOLES - 1 &&
		mmn_dicom_string(d->dicom, e, 0, whole, MAX_WORD) &&
		strlen(whole) >= MIN_WORD)
	{
		for (char *p = whole; *p; p++)
			*p = fold(*p);
		d->wholes++;
	}
	for (size_t i = 0; i <= e->length; i++)
	{
		bool in = i < e->length && is_word_byte((char)e->value[i]);

		if (in && n < MAX_WORD - 1 && d->words < MAX_WORDS)
			d->word[d->words][n++] = fold((char)e->value[i]);
		if (in || n == 0)
			continue;
		d->word[d->words][n] = '\0';
		if (n >= MIN_WORD)
			d->words++;
		if (d->words == MAX_WORDS)
			return;
		n = 0;
	}
}

static bool
names_patient(const deid *d, const char *text, size_t length)
{
	for (int w = 0; w < d->words; w++)
	{
		size_t n = strlen(d->word[w]);

		for (size_t i = 0; i + n <= length; i++)
		{
			size_t k = 0;

			while (k < n && fold(text[i + k]) == d->word[w][k])
				k++;
			if (k == n)
				return true;
		}
	}
	return false;
}

static bool
is_identity(const deid *d, const char *text, size_t length)
{
	for (int w = 0; w < d->wholes; w++)
	{
		size_t k = 0;

		if (strlen(d->whole[w]) != length)
			continue;
		while (k < length && fold(text[k]) == d->whole[w][k])
			k++;
		if (k == length)
			return true;
	}
	return false;
}

/* Terms that decoding hangs on, and nobody types by hand. */
static bool
is_structural(uint32_t tag)
{
	return tag >> 16 == 0x0028 || tag == 0x00080005 || tag == 0x00080060 ||
		   tag == 0x00080102;
}

/*
 * Numbers, and terms that may well share a word with a phantom's name, must
 * only not be the name or number itself.
 */
static bool
is_whole_compared(const mmn_dicom_element *e)
{
	return strcmp(e->vr, "DS") == 0 || strcmp(e->vr, "IS") == 0 ||
		   e->tag == 0x00080008 || e->tag == 0x00180015;
}

/* Codes: only of public schemes, not a clinic's own. */
static bool
is_code_text(uint32_t tag)
{
	return tag == 0x00080100 || tag == 0x00080102 || tag == 0x00080103 ||
		   tag == 0x00080104 || tag == 0x00080119;
}

/*
 * One value of FILTER or UID, as it may stand in the new file: a number in an
 * odd form by its digits.
 */
static void
put_value(deid *d, const mmn_dicom_element *e, bool uid, const char *text,
		  size_t length, mmn_buffer *to)
{
	double number;

	if (uid)
	{
		char original[256], replaced[MMN_UID_SIZE];

		if (length == 0)
			return;
		if (length >= sizeof original)
			length = sizeof original - 1;
		memcpy(original, text, length);
		original[length] = '\0';
		mmn_deid_uid(d->key, d->key_length, original, replaced);
		mmn_buffer_text(to, replaced);
	}
	else if (!is_structural(e->tag) &&
			 (is_whole_compared(e) ? is_identity(d, text, length)
								   : names_patient(d, text, length)))
		return;
	else if (mmn_deid_value_passes(e->vr, text, length))
		mmn_buffer_append(to, text, length);
	else if (strcmp(e->vr, "DS") == 0 &&
			 mmn_dicom_parse_number(text, length, &number))
		mmn_buffer_number(to, number, false);
}

/* Text value by value; what does not pass leaves an empty value. */
static void
put_values(deid *d, const mmn_dicom_element *e, bool uid)
{
	const char *p = (const char *)e->value, *end = p + e->length;
	mmn_buffer kept;

	/* from implicit VR, values come longer than explicit VR can say */
	if (e->length > 0xFFFE)
		return;
	if (is_code_text(e->tag) && !d->stack[d->top].public_scheme)
		return;
	mmn_buffer_init(&kept, d->out->env, d->out->limit);
	for (;;)
	{
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		const char *next = stop ? stop + 1 : NULL;

		if (!stop)
			stop = end;
		while (p < stop && mmn_dicom_is_padding(*p))
			p++;
		while (p < stop && mmn_dicom_is_padding(stop[-1]))
			stop--;
		put_value(d, e, uid, p, (size_t)(stop - p), &kept);
		if (!next)
			break;
		mmn_buffer_byte(&kept, '\\');
		p = next;
	}
	if (kept.failure)
		d->out->failure = kept.failure;
	else
		mmn_write_text(d->out, e->tag, e->vr, (char *)kept.bytes, kept.length);
	mmn_buffer_reset(&kept);
}

/* ---- the data set ---- */

/* Whether the code in the item that begins at index is of a public scheme. */
static bool
has_public_scheme(const deid *d, size_t index)
{
	const mmn_dicom_element *first = mmn_dicom_at(d->dicom, index);
	size_t end = mmn_dicom_at(d->dicom, (size_t)first->parent)->end;
	char scheme[17];

	while (index < end)
	{
		const mmn_dicom_element *e = mmn_dicom_at(d->dicom, index);

		if (e->item != first->item)
			break;
		if (e->tag == 0x00080102)
			return mmn_dicom_string(d->dicom, e, 0, scheme, sizeof scheme) &&
				   mmn_deid_public_scheme(scheme);
		index = e->end;
	}
	return false;
}

/* Begins items of the innermost sequence until "count" have been. */
static bool
begin_items(deid *d, uint32_t count)
{
	level *l = &d->stack[d->top];
	bool begun = l->items < count;

	for (; l->items < count; l->items++)
	{
		if (l->items > 0)
			mmn_write_item_end(d->out);
		mmn_write_item(d->out);
	}
	return begun;
}

static void
close_sequence(deid *d)
{
	level *l = &d->stack[d->top];
	const mmn_dicom_element *e = mmn_dicom_at(d->dicom, (size_t)l->sequence);

	begin_items(d, e->items);
	if (l->items > 0)
		mmn_write_item_end(d->out);
	if (e->tag == MMN_REAL_WORLD_VALUES && d->suv_factor > 0)
		mmn_dicom_write_suv_items(d->out, d->dicom, e, d->suv_factor);
	mmn_write_sequence_end(d->out);
	d->top--;
}

static void
open_sequence(deid *d, size_t index)
{
	level *l = &d->stack[++d->top];

	mmn_write_sequence(d->out, mmn_dicom_at(d->dicom, index)->tag);
	memset(l, 0, sizeof *l);
	l->sequence = (int32_t)index;
}

static mmn_status
put_kept(deid *d, const mmn_dicom_element *e, mmn_error *err)
{
	const mmn_vr *vr = mmn_vr_find(e->vr);
	mmn_dicom_element frames = *e;

	if (e->encapsulated)
		return put_fragments(d, e, err);
	/* behind the last frame anything may stand */
	if (d->native_length < frames.length &&
		(e->tag == 0x7FE00010 || e->tag == 0x7FE00008 || e->tag == 0x7FE00009))
		frames.length = d->native_length;
	if (e->tag == 0x7FE00010)
		mmn_write_binary(d->out, &frames, d->pixel_unit > 1 ? "OW" : "OB",
						 d->pixel_unit);
	else if ((e->tag != 0x7FE00001 && e->tag != 0x7FE00002) ||
			 (!d->odd_fragments && d->encapsulated))
		mmn_write_binary(d->out, &frames, e->vr, vr->unit);
	return MMN_OK;
}

/*
 * An element as it is to be written: text that the file calls another kind of
 * text than the standard does, or numbers that it calls bytes, as what it is.
 * Readers do not mind, rules do.
 */
static mmn_dicom_element
as_standard(const mmn_dicom_element *e)
{
	const mmn_vr *said = mmn_vr_find(e->vr);
	const char *known = mmn_dictionary_vr(e->tag);
	const mmn_vr *meant = known ? mmn_vr_find(known) : NULL;
	bool bytes = strcmp(e->vr, "OB") == 0 || strcmp(e->vr, "OW") == 0;
	mmn_dicom_element out = *e;

	if (said && meant &&
		(said->text ? meant->text : bytes && strcmp(known, "US") == 0))
		memcpy(out.vr, meant->name, sizeof out.vr);
	return out;
}

/*
 * Writes one element by its rule; *next is the index to go on at: inside a
 * sequence whose items are to be looked at, else after the element.
 */
static mmn_status
put_element(deid *d, size_t index, size_t *next, mmn_error *err)
{
	const mmn_dicom_element standard =
		as_standard(mmn_dicom_at(d->dicom, index));
	const mmn_dicom_element *e = &standard;
	const char *dummy;

	*next = e->end;

	switch (mmn_deid_rule(e, e->parent >= 0))
	{
		case MMN_DEID_REMOVE:
			break;
		case MMN_DEID_EMPTY:
			mmn_write_header(d->out, e->tag, e->vr, 0);
			break;
		case MMN_DEID_DUMMY:
			dummy = mmn_deid_dummy(e->vr);
			if (dummy)
				mmn_write_string(d->out, e->tag, e->vr, dummy);
			break;
		case MMN_DEID_UID:
			put_values(d, e, true);
			break;
		case MMN_DEID_KEEP:
			return put_kept(d, e, err);
		case MMN_DEID_FILTER:
			put_values(d, e, false);
			break;
		case MMN_DEID_ITEMS:
			if (e->items > 0)
			{
				open_sequence(d, index);
				*next = index + 1;
			}
			else
				mmn_write_header(d->out, e->tag, "SQ", 0);
			break;
	}
	return MMN_OK;
}

/* Elements one after the other, back to as many levels as there were. */
static mmn_status
put_elements(deid *d, size_t index, size_t end, mmn_error *err)
{
	int top = d->top;
	mmn_status status = MMN_OK;

	while (index < end && status == MMN_OK)
	{
		const mmn_dicom_element *e = mmn_dicom_at(d->dicom, index);
		level *l;

		while (d->top > 0 && d->stack[d->top].sequence != e->parent)
			close_sequence(d);
		l = &d->stack[d->top];
		if (d->top > 0)
		{
			if (begin_items(d, e->item + 1))
			{
				l->last = 0;
				l->public_scheme = has_public_scheme(d, index);
			}
			/* a data set is in order of tags, each once (PS3.5 7.1) */
			if (e->tag <= l->last)
			{
				index = e->end;
				continue;
			}
			l->last = e->tag;
		}
		status = put_element(d, index, &index, err);
		if (status == MMN_OK)
			status = mmn_poll(d->out->env, err);
	}
	while (d->top > top)
		close_sequence(d);
	return status;
}

/*
 * Functional groups of all frames, an item at a time: there may be more of them
 * than elements can be kept of.
 */
static mmn_status
put_frames(deid *d, const mmn_dicom_element *e, mmn_error *err)
{
	const mmn_dicom *whole = d->dicom;
	mmn_dicom *frame;
	size_t at = 0;
	mmn_status status;

	mmn_write_sequence(d->out, e->tag);
	d->top = 1;
	while ((status = mmn_dicom_next_item(whole, e, &at, &frame, err)) ==
			   MMN_OK &&
		   frame)
	{
		d->dicom = frame;
		d->stack[1] = (level){.sequence = 0};
		status = put_elements(d, 1, mmn_dicom_count(frame), err);
		begin_items(d, 1);
		mmn_write_item_end(d->out);
		d->dicom = whole;
		mmn_dicom_close(frame);
		if (status == MMN_OK)
			status = mmn_poll(d->out->env, err);
		if (status != MMN_OK)
			break;
	}
	d->top = 0;
	mmn_write_sequence_end(d->out);
	return status;
}

/* A top-level element with all that is nested in it. */
static mmn_status
put_tree(deid *d, size_t index, mmn_error *err)
{
	const mmn_dicom_element *e = mmn_dicom_at(d->dicom, index);

	if (e->tag == MMN_PER_FRAME_GROUPS && e->items > 0 &&
		mmn_deid_rule(e, false) == MMN_DEID_ITEMS)
		return put_frames(d, e, err);
	return put_elements(d, index, e->end, err);
}

/* De-identification Method Code Sequence (PS3.15 E.1, CID 7050) */
static void
put_method(deid *d)
{
	mmn_write_code(d->out, 0x00120064, "113100", "DCM",
				   "Basic Application Confidentiality Profile");
}

/*
 * Elements of our own, each in its place among the others; the last one is not
 * in all files.
 */
static const uint32_t own_tags[] = {0x00100020, 0x00120062, 0x00120063,
									0x00120064, 0x00280303, 0x00409096};

static void
put_own(deid *d, uint32_t tag)
{
	switch (tag)
	{
		case 0x00100020:
			mmn_write_string(d->out, tag, "LO", d->patient_id);
			break;
		case 0x00120062:
			mmn_write_string(d->out, tag, "CS", "YES");
			break;
		case 0x00120063:
			mmn_write_string(d->out, tag, "LO", "PS3.15 Basic Profile");
			break;
		case 0x00120064:
			put_method(d);
			break;
		case 0x00280303: /* Longitudinal Temporal Information Modified */
			mmn_write_string(d->out, tag, "CS", "REMOVED");
			break;
		default:
			mmn_dicom_write_suv(d->out, &d->pixels, d->suv_slope,
								d->suv_intercept);
			break;
	}
}

typedef struct position
{
	uint32_t tag;
	uint32_t index;
} position;

static int
compare_positions(const void *a, const void *b)
{
	const position *p = a, *q = b;

	if (p->tag != q->tag)
		return p->tag < q->tag ? -1 : 1;
	return p->index < q->index ? -1 : p->index > q->index;
}

/* The top level in order of tags, of equal ones the first. */
static mmn_status
put_dataset(deid *d, mmn_error *err)
{
	const mmn_env *env = d->out->env;
	size_t count = mmn_dicom_count(d->dicom), n = 0, own = 0;
	const size_t own_count =
		sizeof own_tags / sizeof own_tags[0] - (d->has_suv ? 0 : 1);
	position *order = mmn_alloc_array(env, count + 1, sizeof *order);
	mmn_status status = MMN_OK;

	if (!order)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i = mmn_dicom_at(d->dicom, i)->end)
	{
		order[n].tag = mmn_dicom_at(d->dicom, i)->tag;
		order[n++].index = (uint32_t)i;
	}
	qsort(order, n, sizeof *order, compare_positions);
	for (size_t i = 0; i < n && status == MMN_OK; i++)
	{
		while (own < own_count && own_tags[own] < order[i].tag)
			put_own(d, own_tags[own++]);
		if (own < own_count && own_tags[own] == order[i].tag)
			continue;
		if ((own > 0 && own_tags[own - 1] == order[i].tag) ||
			(i > 0 && order[i].tag == order[i - 1].tag))
			continue;
		status = put_tree(d, order[i].index, err);
	}
	while (own < own_count)
		put_own(d, own_tags[own++]);
	mmn_free(env, order);
	return status;
}

/* ---- the file (PS3.10 7.1) ---- */

/*
 * The UID that names the instance: its own, else the file's, else one made of
 * its pixels.
 */
static void
instance_uid(const deid *d, char out[MMN_UID_SIZE])
{
	char original[256];
	const mmn_dicom_element *pixels = mmn_dicom_find(d->dicom, 0x7FE00010);

	if (!mmn_dicom_string(d->dicom, mmn_dicom_find(d->dicom, 0x00080018), 0,
						  original, sizeof original) &&
		!mmn_dicom_string(d->dicom, mmn_dicom_find(d->dicom, 0x00020003), 0,
						  original, sizeof original))
	{
		mmn_part part = {pixels ? pixels->value : NULL,
						 pixels ? pixels->length : 0};
		uint8_t hash[MMN_SHA256_SIZE];

		mmn_hmac_sha256(d->key, d->key_length, &part, 1, hash);
		mmn_hex(hash, sizeof hash, original);
	}
	mmn_deid_uid(d->key, d->key_length, original, out);
}

static void
put_meta(deid *d)
{
	mmn_buffer *out = d->out;
	char uid[MMN_UID_SIZE], class_uid[MMN_UID_SIZE];
	size_t start;

	for (int i = 0; i < 128 / 8; i++)
		mmn_buffer_append(out, "\0\0\0\0\0\0\0\0", 8);
	mmn_buffer_append(out, "DICM", 4);
	mmn_write_header(out, 0x00020000, "UL", 4);
	start = out->length;
	mmn_write_u32(out, 0);
	mmn_write_header(out, 0x00020001, "OB", 2);
	mmn_buffer_append(out, "\0\1", 2);
	if (!mmn_dicom_string(d->dicom, mmn_dicom_find(d->dicom, 0x00080016), 0,
						  uid, sizeof uid) &&
		!mmn_dicom_string(d->dicom, mmn_dicom_find(d->dicom, 0x00020002), 0,
						  uid, sizeof uid))
		strcpy(uid, SECONDARY_CAPTURE);
	mmn_deid_uid(d->key, d->key_length, uid, class_uid);
	mmn_write_string(out, 0x00020002, "UI", class_uid);
	instance_uid(d, uid);
	mmn_write_string(out, 0x00020003, "UI", uid);
	mmn_write_string(out, 0x00020010, "UI",
					 d->encapsulated ? mmn_dicom_transfer_syntax(d->dicom)
									 : EXPLICIT_LITTLE);
	mmn_write_string(out, 0x00020012, "UI", IMPLEMENTATION_UID);
	mmn_write_string(out, 0x00020013, "SH", IMPLEMENTATION_NAME);
	if (!out->failure)
		mmn_store_u32le(out->bytes + start,
						(uint32_t)(out->length - start - 4));
}

/* How the pixels are stored, and whether that can be said in a new file. */
static mmn_status
check_pixels(deid *d, mmn_error *err)
{
	const mmn_dicom_element *e = mmn_dicom_find(d->dicom, 0x7FE00010);
	const char *syntax = mmn_dicom_transfer_syntax(d->dicom);
	const mmn_transfer_syntax *known = mmn_transfer_syntax_find(syntax);
	const mmn_dicom_element *count = mmn_dicom_find(d->dicom, 0x00280008);
	mmn_pixel_description *pixels = &d->pixels;
	int64_t bits = 0;
	bool described;

	if (mmn_dicom_find(d->dicom, 0x00041220) ||
		mmn_dicom_find(d->dicom, 0x00041130))
		return mmn_fail(err, MMN_NOT_IMAGE,
						"the file holds no image: it is a DICOM directory "
						"(DICOMDIR)");
	d->native_length = SIZE_MAX;
	/* frames that the file counts, but not so that one can read it, stay */
	described = mmn_dicom_describe_pixels(d->dicom, pixels, NULL) == MMN_OK;
	d->has_suv = described && mmn_dicom_suv(d->dicom, pixels, &d->suv_slope,
											&d->suv_intercept);
	if (!mmn_dicom_enhanced_suv(d->dicom, &d->suv_factor))
		d->suv_factor = 0;
	if (described && (!count || count->length == 0 ||
					  mmn_dicom_int(d->dicom, count, 0, &bits)))
		d->native_length = mmn_dicom_native_length(pixels);
	/* bytes may stand in swapped pairs */
	if (d->native_length < SIZE_MAX)
		d->native_length += d->native_length & 1;
	if (!e)
		return MMN_OK;
	d->encapsulated = e->encapsulated;
	bits = 0;
	mmn_dicom_int(d->dicom, mmn_dicom_find(d->dicom, 0x00280100), 0, &bits);
	d->pixel_unit = mmn_dicom_pixel_unit(e, bits);
	if (!d->encapsulated)
		return MMN_OK;
	if (syntax[0] == '\0' || strcmp(syntax, EXPLICIT_LITTLE) == 0 ||
		strcmp(syntax, "1.2.840.10008.1.2") == 0 ||
		strcmp(syntax, "1.2.840.10008.1.2.2") == 0 ||
		strcmp(syntax, "1.2.840.10008.1.2.1.99") == 0 ||
		strncmp(syntax, "1.2.840.10008.1.2.", 18) != 0 ||
		strspn(syntax, "0123456789.") != strlen(syntax))
		return mmn_fail(err, MMN_BAD_DATA,
						"encapsulated pixel data in a transfer syntax that "
						"has none");
	if (!known || known->coding == MMN_CODING_OTHER)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"pixel data in a transfer syntax whose frames cannot "
						"be rid of their own metadata");
	d->coding = known->coding;
	for (size_t i = 0; i < mmn_dicom_fragment_count(d->dicom); i++)
		d->odd_fragments |= mmn_dicom_fragment_at(d->dicom, i)->length & 1;
	return MMN_OK;
}

mmn_status
mmn_dicom_deidentify(const mmn_env *env, const mmn_dicom *dicom,
					 const void *key, size_t key_length, mmn_buffer *out,
					 mmn_error *err)
{
	/* names, numbers, and where they may also have been put */
	static const uint32_t identifying[] = {
		0x00100010, 0x00100020, 0x00101000, 0x00101001, 0x00101005, 0x00080090,
		0x00080080, 0x00080050, 0x00081050, 0x00081070, 0x00081010, 0x00200010,
	};
	deid *d = mmn_alloc_zero(env, 1, sizeof *d);
	mmn_status status;

	if (!d)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	d->dicom = dicom;
	d->key = key;
	d->key_length = key_length;
	d->out = out;
	d->stack[0].sequence = -1;
	mmn_dicom_subject_hash(dicom, key, key_length, d->patient_id);
	for (size_t i = 0; i < sizeof identifying / sizeof identifying[0]; i++)
		collect_words(d, identifying[i]);
	status = check_pixels(d, err);
	if (status == MMN_OK)
	{
		put_meta(d);
		status = put_dataset(d, err);
	}
	if (status == MMN_OK)
		status = mmn_buffer_status(out, err);
	mmn_free(env, d);
	return status;
}
