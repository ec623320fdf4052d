#include "dicom/frame_part.h"

#include "base/bytes.h"
#include "dicom/dicom_private.h"

#define TAG_ITEM 0xFFFEE000u
#define TAG_SEQUENCE_END 0xFFFEE0DDu

static bool
locate_native(const mmn_pixel_description *p, uint32_t frame, uint64_t offset,
			  uint64_t *start, uint64_t *length)
{
	/* in either form of an element its length stands before the value */
	uint64_t declared = mmn_load_u32le(p->data->value - 4);

	if (!mmn_dicom_native_range(p, frame, start, length) || *start > declared ||
		*length > declared - *start)
		return false;
	*start += offset;
	return true;
}

/* Whether a Basic Offset Table goes from 0 upwards, as one must. */
static bool
is_orderly(const mmn_dicom_fragment *table)
{
	if (mmn_load_u32le(table->bytes) != 0)
		return false;
	for (size_t i = 4; i + 4 <= table->length; i += 4)
		if (mmn_load_u32le(table->bytes + i) <=
			mmn_load_u32le(table->bytes + i - 4))
			return false;
	return true;
}

/* By the tables (PS3.5 A.4), whose offsets count from the first item's tag. */
static bool
locate_fragments(const mmn_dicom *dicom, const mmn_pixel_description *p,
				 uint32_t frame, uint64_t *start, uint64_t *length)
{
	const mmn_dicom_element *offsets = mmn_dicom_find(dicom, 0x7FE00001);
	const mmn_dicom_element *lengths = mmn_dicom_find(dicom, 0x7FE00002);
	const mmn_dicom_fragment *basic;
	const uint8_t *entry;

	if (mmn_dicom_fragment_count(dicom) == 0)
		return false;
	basic = mmn_dicom_fragment_at(dicom, 0);
	if (basic->missing)
		return false;
	if (offsets && lengths && offsets->length / 8 == p->frames &&
		lengths->length / 8 == p->frames)
	{
		uint64_t n = mmn_load_u64le(lengths->value + 8 * (size_t)(frame - 1));

		entry = offsets->value + 8 * (size_t)(frame - 1);
		*start = mmn_load_u64le(entry);
		*length = n + (n & 1) + 8;
		return n < UINT32_MAX &&
			   (frame == 1 || *start > mmn_load_u64le(entry - 8));
	}
	if (basic->length / 4 != p->frames || !is_orderly(basic))
		return false;
	entry = basic->bytes + 4 * (size_t)(frame - 1);
	*start = mmn_load_u32le(entry);
	/* the last one goes up to the end of the sequence */
	*length = frame < p->frames ? (uint64_t)mmn_load_u32le(entry + 4) - *start
								: UINT64_MAX;
	return true;
}

bool
mmn_dicom_locate_frame(const mmn_dicom *dicom, const uint8_t *bytes,
					   const mmn_pixel_description *pixels, uint32_t frame,
					   uint64_t total, uint64_t *start, uint64_t *length)
{
	uint64_t base;

	if (dicom->inflated || pixels->data->big_endian || frame < 1 ||
		frame > pixels->frames)
		return false;
	if (!pixels->encapsulated)
		return locate_native(pixels, frame,
							 (uint64_t)(pixels->data->value - bytes), start,
							 length) &&
			   *start <= total && *length <= total - *start;
	if (!locate_fragments(dicom, pixels, frame, start, length))
		return false;
	base = (uint64_t)(mmn_dicom_fragment_at(dicom, 0)->bytes - bytes) +
		   mmn_dicom_fragment_at(dicom, 0)->length;
	if (base > total || *start >= total - base)
		return false;
	*start += base;
	if (*length == UINT64_MAX)
		*length = total - *start;
	return *length <= total - *start;
}

/* One item of the part at *at, or its end; false: neither. */
static bool
next_item(const uint8_t *bytes, size_t length, size_t *at,
		  mmn_dicom_fragment *f, bool *ended)
{
	uint32_t tag, size;

	*ended = *at == length;
	if (*ended)
		return true;
	if (length - *at < 8)
		return false;
	tag = MMN_TAG(mmn_load_u16le(bytes + *at), mmn_load_u16le(bytes + *at + 2));
	size = mmn_load_u32le(bytes + *at + 4);
	*ended = tag == TAG_SEQUENCE_END;
	if (*ended)
		return true;
	if (tag != TAG_ITEM || size > length - *at - 8)
		return false;
	*f = (mmn_dicom_fragment){bytes + *at + 8, size, 0};
	*at += 8 + (size_t)size;
	return true;
}

/* Puts the items of the part behind the table of *fragments, or counts them. */
static bool
read_items(const uint8_t *bytes, size_t length, bool codestreams,
		   mmn_dicom_fragment *fragments, size_t *count)
{
	size_t at = 0;
	mmn_dicom_fragment f, before = {0};
	bool ended = false;

	for (*count = 0; next_item(bytes, length, &at, &f, &ended) && !ended;
		 (*count)++, before = f)
	{
		/* another frame begins, or this one does not */
		if (*count > 0 && (!codestreams || (mmn_fragment_begins_image(&f) &&
											mmn_fragment_ends_image(&before))))
			return false;
		if (*count == 0 && codestreams && !mmn_fragment_begins_image(&f))
			return false;
		if (fragments)
			fragments[*count] = f;
	}
	return ended && *count > 0;
}

mmn_status
mmn_dicom_use_part(mmn_dicom *dicom, const mmn_pixel_description *pixels,
				   uint32_t frame, const uint8_t *bytes, size_t length,
				   bool codestreams, mmn_error *err)
{
	mmn_dicom_fragment *fragments;
	size_t count;

	dicom->part_frame = frame;
	dicom->part = bytes;
	dicom->part_length = length;
	if (!pixels->encapsulated)
		return MMN_OK;
	if (mmn_dicom_fragment_count(dicom) == 0 ||
		!read_items(bytes, length, codestreams, NULL, &count))
		return mmn_fail(err, MMN_BAD_DATA,
						"the offset table does not tell where frame %u is",
						frame);
	fragments = mmn_alloc_array(dicom->env, count + 1, sizeof *fragments);
	if (!fragments)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	fragments[0] = dicom->fragments[0];
	read_items(bytes, length, codestreams, fragments + 1, &count);
	mmn_free(dicom->env, dicom->fragments);
	dicom->fragments = fragments;
	dicom->fragment_count = dicom->fragment_capacity = count + 1;
	return MMN_OK;
}
