#include "dicom/frames.h"
#include "dicom/dicom_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/*
 * What a data set says of its pixels.
 */

/* What a SOP class (PS3.4 B.5, PS3.3 for the rest) without pixels is. */
static const struct
{
	const char *prefix; /* ends in a dot: all below it */
	const char *what;
} pixel_less[] = {
	{"1.2.840.10008.1.3.10", "a DICOM directory (DICOMDIR)"},
	{"1.2.840.10008.5.1.4.1.1.4.2", "MR spectroscopy"},
	{"1.2.840.10008.5.1.4.1.1.4.3", "MR spectroscopy"},
	{"1.2.840.10008.5.1.4.1.1.8", "a modality or VOI lookup table"},
	{"1.2.840.10008.5.1.4.1.1.9.", "a waveform"},
	{"1.2.840.10008.5.1.4.1.1.9", "a standalone curve"},
	{"1.2.840.10008.5.1.4.1.1.11.", "a presentation state"},
	{"1.2.840.10008.5.1.4.1.1.66.1", "a spatial registration"},
	{"1.2.840.10008.5.1.4.1.1.66.2", "spatial fiducials"},
	{"1.2.840.10008.5.1.4.1.1.66.3", "a deformable registration"},
	{"1.2.840.10008.5.1.4.1.1.66.5", "a surface segmentation"},
	{"1.2.840.10008.5.1.4.1.1.66.6", "tractography results"},
	{"1.2.840.10008.5.1.4.1.1.66", "raw data"},
	{"1.2.840.10008.5.1.4.1.1.67", "a real world value mapping"},
	{"1.2.840.10008.5.1.4.1.1.68.", "a surface scan"},
	{"1.2.840.10008.5.1.4.1.1.78.", "ophthalmic measurements"},
	{"1.2.840.10008.5.1.4.1.1.79.", "ophthalmic measurements"},
	{"1.2.840.10008.5.1.4.1.1.80.", "ophthalmic measurements"},
	{"1.2.840.10008.5.1.4.1.1.88.59", "a selection of key objects"},
	{"1.2.840.10008.5.1.4.1.1.88.", "a structured report"},
	{"1.2.840.10008.5.1.4.1.1.90.1", "a content assessment"},
	{"1.2.840.10008.5.1.4.1.1.91.", "bulk annotations"},
	{"1.2.840.10008.5.1.4.1.1.104.", "an encapsulated document"},
	{"1.2.840.10008.5.1.4.1.1.200.", "a procedure protocol"},
	{"1.2.840.10008.5.1.4.1.1.481.3", "a radiotherapy structure set"},
	{"1.2.840.10008.5.1.4.1.1.481.", "a radiotherapy plan or record"},
	{"1.2.840.10008.5.1.4.34.", "a radiotherapy plan or record"},
	{"1.2.840.10008.5.1.4.38.", "a hanging protocol"},
	{"1.2.840.10008.5.1.4.39.", "a colour palette"},
	{"1.2.840.10008.3.1.2.", "a worklist or procedure step"},
	{"1.2.840.10008.5.1.4.31", "a worklist or procedure step"},
};

static const char *
describe_class(const mmn_dicom *dicom)
{
	char uid[65];

	if (!mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00080016), 0, uid,
						  sizeof uid) &&
		!mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00020002), 0, uid,
						  sizeof uid))
		return mmn_dicom_find(dicom, 0x00041220)
				   ? "a DICOM directory (DICOMDIR)"
				   : "a DICOM object without pixel data";
	for (size_t i = 0; i < sizeof pixel_less / sizeof pixel_less[0]; i++)
	{
		const char *prefix = pixel_less[i].prefix;
		size_t n = strlen(prefix);

		if (prefix[n - 1] == '.' ? strncmp(uid, prefix, n) == 0
								 : strcmp(uid, prefix) == 0)
			return pixel_less[i].what;
	}
	return "a DICOM object without pixel data";
}

static mmn_status
find_pixels(const mmn_dicom *dicom, mmn_pixel_description *out, mmn_error *err)
{
	out->kind = MMN_PIXELS_INTEGER;
	out->data = mmn_dicom_find(dicom, 0x7FE00010);
	if (!out->data)
	{
		out->kind = MMN_PIXELS_FLOAT;
		out->data = mmn_dicom_find(dicom, 0x7FE00008);
	}
	if (!out->data)
	{
		out->kind = MMN_PIXELS_DOUBLE;
		out->data = mmn_dicom_find(dicom, 0x7FE00009);
	}
	if (!out->data && mmn_dicom_find(dicom, 0x00287FE0))
		return mmn_fail(err, MMN_UNSUPPORTED,
						"the pixel data are elsewhere, at an address that the "
						"file names");
	if (!out->data)
		return mmn_fail(err, MMN_NOT_IMAGE, "the file holds no image: it is %s",
						describe_class(dicom));
	if (out->data->length == 0)
		return mmn_fail(err, MMN_BAD_DATA, "pixel data are empty");
	out->encapsulated = out->data->encapsulated;
	return MMN_OK;
}

/* Letter by letter and digit by digit: "Monochrome 2" is MONOCHROME2. */
static bool
same_term(const char *said, const char *term)
{
	for (;; said++, term++)
	{
		while (*said == ' ' || *said == '_')
			said++;
		while (*term == ' ' || *term == '_')
			term++;
		if ((*said >= 'a' && *said <= 'z' ? *said - 'a' + 'A' : *said) != *term)
			return false;
		if (*term == '\0')
			return true;
	}
}

/* An attribute of VR US; the default when absent.  false: out of range. */
static bool
read_short(const mmn_dicom *dicom, uint32_t tag, uint16_t fallback,
		   uint16_t *out)
{
	int64_t v;

	*out = fallback;
	if (!mmn_dicom_int(dicom, mmn_dicom_find(dicom, tag), 0, &v))
		return true;
	*out = (uint16_t)v;
	return v >= 0 && v <= UINT16_MAX;
}

/* Photometric interpretations, and how many samples each has. */
static const struct photometric_term
{
	const char *term;
	mmn_photometric code;
	uint16_t samples;
} photometric_terms[] = {
	{"MONOCHROME1", MMN_MONOCHROME1, 1},
	{"MONOCHROME2", MMN_MONOCHROME2, 1},
	{"PALETTE COLOR", MMN_PALETTE_COLOR, 1},
	{"RGB", MMN_RGB, 3},
	{"YBR_FULL", MMN_YBR_FULL, 3},
	{"YBR_FULL_422", MMN_YBR_FULL_422, 3},
	{"YBR_PARTIAL_422", MMN_YBR_PARTIAL_422, 3},
	{"YBR_PARTIAL_420", MMN_YBR_PARTIAL_420, 3},
	{"YBR_ICT", MMN_YBR_ICT, 3},
	{"YBR_RCT", MMN_YBR_RCT, 3},
	{"XYB", MMN_XYB, 3},
};

/* NULL when the term is none of these. */
static const struct photometric_term *
find_photometric(const char *said)
{
	for (size_t i = 0;
		 i < sizeof photometric_terms / sizeof photometric_terms[0]; i++)
		if (same_term(said, photometric_terms[i].term))
			return &photometric_terms[i];
	return NULL;
}

/* Whether native pixel data are as long as they are said to be, no longer. */
static bool
fits(const mmn_pixel_description *p)
{
	size_t length = mmn_dicom_native_length(p);

	return !p->encapsulated && length < SIZE_MAX &&
		   p->data->length + p->data->length % 2 == length + length % 2;
}

/*
 * Samples per Pixel, where it is missing those that the photometric
 * interpretation has, and Planar Configuration, which is of several only.
 */
static mmn_status
read_samples(const mmn_dicom *dicom, mmn_pixel_description *out, mmn_error *err)
{
	const mmn_dicom_element *term = mmn_dicom_find(dicom, 0x00280004);
	const struct photometric_term *known = NULL;
	char said[17];

	if (mmn_dicom_string(dicom, term, 0, said, sizeof said))
		known = find_photometric(said);
	if (!read_short(dicom, 0x00280002, known ? known->samples : 1,
					&out->samples_per_pixel) ||
		(out->samples_per_pixel != 1 && out->samples_per_pixel != 3))
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported number of samples per pixel: %u",
						out->samples_per_pixel);
	if (out->samples_per_pixel > 1 &&
		(!read_short(dicom, 0x00280006, 0, &out->planar) || out->planar > 1))
		return mmn_fail(err, MMN_BAD_DATA,
						"planar configuration is not 0 "
						"or 1");
	return MMN_OK;
}

/* A term that is of another number of samples yields to pixel data that fit. */
static mmn_status
read_photometric(const mmn_dicom *dicom, mmn_pixel_description *out,
				 mmn_error *err)
{
	const struct photometric_term *known;
	char said[17];

	/* ACR-NEMA files and careless writers leave it out */
	out->photometric = out->samples_per_pixel == 3 ? MMN_RGB : MMN_MONOCHROME2;
	if (!mmn_dicom_string(dicom, mmn_dicom_find(dicom, 0x00280004), 0, said,
						  sizeof said))
		return MMN_OK;
	known = find_photometric(said);
	if (!known)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported photometric interpretation");
	if (known->samples == out->samples_per_pixel)
		out->photometric = known->code;
	else if (!fits(out))
		return mmn_fail(err, MMN_BAD_DATA,
						"photometric interpretation %s with %u samples "
						"per pixel",
						known->term, out->samples_per_pixel);
	return MMN_OK;
}

static mmn_status
read_bits(const mmn_dicom *dicom, mmn_pixel_description *out, mmn_error *err)
{
	uint16_t representation;

	if (!read_short(dicom, 0x00280100, 0, &out->bits_allocated) ||
		!read_short(dicom, 0x00280101, out->bits_allocated,
					&out->bits_stored) ||
		!read_short(dicom, 0x00280102, out->bits_stored - 1, &out->high_bit) ||
		!read_short(dicom, 0x00280103, 0, &representation))
		return mmn_fail(err, MMN_BAD_DATA,
						"bits allocated or stored are "
						"out of range");
	out->is_signed = representation == 1;
	if (out->bits_allocated == 0)
		return mmn_fail(err, MMN_BAD_DATA,
						"bits allocated (0028,0100) are "
						"missing");
	if (out->kind != MMN_PIXELS_INTEGER)
	{
		uint16_t want = out->kind == MMN_PIXELS_FLOAT ? 32 : 64;

		if (out->bits_allocated != want || out->samples_per_pixel != 1 ||
			out->encapsulated)
			return mmn_fail(err, MMN_BAD_DATA,
							"floating-point pixel data with %u bits allocated "
							"and %u samples per pixel",
							out->bits_allocated, out->samples_per_pixel);
		out->bits_stored = want;
		out->high_bit = want - 1;
		return MMN_OK;
	}
	switch (out->bits_allocated)
	{
		case 1:
		case 8:
		case 12:
		case 16:
		case 32:
		case 64:
			break;
		default:
			return mmn_fail(err, MMN_UNSUPPORTED,
							"unsupported number of bits allocated: %u",
							out->bits_allocated);
	}
	/* 12 are packed three bytes to two samples (retired); codecs give words */
	if (out->bits_allocated == 12 && out->encapsulated)
		out->bits_allocated = 16;
	/* bits stored that cannot be are all, of pixel data that fit */
	if ((out->bits_stored == 0 || out->bits_stored > out->bits_allocated) &&
		fits(out))
		out->bits_stored = out->bits_allocated;
	if (out->bits_stored == 0 || out->bits_stored > out->bits_allocated)
		return mmn_fail(err, MMN_BAD_DATA, "%u bits stored of %u allocated",
						out->bits_stored, out->bits_allocated);
	/* a high bit that cannot be is taken for the usual one */
	if (out->high_bit >= out->bits_allocated ||
		out->high_bit + 1 < out->bits_stored)
		out->high_bit = out->bits_stored - 1;
	return MMN_OK;
}

mmn_status
mmn_dicom_describe_pixels(const mmn_dicom *dicom, mmn_pixel_description *out,
						  mmn_error *err)
{
	uint16_t rows, columns;
	int64_t frames;
	mmn_status status;

	memset(out, 0, sizeof *out);
	status = find_pixels(dicom, out, err);
	if (status != MMN_OK)
		return status;
	if (!read_short(dicom, 0x00280010, 0, &rows) ||
		!read_short(dicom, 0x00280011, 0, &columns) || rows == 0 ||
		columns == 0)
		return mmn_fail(err, MMN_BAD_DATA,
						"rows (0028,0010) or columns (0028,0011) are missing "
						"or zero");
	out->rows = rows;
	out->columns = columns;
	status = read_samples(dicom, out, err);
	if (status != MMN_OK)
		return status;
	out->frames = 1;
	if (mmn_dicom_int(dicom, mmn_dicom_find(dicom, 0x00280008), 0, &frames) &&
		frames != 0)
	{
		if (frames < 0 || frames > INT32_MAX)
			return mmn_fail(err, MMN_BAD_DATA,
							"number of frames (0028,0008) is out of range");
		out->frames = (uint32_t)frames;
	}
	status = read_bits(dicom, out, err);
	if (status != MMN_OK)
		return status;
	return read_photometric(dicom, out, err);
}

/* Cells of 32 bits that are enough to know them all by. */
#define SAMPLED_CELLS (1 << 16)

/*
 * Whether the first 16 bits of cells of 32 are the lower half: the upper half
 * varies less from one cell to the next.
 */
static bool
begins_with_lower(const mmn_dicom_element *data)
{
	size_t n = data->length / 4;
	uint64_t first = 0, second = 0;

	if (n > SAMPLED_CELLS)
		n = SAMPLED_CELLS;
	for (size_t i = 1; i < n; i++)
	{
		const uint8_t *p = data->value + 4 * i;

		first += (uint64_t)abs(mmn_load_u16be(p) - mmn_load_u16be(p - 4));
		second += (uint64_t)abs(mmn_load_u16be(p + 2) - mmn_load_u16be(p - 2));
	}
	return second < first;
}

unsigned
mmn_dicom_pixel_unit(const mmn_dicom_element *data, int64_t bits_allocated)
{
	if (bits_allocated == 32 && data->tag == 0x7FE00010 && data->big_endian &&
		!data->encapsulated && begins_with_lower(data))
		return 2;
	if (bits_allocated == 16 || bits_allocated == 32 || bits_allocated == 64)
		return (unsigned)bits_allocated / 8;
	return strcmp(data->vr, "OB") == 0 ? 1 : 2;
}
