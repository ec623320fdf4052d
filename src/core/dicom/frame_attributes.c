#include <math.h>
#include <string.h>

#include "dicom/frames.h"

/* Attributes that may differ from frame to frame. */

#define SHARED_GROUPS MMN_TAG(0x5200, 0x9229)

const mmn_dicom_element *
mmn_dicom_frame_group(const mmn_dicom *dicom, uint32_t frame, uint32_t group)
{
	const mmn_dicom_element *e;

	e = mmn_dicom_find_in(dicom, mmn_dicom_find(dicom, MMN_PER_FRAME_GROUPS),
						  frame - 1, group);
	if (!e)
		e = mmn_dicom_find_in(dicom, mmn_dicom_find(dicom, SHARED_GROUPS), 0,
							  group);
	return e ? e : mmn_dicom_find(dicom, group);
}

const mmn_dicom_element *
mmn_dicom_frame_attribute(const mmn_dicom *dicom, uint32_t frame,
						  uint32_t group, uint32_t tag)
{
	const mmn_dicom_element *e;

	e = mmn_dicom_find_in(dicom, mmn_dicom_find(dicom, MMN_PER_FRAME_GROUPS),
						  frame - 1, group);
	e = mmn_dicom_find_in(dicom, e, 0, tag);
	if (e)
		return e;
	e = mmn_dicom_find_in(dicom, mmn_dicom_find(dicom, SHARED_GROUPS), 0,
						  group);
	e = mmn_dicom_find_in(dicom, e, 0, tag);
	if (e)
		return e;
	return mmn_dicom_find(dicom, tag);
}

/*
 * Whether there is an element, but no number in it: something else, or nothing,
 * as de-identification leaves of something else.
 */
static bool
is_garbled(const mmn_dicom *dicom, const mmn_dicom_element *e)
{
	double number;

	return e && !mmn_dicom_double(dicom, e, 0, &number);
}

bool
mmn_dicom_rescale(const mmn_dicom *dicom, uint32_t frame, double *slope,
				  double *intercept, uint8_t *unit)
{
	const uint32_t group = 0x00289145; /* Pixel Value Transformation */
	const mmn_dicom_element *slopes =
		mmn_dicom_frame_attribute(dicom, frame, group, 0x00281053);
	const mmn_dicom_element *intercepts =
		mmn_dicom_frame_attribute(dicom, frame, group, 0x00281052);
	char type[17], modality[17] = "", units[17];
	bool scaled;

	*slope = 1;
	*intercept = 0;
	*unit = MMN_UNIT_RAW;
	if (is_garbled(dicom, slopes) || is_garbled(dicom, intercepts))
		return false;
	scaled = mmn_dicom_double(dicom, slopes, 0, slope);
	mmn_dicom_double(dicom, intercepts, 0, intercept);
	if (*slope == 0)
	{
		/* would make all samples alike: a writer's way to say "none" */
		*slope = 1;
		scaled = false;
	}
	mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00080060), 0, modality,
					 sizeof modality);
	if (mmn_dicom_string(
			dicom, mmn_dicom_frame_attribute(dicom, frame, group, 0x00281054),
			0, type, sizeof type))
	{
		if (strcmp(type, "HU") == 0)
			*unit = MMN_UNIT_HU;
		else if (strcmp(type, "OD") == 0)
			*unit = MMN_UNIT_OD;
		else if (strcmp(type, "US") == 0)
			*unit = MMN_UNIT_US;
	}
	else if (scaled && strcmp(modality, "CT") == 0)
		*unit = MMN_UNIT_HU;
	/* PET: PS3.3 C.8.9.1; GML is standardized uptake value in g/ml */
	if (mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00541001), 0, units,
						 sizeof units))
	{
		if (strcmp(units, "BQML") == 0)
			*unit = MMN_UNIT_BQML;
		else if (strcmp(units, "GML") == 0)
			*unit = MMN_UNIT_SUV;
	}
	return true;
}

static bool
spacing_pair(const mmn_dicom *dicom, const mmn_dicom_element *e, double *row,
			 double *column)
{
	double r, c;

	/* a spacing of more than 10 m is a mistake */
	if (!mmn_dicom_double(dicom, e, 0, &r) ||
		!mmn_dicom_double(dicom, e, 1, &c) || r <= 0 || c <= 0 || r > 1e4 ||
		c > 1e4)
		return false;
	*row = r;
	*column = c;
	return true;
}

/*
 * Ultrasound: PS3.3 C.8.5.5.  The 2D regions calibrated in cm, when they all
 * say the same.
 */
static void
ultrasound_spacing(const mmn_dicom *dicom, double *row, double *column)
{
	const mmn_dicom_element *regions = mmn_dicom_find(dicom, 0x00186011);
	double r = 0, c = 0;

	for (uint32_t i = 0; regions && i < regions->items && i < 64; i++)
	{
		int64_t format = 0, unit_x = 0, unit_y = 0;
		double x, y;

		mmn_dicom_int(dicom, mmn_dicom_find_in(dicom, regions, i, 0x00186012),
					  0, &format);
		mmn_dicom_int(dicom, mmn_dicom_find_in(dicom, regions, i, 0x00186024),
					  0, &unit_x);
		mmn_dicom_int(dicom, mmn_dicom_find_in(dicom, regions, i, 0x00186026),
					  0, &unit_y);
		if (format != 1 || unit_x != 3 || unit_y != 3)
			continue;
		if (!mmn_dicom_double(dicom,
							  mmn_dicom_find_in(dicom, regions, i, 0x0018602C),
							  0, &x) ||
			!mmn_dicom_double(
				dicom, mmn_dicom_find_in(dicom, regions, i, 0x0018602E), 0, &y))
			continue;
		x = fabs(x) * 10;
		y = fabs(y) * 10;
		if (x <= 0 || y <= 0 || x > 1e4 || y > 1e4)
			continue;
		if (r > 0 && (fabs(y - r) > 0.01 * r || fabs(x - c) > 0.01 * c))
			return;
		r = y;
		c = x;
	}
	*row = r;
	*column = c;
}

void
mmn_dicom_spacing(const mmn_dicom *dicom, uint32_t frame, double *row,
				  double *column)
{
	*row = *column = 0;
	if (spacing_pair(
			dicom,
			mmn_dicom_frame_attribute(dicom, frame, 0x00289110, 0x00280030),
			row, column))
		return;
	if (spacing_pair(dicom, mmn_dicom_find(dicom, 0x00181164), row, column))
		return;
	if (spacing_pair(dicom, mmn_dicom_find(dicom, 0x00182010), row, column))
		return;
	ultrasound_spacing(dicom, row, column);
}

#define FRAME_VOI_LUT 0x00289132

uint32_t
mmn_dicom_window_function(const mmn_dicom *dicom, uint32_t frame)
{
	char term[17];

	if (!mmn_dicom_string(
			dicom,
			mmn_dicom_frame_attribute(dicom, frame, FRAME_VOI_LUT, 0x00281056),
			0, term, sizeof term))
		return 0;
	if (strcmp(term, "LINEAR_EXACT") == 0)
		return MMN_IMAGE_LINEAR_EXACT;
	return strcmp(term, "SIGMOID") == 0 ? MMN_IMAGE_SIGMOID : 0;
}

bool
mmn_dicom_window(const mmn_dicom *dicom, uint32_t frame, double *center,
				 double *width)
{
	*center = *width = 0;
	if (!mmn_dicom_double(
			dicom,
			mmn_dicom_frame_attribute(dicom, frame, FRAME_VOI_LUT, 0x00281050),
			0, center) ||
		!mmn_dicom_double(
			dicom,
			mmn_dicom_frame_attribute(dicom, frame, FRAME_VOI_LUT, 0x00281051),
			0, width) ||
		*width <= 0 ||
		(*width < 1 && mmn_dicom_window_function(dicom, frame) == 0))
	{
		*center = *width = 0;
		return false;
	}
	return true;
}

bool
mmn_dicom_has_palette(const mmn_dicom *dicom,
					  const mmn_pixel_description *pixels, uint32_t frame,
					  bool *mixed)
{
	/* frame types of CT, MR, PET, and of derived maps */
	static const uint32_t groups[] = {0x00189329, 0x00189226, 0x00189751,
									  0x00409092};
	char term[17] = "";

	*mixed = false;
	if (pixels->photometric == MMN_PALETTE_COLOR)
		return true;
	if (pixels->photometric != MMN_MONOCHROME2 ||
		pixels->kind != MMN_PIXELS_INTEGER || pixels->bits_allocated > 16 ||
		!mmn_dicom_find(dicom, 0x00281101))
		return false;
	for (size_t i = 0; i < sizeof groups / sizeof groups[0] && !term[0]; i++)
		mmn_dicom_string(
			dicom,
			mmn_dicom_find_in(dicom,
							  mmn_dicom_frame_group(dicom, frame, groups[i]), 0,
							  0x00089205),
			0, term, sizeof term);
	if (!term[0])
		mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00089205), 0, term,
						 sizeof term);
	*mixed = strcmp(term, "MIXED") == 0;
	return *mixed || strcmp(term, "COLOR") == 0;
}
