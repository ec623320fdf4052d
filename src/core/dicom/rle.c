#include "dicom/rle.h"

#include <string.h>

#include "base/bytes.h"

#define HEADER 64
#define MAX_SEGMENTS 15

/* Unpacks "count" bytes to out[0], out[stride], …; false: input ends early. */
static bool
unpack_segment(const uint8_t *in, const uint8_t *end, size_t count,
			   size_t stride, uint8_t *out)
{
	while (count > 0)
	{
		uint8_t control;
		size_t run;

		if (in >= end)
			return false;
		control = *in++;
		if (control == 128) /* reserved, to be skipped */
			continue;
		if (control < 128)
		{
			run = (size_t)control + 1;
			if (run > count)
				run = count;
			if ((size_t)(end - in) < run)
				return false;
			if (stride == 1)
				memcpy(out, in, run);
			else
				for (size_t i = 0; i < run; i++)
					out[i * stride] = in[i];
			in += run;
		}
		else
		{
			run = 257 - (size_t)control;
			if (run > count)
				run = count;
			if (in >= end)
				return false;
			if (stride == 1)
				memset(out, *in, run);
			else
				for (size_t i = 0; i < run; i++)
					out[i * stride] = *in;
			in++;
		}
		out += run * stride;
		count -= run;
	}
	return true;
}

mmn_status
mmn_rle_decode(const uint8_t *in, size_t length, size_t pixels,
			   unsigned samples, unsigned bytes, bool planar, uint8_t *out,
			   mmn_error *err)
{
	uint32_t segments;

	if (length < HEADER)
		return mmn_fail(err, MMN_BAD_DATA,
						"an RLE frame of %zu bytes has no room for its header",
						length);
	segments = mmn_load_u32le(in);
	if (segments != samples * bytes || segments > MAX_SEGMENTS)
		return mmn_fail(err, MMN_BAD_DATA,
						"the RLE header says %u segments, the frame needs %u",
						segments, samples * bytes);
	for (uint32_t s = 0; s < segments; s++)
	{
		uint32_t from = mmn_load_u32le(in + 4 + 4 * s);
		size_t to = s + 1 < segments ? mmn_load_u32le(in + 8 + 4 * s) : length;
		unsigned sample = s / bytes;
		unsigned byte = bytes - 1 - s % bytes;
		uint8_t *plane = planar ? out + (size_t)sample * pixels * bytes + byte
								: out + (size_t)sample * bytes + byte;

		if (from < HEADER || to > length || from > to)
			return mmn_fail(err, MMN_BAD_DATA,
							"RLE segment %u lies outside its frame", s + 1);
		if (!unpack_segment(in + from, in + to, pixels,
							planar ? bytes : (size_t)samples * bytes, plane))
			return mmn_fail(err, MMN_BAD_DATA,
							"RLE segment %u ends before its plane is full",
							s + 1);
	}
	return MMN_OK;
}
