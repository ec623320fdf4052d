#include "dicom/collection.h"

#include "dicom/dicom_private.h"
#include "image/codestream.h"

/* The fragment behind the codestream that begins with this one. */
static size_t
next_codestream(const mmn_dicom *dicom, size_t first)
{
	size_t i = first + 1;

	while (i < dicom->fragment_count &&
		   !(mmn_fragment_begins_image(&dicom->fragments[i]) &&
			 mmn_fragment_ends_image(&dicom->fragments[i - 1])))
		i++;
	return i;
}

mmn_status
mmn_dicom_collection_bytes(const mmn_env *env, const mmn_dicom *dicom,
						   const mmn_pixel_description *pixels, uint32_t frame,
						   const uint8_t **out, size_t *length, bool *owned,
						   uint32_t *component, mmn_error *err)
{
	uint32_t samples = pixels->samples_per_pixel, seen = 0;
	size_t end;

	*owned = false;
	if (frame < 1 || frame > pixels->frames)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"frame %u does not exist: the image has %u", frame,
						pixels->frames);
	for (size_t first = 1; first < dicom->fragment_count; first = end)
	{
		mmn_codestream stream;
		mmn_status status =
			mmn_codestream_peek(dicom->fragments[first].bytes,
								dicom->fragments[first].length, &stream, err);

		if (status != MMN_OK)
			return status;
		if (stream.components == 0 || stream.components % samples != 0)
			return mmn_fail(err, MMN_BAD_DATA,
							"a compressed frame of %u components, the data "
							"set says %u",
							stream.components, samples);
		end = next_codestream(dicom, first);
		if (frame - seen <= stream.components / samples)
		{
			*component = (frame - seen - 1) * samples;
			return mmn_dicom_join_fragments(env, dicom, first, end - 1, frame,
											out, length, owned, err);
		}
		seen += stream.components / samples;
	}
	return mmn_fail(err, MMN_BAD_DATA, "pixel data end after %u of %u frames",
					seen, pixels->frames);
}
