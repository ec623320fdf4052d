#include "operations.h"

#include <string.h>

#include "base/bytes.h"
#include "decode.h"
#include "dicom/deid.h"
#include "dicom/json.h"
#include "dicom/receive.h"
#include "image/hash.h"
#include "image/sniff.h"
#include "image/strip.h"
#include "nifti/nifti.h"

/* Text of a data set without its pixels; real ones have kilobytes. */
#define MAX_JSON ((size_t)64 << 20)

void
mmn_result_init(mmn_result *result, const mmn_env *env, const mmn_env *samples)
{
	memset(result, 0, sizeof *result);
	result->samples = samples;
	mmn_buffer_init(&result->json, env, MAX_JSON);
	mmn_buffer_init(&result->content, env, SIZE_MAX);
}

void
mmn_result_reset(mmn_result *result)
{
	mmn_free(result->samples, result->image.samples);
	result->image.samples = NULL;
	mmn_free(result->json.env, result->image.voi);
	result->image.voi = NULL;
	mmn_buffer_reset(&result->json);
	mmn_buffer_reset(&result->content);
}

/* One object and what is to be done with it. */
typedef struct operation
{
	const mmn_env *env;
	mmn_charsets *charsets;
	const mmn_wire_request *request;
	mmn_decode_limits limits;
	const uint8_t *bytes;
	size_t length;
	mmn_result *result;
} operation;

static mmn_status
describe(const operation *op, mmn_error *err)
{
	mmn_dicom *dicom;
	mmn_status status;

	status =
		mmn_dicom_open_frames(op->env, op->bytes, op->length, op->limits.object,
							  1, MMN_JSON_MAX_FRAMES, &dicom, err);
	if (status != MMN_OK)
		return status;
	status = mmn_dicom_json(op->charsets, dicom, &op->result->json, err);
	mmn_dicom_close(dicom);
	return status == MMN_OK ? mmn_buffer_status(&op->result->json, err)
							: status;
}

static mmn_status
decode(const operation *op, mmn_error *err)
{
	mmn_result *result = op->result;
	mmn_decode_limits limits = op->limits;
	mmn_status status;

	limits.samples = result->samples;
	if (op->request->head > 0)
		status = mmn_decode_part(
			op->env, op->bytes, op->request->head,
			op->bytes + op->request->head, op->length - op->request->head,
			op->request->frame, &limits, &result->image, err);
	else
		status =
			mmn_decode_frame(op->env, op->bytes, op->length, op->request->frame,
							 &limits, &result->image, err);
	if (status != MMN_OK)
		return status;
	return mmn_image_check(&result->image, op->limits.frame,
						   &result->sample_bytes, err);
}

static mmn_status
locate(const operation *op)
{
	mmn_result *result = op->result;

	if (!mmn_decode_locate(op->env, op->bytes, op->length, op->request->total,
						   op->request->frame, &op->limits,
						   &result->range_start, &result->range_length))
		result->range_length = 0;
	return MMN_OK;
}

/* PNG and JPEG files have no identities, only metadata to leave out. */
static mmn_status
strip(const operation *op, const char *type, mmn_error *err)
{
	mmn_buffer *content = &op->result->content;
	mmn_status status =
		strcmp(type, MMN_MEDIA_PNG) == 0
			? mmn_png_strip(op->bytes, op->length, content, err)
			: mmn_jpeg_strip(op->bytes, op->length, content, err);

	return status == MMN_OK ? mmn_buffer_status(content, err) : status;
}

/* NIfTI headers name a study in free text at most. */
static mmn_status
strip_nifti(const operation *op, mmn_nifti *nifti, mmn_error *err)
{
	mmn_status status = mmn_nifti_open(op->env, op->bytes, op->length,
									   op->limits.object, nifti, err);

	return status != MMN_OK ? status
							: mmn_nifti_strip(nifti, op->bytes, op->length,
											  &op->result->content, err);
}

static mmn_status
deidentify_dicom(const operation *op, const mmn_dicom *dicom, mmn_error *err)
{
	mmn_buffer *content = &op->result->content;
	mmn_status status = mmn_dicom_deidentify(op->env, dicom, op->request->key,
											 MMN_WIRE_KEY_SIZE, content, err);

	return status == MMN_OK ? mmn_buffer_status(content, err) : status;
}

static mmn_status
deidentify(const operation *op, mmn_error *err)
{
	const char *type = mmn_media_type(op->bytes, op->length);
	mmn_dicom *dicom;
	mmn_nifti nifti;
	mmn_status status;

	if (!type)
		return mmn_decode_unknown(op->bytes, op->length, err);
	if (strcmp(type, MMN_MEDIA_NIFTI) == 0)
		return strip_nifti(op, &nifti, err);
	if (strcmp(type, MMN_MEDIA_DICOM) != 0)
		return strip(op, type, err);
	status = mmn_dicom_open_frames(op->env, op->bytes, op->length,
								   op->limits.object, 1, 1, &dicom, err);
	if (status != MMN_OK)
		return status;
	status = deidentify_dicom(op, dicom, err);
	mmn_dicom_close(dicom);
	return status;
}

/* ---- receive ---- */

/* What a frame was found to be, with room for the texts it points to. */
typedef struct measured
{
	mmn_received_frame frame;
	char content_hash[2 * 32 + 1];
	char phash[64 + 1];
} measured;

/* The middle one of slices that follow one another; from 1. */
static uint32_t
middle(uint64_t slices)
{
	return (uint32_t)((slices + 1) / 2);
}

/* Whether all samples are zero: an empty mask or page, of whomever it is. */
static bool
is_blank(const mmn_image *image)
{
	size_t size = (size_t)image->width * image->height * image->channels *
				  mmn_sample_size(image->sample_type);
	const uint8_t *bytes = image->samples;

	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static mmn_status
measure(const mmn_env *env, const mmn_image *image, uint32_t frame,
		measured *out, mmn_error *err)
{
	uint8_t digest[32];
	uint64_t bits;
	mmn_status status = mmn_image_content_hash(image, digest, err);

	if (status == MMN_OK)
		status = mmn_image_phash(env, image, &bits, err);
	if (status != MMN_OK)
		return status;
	for (int i = 0; i < 32; i++)
	{
		out->content_hash[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out->content_hash[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out->content_hash[64] = '\0';
	for (int i = 0; i < 64; i++)
		out->phash[i] = bits >> (63 - i) & 1 ? '1' : '0';
	out->phash[64] = '\0';
	out->frame = (mmn_received_frame){
		.frame = frame,
		.width = image->width,
		.height = image->height,
		.channels = image->channels,
		.spacing_row = image->spacing_row,
		.spacing_column = image->spacing_column,
		.content_hash = is_blank(image) ? NULL : out->content_hash,
		.phash = out->phash,
	};
	return MMN_OK;
}

/*
 * The file with the functional groups of its middle frame.  Which that is, it
 * says itself: the first look may be at the wrong ones.
 */
static mmn_status
open_middle(const operation *op, mmn_dicom **out, mmn_pixel_description *pixels,
			mmn_error *err)
{
	uint32_t frame = 1;
	mmn_status status;

	for (int look = 0; look < 2; look++)
	{
		status =
			mmn_dicom_open_frames(op->env, op->bytes, op->length,
								  op->limits.object, frame, frame, out, err);
		if (status != MMN_OK)
			return status;
		status = mmn_dicom_describe_pixels(*out, pixels, err);
		if (status == MMN_OK && (frame == middle(pixels->frames) ||
								 !mmn_dicom_find(*out, MMN_PER_FRAME_GROUPS)))
			return MMN_OK;
		mmn_dicom_close(*out);
		if (status != MMN_OK)
			return status;
		frame = middle(pixels->frames);
	}
	return mmn_fail(err, MMN_BAD_DATA,
					"the number of frames depends on what is read of them");
}

static mmn_status
receive_clean(const operation *op, const mmn_dicom *original,
			  const mmn_pixel_description *pixels,
			  const mmn_received_frame *frame, mmn_error *err)
{
	mmn_result *result = op->result;
	uint32_t scaled = frame->frame;
	mmn_dicom *clean;
	mmn_status status = deidentify_dicom(op, original, err);

	if (status != MMN_OK)
		return status;
	status = mmn_dicom_open_frames(op->env, result->content.bytes,
								   result->content.length, op->limits.object, 1,
								   MMN_JSON_MAX_FRAMES, &clean, err);
	if (status != MMN_OK)
		return status;
	if (scaled > MMN_JSON_MAX_FRAMES &&
		mmn_dicom_find(clean, MMN_PER_FRAME_GROUPS))
		scaled = 0; /* the copy was not opened for it */
	status = mmn_dicom_check_copy(op->env, original, clean, scaled, err);
	if (status == MMN_OK)
		status = mmn_dicom_receive_json(op->charsets, original, clean, pixels,
										frame, op->request->key,
										MMN_WIRE_KEY_SIZE, &result->json, err);
	mmn_dicom_close(clean);
	return status;
}

/* The middle frame stands for all: a broken file is refused now. */
static mmn_status
receive_dicom(const operation *op, mmn_error *err)
{
	mmn_pixel_description pixels;
	mmn_image image = {0};
	mmn_dicom *original;
	measured found;
	mmn_status status = open_middle(op, &original, &pixels, err);

	if (status != MMN_OK)
		return status;
	status = mmn_decode_dicom(op->env, original, &pixels, middle(pixels.frames),
							  &op->limits, &image, err);
	if (status == MMN_OK)
		status = measure(op->env, &image, middle(pixels.frames), &found, err);
	mmn_image_release(op->env, &image);
	if (status == MMN_OK)
		status = receive_clean(op, original, &pixels, &found.frame, err);
	mmn_dicom_close(original);
	return status;
}

static mmn_status
receive_image(const operation *op, const char *type, mmn_error *err)
{
	mmn_image image = {0};
	measured found;
	mmn_status status;

	status = mmn_decode_frame(op->env, op->bytes, op->length, 1, &op->limits,
							  &image, err);
	if (status == MMN_OK)
		status = measure(op->env, &image, 1, &found, err);
	mmn_image_release(op->env, &image);
	if (status == MMN_OK)
		status = strip(op, type, err);
	if (status == MMN_OK)
		status = mmn_image_receive_json(type, &found.frame, 1, NULL,
										&op->result->json, err);
	return status;
}

static mmn_status
receive_nifti(const operation *op, mmn_error *err)
{
	mmn_buffer attributes;
	mmn_image image = {0};
	mmn_nifti nifti;
	measured found;
	mmn_status status = strip_nifti(op, &nifti, err);

	/* of several volumes, which may be seconds or contrasts, the first */
	if (status == MMN_OK)
		status = mmn_nifti_frame(op->env, &nifti, op->bytes, op->length,
								 middle((uint64_t)nifti.slices),
								 op->limits.frame, &image, err);
	if (status == MMN_OK)
		status = measure(op->env, &image, middle((uint64_t)nifti.slices),
						 &found, err);
	mmn_image_release(op->env, &image);
	if (status != MMN_OK)
		return status;
	mmn_buffer_init(&attributes, op->env, MAX_JSON);
	mmn_nifti_json(&nifti, &attributes);
	status = mmn_buffer_status(&attributes, err);
	if (status == MMN_OK)
		status =
			mmn_image_receive_json(MMN_MEDIA_NIFTI, &found.frame, nifti.frames,
								   &attributes, &op->result->json, err);
	mmn_buffer_reset(&attributes);
	return status;
}

static mmn_status
receive(const operation *op, mmn_error *err)
{
	const char *type = mmn_media_type(op->bytes, op->length);
	mmn_status status;

	if (!type)
		return mmn_decode_unknown(op->bytes, op->length, err);
	if (strcmp(type, MMN_MEDIA_NIFTI) == 0)
		status = receive_nifti(op, err);
	else if (strcmp(type, MMN_MEDIA_DICOM) != 0)
		status = receive_image(op, type, err);
	else
		status = receive_dicom(op, err);
	return status == MMN_OK ? mmn_buffer_status(&op->result->json, err)
							: status;
}

/* ---- */

mmn_status
mmn_operate(const mmn_env *env, mmn_charsets *charsets,
			const mmn_wire_request *request, const uint8_t *bytes,
			mmn_result *result, mmn_error *err)
{
	operation op = {
		.env = env,
		.charsets = charsets,
		.request = request,
		.limits = {.frame = request->max_frame, .object = request->max_object},
		.bytes = bytes,
		.length = request->length,
		.result = result,
	};

	if (request->head > request->length)
		return mmn_fail(err, MMN_INTERNAL, "a head longer than what was sent");
	switch (request->op)
	{
		case MMN_OP_DESCRIBE:
			return describe(&op, err);
		case MMN_OP_FRAME_COUNT:
			return mmn_decode_frame_count(env, bytes, op.length, &op.limits,
										  &result->count, err);
		case MMN_OP_DECODE:
			return decode(&op, err);
		case MMN_OP_LOCATE:
			return locate(&op);
		case MMN_OP_DEIDENTIFY:
			return deidentify(&op, err);
		case MMN_OP_RECEIVE:
			return receive(&op, err);
		default:
			return mmn_fail(err, MMN_INTERNAL, "unknown operation %u",
							request->op);
	}
}
