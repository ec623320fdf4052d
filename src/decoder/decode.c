#include "decode.h"

#include <inttypes.h>
#include <string.h>

#include "codec.h"
#include "dicom/collection.h"
#include "dicom/colour.h"
#include "dicom/display.h"
#include "dicom/frame_part.h"
#include "dicom/inflate.h"
#include "dicom/rle.h"
#include "dicom/transfer_syntax.h"
#include "dicom/transform.h"
#include "image/codestream.h"
#include "image/jpeg_dct.h"
#include "image/jpeg_lossless.h"
#include "image/jpeg_ls.h"
#include "image/sniff.h"
#include "nifti/nifti.h"

/*
 * Beyond this size, data that claim to expand by more than this are taken for
 * a bomb: even a black frame takes more.
 */
#define EXPANSION_FREE (16u << 20)
#define EXPANSION_MAX 1000

static mmn_status
check_expansion(size_t from, size_t to, mmn_error *err)
{
	if (to > EXPANSION_FREE && to / EXPANSION_MAX > from)
		return mmn_fail(err, MMN_LIMIT,
						"%zu bytes of compressed data would expand to %zu",
						from, to);
	return MMN_OK;
}

mmn_status
mmn_decode_unknown(const void *bytes, size_t length, mmn_error *err)
{
	if (mmn_nifti_is_pair(bytes, length))
		return mmn_fail(err, MMN_NOT_IMAGE,
						"the file holds no image: it is the header of a volume "
						"in two files, .hdr and .img, which nibabel or FSL's "
						"fslchfiletype join into one .nii");
	return mmn_fail(err, MMN_BAD_DATA,
					"the file is neither DICOM, nor PNG, nor JPEG, nor NIfTI");
}

/* ---- compressed frames of DICOM files ---- */

static mmn_status
unsupported_syntax(const char *uid, mmn_error *err)
{
	const mmn_transfer_syntax *syntax = mmn_transfer_syntax_find(uid);

	if (syntax)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported transfer syntax %s (%s)", syntax->name,
						syntax->uid);
	/* the UID is the file's own, and could say anything */
	return mmn_fail(err, MMN_UNSUPPORTED, "unknown transfer syntax");
}

/* The codestream's own header against the data set. */
static mmn_status
check_codestream(const uint8_t *bytes, size_t length, bool collection,
				 const mmn_pixel_description *pixels, mmn_codestream *stream,
				 mmn_error *err)
{
	mmn_status status = mmn_codestream_peek(bytes, length, stream, err);

	if (status != MMN_OK)
		return status;
	if (collection && stream->kind == MMN_CODESTREAM_J2K)
	{
		status = check_expansion(
			length, (size_t)pixels->rows * pixels->columns * stream->components,
			err);
		if (status != MMN_OK)
			return status;
	}
	else
		collection = false;
	if (stream->width != pixels->columns || stream->height != pixels->rows ||
		(stream->components != pixels->samples_per_pixel && !collection))
		return mmn_fail(err, MMN_BAD_DATA,
						"the compressed frame is %ux%ux%u, the data set says "
						"%ux%ux%u",
						stream->width, stream->height, stream->components,
						pixels->columns, pixels->rows,
						pixels->samples_per_pixel);
	if (stream->precision > pixels->bits_allocated)
		return mmn_fail(err, MMN_BAD_DATA,
						"the compressed frame has %u bits a sample, the data "
						"set allocates %u",
						stream->precision, pixels->bits_allocated);
	if (stream->kind == MMN_CODESTREAM_JPEG_XL && pixels->is_signed)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported JPEG XL data of signed samples: the "
						"format has none, and writers do not agree on what "
						"they put there instead");
	/*
	 * A decoder keeps kilobytes for each tile that the header announces, and
	 * each takes at least its SOT and SOD (T.800 A.4.2, A.4.3).
	 */
	if (stream->tiles > length / 14)
		return mmn_fail(err, MMN_BAD_DATA,
						"%zu bytes of JPEG 2000 data cannot hold %" PRIu64
						" tiles",
						length, stream->tiles);
	return MMN_OK;
}

/* JPEG by its coding process, each with a decoder of its own. */
static mmn_status
decode_jpeg(const mmn_env *env, const uint8_t *bytes, size_t length,
			const mmn_codestream *stream, mmn_pixel_description *pixels,
			uint8_t *out, mmn_error *err)
{
	bool dct = stream->process <= 2;

	if (dct && stream->precision == 8)
		return mmn_jpeg_decode_frame(env, bytes, length, pixels, out, err);
	if (!(dct && stream->precision == 12) && stream->process != 3)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported kind of JPEG: process SOF%u with %u bits "
						"a sample",
						stream->process, stream->precision);
	pixels->planar = 0;
	mmn_pixels_narrow(pixels, stream->precision > 8 ? 16 : 8);
	if (dct)
		return mmn_jpeg_dct12_decode(env, bytes, length, pixels->columns,
									 pixels->rows, pixels->samples_per_pixel,
									 out, err);
	return mmn_jpeg_lossless_decode(
		env, bytes, length, pixels->columns, pixels->rows,
		pixels->samples_per_pixel, pixels->bits_allocated / 8, out, err);
}

/*
 * Above the bits that are stored a lossless codestream may have an overlay or a
 * sign.  Of a lossy one they belong to the sample: at edges it overshoots.
 */
static void
keep_overshoot(const mmn_codestream *stream, mmn_pixel_description *pixels)
{
	if (!stream->lossy || stream->precision <= pixels->bits_stored ||
		stream->precision > pixels->bits_allocated ||
		pixels->high_bit + 1 != pixels->bits_stored ||
		(pixels->is_signed && !stream->is_signed))
		return;
	pixels->bits_stored = stream->precision;
	pixels->high_bit = pixels->bits_stored - 1;
}

static mmn_status
decode_codestream(const mmn_env *env, const uint8_t *bytes, size_t length,
				  const uint32_t *component, mmn_pixel_description *pixels,
				  uint8_t *out, size_t size, mmn_error *err)
{
	mmn_codestream stream;
	mmn_status status = check_codestream(bytes, length, component != NULL,
										 pixels, &stream, err);

	if (status != MMN_OK)
		return status;
	/* subsampling is behind a codec, whether it was ever in front of it */
	if (pixels->photometric == MMN_YBR_FULL_422)
		pixels->photometric = MMN_YBR_FULL;
	/*
	 * out may hold another file's pixels: each of these writes every sample,
	 * or fails.
	 */
	switch (stream.kind)
	{
		case MMN_CODESTREAM_JPEG_LS:
			mmn_pixels_narrow(pixels, stream.precision > 8 ? 16 : 8);
			pixels->planar = 0;
			status = mmn_jpeg_ls_decode(env, bytes, length, pixels->columns,
										pixels->rows, pixels->samples_per_pixel,
										pixels->bits_allocated / 8, out, err);
			break;
		case MMN_CODESTREAM_J2K:
			status = mmn_jpeg2000_decode_frame(bytes, length, &stream,
											   component ? *component : 0,
											   pixels, out, size, err);
			break;
		case MMN_CODESTREAM_JPEG_XL:
			/* libjxl writes to out itself, and promises nothing of the kind */
			memset(out, 0, size);
			status = mmn_jpegxl_decode_frame(env, bytes, length, &stream,
											 pixels, out, size, err);
			break;
		default:
			status = decode_jpeg(env, bytes, length, &stream, pixels, out, err);
	}
	keep_overshoot(&stream, pixels);
	return status;
}

static mmn_status
decompress(const mmn_env *env, const char *uid, const uint8_t *bytes,
		   size_t length, const uint32_t *component,
		   mmn_pixel_description *pixels, uint8_t *out, size_t size,
		   mmn_error *err)
{
	const mmn_transfer_syntax *syntax = mmn_transfer_syntax_find(uid);

	switch (syntax->coding)
	{
		case MMN_CODING_RLE:
			/* PS3.5 Annex G says nothing of subsampled chrominance */
			if (pixels->photometric == MMN_YBR_FULL_422)
				pixels->photometric = MMN_YBR_FULL;
			/* bits go in as the bytes they are packed into (PS3.5 8.2) */
			if (pixels->bits_allocated == 1)
				return mmn_rle_decode(bytes, length, size, 1, 1, false, out,
									  err);
			return mmn_rle_decode(
				bytes, length, (size_t)pixels->rows * pixels->columns,
				pixels->samples_per_pixel, pixels->bits_allocated / 8,
				pixels->planar, out, err);
		case MMN_CODING_DEFLATE:
			return mmn_inflate_exact(env, bytes, length, out, size, err);
		default:
			return decode_codestream(env, bytes, length, component, pixels, out,
									 size, err);
	}
}

/* component: that a frame of a component collection begins with; else NULL. */
static mmn_status
stored_compressed(const mmn_env *env, const mmn_env *room, const char *uid,
				  const uint8_t *bytes, size_t length,
				  const uint32_t *component, size_t max_bytes, mmn_stored *out,
				  void **owned, mmn_error *err)
{
	mmn_pixel_description *pixels = &out->pixels;
	mmn_frame_coding coding = mmn_transfer_syntax_find(uid)->coding;
	bool packed = (coding == MMN_CODING_RLE || coding == MMN_CODING_DEFLATE) &&
				  pixels->samples_per_pixel == 1;
	size_t size;
	mmn_status status;

	/* deflated are the bytes of a native frame, chrominance and all */
	if (coding == MMN_CODING_DEFLATE)
		pixels->encapsulated = false;
	if (pixels->bits_allocated == 1 && !packed)
	{
		/* other codecs yield whole bytes */
		pixels->bits_allocated = 8;
		pixels->bits_stored = 1;
		pixels->high_bit = 0;
	}
	status = mmn_stored_size(pixels, &size, err);
	if (status == MMN_OK && size > max_bytes)
		status = mmn_fail(err, MMN_LIMIT,
						  "a frame of %zu bytes exceeds the limit of %zu", size,
						  max_bytes);
	if (status == MMN_OK)
		status = check_expansion(length, size, err);
	if (status != MMN_OK)
		return status;
	*owned = mmn_alloc(room, size);
	if (!*owned)
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory for a frame of %zu bytes", size);
	out->room = room;
	out->bytes = *owned;
	out->length = size;
	out->big_endian = false;
	out->bit_offset = 0;
	status = decompress(env, uid, bytes, length, component, pixels, *owned,
						size, err);
	pixels->encapsulated = false;
	return status;
}

/*
 * PS3.5 A.3: in the big endian syntax, the bytes of OW stand in swapped pairs,
 * counted from the start of the pixel data.  What comes of it is little endian.
 */
static mmn_status
swap_byte_pairs(const mmn_env *env, mmn_stored *stored, void **owned,
				mmn_error *err)
{
	const mmn_dicom_element *data = stored->pixels.data;
	size_t start = (size_t)(stored->bytes - data->value);
	uint8_t *swapped = mmn_alloc(env, stored->length);

	if (!swapped)
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory for a frame of %zu bytes", stored->length);
	for (size_t i = 0; i < stored->length; i++)
	{
		size_t from = (start + i) ^ 1;

		swapped[i] = data->value[from < data->length ? from : start + i];
	}
	stored->bytes = *owned = swapped;
	stored->big_endian = false;
	return MMN_OK;
}

static bool
is_multi_component(const char *uid)
{
	return strcmp(uid, "1.2.840.10008.1.2.4.92") == 0 ||
		   strcmp(uid, "1.2.840.10008.1.2.4.93") == 0;
}

static void
free_stored(const mmn_env *env, const mmn_stored *stored, void *owned)
{
	mmn_free(stored->room ? stored->room : env, owned);
}

mmn_status
mmn_decode_stored(const mmn_env *env, const mmn_env *room,
				  const mmn_dicom *dicom, const mmn_pixel_description *pixels,
				  uint32_t frame, size_t max_bytes, mmn_stored *out,
				  void **owned, mmn_error *err)
{
	const char *uid = mmn_dicom_transfer_syntax(dicom);
	const mmn_transfer_syntax *syntax = mmn_transfer_syntax_find(uid);
	const uint8_t *bytes;
	size_t length;
	bool joined = false, collection;
	uint32_t component = 0;
	mmn_status status;

	memset(out, 0, sizeof *out);
	*owned = NULL;
	out->pixels = *pixels;
	if (pixels->encapsulated && (!syntax || syntax->coding == MMN_CODING_OTHER))
		return unsupported_syntax(uid, err);
	if (pixels->encapsulated && syntax->coding != MMN_CODING_NATIVE &&
		pixels->photometric == MMN_YBR_PARTIAL_422)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"compressed YBR_PARTIAL_422 is not supported");
	collection = pixels->encapsulated && is_multi_component(uid);
	status =
		collection
			? mmn_dicom_collection_bytes(env, dicom, pixels, frame, &bytes,
										 &length, &joined, &component, err)
			: mmn_dicom_frame_bytes(env, dicom, pixels, frame, &bytes, &length,
									&out->bit_offset, &joined, err);
	if (status != MMN_OK)
		return status;
	if (pixels->encapsulated && syntax->coding != MMN_CODING_NATIVE)
	{
		status = stored_compressed(env, room, uid, bytes, length,
								   collection ? &component : NULL, max_bytes,
								   out, owned, err);
		if (joined)
			mmn_free(env, (void *)(uintptr_t)bytes);
	}
	else
	{
		out->bytes = bytes;
		out->length = length;
		out->pixels.encapsulated = false;
		out->big_endian = pixels->data->big_endian;
		if (joined)
			*owned = (void *)(uintptr_t)bytes;
		if (out->big_endian && pixels->bits_allocated != 16 &&
			mmn_dicom_pixel_unit(pixels->data, pixels->bits_allocated) == 2)
			status = swap_byte_pairs(env, out, owned, err);
	}
	if (status != MMN_OK)
	{
		free_stored(env, out, *owned);
		*owned = NULL;
	}
	return status;
}

/* ---- */

static const mmn_env *
samples_env(const mmn_env *env, const mmn_decode_limits *limits)
{
	return limits->samples ? limits->samples : env;
}

/* Gray values of which some, or all, are to be shown as colours. */
static mmn_status
decode_supplemental(const mmn_env *env, const mmn_dicom *dicom, uint32_t frame,
					const mmn_decode_limits *limits, const mmn_stored *stored,
					const mmn_lut *palette, bool mixed,
					const mmn_transform *transform, mmn_image *out,
					mmn_error *err)
{
	mmn_supplemental s = {
		.palette = palette,
		.mixed = mixed,
		.slope = transform->modality.slope,
		.intercept = transform->modality.intercept,
	};

	if (transform->gain == 1 && transform->offset == 0)
		mmn_dicom_window(dicom, frame, &s.window_center, &s.window_width);
	return mmn_stored_supplemental(samples_env(env, limits), stored, &s,
								   limits->frame, out, err);
}

mmn_status
mmn_decode_dicom(const mmn_env *env, const mmn_dicom *dicom,
				 const mmn_pixel_description *pixels, uint32_t frame,
				 const mmn_decode_limits *limits, mmn_image *out,
				 mmn_error *err)
{
	mmn_lut palette = {0};
	mmn_transform transform = {.modality = {.slope = 1}, .gain = 1};
	mmn_stored stored;
	bool colours, mixed;
	void *owned = NULL;
	mmn_status status;

	/* a palette's colours would not fit where its indices are */
	status = mmn_decode_stored(
		env,
		pixels->photometric == MMN_PALETTE_COLOR ? env
												 : samples_env(env, limits),
		dicom, pixels, frame, limits->frame, &stored, &owned, err);
	if (status != MMN_OK)
		return status;
	colours = mmn_dicom_has_palette(dicom, pixels, frame, &mixed);
	if (colours)
		status =
			mmn_lut_read_palette(env, dicom, pixels->is_signed, &palette, err);
	if (status == MMN_OK && pixels->samples_per_pixel == 1 &&
		pixels->photometric != MMN_PALETTE_COLOR)
		status =
			mmn_dicom_transform(env, dicom, pixels, frame, &transform, err);
	if (status == MMN_OK && colours && pixels->photometric != MMN_PALETTE_COLOR)
		status = decode_supplemental(env, dicom, frame, limits, &stored,
									 &palette, mixed, &transform, out, err);
	else if (status == MMN_OK)
		status = mmn_stored_image(samples_env(env, limits), &stored,
								  &transform.modality, &palette, limits->frame,
								  out, err);
	if (status == MMN_OK)
	{
		if (out->samples == owned)
			owned = NULL;
		mmn_dicom_spacing(dicom, frame, &out->spacing_row,
						  &out->spacing_column);
		status = mmn_dicom_display(env, dicom, pixels, frame, out, err);
		mmn_transform_display(env, &transform, out);
		if (status != MMN_OK)
		{
			mmn_free(samples_env(env, limits), out->samples);
			out->samples = NULL;
		}
	}
	mmn_lut_free(env, &palette);
	mmn_transform_free(env, &transform);
	free_stored(env, &stored, owned);
	return status;
}

static mmn_status
open_dicom(const mmn_env *env, const void *bytes, size_t length,
		   const mmn_decode_limits *limits, uint32_t frame, mmn_dicom **dicom,
		   mmn_pixel_description *pixels, mmn_error *err)
{
	mmn_status status = mmn_dicom_open_frames(
		env, bytes, length, limits->object, frame, frame, dicom, err);

	if (status != MMN_OK)
		return status;
	status = mmn_dicom_describe_pixels(*dicom, pixels, err);
	if (status != MMN_OK)
		mmn_dicom_close(*dicom);
	return status;
}

mmn_status
mmn_decode_frame(const mmn_env *env, const void *bytes, size_t length,
				 uint32_t frame, const mmn_decode_limits *limits,
				 mmn_image *out, mmn_error *err)
{
	const char *type = mmn_media_type(bytes, length);
	mmn_pixel_description pixels;
	mmn_dicom *dicom;
	mmn_status status;

	if (!type)
		return mmn_decode_unknown(bytes, length, err);
	if (strcmp(type, MMN_MEDIA_DICOM) == 0)
	{
		status =
			open_dicom(env, bytes, length, limits, frame, &dicom, &pixels, err);
		if (status != MMN_OK)
			return status;
		status = mmn_decode_dicom(env, dicom, &pixels, frame, limits, out, err);
		mmn_dicom_close(dicom);
		return status;
	}
	if (strcmp(type, MMN_MEDIA_NIFTI) == 0)
	{
		mmn_nifti nifti;

		status =
			mmn_nifti_open(env, bytes, length, limits->object, &nifti, err);
		return status != MMN_OK
				   ? status
				   : mmn_nifti_frame(samples_env(env, limits), &nifti, bytes,
									 length, frame, limits->frame, out, err);
	}
	if (frame != 1)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"frame %u does not exist: the image has 1", frame);
	if (strcmp(type, MMN_MEDIA_PNG) == 0)
		return mmn_png_decode(samples_env(env, limits), bytes, length,
							  limits->frame, out, err);
	return mmn_jpeg_decode(samples_env(env, limits), bytes, length,
						   limits->frame, out, err);
}

bool
mmn_decode_locate(const mmn_env *env, const void *bytes, size_t length,
				  uint64_t total, uint32_t frame,
				  const mmn_decode_limits *limits, uint64_t *start,
				  uint64_t *size)
{
	const char *type = mmn_media_type(bytes, length);
	mmn_pixel_description pixels;
	mmn_dicom *dicom;
	bool found;

	if (!type || strcmp(type, MMN_MEDIA_DICOM) != 0 ||
		open_dicom(env, bytes, length, limits, frame, &dicom, &pixels, NULL) !=
			MMN_OK)
		return false;
	found = !is_multi_component(mmn_dicom_transfer_syntax(dicom)) &&
			mmn_dicom_locate_frame(dicom, bytes, &pixels, frame, total, start,
								   size);
	mmn_dicom_close(dicom);
	return found;
}

mmn_status
mmn_decode_part(const mmn_env *env, const void *bytes, size_t length,
				const void *part, size_t part_length, uint32_t frame,
				const mmn_decode_limits *limits, mmn_image *out, mmn_error *err)
{
	mmn_pixel_description pixels;
	const mmn_transfer_syntax *syntax;
	bool codestreams;
	mmn_dicom *dicom;
	mmn_status status =
		open_dicom(env, bytes, length, limits, frame, &dicom, &pixels, err);

	if (status != MMN_OK)
		return status;
	syntax = mmn_transfer_syntax_find(mmn_dicom_transfer_syntax(dicom));
	codestreams = syntax && mmn_coding_has_codestreams(syntax->coding);
	status = mmn_dicom_use_part(dicom, &pixels, frame, part, part_length,
								codestreams, err);
	if (status == MMN_OK)
		status = mmn_decode_dicom(env, dicom, &pixels, frame, limits, out, err);
	mmn_dicom_close(dicom);
	return status;
}

mmn_status
mmn_decode_frame_count(const mmn_env *env, const void *bytes, size_t length,
					   const mmn_decode_limits *limits, uint32_t *out,
					   mmn_error *err)
{
	const char *type = mmn_media_type(bytes, length);
	mmn_pixel_description pixels;
	mmn_dicom *dicom;
	mmn_status status;

	if (!type)
		return mmn_decode_unknown(bytes, length, err);
	*out = 1;
	if (strcmp(type, MMN_MEDIA_NIFTI) == 0)
	{
		mmn_nifti nifti;

		status =
			mmn_nifti_open(env, bytes, length, limits->object, &nifti, err);
		*out = nifti.frames;
		return status;
	}
	if (strcmp(type, MMN_MEDIA_DICOM) != 0)
		return MMN_OK;
	status = open_dicom(env, bytes, length, limits, 1, &dicom, &pixels, err);
	if (status != MMN_OK)
		return status;
	*out = pixels.frames;
	mmn_dicom_close(dicom);
	return MMN_OK;
}
