#include "image/strip.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"

/* PNG, second edition (ISO/IEC 15948): clauses 5.2 to 5.6 and 11. */

static const uint8_t signature[8] = {0x89, 'P',	 'N',  'G',
									 '\r', '\n', 0x1A, '\n'};

/* A sane file has a few IDATs for each megabyte, and some metadata. */
#define MAX_CHUNKS 1000000

typedef struct seen
{
	unsigned kept; /* bits: which of the kinds below */
	bool header;
	bool palette;
	bool data;
	bool data_over; /* another chunk came after IDAT */
} seen;

/*
 * What decoding needs, at the lengths it can have there, and once, IDAT
 * excepted: so nothing can hide in it.
 */
static bool
is_kept(seen *s, const uint8_t *type, uint32_t length)
{
	static const struct
	{
		const char *type;
		uint32_t most;
	} kept[] = {
		{"IHDR", 13}, {"PLTE", 768}, {"tRNS", 256}, {"sBIT", 4},
		{"gAMA", 4},  {"pHYs", 9},	 {"IEND", 0},	{"IDAT", UINT32_MAX},
	};

	for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
	{
		bool again = s->kept >> i & 1;

		if (memcmp(type, kept[i].type, 4) != 0)
			continue;
		s->kept |= 1u << i;
		return length <= kept[i].most && (!again || kept[i].most > 768);
	}
	return false;
}

/* The order of clause 5.6, as far as decoders care. */
static mmn_status
check_order(seen *s, const uint8_t *type, uint32_t length, size_t offset,
			mmn_error *err)
{
	bool header = memcmp(type, "IHDR", 4) == 0;
	bool data = memcmp(type, "IDAT", 4) == 0;
	bool palette = memcmp(type, "PLTE", 4) == 0;

	if (header == s->header || (header && length != 13))
		return mmn_fail(err, MMN_BAD_DATA,
						"PNG without a proper IHDR chunk at its start");
	if ((data && s->data_over) || (palette && (s->palette || s->data)))
		return mmn_fail(err, MMN_BAD_DATA,
						"PNG chunk out of place at offset %zu", offset);
	s->header = true;
	s->palette |= palette;
	s->data_over |= s->data && !data;
	s->data |= data;
	return MMN_OK;
}

mmn_status
mmn_png_strip(const uint8_t *bytes, size_t length, mmn_buffer *out,
			  mmn_error *err)
{
	size_t pos = sizeof signature;
	seen s = {0};

	if (length < sizeof signature ||
		memcmp(bytes, signature, sizeof signature) != 0)
		return mmn_fail(err, MMN_BAD_DATA, "not a PNG file");
	mmn_buffer_append(out, signature, sizeof signature);
	for (int chunks = 0;; chunks++)
	{
		const uint8_t *p = bytes + pos, *type = p + 4;
		size_t left = length - pos;
		uint32_t n, crc;
		mmn_status status;

		if (left < 12)
			return mmn_fail(err, MMN_BAD_DATA, "PNG ends without IEND");
		if (chunks >= MAX_CHUNKS)
			return mmn_fail(err, MMN_LIMIT, "PNG of more than %d chunks",
							MAX_CHUNKS);
		n = mmn_load_u32be(p);
		if (n > left - 12)
			return mmn_fail(err, MMN_BAD_DATA,
							"PNG chunk at offset %zu wants %lu bytes, %zu are "
							"left",
							pos, (unsigned long)n, left - 12);
		crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), type, (size_t)n + 4);
		if (crc != mmn_load_u32be(p + 8 + n))
			return mmn_fail(err, MMN_BAD_DATA,
							"PNG chunk at offset %zu has a wrong CRC", pos);
		status = check_order(&s, type, n, pos, err);
		if (status == MMN_OK && chunks % 64 == 0)
			status = mmn_poll(out->env, err);
		if (status != MMN_OK)
			return status;
		if (memcmp(type, "IEND", 4) == 0 && n > 0)
			return mmn_fail(err, MMN_BAD_DATA,
							"PNG chunk out of place at offset %zu", pos);
		if (is_kept(&s, type, n))
			mmn_buffer_append(out, p, (size_t)n + 12);
		else if (!(type[0] & 0x20))
			return mmn_fail(err, MMN_UNSUPPORTED,
							"PNG with an unknown critical chunk at offset %zu",
							pos);
		pos += (size_t)n + 12;
		if (memcmp(type, "IEND", 4) == 0)
			break;
	}
	if (!s.data)
		return mmn_fail(err, MMN_BAD_DATA, "PNG without image data");
	return mmn_buffer_status(out, err);
}
