#include "image/codestream.h"

#include <string.h>

#include "base/bytes.h"
#include "image/jpegxl.h"

static mmn_status
no_header(mmn_error *err, const char *name)
{
	return mmn_fail(err, MMN_BAD_DATA, "the %s data has no frame header", name);
}

/*
 * ITU-T T.81 B.2.2 and T.87 C.2.2: marker segments up to SOFn; of JPEG-LS also
 * the head of the first scan, which tells the error that samples may have.
 */
static mmn_status
peek_jpeg(const uint8_t *p, size_t length, mmn_codestream *out, mmn_error *err)
{
	size_t at = 2;
	bool found = false;

	while (at + 4 <= length)
	{
		uint8_t marker = p[at + 1];
		size_t size;

		if (p[at] != 0xFF)
			break;
		if (marker == 0xFF || marker == 0x01 ||
			(marker >= 0xD0 && marker <= 0xD8))
		{
			/* a fill byte, or a marker without a segment */
			at += marker == 0xFF ? 1 : 2;
			continue;
		}
		size = mmn_load_u16be(p + at + 2);
		if (size < 2 || size > length - at - 2)
			break;
		if ((marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 &&
			 marker != 0xC8 && marker != 0xCC) ||
			marker == 0xF7)
		{
			if (size < 8)
				break;
			out->kind =
				marker == 0xF7 ? MMN_CODESTREAM_JPEG_LS : MMN_CODESTREAM_JPEG;
			out->process = marker == 0xF7 ? 0 : marker - 0xC0;
			out->precision = p[at + 4];
			out->height = mmn_load_u16be(p + at + 5);
			out->width = mmn_load_u16be(p + at + 7);
			out->components = p[at + 9];
			out->lossy = marker <= 0xC2;
			if (marker != 0xF7)
				return MMN_OK;
			found = true;
		}
		if (found && marker == 0xDA && size >= 6)
			out->lossy = p[at + 2 + size - 3] > 0;
		if (marker == 0xDA || marker == 0xD9)
			break;
		at += 2 + size;
	}
	return found ? MMN_OK : no_header(err, "JPEG");
}

/* ITU-T T.800 B.3: tiles of this size from this corner on cover the image */
static bool
count_tiles(const uint8_t *p, uint32_t right, uint32_t bottom, uint64_t *out)
{
	uint64_t width = mmn_load_u32be(p + 24), height = mmn_load_u32be(p + 28);
	uint32_t left = mmn_load_u32be(p + 32), top = mmn_load_u32be(p + 36);

	if (width == 0 || height == 0 || left >= right || top >= bottom)
		return false;
	*out = ((right - left + width - 1) / width) *
		   ((bottom - top + height - 1) / height);
	return true;
}

/* ITU-T T.800 A.6.1: how it is coded, where COD says it before the tiles. */
static void
peek_cod(const uint8_t *p, size_t length, mmn_codestream *out)
{
	size_t at = 4 + mmn_load_u16be(p + 4);

	while (at + 14 <= length && p[at] == 0xFF && p[at + 1] != 0x90)
	{
		if (p[at + 1] == 0x52)
		{
			out->mct = p[at + 8];
			out->lossy = p[at + 13] == 0; /* the irreversible wavelet */
			return;
		}
		at += 2 + (size_t)mmn_load_u16be(p + at + 2);
	}
}

/* ITU-T T.800 A.5.1: SOC is followed by SIZ */
static mmn_status
peek_siz(const uint8_t *p, size_t length, mmn_codestream *out, mmn_error *err)
{
	uint32_t right, bottom, left, top;

	if (length < 43 || memcmp(p, "\xFF\x4F\xFF\x51", 4) != 0)
		return no_header(err, "JPEG 2000");
	right = mmn_load_u32be(p + 8);
	bottom = mmn_load_u32be(p + 12);
	left = mmn_load_u32be(p + 16);
	top = mmn_load_u32be(p + 20);
	if (left >= right || top >= bottom ||
		!count_tiles(p, right, bottom, &out->tiles))
		return mmn_fail(err, MMN_BAD_DATA, "the JPEG 2000 image has no area");
	out->kind = MMN_CODESTREAM_J2K;
	out->width = right - left;
	out->height = bottom - top;
	out->components = mmn_load_u16be(p + 40);
	if (p[6] & 0x80)
		out->extensions = mmn_load_u16be(p + 6) & 0x0FFF;
	out->precision = (p[42] & 0x7F) + 1;
	out->is_signed = p[42] >> 7;
	peek_cod(p, length, out);
	return MMN_OK;
}

/* ITU-T T.800 I.4: the codestream is in the box "jp2c" */
static mmn_status
peek_jp2(const uint8_t *p, size_t length, mmn_codestream *out, mmn_error *err)
{
	size_t at = 0;

	while (length - at >= 8)
	{
		uint64_t size = mmn_load_u32be(p + at);
		size_t header = 8;

		if (size == 1)
		{
			if (length - at < 16)
				break;
			size = (uint64_t)mmn_load_u32be(p + at + 8) << 32 |
				   mmn_load_u32be(p + at + 12);
			header = 16;
		}
		if (size == 0)
			size = length - at;
		if (memcmp(p + at + 4, "jp2c", 4) == 0)
		{
			out->offset = at + header;
			return peek_siz(p + at + header, length - at - header, out, err);
		}
		if (size < header || size > length - at)
			break;
		at += (size_t)size;
	}
	return no_header(err, "JPEG 2000");
}

mmn_status
mmn_codestream_peek(const uint8_t *bytes, size_t length, mmn_codestream *out,
					mmn_error *err)
{
	memset(out, 0, sizeof *out);
	if (length >= 4 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0)
		return peek_jpeg(bytes, length, out, err);
	if (length >= 2 && memcmp(bytes, "\xFF\x4F", 2) == 0)
		return peek_siz(bytes, length, out, err);
	if (length >= 12 && memcmp(bytes + 4, "jP  \r\n\x87\n", 8) == 0)
		return peek_jp2(bytes, length, out, err);
	if (mmn_is_jpegxl(bytes, length))
		return mmn_jxl_peek(bytes, length, out, err);
	return mmn_fail(err, MMN_BAD_DATA,
					"the compressed frame is no JPEG, JPEG-LS, JPEG 2000 or "
					"JPEG XL");
}
