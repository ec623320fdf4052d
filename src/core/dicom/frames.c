#include "dicom/frames.h"
#include "dicom/dicom_private.h"

#include <string.h>

#include "base/bytes.h"
#include "image/jpegxl.h"

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

/* Whether a fragment is an image from its beginning to its end, if one is seen. */
static bool
holds_image(const mmn_dicom_fragment *f)
{
	return mmn_fragment_begins_image(f) &&
		   (mmn_fragment_ends_image(f) || begins_rle(f->bytes, f->length) ||
			mmn_is_jpegxl(f->bytes, f->length));
}

/* Of a file that ends early: whether there is a fragment for each frame so far. */
static bool
is_whole(const mmn_dicom *dicom, uint32_t frame)
{
	for (uint32_t i = 1; i <= frame; i++)
		if (i >= mmn_dicom_fragment_count(dicom) ||
			!holds_image(mmn_dicom_fragment_at(dicom, i)))
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
