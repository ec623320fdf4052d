#include "dicom/lut.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "image/image.h"

#define RED_DESCRIPTOR MMN_TAG(0x0028, 0x1101)
#define RED_DATA MMN_TAG(0x0028, 0x1201)
#define RED_SEGMENTED_DATA MMN_TAG(0x0028, 0x1221)
#define MODALITY_LUT_SEQUENCE MMN_TAG(0x0028, 0x3000)
#define LUT_DESCRIPTOR MMN_TAG(0x0028, 0x3002)
#define MODALITY_LUT_TYPE MMN_TAG(0x0028, 0x3004)
#define LUT_DATA MMN_TAG(0x0028, 0x3006)

typedef struct descriptor
{
	uint32_t entries;
	int32_t first;
	uint16_t bits;
} descriptor;

/* The words of a LUT, 8 or 16 bits each in the data set's byte order. */
typedef struct words
{
	const uint8_t *bytes;
	size_t count;
	bool wide;
	bool big_endian;
} words;

static uint16_t
word_at(const words *w, size_t i)
{
	if (!w->wide)
		return w->bytes[i];
	return w->big_endian ? mmn_load_u16be(w->bytes + 2 * i)
						 : mmn_load_u16le(w->bytes + 2 * i);
}

static mmn_status
read_descriptor(const mmn_dicom_element *e, bool is_signed, descriptor *out,
				mmn_error *err)
{
	words w;

	/* as bytes: the VR, US or SS, is lost in implicit VR and often wrong */
	if (!e || e->length < 6)
		return mmn_fail(err, MMN_BAD_DATA,
						"a look-up table has no usable descriptor");
	w = (words){e->value, 3, true, e->big_endian};
	out->entries = word_at(&w, 0) ? word_at(&w, 0) : 65536;
	out->first = is_signed ? (int16_t)word_at(&w, 1) : word_at(&w, 1);
	out->bits = word_at(&w, 2);
	if (out->bits < 1 || out->bits > 16)
		return mmn_fail(err, MMN_BAD_DATA,
						"a look-up table of %d bits, must be 1 to 16",
						out->bits);
	return MMN_OK;
}

/* Plain data: one word an entry.  Sets out[0], out[stride], … */
static mmn_status
read_plain(const mmn_dicom_element *e, uint32_t entries, unsigned stride,
		   uint16_t *out, uint16_t *largest, mmn_error *err)
{
	words w = {e->value, entries, true, e->big_endian};

	if (e->length < (size_t)entries * 2)
	{
		/* 8-bit entries may be packed two to a word */
		if (e->length < entries)
			return mmn_fail(err, MMN_BAD_DATA,
							"a look-up table of %u entries has only %zu bytes",
							entries, e->length);
		w.wide = false;
	}
	for (uint32_t i = 0; i < entries; i++)
	{
		uint16_t v = word_at(&w, i);

		out[(size_t)i * stride] = v;
		if (v > *largest)
			*largest = v;
	}
	return MMN_OK;
}

typedef struct segment_output
{
	uint16_t *values;
	unsigned stride;
	uint32_t filled;
	uint32_t entries;
	uint16_t largest;
} segment_output;

static void
emit(segment_output *out, uint16_t v)
{
	if (out->filled == out->entries)
		return;
	out->values[(size_t)out->filled++ * out->stride] = v;
	if (v > out->largest)
		out->largest = v;
}

/*
 * One discrete (0) or linear (1) segment at word *at; *at moves behind it.
 * false: malformed.
 */
static bool
read_segment(const words *w, size_t *at, segment_output *out)
{
	uint16_t code, length;
	int from, to;

	if (w->count - *at < 2)
		return false;
	code = word_at(w, *at);
	length = word_at(w, *at + 1);
	*at += 2;
	if (code == 0)
	{
		if (w->count - *at < length)
			return false;
		for (uint16_t i = 0; i < length; i++)
			emit(out, word_at(w, (*at)++));
		return true;
	}
	if (code != 1 || w->count - *at < 1 || out->filled == 0)
		return false;
	from = out->values[(size_t)(out->filled - 1) * out->stride];
	to = word_at(w, (*at)++);
	for (int i = 1; i <= length; i++)
		emit(out, (uint16_t)lrint(from + (double)(to - from) * i / length));
	return true;
}

/* The byte offset of an indirect segment: two words, or four bytes. */
static size_t
indirect_offset(const words *w, size_t at)
{
	if (w->wide)
		return word_at(w, at) | (size_t)word_at(w, at + 1) << 16;
	return w->big_endian ? mmn_load_u16be(w->bytes + at) |
							   (size_t)mmn_load_u16be(w->bytes + at + 2) << 16
						 : mmn_load_u32le(w->bytes + at);
}

static mmn_status
read_segmented(const mmn_dicom_element *e, const descriptor *d, unsigned stride,
			   uint16_t *values, uint16_t *largest, mmn_error *err)
{
	bool wide = d->bits > 8;
	words w = {e->value, e->length / (wide ? 2 : 1), wide, e->big_endian};
	segment_output out = {values, stride, 0, d->entries, 0};
	size_t at = 0;

	while (out.filled < out.entries && w.count - at >= 2)
	{
		bool good;

		if (word_at(&w, at) == 2)
		{
			/*
			 * Indirect: earlier segments again, at a byte offset.  A copy
			 * that adds nothing ends it, so the work is bounded by the
			 * entries there are.
			 */
			uint16_t copies = word_at(&w, at + 1);
			uint32_t before;
			size_t size = wide ? 4 : 6, from;

			good = w.count - at >= size;
			if (good)
			{
				from = indirect_offset(&w, at + 2) / (wide ? 2 : 1);
				for (uint16_t i = 0;
					 good && i < copies && out.filled < out.entries; i++)
				{
					before = out.filled;
					good = from < at && word_at(&w, from) != 2 &&
						   read_segment(&w, &from, &out) && out.filled > before;
				}
				at += size;
			}
		}
		else
			good = read_segment(&w, &at, &out);
		if (!good)
			return mmn_fail(err, MMN_BAD_DATA,
							"a segmented palette is malformed at word %zu", at);
	}
	if (out.filled < out.entries)
		return mmn_fail(err, MMN_BAD_DATA,
						"a segmented palette has %u of %u entries", out.filled,
						out.entries);
	*largest = out.largest > *largest ? out.largest : *largest;
	return MMN_OK;
}

mmn_status
mmn_lut_read_palette(const mmn_env *env, const mmn_dicom *dicom, bool is_signed,
					 mmn_lut *out, mmn_error *err)
{
	descriptor d;
	uint16_t largest = 0;
	mmn_status status;

	memset(out, 0, sizeof *out);
	status = read_descriptor(mmn_dicom_find(dicom, RED_DESCRIPTOR), is_signed,
							 &d, err);
	if (status != MMN_OK)
		return status;
	out->values = mmn_alloc_zero(env, d.entries, 3 * sizeof *out->values);
	if (!out->values)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for a palette");
	out->entries = d.entries;
	out->first = d.first;
	out->channels = 3;
	for (unsigned c = 0; c < 3 && status == MMN_OK; c++)
	{
		const mmn_dicom_element *data = mmn_dicom_find(dicom, RED_DATA + c);
		const mmn_dicom_element *segmented =
			mmn_dicom_find(dicom, RED_SEGMENTED_DATA + c);

		if (data && data->length > 0)
			status =
				read_plain(data, d.entries, 3, out->values + c, &largest, err);
		else if (segmented && segmented->length > 0)
			status = read_segmented(segmented, &d, 3, out->values + c, &largest,
									err);
		else
			status = mmn_fail(err, MMN_BAD_DATA,
							  "a PALETTE COLOR image without its palette");
	}
	/*
	 * The descriptor's bits are wrong in real files; the values are not.  A
	 * palette of 16 bits that has none above 255 is one of 8.
	 */
	out->bits = largest > 255 ? 16 : 8;
	if (status != MMN_OK)
		mmn_lut_free(env, out);
	return status;
}

static uint8_t
lut_unit(const mmn_dicom *dicom, const mmn_dicom_element *type)
{
	char text[16];

	if (!mmn_dicom_string(dicom, type, 0, text, sizeof text))
		return MMN_UNIT_RAW;
	if (strcmp(text, "HU") == 0)
		return MMN_UNIT_HU;
	if (strcmp(text, "OD") == 0)
		return MMN_UNIT_OD;
	if (strcmp(text, "US") == 0)
		return MMN_UNIT_US;
	return MMN_UNIT_RAW;
}

mmn_status
mmn_lut_read_modality(const mmn_env *env, const mmn_dicom *dicom,
					  bool is_signed, mmn_lut *out, mmn_error *err)
{
	const mmn_dicom_element *sequence =
		mmn_dicom_find(dicom, MODALITY_LUT_SEQUENCE);
	const mmn_dicom_element *data;
	descriptor d;
	uint16_t largest = 0;
	mmn_status status;

	memset(out, 0, sizeof *out);
	if (!sequence || sequence->items == 0)
		return MMN_OK;
	data = mmn_dicom_find_in(dicom, sequence, 0, LUT_DATA);
	if (!data)
		return mmn_fail(err, MMN_BAD_DATA, "a modality LUT without its data");
	status =
		read_descriptor(mmn_dicom_find_in(dicom, sequence, 0, LUT_DESCRIPTOR),
						is_signed, &d, err);
	if (status != MMN_OK)
		return status;
	out->values = mmn_alloc_zero(env, d.entries, sizeof *out->values);
	if (!out->values)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for a modality LUT");
	out->entries = d.entries;
	out->first = d.first;
	out->channels = 1;
	out->unit = lut_unit(
		dicom, mmn_dicom_find_in(dicom, sequence, 0, MODALITY_LUT_TYPE));
	status = read_plain(data, d.entries, 1, out->values, &largest, err);
	out->bits = d.bits > 8 || largest > 255 ? 16 : 8;
	if (status != MMN_OK)
		mmn_lut_free(env, out);
	return status;
}

/* Scales values of so many bits to 16. */
static void
stretch(uint16_t *values, uint32_t entries, unsigned bits)
{
	uint32_t white = (1u << bits) - 1;

	for (uint32_t i = 0; i < entries; i++)
	{
		uint32_t v = values[i] < white ? values[i] : white;

		values[i] = (uint16_t)((v * UINT16_MAX + white / 2) / white);
	}
}

mmn_status
mmn_lut_read_voi(const mmn_env *env, const mmn_dicom *dicom,
				 const mmn_dicom_element *sequence, mmn_lut *out,
				 mmn_error *err)
{
	const mmn_dicom_element *data =
		mmn_dicom_find_in(dicom, sequence, 0, LUT_DATA);
	const mmn_dicom_element *e =
		mmn_dicom_find_in(dicom, sequence, 0, LUT_DESCRIPTOR);
	uint16_t largest = 0;
	unsigned needed = 8;
	descriptor d;

	memset(out, 0, sizeof *out);
	if (!data || !e ||
		read_descriptor(e, strcmp(e->vr, "SS") == 0, &d, NULL) != MMN_OK)
		return MMN_OK;
	/*
	 * Whether the first value is signed depends on what it maps, the output of
	 * the modality LUT; writers go by the stored samples.  No table reaches
	 * beyond 16 bits.
	 */
	if (d.first + (int64_t)d.entries > 65536)
		d.first -= 65536;
	out->values = mmn_alloc_zero(env, d.entries, sizeof *out->values);
	if (!out->values)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for a VOI LUT");
	if (read_plain(data, d.entries, 1, out->values, &largest, NULL) != MMN_OK ||
		largest == 0)
	{
		mmn_lut_free(env, out);
		return MMN_OK;
	}
	/* 16 is also what the descriptors of narrower tables say */
	while (largest >> needed)
		needed++;
	out->entries = d.entries;
	out->first = d.first;
	out->channels = 1;
	out->bits = 16;
	stretch(out->values, d.entries,
			d.bits == 16 || needed > d.bits ? needed : d.bits);
	return MMN_OK;
}

void
mmn_lut_free(const mmn_env *env, mmn_lut *lut)
{
	mmn_free(env, lut->values);
	lut->values = NULL;
}
