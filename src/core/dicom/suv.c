#include "dicom/suv.h"

#include <math.h>
#include <string.h>

#include "dicom/dictionary.h"
#include "dicom/real_world.h"
#include "dicom/values.h"

/*
 * SUVbw = activity concentration * body weight / activity injected, the latter
 * decayed to the time that the image's own values are corrected to.  The way to
 * the numbers follows the vendor-neutral computation of QIBA's FDG-PET/CT group;
 * where that goes on by guessing, there is no SUV here.
 */

#define SOP_CLASS MMN_TAG(0x0008, 0x0016)
#define SERIES_DATE MMN_TAG(0x0008, 0x0021)
#define ACQUISITION_DATE MMN_TAG(0x0008, 0x0022)
#define SERIES_TIME MMN_TAG(0x0008, 0x0031)
#define ACQUISITION_TIME MMN_TAG(0x0008, 0x0032)
#define MODALITY MMN_TAG(0x0008, 0x0060)
#define TIMEZONE_OFFSET MMN_TAG(0x0008, 0x0201)
#define PATIENT_WEIGHT MMN_TAG(0x0010, 0x1030)
#define INJECTION_TIME MMN_TAG(0x0018, 0x1072)
#define TOTAL_DOSE MMN_TAG(0x0018, 0x1074)
#define HALF_LIFE MMN_TAG(0x0018, 0x1075)
#define INJECTION_DATE_TIME MMN_TAG(0x0018, 0x1078)
#define DECAY_CORRECTION_DATE_TIME MMN_TAG(0x0018, 0x9701)
#define DECAY_CORRECTED MMN_TAG(0x0018, 0x9758)
#define ATTENUATION_CORRECTED MMN_TAG(0x0018, 0x9759)
#define CORRECTED_IMAGE MMN_TAG(0x0028, 0x0051)
#define MODALITY_LUT_SEQUENCE MMN_TAG(0x0028, 0x3000)
#define RADIOPHARMACEUTICALS MMN_TAG(0x0054, 0x0016)
#define UNITS MMN_TAG(0x0054, 0x1001)
#define DECAY_CORRECTION MMN_TAG(0x0054, 0x1102)
#define PHILIPS_CREATOR MMN_TAG(0x7053, 0x0010)
#define PHILIPS_SUV_FACTOR MMN_TAG(0x7053, 0x1000)
#define PHILIPS_ACTIVITY_FACTOR MMN_TAG(0x7053, 0x1009)

#define ENHANCED_PET "1.2.840.10008.5.1.4.1.1.130"

#define DAY 86400.0

/* Days are counted from 1970; those of a date that is none are not. */
static bool
parse_date(const char *text, double *seconds)
{
	int v[8];
	int year, month, day;
	int64_t era, of_era, of_year;

	for (int i = 0; i < 8; i++)
	{
		v[i] = text[i] - '0';
		if (v[i] < 0 || v[i] > 9)
			return false;
	}
	year = v[0] * 1000 + v[1] * 100 + v[2] * 10 + v[3];
	month = v[4] * 10 + v[5];
	day = v[6] * 10 + v[7];
	if (year < 1900 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	/* the Gregorian calendar with years from March, so that leap days end one */
	year -= month <= 2;
	era = year / 400;
	of_era = year % 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	*seconds = DAY * (double)(era * 146097 + of_era * 365 + of_era / 4 -
							  of_era / 100 + of_year - 719468);
	return true;
}

/* "HHMMSS.FFFFFF", of which minutes and what follows may be missing. */
static bool
parse_time(const char *text, double *seconds)
{
	static const double unit[3] = {3600, 60, 1};
	static const int most[3] = {23, 59, 60};
	double fraction = 1;

	*seconds = 0;
	for (int i = 0; i < 3 && (i == 0 || *text); i++, text += 2)
	{
		int v;

		if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
			return false;
		v = (text[0] - '0') * 10 + text[1] - '0';
		if (v > most[i])
			return false;
		*seconds += v * unit[i];
	}
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++)
			*seconds += (*text - '0') * (fraction /= 10);
	return *text == '\0';
}

static bool
date_and_time(const mmn_dicom *dicom, uint32_t date_tag, uint32_t time_tag,
			  double *seconds)
{
	char date[17], time[17];
	double days;

	if (!mmn_dicom_string(dicom, mmn_dicom_find(dicom, date_tag), 0, date,
						  sizeof date) ||
		!mmn_dicom_string(dicom, mmn_dicom_find(dicom, time_tag), 0, time,
						  sizeof time) ||
		!parse_date(date, &days) || date[8] != '\0' ||
		!parse_time(time, seconds))
		return false;
	*seconds += days;
	return true;
}

/* Text of a private element, whose VR implicit files do not tell. */
static bool
private_text(const mmn_dicom *dicom, uint32_t tag, char out[33])
{
	const mmn_dicom_element *e = mmn_dicom_find(dicom, tag);
	size_t length = e ? e->length : 0;

	if (length == 0 || length > 32 ||
		(strcmp(e->vr, "UN") != 0 && !mmn_vr_find(e->vr)->text))
		return false;
	memcpy(out, e->value, length);
	while (length > 0 && mmn_dicom_is_padding(out[length - 1]))
		length--;
	out[length] = '\0';
	return true;
}

/* When the scan began, in GE's group. */
static bool
ge_scan_time(const mmn_dicom *dicom, double *seconds)
{
	char text[33];
	double days;

	for (uint32_t block = 0x10; block <= 0xFF; block++)
		if (private_text(dicom, MMN_TAG(0x0009, block), text) &&
			strcmp(text, "GEMS_PETD_01") == 0)
		{
			if (!private_text(dicom, MMN_TAG(0x0009, block << 8 | 0x0D),
							  text) ||
				!parse_date(text, &days) || !parse_time(text + 8, seconds))
				return false;
			*seconds += days;
			return true;
		}
	return false;
}

/*
 * The time that values are corrected to: the start of the series, unless that
 * is later than the acquisition, as in series that were made of others; then
 * only GE tells.
 */
static bool
scan_time(const mmn_dicom *dicom, double *seconds)
{
	double acquisition;

	if (date_and_time(dicom, SERIES_DATE, SERIES_TIME, seconds) &&
		date_and_time(dicom, ACQUISITION_DATE, ACQUISITION_TIME,
					  &acquisition) &&
		*seconds <= acquisition)
		return true;
	return ge_scan_time(dicom, seconds);
}

/*
 * A DT.  zone gets its offset from UTC: that of the data set where it has none,
 * "" where that has none either.
 */
static bool
parse_date_time(const mmn_dicom *dicom, const mmn_dicom_element *e,
				double *seconds, char zone[17])
{
	char text[33], *sign;
	double days;

	zone[0] = '\0';
	mmn_dicom_string(dicom, mmn_dicom_find(dicom, TIMEZONE_OFFSET), 0, zone,
					 17);
	if (!mmn_dicom_string(dicom, e, 0, text, sizeof text))
		return false;
	sign = strpbrk(text, "+-");
	if (sign)
	{
		if (strlen(sign) > 16)
			return false;
		strcpy(zone, sign);
		*sign = '\0';
	}
	if (!parse_date(text, &days) || !parse_time(text + 8, seconds))
		return false;
	*seconds += days;
	return true;
}

/* When the activity was measured, which is the time of its injection. */
static bool
injection_time(const mmn_dicom *dicom, const mmn_dicom_element *drugs,
			   double scan, double *seconds)
{
	const mmn_dicom_element *e =
		mmn_dicom_find_in(dicom, drugs, 0, INJECTION_DATE_TIME);
	char text[33], zone[17], own[17] = "";

	mmn_dicom_string(dicom, mmn_dicom_find(dicom, TIMEZONE_OFFSET), 0, own,
					 sizeof own);
	if (mmn_dicom_string(dicom, e, 0, text, sizeof text))
		/* not of another zone than the scan's, or one that is not known */
		return parse_date_time(dicom, e, seconds, zone) &&
			   strcmp(zone, own) == 0 && *seconds <= scan;
	if (!mmn_dicom_string(dicom,
						  mmn_dicom_find_in(dicom, drugs, 0, INJECTION_TIME), 0,
						  text, sizeof text) ||
		!parse_time(text, seconds))
		return false;
	/* on the day of the scan, or before its midnight */
	*seconds += floor(scan / DAY) * DAY;
	if (*seconds > scan)
		*seconds -= DAY;
	return true;
}

static bool
positive(const mmn_dicom *dicom, const mmn_dicom_element *e, double least,
		 double most, double *out)
{
	return mmn_dicom_double(dicom, e, 0, out) && *out >= least && *out <= most;
}

/* Whether values are corrected for attenuation and decay. */
static bool
is_corrected(const mmn_dicom *dicom)
{
	const mmn_dicom_element *e = mmn_dicom_find(dicom, CORRECTED_IMAGE);
	bool attenuation = false, decay = false;
	char term[17];

	for (size_t i = 0; i < 16; i++)
		if (mmn_dicom_string(dicom, e, i, term, sizeof term))
		{
			attenuation |= strcmp(term, "ATTN") == 0;
			decay |= strcmp(term, "DECY") == 0;
		}
	return attenuation && decay;
}

/*
 * Of what was given so long ago that less than a millionth is left nothing can
 * be seen.
 */
static bool
remains(double seconds, double half_life, double *part)
{
	double halves = seconds / half_life;

	*part = exp2(-halves);
	return halves >= 0 && halves <= 20;
}

/* From Bq/ml to g/ml. */
static bool
activity_factor(const mmn_dicom *dicom, double *factor)
{
	const mmn_dicom_element *drugs =
		mmn_dicom_find(dicom, RADIOPHARMACEUTICALS);
	double weight, dose, half_life, scan, injection, left = 1;
	char correction[17];

	/*
	 * A dose below 1 MBq is one in MBq, a common mistake; the others are
	 * impossible, or those of a phantom.
	 */
	if (!drugs || drugs->items != 1 || !is_corrected(dicom) ||
		!positive(dicom, mmn_dicom_find(dicom, PATIENT_WEIGHT), 0.001, 1000,
				  &weight) ||
		!positive(dicom, mmn_dicom_find_in(dicom, drugs, 0, TOTAL_DOSE), 1e5,
				  1e12, &dose) ||
		!mmn_dicom_string(dicom, mmn_dicom_find(dicom, DECAY_CORRECTION), 0,
						  correction, sizeof correction))
		return false;
	if (strcmp(correction, "START") == 0)
	{
		if (!positive(dicom, mmn_dicom_find_in(dicom, drugs, 0, HALF_LIFE), 1,
					  1e9, &half_life) ||
			!scan_time(dicom, &scan) ||
			!injection_time(dicom, drugs, scan, &injection) ||
			!remains(scan - injection, half_life, &left))
			return false;
	}
	else if (strcmp(correction, "ADMIN") != 0)
		return false;
	*factor = weight * 1000 / (dose * left);
	return true;
}

/* A number of Philips's group, whose VR implicit files do not tell. */
static bool
philips_number(const mmn_dicom *dicom, uint32_t tag, double *out)
{
	const mmn_dicom_element *e = mmn_dicom_find(dicom, tag);
	const char *text;
	size_t length;

	if (!e || (strcmp(e->vr, "UN") != 0 && strcmp(e->vr, "DS") != 0))
		return false;
	text = (const char *)e->value;
	length = e->length;
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\0'))
		length--;
	while (length > 0 && *text == ' ')
	{
		text++;
		length--;
	}
	return mmn_dicom_parse_number(text, length, out) && *out > 0;
}

/* From counts to g/ml: Philips writes the factor with each image. */
static bool
counts_factor(const mmn_dicom *dicom, double *factor)
{
	static const char creator[] = "Philips PET Private Group";
	const mmn_dicom_element *e = mmn_dicom_find(dicom, PHILIPS_CREATOR);
	double activity;

	if (!e || e->length < sizeof creator - 1 ||
		memcmp(e->value, creator, sizeof creator - 1) != 0)
		return false;
	if (philips_number(dicom, PHILIPS_SUV_FACTOR, factor))
		return true;
	if (!philips_number(dicom, PHILIPS_ACTIVITY_FACTOR, &activity) ||
		!activity_factor(dicom, factor))
		return false;
	*factor *= activity;
	return true;
}

static bool
is_term(const mmn_dicom *dicom, uint32_t tag, const char *term)
{
	char text[65];

	return mmn_dicom_string(dicom, mmn_dicom_find(dicom, tag), 0, text,
							sizeof text) &&
		   strcmp(text, term) == 0;
}

bool
mmn_dicom_enhanced_suv(const mmn_dicom *dicom, double *factor)
{
	const mmn_dicom_element *drugs =
		mmn_dicom_find(dicom, RADIOPHARMACEUTICALS);
	double weight, dose, half_life, corrected, injected, left;
	char zone[2][17];

	/* the dose is in MBq here, not in Bq (PS3.3 C.8.22.4) */
	if (!is_term(dicom, SOP_CLASS, ENHANCED_PET) ||
		!is_term(dicom, MODALITY, "PT") ||
		!is_term(dicom, DECAY_CORRECTED, "YES") ||
		!is_term(dicom, ATTENUATION_CORRECTED, "YES") || !drugs ||
		drugs->items != 1 ||
		!positive(dicom, mmn_dicom_find(dicom, PATIENT_WEIGHT), 0.001, 1000,
				  &weight) ||
		!positive(dicom, mmn_dicom_find_in(dicom, drugs, 0, TOTAL_DOSE), 0.1,
				  1e5, &dose) ||
		!positive(dicom, mmn_dicom_find_in(dicom, drugs, 0, HALF_LIFE), 1, 1e9,
				  &half_life) ||
		!parse_date_time(dicom,
						 mmn_dicom_find(dicom, DECAY_CORRECTION_DATE_TIME),
						 &corrected, zone[0]) ||
		!parse_date_time(
			dicom, mmn_dicom_find_in(dicom, drugs, 0, INJECTION_DATE_TIME),
			&injected, zone[1]) ||
		strcmp(zone[0], zone[1]) != 0 ||
		!remains(corrected - injected, half_life, &left))
		return false;
	*factor = weight * 1000 / (dose * 1e6 * left);
	return true;
}

bool
mmn_dicom_suv(const mmn_dicom *dicom, const mmn_pixel_description *pixels,
			  double *slope, double *intercept)
{
	char term[17];
	double factor;
	uint8_t unit;

	if (!mmn_dicom_string(dicom, mmn_dicom_find(dicom, MODALITY), 0, term,
						  sizeof term) ||
		strcmp(term, "PT") != 0 || pixels->kind != MMN_PIXELS_INTEGER ||
		pixels->samples_per_pixel != 1 || pixels->bits_stored > 16 ||
		mmn_dicom_find(dicom, MODALITY_LUT_SEQUENCE) ||
		mmn_dicom_maps_into(dicom, mmn_dicom_find(dicom, MMN_REAL_WORLD_VALUES),
							MMN_UNIT_SUV) ||
		mmn_dicom_find(dicom, MMN_PER_FRAME_GROUPS) ||
		!mmn_dicom_string(dicom, mmn_dicom_find(dicom, UNITS), 0, term,
						  sizeof term))
		return false;
	if (strcmp(term, "BQML") == 0	? !activity_factor(dicom, &factor)
		: strcmp(term, "CNTS") == 0 ? !counts_factor(dicom, &factor)
									: true)
		return false;
	if (!mmn_dicom_rescale(dicom, 1, slope, intercept, &unit))
		return false;
	*slope *= factor;
	*intercept *= factor;
	return isfinite(*slope) && *slope > 0 && isfinite(*intercept);
}
