#include "dicom/frames.h"
#include "dicom/dicom_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/jpegxl.h"

/* ---- what the data set says ---- */

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

/* ---- native frames ---- */

/* Samples of a frame as native pixel data have them. */
static uint64_t
native_samples(const mmn_pixel_description *p)
{
	/* PS3.3 C.7.6.3.1.2: chrominance of every second column only */
	if (mmn_is_422(p->photometric))
		return (uint64_t)p->rows * ((p->columns + 1u) / 2 * 4);
	return (uint64_t)p->rows * p->columns * p->samples_per_pixel;
}

size_t
mmn_dicom_native_length(const mmn_pixel_description *p)
{
	uint64_t bits;

	/* at most 2^32 * 3 * 64 bits; times 2^31 frames needs the check */
	if (__builtin_mul_overflow(native_samples(p) * p->bits_allocated,
							   (uint64_t)p->frames, &bits) ||
		bits / 8 >= SIZE_MAX)
		return SIZE_MAX;
	return (size_t)(bits / 8 + (bits % 8 != 0));
}

/* Bits of a frame: at most 2^32 * 3 * 64. */
static uint64_t
native_bits(const mmn_pixel_description *p)
{
	return native_samples(p) * p->bits_allocated;
}

bool
mmn_dicom_native_range(const mmn_pixel_description *p, uint32_t frame,
					   uint64_t *start, uint64_t *length)
{
	uint64_t end;

	if (__builtin_mul_overflow(native_bits(p), (uint64_t)frame, &end) ||
		end > UINT64_MAX - 7)
		return false;
	*start = (end - native_bits(p)) / 8;
	*length = (end + 7) / 8 - *start;
	return true;
}

static mmn_status
native_frame(const mmn_pixel_description *p, uint32_t frame,
			 const uint8_t **out, size_t *length, unsigned *bit_offset,
			 mmn_error *err)
{
	uint64_t samples = native_samples(p);
	uint64_t bits, start, end, have;

	if (p->photometric == MMN_YBR_PARTIAL_420)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"uncompressed YBR_PARTIAL_420 is not supported");
	/* at most 2^32 * 3 * 64 bits; times 2^31 frames needs the check */
	if (__builtin_mul_overflow(samples, (uint64_t)p->bits_allocated, &bits) ||
		__builtin_mul_overflow(bits, (uint64_t)frame, &end) ||
		end > UINT64_MAX - 7)
		return mmn_fail(err, MMN_LIMIT, "frame %u is beyond all limits", frame);
	start = end - bits;
	have = (uint64_t)p->data->length;
	if ((end + 7) / 8 > have)
		return mmn_fail(err, MMN_BAD_DATA,
						"pixel data end after %llu of %u frames (%llu bytes, "
						"frame %u needs them up to byte %llu)",
						(unsigned long long)(have * 8 / bits), p->frames,
						(unsigned long long)have, frame,
						(unsigned long long)((end + 7) / 8));
	*out = p->data->value + start / 8;
	*bit_offset = (unsigned)(start % 8);
	*length = (size_t)((end + 7) / 8 - start / 8);
	return MMN_OK;
}

/* ---- encapsulated frames (PS3.5 A.4) ---- */

/* First fragment whose item tag is "offset" bytes after the first one's. */
static bool
fragment_by_offset(const mmn_dicom *dicom, uint64_t offset, size_t *out)
{
	const uint8_t *base = mmn_dicom_fragment_at(dicom, 1)->bytes;
	size_t low = 1, high = mmn_dicom_fragment_count(dicom);

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;
		uint64_t at =
			(uint64_t)(mmn_dicom_fragment_at(dicom, middle)->bytes - base);

		if (at == offset)
		{
			*out = middle;
			return true;
		}
		if (at < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* By the Extended Offset Table: one fragment a frame. */
static bool
by_extended_table(const mmn_dicom *dicom, const mmn_pixel_description *p,
				  uint32_t frame, size_t *first, size_t *last)
{
	const mmn_dicom_element *table = mmn_dicom_find(dicom, 0x7FE00001);

	const uint8_t *entry;

	if (!table || table->length / 8 != p->frames)
		return false;
	entry = table->value + (size_t)(frame - 1) * 8;
	/* no frame is where the one before is */
	if ((frame > 1 && mmn_load_u64le(entry) <= mmn_load_u64le(entry - 8)) ||
		!fragment_by_offset(dicom, mmn_load_u64le(entry), first))
		return false;
	*last = *first;
	return true;
}

/* By the Basic Offset Table, when it has an entry for every frame. */
static bool
by_basic_table(const mmn_dicom *dicom, const mmn_pixel_description *p,
			   uint32_t frame, size_t *first, size_t *last)
{
	const mmn_dicom_fragment *table = mmn_dicom_fragment_at(dicom, 0);
	const uint8_t *entry = table->bytes + (size_t)(frame - 1) * 4;

	if (table->length / 4 != p->frames || mmn_load_u32le(table->bytes) != 0)
		return false;
	/* no frame is where the one before is */
	if (frame > 1 && mmn_load_u32le(entry) <= mmn_load_u32le(entry - 4))
		return false;
	if (!fragment_by_offset(dicom, mmn_load_u32le(entry), first))
		return false;
	if (frame == p->frames)
	{
		*last = mmn_dicom_fragment_count(dicom) - 1;
		return true;
	}
	if (!fragment_by_offset(dicom, mmn_load_u32le(entry + 4), last) ||
		*last <= *first)
		return false;
	(*last)--;
	return true;
}

/* Whether an RLE header (PS3.5 G.5) stands here: 64 bytes, most of them known. */
static bool
begins_rle(const uint8_t *b, size_t length)
{
	uint32_t segments;

	if (length <= 64)
		return false;
	segments = mmn_load_u32le(b);
	if (segments < 1 || segments > 15 || mmn_load_u32le(b + 4) != 64)
		return false;
	for (uint32_t i = 2; i < 16; i++)
	{
		uint32_t offset = mmn_load_u32le(b + (size_t)i * 4);

		if (i <= segments ? offset <= 64 : offset != 0)
			return false;
	}
	return true;
}

/*
 * Whether a compressed image begins here: JPEG and JPEG-LS SOI, a JPEG 2000
 * code stream's SOC and SIZ, the signature box of a JP2 file, JPEG XL, RLE.
 */
bool
mmn_fragment_begins_image(const mmn_dicom_fragment *f)
{
	static const uint8_t jp2[8] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
	const uint8_t *b = f->bytes;

	if (f->length >= 3 && b[0] == 0xFF && b[1] == 0xD8 && b[2] == 0xFF)
		return true;
	if (f->length >= 4 && b[0] == 0xFF && b[1] == 0x4F && b[2] == 0xFF &&
		b[3] == 0x51)
		return true;
	return (f->length >= 8 && memcmp(b, jp2, sizeof jp2) == 0) ||
		   mmn_is_jpegxl(b, f->length) || begins_rle(b, f->length);
}

/* Whether an image ends here (EOI, EOC), but for a few bytes of padding. */
bool
mmn_fragment_ends_image(const mmn_dicom_fragment *f)
{
	for (size_t i = 0; i < 16 && i + 2 <= f->length; i++)
	{
		const uint8_t *b = f->bytes + f->length - 2 - i;

		if (b[0] == 0xFF && b[1] == 0xD9)
			return true;
	}
	return false;
}

/*
 * By looking where images begin.  Entropy-coded data may hold a start marker
 * by chance at a fragment's head: then only those count that follow an end, of
 * which there may be more than the file says.
 */
static bool
by_markers(const mmn_dicom *dicom, const mmn_pixel_description *p,
		   uint32_t frame, size_t *first, size_t *last)
{
	size_t n = mmn_dicom_fragment_count(dicom);

	for (int strict = 0; strict < 2; strict++)
	{
		uint32_t begun = 0;

		for (size_t i = 1; i < n; i++)
		{
			const mmn_dicom_fragment *f = mmn_dicom_fragment_at(dicom, i);

			if (!mmn_fragment_begins_image(f) ||
				(strict && i > 1 &&
				 !mmn_fragment_ends_image(mmn_dicom_fragment_at(dicom, i - 1))))
			{
				if (begun == frame)
					*last = i;
				continue;
			}
			begun++;
			if (begun == frame)
				*first = *last = i;
		}
		if (begun == p->frames || (strict && begun > p->frames))
			return true;
	}
	return false;
}

/* Of a file that ends early: whether there is a fragment for each frame so far. */
static bool
is_whole(const mmn_dicom *dicom, uint32_t frame)
{
	for (uint32_t i = 1; i <= frame; i++)
		if (i >= mmn_dicom_fragment_count(dicom) ||
			!mmn_fragment_begins_image(mmn_dicom_fragment_at(dicom, i)))
			return false;
	return true;
}

static mmn_status
find_fragments(const mmn_dicom *dicom, const mmn_pixel_description *p,
			   uint32_t frame, size_t *first, size_t *last, mmn_error *err)
{
	size_t n = mmn_dicom_fragment_count(dicom);

	if (n < 2)
		return mmn_fail(err, MMN_BAD_DATA, "pixel data hold no fragments");
	n--;
	/* some writers end with an empty one */
	while (n > p->frames && mmn_dicom_fragment_at(dicom, n)->length == 0)
		n--;
	if (n == p->frames || (n < p->frames && is_whole(dicom, frame)))
		*first = *last = frame;
	else if (p->frames == 1)
	{
		*first = 1;
		*last = n;
	}
	else if (n < p->frames)
		return mmn_fail(err, MMN_BAD_DATA,
						"pixel data end after %zu of %u frames", n, p->frames);
	else if (!by_extended_table(dicom, p, frame, first, last) &&
			 !by_basic_table(dicom, p, frame, first, last) &&
			 !by_markers(dicom, p, frame, first, last))
		return mmn_fail(err, MMN_BAD_DATA,
						"cannot tell which of %zu fragments make which of %u "
						"frames",
						n, p->frames);
	return MMN_OK;
}

mmn_status
mmn_dicom_join_fragments(const mmn_env *env, const mmn_dicom *dicom,
						 size_t first, size_t last, uint32_t frame,
						 const uint8_t **out, size_t *length, bool *owned,
						 mmn_error *err)
{
	size_t total = 0;
	uint8_t *joined;

	for (size_t i = first; i <= last; i++)
	{
		const mmn_dicom_fragment *f = mmn_dicom_fragment_at(dicom, i);

		if (f->missing)
			return mmn_fail(err, MMN_BAD_DATA,
							"pixel data of frame %u are cut off: %zu bytes "
							"are missing",
							frame, f->missing);
		total += f->length;
	}
	if (total == 0)
		return mmn_fail(err, MMN_BAD_DATA, "pixel data of frame %u are empty",
						frame);
	*length = total;
	if (first == last)
	{
		*out = mmn_dicom_fragment_at(dicom, first)->bytes;
		return MMN_OK;
	}
	joined = mmn_alloc(env, total);
	if (!joined)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	*out = joined;
	*owned = true;
	for (size_t i = first; i <= last; i++)
	{
		const mmn_dicom_fragment *f = mmn_dicom_fragment_at(dicom, i);

		memcpy(joined, f->bytes, f->length);
		joined += f->length;
	}
	return MMN_OK;
}

static mmn_status
encapsulated_frame(const mmn_env *env, const mmn_dicom *dicom,
				   const mmn_pixel_description *p, uint32_t frame,
				   const uint8_t **out, size_t *length, bool *owned,
				   mmn_error *err)
{
	size_t first = 1, last = dicom->fragment_count - 1;
	mmn_status status = MMN_OK;

	if (!dicom->part_frame)
		status = find_fragments(dicom, p, frame, &first, &last, err);
	if (status != MMN_OK)
		return status;
	return mmn_dicom_join_fragments(env, dicom, first, last, frame, out, length,
									owned, err);
}

mmn_status
mmn_dicom_frame_bytes(const mmn_env *env, const mmn_dicom *dicom,
					  const mmn_pixel_description *pixels, uint32_t frame,
					  const uint8_t **out, size_t *length, unsigned *bit_offset,
					  bool *owned, mmn_error *err)
{
	*out = NULL;
	*length = 0;
	*bit_offset = 0;
	*owned = false;
	if (frame < 1 || frame > pixels->frames)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"frame %u does not exist: the image has %u", frame,
						pixels->frames);
	if (dicom->part_frame && dicom->part_frame != frame)
		return mmn_fail(err, MMN_BAD_ARGUMENT, "frame %u is not at hand",
						frame);
	if (pixels->encapsulated)
		return encapsulated_frame(env, dicom, pixels, frame, out, length, owned,
								  err);
	if (dicom->part_frame)
	{
		*out = dicom->part;
		*length = dicom->part_length;
		*bit_offset = (unsigned)((frame - 1) * (native_bits(pixels) % 8) % 8);
		return MMN_OK;
	}
	return native_frame(pixels, frame, out, length, bit_offset, err);
}
