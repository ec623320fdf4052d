#include "dicom/json.h"

#include <math.h>
#include <string.h>

#include "dicom/dictionary.h"
#include "dicom/values.h"

/*
 * One pass over the flat array of elements.  The sequences that are open are
 * a stack; an element of another parent closes them, one of a later item
 * closes the item (and writes the empty ones between).
 */

typedef struct open_sequence
{
	int32_t sequence;  /* -1: the data set */
	uint32_t items;	   /* begun so far */
	bool empty;		   /* nothing in the object yet */
	mmn_charset outer; /* of what the sequence stands in */
	mmn_charset charset;
} open_sequence;

typedef struct writer
{
	const mmn_dicom *dicom;
	mmn_charsets *charsets;
	mmn_buffer *out;
	mmn_buffer text; /* one value in UTF-8 */
	int top;
	open_sequence stack[MMN_DICOM_MAX_DEPTH + 1];
} writer;

/* ---- values ---- */

void
mmn_json_string(mmn_buffer *out, const char *text, size_t length)
{
	size_t plain = 0;

	mmn_buffer_byte(out, '"');
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		mmn_buffer_append(out, text + plain, i - plain);
		plain = i + 1;
		if (c == '"' || c == '\\')
		{
			mmn_buffer_byte(out, '\\');
			mmn_buffer_byte(out, c);
		}
		else if (c != '\0') /* which jsonb cannot hold */
			mmn_buffer_printf(out, "\\u%04x", c);
	}
	mmn_buffer_append(out, text + plain, length - plain);
	mmn_buffer_byte(out, '"');
}

static void
put_number(mmn_buffer *out, double value, bool single)
{
	if (isfinite(value))
		mmn_buffer_number(out, value, single);
	else
		mmn_buffer_text(out, "null");
}

static void
trim(const char **text, size_t *length, bool keep_leading)
{
	while (*length > 0 && (*text)[*length - 1] == ' ')
		(*length)--;
	while (!keep_leading && *length > 0 && (*text)[0] == ' ')
	{
		(*text)++;
		(*length)--;
	}
}

/* PN: up to three groups, PS3.18 F.2.2 */
static void
put_name(mmn_buffer *out, const char *text, size_t length)
{
	static const char *const groups[3] = {"Alphabetic", "Ideographic",
										  "Phonetic"};
	bool first = true;

	mmn_buffer_byte(out, '{');
	for (int i = 0; i < 3 && length > 0; i++)
	{
		const char *equals = memchr(text, '=', length);
		size_t n = equals && i < 2 ? (size_t)(equals - text) : length;
		const char *part = text;
		size_t part_length = n;

		trim(&part, &part_length, false);
		if (part_length > 0)
		{
			mmn_buffer_printf(out, "%s\"%s\":", first ? "" : ",", groups[i]);
			mmn_json_string(out, part, part_length);
			first = false;
		}
		n += n < length;
		text += n;
		length -= n;
	}
	mmn_buffer_byte(out, '}');
}

static void
put_text_value(mmn_buffer *out, const char *vr, const char *text, size_t length)
{
	double number;

	if (length == 0)
		mmn_buffer_text(out, "null");
	else if (strcmp(vr, "PN") == 0)
		put_name(out, text, length);
	else if ((strcmp(vr, "DS") == 0 || strcmp(vr, "IS") == 0) &&
			 mmn_dicom_parse_number(text, length, &number) &&
			 (vr[0] == 'D' ||
			  (number == floor(number) && fabs(number) < 2147483648.0)))
		put_number(out, number, false);
	else
		mmn_json_string(out, text, length);
}

static void
put_text(writer *w, const mmn_dicom_element *e, const mmn_vr *vr)
{
	mmn_charset ascii = mmn_charset_of(w->dicom, NULL);
	const char *p;
	size_t length;

	w->text.length = 0;
	mmn_charset_to_utf8(w->charsets,
						vr->charset ? w->stack[w->top].charset : ascii, e->vr,
						e->value, e->length, &w->text);
	p = (const char *)w->text.bytes;
	length = w->text.length;
	if (e->tag == 0x00080005 && length > 0)
	{
		/* what this JSON is in */
		p = "ISO_IR 192";
		length = strlen(p);
	}
	trim(&p, &length, vr->single);
	if (length == 0)
		return;
	mmn_buffer_text(w->out, ",\"Value\":[");
	for (;;)
	{
		const char *delimiter = vr->single ? NULL : memchr(p, '\\', length);
		size_t n = delimiter ? (size_t)(delimiter - p) : length;
		const char *value = p;
		size_t value_length = n;

		trim(&value, &value_length, vr->single);
		put_text_value(w->out, e->vr, value, value_length);
		if (!delimiter)
			break;
		mmn_buffer_byte(w->out, ',');
		p += n + 1;
		length -= n + 1;
	}
	mmn_buffer_byte(w->out, ']');
}

static void
put_binary(writer *w, const mmn_dicom_element *e, const mmn_vr *vr)
{
	size_t count = vr->size ? e->length / vr->size : 0;
	bool real = strcmp(e->vr, "FL") == 0 || strcmp(e->vr, "FD") == 0;

	/* O. and UN are bulk data */
	if (e->vr[0] == 'O' || count == 0 || count > MMN_JSON_MAX_NUMBERS)
		return;
	mmn_buffer_text(w->out, ",\"Value\":[");
	for (size_t i = 0; i < count; i++)
	{
		int64_t integer = 0;
		double number = NAN;

		if (i > 0)
			mmn_buffer_byte(w->out, ',');
		if (real)
		{
			mmn_dicom_double(w->dicom, e, i, &number);
			put_number(w->out, number, vr->size == 4);
		}
		else if (strcmp(e->vr, "UV") == 0)
			mmn_buffer_printf(
				w->out, "%llu",
				(unsigned long long)load_u64(e->value + i * 8, e->big_endian));
		else if (!mmn_dicom_int(w->dicom, e, i, &integer))
			mmn_buffer_text(w->out, "null");
		else if (strcmp(e->vr, "AT") == 0)
			mmn_buffer_printf(w->out, "\"%08X\"", (unsigned)integer);
		else
			mmn_buffer_printf(w->out, "%lld", (long long)integer);
	}
	mmn_buffer_byte(w->out, ']');
}

/* ---- structure ---- */

/* Begins items of the innermost sequence until "count" have been. */
static void
begin_items(writer *w, uint32_t count)
{
	open_sequence *s = &w->stack[w->top];

	while (s->items < count)
	{
		mmn_buffer_text(w->out, s->items == 0 ? "{" : "},{");
		s->items++;
		s->empty = true;
		s->charset = s->outer;
	}
}

/* Items of a sequence that are written. */
static uint32_t
written_items(const mmn_dicom_element *sequence)
{
	return sequence->tag == MMN_PER_FRAME_GROUPS && sequence->parent < 0 &&
				   sequence->items > MMN_JSON_MAX_FRAMES
			   ? MMN_JSON_MAX_FRAMES
			   : sequence->items;
}

static void
close_sequence(writer *w)
{
	open_sequence *s = &w->stack[w->top];
	const mmn_dicom_element *e = mmn_dicom_at(w->dicom, (size_t)s->sequence);

	begin_items(w, written_items(e));
	mmn_buffer_text(w->out, s->items > 0 ? "}]" : "]");
	if (e->items > s->items)
		mmn_buffer_printf(w->out, ",\"omitted\":%lu",
						  (unsigned long)(e->items - s->items));
	mmn_buffer_byte(w->out, '}');
	w->top--;
}

static void
open_sequence_at(writer *w, size_t index)
{
	mmn_charset outer = w->stack[w->top].charset;
	open_sequence *s = &w->stack[++w->top];

	mmn_buffer_text(w->out, ",\"Value\":[");
	s->sequence = (int32_t)index;
	s->items = 0;
	s->empty = true;
	s->outer = s->charset = outer;
}

static void
put_element(writer *w, size_t index)
{
	const mmn_dicom_element *e = mmn_dicom_at(w->dicom, index);
	const mmn_vr *vr = mmn_vr_find(e->vr);
	open_sequence *s = &w->stack[w->top];

	if (e->tag == 0x00080005)
		s->charset = mmn_charset_of(w->dicom, e);
	mmn_buffer_printf(w->out, "%s\"%08X\":{\"vr\":\"%s\"", s->empty ? "" : ",",
					  (unsigned)e->tag, e->vr);
	s->empty = false;
	if (strcmp(e->vr, "SQ") == 0)
	{
		if (e->items > 0)
		{
			open_sequence_at(w, index);
			return;
		}
	}
	else if (vr && vr->text)
		put_text(w, e, vr);
	else if (vr)
		put_binary(w, e, vr);
	mmn_buffer_byte(w->out, '}');
}

mmn_status
mmn_dicom_json(mmn_charsets *charsets, const mmn_dicom *dicom, mmn_buffer *out,
			   mmn_error *err)
{
	writer w = {.dicom = dicom, .charsets = charsets, .out = out};
	mmn_status status = MMN_OK;

	mmn_buffer_init(&w.text, out->env, out->limit);
	w.stack[0].sequence = -1;
	w.stack[0].items = 1;
	w.stack[0].empty = true;
	w.stack[0].charset = mmn_charset_of(dicom, NULL);
	mmn_buffer_byte(out, '{');
	for (size_t i = 0; i < mmn_dicom_count(dicom) && status == MMN_OK; i++)
	{
		const mmn_dicom_element *e = mmn_dicom_at(dicom, i);

		if (i % 256 == 0)
			status = mmn_poll(out->env, err);
		while (w.stack[w.top].sequence != e->parent)
			close_sequence(&w);
		/* group 0002 and group lengths are of the file, not of the data */
		if (e->tag >> 16 == 0x0002 || (e->tag & 0xFFFF) == 0 ||
			(e->parent >= 0 &&
			 e->item >= written_items(mmn_dicom_at(dicom, (size_t)e->parent))))
		{
			i = e->end - 1;
			continue;
		}
		begin_items(&w, e->item + 1);
		put_element(&w, i);
	}
	while (w.top > 0)
		close_sequence(&w);
	mmn_buffer_byte(out, '}');
	if (status == MMN_OK)
		status = mmn_buffer_status(&w.text, err);
	if (status == MMN_OK)
		status = mmn_buffer_status(out, err);
	mmn_buffer_reset(&w.text);
	return status;
}
