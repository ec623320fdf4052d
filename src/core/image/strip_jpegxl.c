#include <string.h>

#include "base/bytes.h"
#include "image/jpegxl.h"
#include "image/strip.h"

/*
 * JPEG XL data carry words in boxes (Exif, XMP, and in "jbrd" all that a JPEG
 * file had beside its image), as names of layers, and behind the image's end.
 */

static mmn_status
damaged(mmn_error *err, size_t offset)
{
	return mmn_fail(err, MMN_BAD_DATA,
					"the JPEG XL data of a frame are damaged at offset %zu",
					offset);
}

/*
 * A box that is not needed becomes free space: half of a "jbrd" would mislead
 * those who look for it.
 */
static void
free_box(uint8_t *p, const mmn_jxl_box *box)
{
	memcpy(p + box->at + 4, "free", 4);
	memset(p + box->at + box->header, 0, box->size - box->header);
}

static mmn_status
scrub_boxes(uint8_t *p, size_t length, mmn_error *err)
{
	static const uint8_t brand[12] = "jxl \0\0\0\0jxl ";
	mmn_jxl_box box;

	for (size_t at = 12; at < length; at = box.at + box.size)
	{
		uint8_t *type = p + at + 4;

		if (length - at < 8)
		{
			memset(p + at, 0, length - at);
			break;
		}
		if (!mmn_jxl_box_read(p, length, at, &box))
			return damaged(err, at);
		if (memcmp(type, "ftyp", 4) == 0 &&
			box.size - box.header >= sizeof brand)
		{
			memcpy(p + at + box.header, brand, sizeof brand);
			memset(p + at + box.header + sizeof brand, 0,
				   box.size - box.header - sizeof brand);
		}
		else if (memcmp(type, "jxlc", 4) != 0 && memcmp(type, "jxlp", 4) != 0)
			free_box(p, &box);
	}
	return MMN_OK;
}

static void
blank_bits(uint8_t *p, mmn_jxl_reader *r, size_t n)
{
	for (size_t i = 0; i < n && mmn_jxl_seek_bit(r); i++)
	{
		p[r->at] &= (uint8_t) ~(1u << r->bit);
		mmn_jxl_bits(r, 1);
	}
}

/* Of boxes behind the image's end, headers stay. */
static void
blank_rest(uint8_t *p, mmn_jxl_reader *r, bool boxed)
{
	mmn_jxl_box box;

	memset(p + r->at, 0, r->end - r->at);
	if (!boxed)
		return;
	for (size_t at = r->end; mmn_jxl_box_read(p, r->length, at, &box);
		 at = box.at + box.size)
		free_box(p, &box);
}

mmn_status
mmn_jxl_scrub(uint8_t *bytes, size_t length, mmn_error *err)
{
	bool boxed = mmn_jxl_is_container(bytes, length);
	mmn_status status = boxed ? scrub_boxes(bytes, length, err) : MMN_OK;
	mmn_jxl_layer layer = {.last = false};
	mmn_jxl_image image;
	mmn_jxl_reader r;

	if (status == MMN_OK)
		status = mmn_jxl_open(bytes, length, &r, err);
	if (status == MMN_OK)
		status = mmn_jxl_read_image(&r, &image, err);
	if (status == MMN_OK && image.icc)
		status = mmn_fail(err, MMN_UNSUPPORTED,
						  "the JPEG XL data of a frame hold an ICC profile, "
						  "which cannot be taken out of them");
	while (status == MMN_OK && !layer.last)
	{
		status = mmn_jxl_read_layer(&r, &image, &layer, err);
		if (status != MMN_OK)
			break;
		blank_bits(bytes, &r, layer.name_bits);
		status = mmn_jxl_skip_layer(&r, &layer, err);
	}
	if (status == MMN_OK)
		blank_rest(bytes, &r, boxed);
	return status;
}
