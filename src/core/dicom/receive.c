#include "dicom/receive.h"

#include <string.h>

#include "dicom/json.h"
#include "dicom/transform.h"

/* ---- quarantine ---- */

/*
 * Overlay planes of old files live in unused bits of the pixel data (PS3.5
 * 8.1.2, retired), where de-identification cannot take them out.
 */
static bool
has_embedded_overlay(const mmn_dicom *dicom)
{
	for (size_t i = 0; i < mmn_dicom_count(dicom);
		 i = mmn_dicom_at(dicom, i)->end)
	{
		const mmn_dicom_element *e = mmn_dicom_at(dicom, i);
		int64_t bits;

		if ((e->tag & 0xFF00FFFF) == 0x60000100 &&
			mmn_dicom_int(dicom, e, 0, &bits) && bits > 1)
			return true;
	}
	return false;
}

const char *
mmn_dicom_quarantine(const mmn_dicom *dicom)
{
	/* classes whose images often have text in the pixels */
	static const struct
	{
		const char *prefix;
		const char *why;
	} classes[] = {
		{"1.2.840.10008.5.1.4.1.1.3",
		 "ultrasound that does not say whether annotation is burned in"},
		{"1.2.840.10008.5.1.4.1.1.6",
		 "ultrasound that does not say whether annotation is burned in"},
		{"1.2.840.10008.5.1.4.1.1.7",
		 "secondary capture that does not say whether annotation is burned "
		 "in"},
		{"1.2.840.10008.5.1.4.1.1.12.1",
		 "angiography that does not say whether annotation is burned in"},
	};
	static const struct
	{
		char modality[3];
		const char *why;
	} modalities[] = {
		{"US", "ultrasound that does not say whether annotation is burned in"},
		{"SC", "secondary capture that does not say whether annotation is "
			   "burned in"},
		{"XA", "angiography that does not say whether annotation is burned "
			   "in"},
	};
	char text[65];

	if (mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00280301), 0, text,
						 sizeof text))
	{
		if (strcmp(text, "NO") != 0)
			return "the file says that annotation is burned into the pixels";
	}
	else
	{
		if (mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00080016), 0, text,
							 sizeof text))
		{
			for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
			{
				size_t n = strlen(classes[i].prefix);

				if (strncmp(text, classes[i].prefix, n) == 0 &&
					(text[n] == '\0' || text[n] == '.'))
					return classes[i].why;
			}
		}
		if (mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00080060), 0, text,
							 sizeof text))
		{
			for (size_t i = 0; i < sizeof modalities / sizeof modalities[0];
				 i++)
			{
				if (strcmp(text, modalities[i].modality) == 0)
					return modalities[i].why;
			}
		}
	}
	if (has_embedded_overlay(dicom))
		return "an overlay is drawn in unused bits of the pixels";
	return NULL;
}

/* ---- the copy ---- */

static bool
same_pixels(const mmn_pixel_description *a, const mmn_pixel_description *b)
{
	return a->photometric == b->photometric && a->kind == b->kind &&
		   a->rows == b->rows && a->columns == b->columns &&
		   a->frames == b->frames &&
		   a->samples_per_pixel == b->samples_per_pixel &&
		   a->planar == b->planar && a->bits_allocated == b->bits_allocated &&
		   a->bits_stored == b->bits_stored && a->high_bit == b->high_bit &&
		   a->is_signed == b->is_signed && a->encapsulated == b->encapsulated;
}

static bool
same_scale(const mmn_modality_transform *a, const mmn_modality_transform *b)
{
	return a->slope == b->slope && a->intercept == b->intercept &&
		   a->unit == b->unit && !a->lut == !b->lut &&
		   !a->table == !b->table && a->limited == b->limited;
}

mmn_status
mmn_dicom_check_copy(const mmn_env *env, const mmn_dicom *original,
					 const mmn_dicom *copy, uint32_t frame, mmn_error *err)
{
	mmn_pixel_description pixels[2];
	mmn_transform scale[2] = {{.gain = 1}, {.gain = 1}};
	bool same;
	mmn_status status = mmn_dicom_describe_pixels(original, &pixels[0], err);

	if (status != MMN_OK)
		return status;
	same = mmn_dicom_describe_pixels(copy, &pixels[1], NULL) == MMN_OK &&
		   same_pixels(&pixels[0], &pixels[1]);
	if (same && frame > 0 && pixels[0].samples_per_pixel == 1 &&
		pixels[0].photometric != MMN_PALETTE_COLOR)
	{
		status = mmn_dicom_transform(env, original, &pixels[0], frame,
									 &scale[0], err);
		if (status == MMN_OK)
			status = mmn_dicom_transform(env, copy, &pixels[1], frame,
										 &scale[1], err);
		same = same_scale(&scale[0].modality, &scale[1].modality);
		mmn_transform_free(env, &scale[0]);
		mmn_transform_free(env, &scale[1]);
	}
	if (status == MMN_OK && !same)
		return mmn_fail(err, MMN_BAD_DATA,
						"what the file says of its pixels is in a form that "
						"de-identification does not keep");
	return status;
}

/* ---- the JSON object ---- */

static void
put_key(mmn_buffer *out, const char *key)
{
	mmn_buffer_printf(
		out, "%s\"%s\":",
		out->length > 0 && out->bytes[out->length - 1] == '{' ? "" : ",", key);
}

static void
put_string(mmn_buffer *out, const char *key, const char *value)
{
	if (!value)
		return;
	put_key(out, key);
	mmn_json_string(out, value, strlen(value));
}

/* Of the de-identified copy, where only ASCII passed the rules. */
static void
put_attribute(mmn_buffer *out, const char *key, const mmn_dicom *dicom,
			  const mmn_dicom_element *e)
{
	char value[65];

	if (mmn_dicom_string(dicom, e, 0, value, sizeof value))
	{
		for (char *p = value; *p; p++)
		{
			if ((unsigned char)*p >= 0x80)
				return;
		}
		put_string(out, key, value);
	}
}

static void
put_frame(mmn_buffer *out, const mmn_received_frame *frame, uint32_t frames)
{
	put_key(out, "width");
	mmn_buffer_printf(out, "%u", frame->width);
	put_key(out, "height");
	mmn_buffer_printf(out, "%u", frame->height);
	put_key(out, "channels");
	mmn_buffer_printf(out, "%u", frame->channels);
	put_key(out, "frames");
	mmn_buffer_printf(out, "%u", frames);
	put_key(out, "key_frame");
	mmn_buffer_printf(out, "%u", frame->frame);
	if (frame->spacing_row > 0 && frame->spacing_column > 0)
	{
		put_key(out, "spacing_row");
		mmn_buffer_printf(out, "%.9g", frame->spacing_row);
		put_key(out, "spacing_column");
		mmn_buffer_printf(out, "%.9g", frame->spacing_column);
	}
	put_string(out, "content_hash", frame->content_hash);
	put_string(out, "phash", frame->phash);
}

static const char *
photometric_name(mmn_photometric code)
{
	static const char *const names[] = {
		[MMN_MONOCHROME1] = "MONOCHROME1",
		[MMN_MONOCHROME2] = "MONOCHROME2",
		[MMN_PALETTE_COLOR] = "PALETTE COLOR",
		[MMN_RGB] = "RGB",
		[MMN_YBR_FULL] = "YBR_FULL",
		[MMN_YBR_FULL_422] = "YBR_FULL_422",
		[MMN_YBR_PARTIAL_420] = "YBR_PARTIAL_420",
		[MMN_YBR_ICT] = "YBR_ICT",
		[MMN_YBR_RCT] = "YBR_RCT",
		[MMN_XYB] = "XYB",
		[MMN_YBR_PARTIAL_422] = "YBR_PARTIAL_422",
	};

	return names[code];
}

/*
 * Where the anatomy stands: in enhanced objects below Frame Anatomy Sequence
 * (0020,9071) of the shared functional groups, else at the top.
 */
static void
put_anatomy(mmn_buffer *out, const mmn_dicom *d)
{
	const mmn_dicom_element *frame =
		mmn_dicom_find_in(d, mmn_dicom_find(d, 0x52009229), 0, 0x00209071);
	const mmn_dicom_element *region = mmn_dicom_find(d, 0x00082218);
	const mmn_dicom_element *side = mmn_dicom_find(d, 0x00200062);
	char value[17];

	if (!region || region->items == 0)
		region = mmn_dicom_find_in(d, frame, 0, 0x00082218);
	if (!mmn_dicom_string(d, side, 0, value, sizeof value))
		side = mmn_dicom_find(d, 0x00200060);
	if (!mmn_dicom_string(d, side, 0, value, sizeof value))
		side = mmn_dicom_find_in(d, frame, 0, 0x00209072);
	put_attribute(out, "body_part", d, mmn_dicom_find(d, 0x00180015));
	put_attribute(out, "laterality", d, side);
	put_attribute(out, "anatomy_scheme", d,
				  mmn_dicom_find_in(d, region, 0, 0x00080102));
	put_attribute(out, "anatomy_code", d,
				  mmn_dicom_find_in(d, region, 0, 0x00080100));
	put_attribute(out, "anatomy_meaning", d,
				  mmn_dicom_find_in(d, region, 0, 0x00080104));
}

mmn_status
mmn_dicom_receive_json(mmn_charsets *charsets, const mmn_dicom *original,
					   const mmn_dicom *deidentified,
					   const mmn_pixel_description *pixels,
					   const mmn_received_frame *frame, const void *key,
					   size_t key_length, mmn_buffer *out, mmn_error *err)
{
	const mmn_dicom *d = deidentified;
	const mmn_dicom_element *instance = mmn_dicom_find(d, 0x00080018);
	const char *syntax = mmn_dicom_transfer_syntax(original);
	char subject[MMN_SUBJECT_HASH_SIZE];
	mmn_status status;

	mmn_buffer_byte(out, '{');
	put_string(out, "media_type", "application/dicom");
	if (mmn_dicom_subject_hash(original, key, key_length, subject))
		put_string(out, "subject_hash", subject);
	put_attribute(out, "study_uid", d, mmn_dicom_find(d, 0x0020000D));
	put_attribute(out, "series_uid", d, mmn_dicom_find(d, 0x0020000E));
	if (!instance || instance->length == 0)
		instance = mmn_dicom_find(d, 0x00020003);
	put_attribute(out, "sop_instance_uid", d, instance);
	put_attribute(out, "sop_class_uid", d, mmn_dicom_find(d, 0x00020002));
	if (strspn(syntax, "0123456789.") == strlen(syntax))
		put_string(out, "transfer_syntax_uid", syntax);
	put_string(out, "photometric", photometric_name(pixels->photometric));
	put_key(out, "bits_stored");
	mmn_buffer_printf(out, "%u", pixels->bits_stored);
	put_attribute(out, "modality", d, mmn_dicom_find(d, 0x00080060));
	put_anatomy(out, d);
	put_frame(out, frame, pixels->frames);
	put_string(out, "quarantine", mmn_dicom_quarantine(original));
	put_key(out, "attributes");
	status = mmn_dicom_json(charsets, d, out, err);
	mmn_buffer_byte(out, '}');
	return status != MMN_OK ? status : mmn_buffer_status(out, err);
}

mmn_status
mmn_image_receive_json(const char *media_type, const mmn_received_frame *frame,
					   uint32_t frames, const mmn_buffer *attributes,
					   mmn_buffer *out, mmn_error *err)
{
	mmn_buffer_byte(out, '{');
	put_string(out, "media_type", media_type);
	put_frame(out, frame, frames);
	if (attributes)
	{
		put_key(out, "attributes");
		mmn_buffer_append(out, attributes->bytes, attributes->length);
	}
	mmn_buffer_byte(out, '}');
	return mmn_buffer_status(out, err);
}
