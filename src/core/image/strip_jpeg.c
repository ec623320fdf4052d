#include <string.h>

#include "base/bytes.h"
#include "image/strip.h"

/*
 * JPEG (ITU-T T.81 Annex B): segments up to the first scan, entropy-coded data
 * and further segments up to EOI.  What follows EOI (previews of cameras, other
 * images) is dropped.
 */

enum
{
	SOI = 0xD8,
	EOI = 0xD9,
	SOS = 0xDA,
	APP0 = 0xE0,
	APP1 = 0xE1,
	APP14 = 0xEE,
	TEM = 0x01,
	RST0 = 0xD0,
	RST7 = 0xD7
};

static uint16_t
load_u16(const uint8_t *p, bool big)
{
	return big ? mmn_load_u16be(p) : mmn_load_u16le(p);
}

static uint32_t
load_u32(const uint8_t *p, bool big)
{
	return big ? mmn_load_u32be(p) : mmn_load_u32le(p);
}

int
mmn_exif_orientation(const uint8_t *p, size_t n)
{
	uint32_t directory;
	unsigned entries;
	bool big;

	if (n < 14 || memcmp(p, "Exif\0", 6) != 0)
		return 0;
	p += 6;
	n -= 6;
	if (memcmp(p, "MM", 2) != 0 && memcmp(p, "II", 2) != 0)
		return 1;
	big = p[0] == 'M';
	directory = load_u32(p + 4, big);
	if (load_u16(p + 2, big) != 42 || directory > n - 2)
		return 1;
	entries = load_u16(p + directory, big);
	for (unsigned i = 0; i < entries; i++)
	{
		size_t at = (size_t)directory + 2 + (size_t)i * 12;
		int value;

		if (at > n || n - at < 12)
			break;
		if (load_u16(p + at, big) != 0x0112 || load_u16(p + at + 2, big) != 3)
			continue;
		value = load_u16(p + at + 8, big);
		return value >= 1 && value <= 8 ? value : 1;
	}
	return 1;
}

/* JFIF (T.871) with its version and density, and no thumbnail. */
static void
put_jfif(mmn_buffer *out, const uint8_t *payload)
{
	static const uint8_t head[4] = {0xFF, APP0, 0, 16};

	mmn_buffer_append(out, head, sizeof head);
	mmn_buffer_append(out, payload, 12);
	mmn_buffer_append(out, "\0\0", 2);
}

/* Exif with nothing but the orientation. */
static void
put_orientation(mmn_buffer *out, int orientation)
{
	uint8_t segment[36] = {0xFF, APP1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,
						   'M',	 'M',  0, 42, 0,   0,	0,	 8, /* header */
						   0,	 1,								/* one entry */
						   0x01, 0x12, 0, 3,  0,   0,	0,	 1,	  0, 0,
						   0,	 0,	   0, 0,  0,   0}; /* no next directory */

	segment[29] = (uint8_t)orientation;
	mmn_buffer_append(out, segment, sizeof segment);
}

/* What decoding needs: SOFn, DHT, DAC, DQT, DNL, DRI, DHP, EXP. */
static bool
is_needed(uint8_t marker)
{
	return (marker >= 0xC0 && marker <= 0xCF) ||
		   (marker >= 0xDA && marker <= 0xDF);
}

/* A segment that is not needed: the little of it that stays. */
static void
put_application(mmn_buffer *out, uint8_t marker, const uint8_t *segment,
				size_t size, bool *oriented)
{
	const uint8_t *payload = segment + 4;
	size_t n = size - 4;
	int orientation;

	if (marker == APP0 && n >= 14 && memcmp(payload, "JFIF", 5) == 0)
		put_jfif(out, payload);
	else if (marker == APP14 && n >= 12 && memcmp(payload, "Adobe", 5) == 0)
	{
		static const uint8_t head[4] = {0xFF, APP14, 0, 14};

		mmn_buffer_append(out, head, sizeof head);
		mmn_buffer_append(out, payload, 12);
	}
	else if (marker == APP1 && !*oriented)
	{
		/* the first Exif segment decides, as it does for decoders */
		orientation = mmn_exif_orientation(payload, n);
		*oriented = orientation != 0;
		if (orientation > 1)
			put_orientation(out, orientation);
	}
}

/* Offset after entropy-coded data: at the next marker that is not RSTn. */
static size_t
skip_scan(const uint8_t *bytes, size_t length, size_t pos)
{
	while (pos + 1 < length)
	{
		const uint8_t *p = memchr(bytes + pos, 0xFF, length - 1 - pos);

		if (!p)
			break;
		pos = (size_t)(p - bytes);
		if (p[1] != 0 && p[1] != 0xFF && !(p[1] >= RST0 && p[1] <= RST7))
			return pos;
		pos += p[1] == 0xFF ? 1 : 2;
	}
	return length;
}

mmn_status
mmn_jpeg_strip(const uint8_t *bytes, size_t length, mmn_buffer *out,
			   mmn_error *err)
{
	size_t pos = 2;
	bool scanned = false, framed = false, oriented = false;

	if (length < 4 || bytes[0] != 0xFF || bytes[1] != SOI || bytes[2] != 0xFF)
		return mmn_fail(err, MMN_BAD_DATA, "not a JPEG file");
	mmn_buffer_append(out, bytes, 2);
	for (;;)
	{
		uint8_t marker;
		size_t n, end;
		mmn_status status = mmn_poll(out->env, err);

		if (status != MMN_OK)
			return status;
		/* any number of fill bytes may precede a marker (B.1.1.2) */
		while (pos + 1 < length && bytes[pos] == 0xFF && bytes[pos + 1] == 0xFF)
			pos++;
		if (length - pos < 2 || bytes[pos] != 0xFF)
		{
			/* files cut off in their last scan are decoded by all readers */
			if (scanned && pos >= length)
				break;
			return mmn_fail(err, MMN_BAD_DATA,
							"JPEG without a marker at offset %zu", pos);
		}
		marker = bytes[pos + 1];
		if (marker == EOI)
			break;
		if (marker == SOI || marker == 0 || (marker >= RST0 && marker <= RST7))
			return mmn_fail(err, MMN_BAD_DATA,
							"JPEG marker out of place at offset %zu", pos);
		if (marker == TEM)
		{
			pos += 2;
			continue;
		}
		n = length - pos < 4 ? 0 : mmn_load_u16be(bytes + pos + 2);
		if (n < 2 || n > length - pos - 2)
			return mmn_fail(err, MMN_BAD_DATA,
							"JPEG segment cut off at offset %zu", pos);
		end = pos + 2 + n;
		if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 &&
			marker != 0xC8 && marker != 0xCC)
			framed = true;
		if (marker == SOS)
		{
			if (!framed)
				return mmn_fail(err, MMN_BAD_DATA,
								"JPEG scan without a frame header at offset "
								"%zu",
								pos);
			end = skip_scan(bytes, length, end);
			scanned = true;
		}
		if (is_needed(marker))
			mmn_buffer_append(out, bytes + pos, end - pos);
		else
			put_application(out, marker, bytes + pos, end - pos, &oriented);
		pos = end;
	}
	if (!scanned)
		return mmn_fail(err, MMN_BAD_DATA, "JPEG without image data");
	mmn_buffer_append(out, "\xFF\xD9", 2);
	return mmn_buffer_status(out, err);
}
