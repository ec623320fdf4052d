/*
 * DICOM frames that need no codec library: native, RLE and deflated, look-up
 * tables, and the way to an image.  Also what is read of codestreams.
 */

#include <stdlib.h>
#include <string.h>

#include "dicom/colour.h"
#include "dicom/inflate.h"
#include "dicom/rle.h"
#include "dicom/stored.h"
#include "dicom/transform.h"
#include "image/codestream.h"

static volatile double sink; /* so that reads are not left out */

#define MAX_BYTES ((size_t)1 << 20)

static const mmn_env *env = &mmn_env_default;

/* The same image once more, of cells whose memory it may keep. */
static void
convert_in_place(mmn_stored stored, const mmn_modality_transform *t,
				 const mmn_image *image, size_t bytes)
{
	mmn_image other;
	void *cells = malloc(stored.length);

	memcpy(cells, stored.bytes, stored.length);
	stored.bytes = cells;
	stored.room = env;
	if (mmn_stored_image(env, &stored, t, NULL, MAX_BYTES, &other, NULL) !=
			MMN_OK ||
		memcmp(other.samples, image->samples, bytes) != 0)
		abort();
	if (other.samples != cells)
		free(other.samples);
	free(cells);
}

static void
convert(const mmn_dicom *dicom, mmn_stored *stored)
{
	mmn_lut palette;
	mmn_transform t;
	mmn_image image;
	mmn_error err;
	size_t bytes;
	bool has_palette, mixed;
	mmn_status status;

	if (mmn_dicom_transform(env, dicom, &stored->pixels, 1, &t, &err) != MMN_OK)
		t.modality.lut = NULL;
	has_palette = mmn_lut_read_palette(env, dicom, stored->pixels.is_signed,
									   &palette, &err) == MMN_OK;
	if (has_palette &&
		mmn_dicom_has_palette(dicom, &stored->pixels, 1, &mixed) &&
		stored->pixels.photometric != MMN_PALETTE_COLOR)
	{
		mmn_supplemental s = {
			&palette, mixed, t.modality.slope, t.modality.intercept, 0, 0};

		mmn_dicom_window(dicom, 1, &s.window_center, &s.window_width);
		status =
			mmn_stored_supplemental(env, stored, &s, MAX_BYTES, &image, &err);
	}
	else
		status = mmn_stored_image(env, stored, &t.modality,
								  has_palette ? &palette : NULL, MAX_BYTES,
								  &image, &err);
	if (status == MMN_OK)
	{
		if (mmn_image_check(&image, MAX_BYTES, &bytes, NULL) != MMN_OK)
			abort();
		if (stored->pixels.photometric != MMN_PALETTE_COLOR && !has_palette)
			convert_in_place(*stored, &t.modality, &image, bytes);
		for (size_t i = 0; i < bytes / mmn_sample_size(image.sample_type); i++)
			sink += mmn_image_sample(&image, i);
		free(image.samples);
	}
	if (has_palette)
		mmn_lut_free(env, &palette);
	mmn_transform_free(env, &t);
}

static void
decode(const mmn_dicom *dicom)
{
	mmn_stored stored = {0};
	mmn_codestream stream;
	const uint8_t *bytes;
	size_t length, size;
	bool owned;
	mmn_error err;

	if (mmn_dicom_describe_pixels(dicom, &stored.pixels, &err) != MMN_OK ||
		mmn_stored_size(&stored.pixels, &size, &err) != MMN_OK ||
		mmn_dicom_frame_bytes(env, dicom, &stored.pixels, 1, &bytes, &length,
							  &stored.bit_offset, &owned, &err) != MMN_OK)
		return;
	stored.bytes = bytes;
	stored.length = length;
	stored.big_endian = stored.pixels.data->big_endian;
	if (!stored.pixels.encapsulated)
		convert(dicom, &stored);
	else if (size <= MAX_BYTES && stored.pixels.bits_allocated >= 8)
	{
		uint8_t *out = calloc(size + 1, 1);

		mmn_codestream_peek(bytes, length, &stream, &err);
		mmn_inflate_exact(env, bytes, length, out, size, &err);
		if (mmn_rle_decode(bytes, length,
						   (size_t)stored.pixels.rows * stored.pixels.columns,
						   stored.pixels.samples_per_pixel,
						   stored.pixels.bits_allocated / 8,
						   stored.pixels.planar, out, &err) == MMN_OK)
		{
			if (stored.pixels.photometric == MMN_YBR_FULL_422)
				stored.pixels.photometric = MMN_YBR_FULL;
			stored.bytes = out;
			stored.length = size;
			stored.big_endian = false;
			convert(dicom, &stored);
		}
		free(out);
	}
	if (owned)
		free((void *)(uintptr_t)bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mmn_dicom *dicom;
	mmn_error err;

	if (mmn_dicom_open(env, data, size, MAX_BYTES, &dicom, &err) != MMN_OK)
		return 0;
	decode(dicom);
	mmn_dicom_close(dicom);
	return 0;
}
