#include "dicom/display.h"

#include <string.h>

#include "dicom/lut.h"

#define SOP_CLASS MMN_TAG(0x0008, 0x0016)
#define MODALITY MMN_TAG(0x0008, 0x0060)
#define MODALITY_LUT_SEQUENCE MMN_TAG(0x0028, 0x3000)
#define VOI_LUT_SEQUENCE MMN_TAG(0x0028, 0x3010)
#define FRAME_VOI_LUT_SEQUENCE MMN_TAG(0x0028, 0x9132)
#define SEGMENT_SEQUENCE MMN_TAG(0x0062, 0x0002)
#define SEGMENT_NUMBER MMN_TAG(0x0062, 0x0004)
#define MAXIMUM_FRACTIONAL_VALUE MMN_TAG(0x0062, 0x000E)

/* Black at 0, white at "most". */
static void
show_up_to(double most, mmn_image *image)
{
	image->window_center = most / 2;
	image->window_width = most;
	image->flags |= MMN_IMAGE_LINEAR_EXACT;
}

/* PS3.3 A.51 and A.90 */
static bool
is_segmentation(const mmn_dicom *dicom, const char *modality)
{
	char uid[65];

	return strcmp(modality, "SEG") == 0 ||
		   (mmn_dicom_string(dicom, mmn_dicom_find(dicom, SOP_CLASS), 0, uid,
							 sizeof uid) &&
			(strcmp(uid, "1.2.840.10008.5.1.4.1.1.66.4") == 0 ||
			 strcmp(uid, "1.2.840.10008.5.1.4.1.1.66.7") == 0));
}

/* The largest value of a segmentation's samples; 0: it does not say. */
static int64_t
largest_segment(const mmn_dicom *dicom)
{
	const mmn_dicom_element *segments = mmn_dicom_find(dicom, SEGMENT_SEQUENCE);
	int64_t largest = 0, n;

	if (mmn_dicom_int(dicom, mmn_dicom_find(dicom, MAXIMUM_FRACTIONAL_VALUE), 0,
					  &n))
		return n;
	if (!segments)
		return 0;
	/* in one pass: they may be many */
	for (size_t i = (size_t)(segments - mmn_dicom_at(dicom, 0)) + 1;
		 i < segments->end; i = mmn_dicom_at(dicom, i)->end)
	{
		const mmn_dicom_element *e = mmn_dicom_at(dicom, i);

		if (e->tag == SEGMENT_NUMBER && mmn_dicom_int(dicom, e, 0, &n) &&
			n > largest)
			largest = n;
	}
	return largest;
}

static mmn_status
read_table(const mmn_env *env, const mmn_dicom *dicom, uint32_t frame,
		   mmn_image *image, mmn_error *err)
{
	mmn_lut lut;
	mmn_status status = mmn_lut_read_voi(
		env, dicom,
		mmn_dicom_frame_attribute(dicom, frame, FRAME_VOI_LUT_SEQUENCE,
								  VOI_LUT_SEQUENCE),
		&lut, err);

	if (status != MMN_OK || !lut.values)
		return status;
	image->voi = lut.values;
	image->voi_first = lut.first;
	image->voi_entries = lut.entries;
	image->flags |= MMN_IMAGE_VOI_TABLE;
	return MMN_OK;
}

static bool
is_measured(const char *modality)
{
	static const char measured[][3] = {"CR", "CT", "DX", "MG",
									   "MR", "NM", "PT"};

	for (size_t i = 0; i < sizeof measured / sizeof measured[0]; i++)
		if (strcmp(modality, measured[i]) == 0)
			return true;
	return false;
}

/* What the file does not say. */
static void
suppose(const mmn_dicom *dicom, const mmn_pixel_description *pixels,
		const char *modality, mmn_image *image)
{
	int64_t largest =
		is_segmentation(dicom, modality) ? largest_segment(dicom) : 0;

	if (pixels->bits_stored == 1)
	{
		image->window_center = 0.5;
		image->window_width = 1;
	}
	else if (largest > 0)
		show_up_to((double)largest, image);
	else if (image->sample_type == MMN_U8 && pixels->bits_stored < 8 &&
			 !mmn_dicom_find(dicom, MODALITY_LUT_SEQUENCE))
		show_up_to((1 << pixels->bits_stored) - 1, image);
	else if (image->sample_type == MMN_U8 && is_measured(modality))
		image->flags |= MMN_IMAGE_MEASURED;
}

mmn_status
mmn_dicom_display(const mmn_env *env, const mmn_dicom *dicom,
				  const mmn_pixel_description *pixels, uint32_t frame,
				  mmn_image *image, mmn_error *err)
{
	char modality[17] = "";
	bool stated = false;
	mmn_status status = MMN_OK;

	if (image->channels == 3)
	{
		/* palettes and 16 bits use all of their range */
		if (image->sample_type == MMN_U16 && pixels->bits_stored < 16 &&
			pixels->photometric != MMN_PALETTE_COLOR)
			show_up_to((1 << pixels->bits_stored) - 1, image);
		return MMN_OK;
	}
	mmn_dicom_string(dicom, mmn_dicom_find(dicom, MODALITY), 0, modality,
					 sizeof modality);
	if (strcmp(modality, "MR") != 0)
	{
		stated = mmn_dicom_window(dicom, frame, &image->window_center,
								  &image->window_width);
		if (stated)
			image->flags |= mmn_dicom_window_function(dicom, frame);
		if (!stated || strcmp(modality, "CT") != 0)
			status = read_table(env, dicom, frame, image, err);
	}
	if (!stated && !image->voi)
		suppose(dicom, pixels, modality, image);
	return status;
}
