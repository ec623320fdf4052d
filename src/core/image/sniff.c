#include "image/sniff.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "nifti/nifti.h"

/*
 * PS3.10 7.1 asks for 128 bytes of preamble and "DICM"; files without them
 * are common enough to be worth a look: a data set starts with an element of
 * group 0002 or 0008, and where that element ends, another one of the same or
 * a higher tag begins.
 */

typedef struct encoding
{
	bool big_endian;
	bool explicit_vr;
} encoding;

static uint16_t
load16(const uint8_t *p, encoding e)
{
	return e.big_endian ? mmn_load_u16be(p) : mmn_load_u16le(p);
}

static uint32_t
load32(const uint8_t *p, encoding e)
{
	return e.big_endian ? mmn_load_u32be(p) : mmn_load_u32le(p);
}

static bool
is_vr(const uint8_t *p)
{
	return p[0] >= 'A' && p[0] <= 'Z' && p[1] >= 'A' && p[1] <= 'Z';
}

/* VRs with two reserved bytes and a 32-bit length (PS3.5 table 7.1-1) */
static bool
is_long_vr(const uint8_t *p)
{
	static const char names[][3] = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
									"SV", "UC", "UN", "UR", "UT", "UV"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (memcmp(p, names[i], 2) == 0)
			return true;
	return false;
}

static bool
starts_like_data_set(const uint8_t *p, size_t length, encoding e)
{
	uint16_t group, element;
	size_t value, size;

	if (length < 16)
		return false;
	group = load16(p, e);
	element = load16(p + 2, e);
	if ((group != 0x0002 && group != 0x0008) || element > 0x1200)
		return false;
	if (e.explicit_vr)
	{
		bool wide = is_long_vr(p + 4);

		if (!is_vr(p + 4))
			return false;
		value = wide ? 12 : 8;
		size = wide ? load32(p + 8, e) : load16(p + 6, e);
	}
	else
	{
		value = 8;
		size = load32(p + 4, e);
	}
	if (size % 2 != 0 || size > length - value || length - value - size < 8)
		return false;
	p += value + size;
	return load16(p, e) > group ||
		   (load16(p, e) == group && load16(p + 2, e) > element);
}

static bool
is_dicom(const uint8_t *p, size_t length)
{
	if (length >= 132 && memcmp(p + 128, "DICM", 4) == 0)
		return true;
	for (int i = 0; i < 4; i++)
		if (starts_like_data_set(
				p, length,
				(encoding){.big_endian = i & 1, .explicit_vr = i & 2}))
			return true;
	return false;
}

const char *
mmn_media_type(const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	if (length >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0)
		return MMN_MEDIA_PNG;
	if (length >= 4 && memcmp(p, "\xff\xd8\xff", 3) == 0)
		return MMN_MEDIA_JPEG;
	if (is_dicom(p, length))
		return MMN_MEDIA_DICOM;
	if (mmn_nifti_recognize(p, length))
		return MMN_MEDIA_NIFTI;
	return NULL;
}
