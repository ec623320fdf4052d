#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "image/jpegxl.h"
#include "image/strip.h"

/*
 * Frames of DICOM files keep their length, as offset tables point into them:
 * what is not needed is overwritten with zeros.
 */

static mmn_status
damaged(mmn_error *err, const char *name, size_t offset)
{
	return mmn_fail(err, MMN_BAD_DATA,
					"the %s data of a frame are damaged at offset %zu", name,
					offset);
}

/* Keeps the first bytes of a payload. */
static void
blank(uint8_t *payload, size_t length, size_t keep)
{
	if (length > keep)
		memset(payload + keep, 0, length - keep);
}

/* ---- JPEG and JPEG-LS (ITU-T T.81 Annex B, T.87 Annex C) ---- */

/* What decoders need of a segment: all, or so many bytes of its payload. */
static size_t
jpeg_kept(uint8_t marker, const uint8_t *payload, size_t length)
{
	/* SOFn, DHT, DAC; SOS, DQT, DNL, DRI, DHP, EXP; SOF55, LSE */
	if ((marker >= 0xC0 && marker <= 0xCF) ||
		(marker >= 0xDA && marker <= 0xDF) || marker == 0xF7 || marker == 0xF8)
		return length;
	/* without a thumbnail */
	if (marker == 0xE0 && length >= 14 && memcmp(payload, "JFIF", 5) == 0)
		return 12;
	if (marker == 0xEE && length >= 12 && memcmp(payload, "Adobe", 5) == 0)
		return 12;
	/* colour transform of JPEG-LS, as some writers have it */
	if (marker == 0xE8 && length >= 5 && memcmp(payload, "mrfx", 4) == 0)
		return 5;
	return 0;
}

/* Offset of the next marker after entropy-coded data. */
static size_t
jpeg_scan_end(const uint8_t *p, size_t length, size_t at)
{
	while (at + 1 < length)
	{
		const uint8_t *ff = memchr(p + at, 0xFF, length - 1 - at);

		if (!ff)
			break;
		at = (size_t)(ff - p);
		/* stuffed: a zero byte in JPEG, a zero bit in JPEG-LS */
		if (ff[1] >= 0x80 && ff[1] != 0xFF && !(ff[1] >= 0xD0 && ff[1] <= 0xD7))
			return at;
		at += ff[1] == 0xFF ? 1 : 2;
	}
	return length;
}

static mmn_status
scrub_jpeg(uint8_t *p, size_t length, mmn_error *err)
{
	size_t at = 2;

	while (at < length)
	{
		uint8_t marker;
		size_t size;

		if (length - at < 2)
		{
			p[at] = 0;
			return MMN_OK;
		}
		if (p[at] != 0xFF)
			return damaged(err, "JPEG", at);
		marker = p[at + 1];
		if (marker == 0xD9)
		{
			blank(p + at + 2, length - at - 2, 0);
			return MMN_OK;
		}
		if (marker == 0xFF || marker == 0x01 ||
			(marker >= 0xD0 && marker <= 0xD8))
		{
			at += marker == 0xFF ? 1 : 2;
			continue;
		}
		size = length - at < 4 ? 0 : mmn_load_u16be(p + at + 2);
		if (size < 2 || size > length - at - 2)
			return damaged(err, "JPEG", at);
		blank(p + at + 4, size - 2, jpeg_kept(marker, p + at + 4, size - 2));
		at += 2 + size;
		if (marker == 0xDA)
			at = jpeg_scan_end(p, length, at);
	}
	return MMN_OK;
}

/* ---- JPEG 2000 (ITU-T T.800 Annexes A and I) ---- */

static size_t
j2k_kept(uint8_t marker, size_t length)
{
	/* COM: which character set it is in */
	if (marker == 0x64)
		return 2;
	/* CAP to QCC, RGN to CRG but for what nobody has defined, SOT */
	if ((marker >= 0x50 && marker <= 0x5F) || marker == 0x60 ||
		marker == 0x61 || marker == 0x63 || marker == 0x90)
		return length;
	return 0;
}

static mmn_status
scrub_j2k(uint8_t *p, size_t length, mmn_error *err)
{
	size_t at = 2, tile = 0, tile_end = length;

	while (at < length)
	{
		uint8_t marker;
		size_t size;

		if (length - at < 2)
		{
			p[at] = 0;
			return MMN_OK;
		}
		if (p[at] != 0xFF)
			return damaged(err, "JPEG 2000", at);
		marker = p[at + 1];
		if (marker == 0xD9)
		{
			blank(p + at + 2, length - at - 2, 0);
			return MMN_OK;
		}
		if (marker == 0x93) /* SOD: packets, to the end of the tile-part */
		{
			at = tile_end;
			continue;
		}
		size = length - at < 4 ? 0 : mmn_load_u16be(p + at + 2);
		if (size < 2 || size > length - at - 2)
			return damaged(err, "JPEG 2000", at);
		if (marker == 0x90)
		{
			uint32_t part = size == 10 ? mmn_load_u32be(p + at + 6) : 1;

			if (part != 0 && part < 14)
				return damaged(err, "JPEG 2000", at);
			tile = at;
			tile_end = part == 0 || part > length - tile ? length : tile + part;
		}
		blank(p + at + 4, size - 2, j2k_kept(marker, size - 2));
		at += 2 + size;
	}
	return MMN_OK;
}

static mmn_status
scrub_jp2(uint8_t *p, size_t length, mmn_error *err)
{
	static const char *const kept[] = {"jP  ", "ftyp", "jp2h"};
	size_t at = 0;

	while (length - at >= 8)
	{
		uint64_t size = mmn_load_u32be(p + at);
		size_t header = 8;
		bool keep = false;

		if (size == 1)
		{
			if (length - at < 16)
				return damaged(err, "JPEG 2000", at);
			size = (uint64_t)mmn_load_u32be(p + at + 8) << 32 |
				   mmn_load_u32be(p + at + 12);
			header = 16;
		}
		if (size == 0 || size > length - at)
			size = length - at;
		if (size < header)
			return damaged(err, "JPEG 2000", at);
		for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
			keep |= memcmp(p + at + 4, kept[i], 4) == 0;
		if (memcmp(p + at + 4, "jp2c", 4) == 0)
		{
			mmn_status status;

			if (size - header < 2)
				return damaged(err, "JPEG 2000", at);
			status = scrub_j2k(p + at + header, (size_t)size - header, err);
			if (status != MMN_OK)
				return status;
			/* nothing behind the code stream is needed */
			blank(p + at, length - at, (size_t)size);
			return MMN_OK;
		}
		if (!keep)
			blank(p + at + header, (size_t)size - header, 0);
		at += (size_t)size;
	}
	return damaged(err, "JPEG 2000", at);
}

mmn_status
mmn_codestream_scrub(uint8_t *bytes, size_t length, mmn_error *err)
{
	if (length >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0)
		return scrub_jpeg(bytes, length, err);
	if (length >= 4 && memcmp(bytes, "\xFF\x4F\xFF\x51", 4) == 0)
		return scrub_j2k(bytes, length, err);
	if (length >= 12 && memcmp(bytes + 4, "jP  \r\n\x87\n", 8) == 0)
		return scrub_jp2(bytes, length, err);
	if (mmn_is_jpegxl(bytes, length))
		return mmn_jxl_scrub(bytes, length, err);
	return mmn_fail(err, MMN_BAD_DATA,
					"the compressed frame is no JPEG, JPEG-LS, JPEG 2000 or "
					"JPEG XL");
}
