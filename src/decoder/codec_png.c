#include "codec.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "base/bytes.h"

/* More than any real file has; a bomb has more. */
#define MAX_ANCILLARY_BYTES (8u << 20)
#define MAX_ANCILLARY_CHUNKS 1024

typedef struct reader
{
	const mmn_env *env;
	const uint8_t *bytes;
	size_t left;
	mmn_error *err;
	uint8_t *samples;
	png_bytep *rows;
} reader;

static void
on_error(png_structp png, png_const_charp message)
{
	reader *r = png_get_error_ptr(png);

	/* libpng's texts name chunks and limits, never contents */
	mmn_fail(r->err, MMN_BAD_DATA, "the PNG data are damaged: %s", message);
	longjmp(png_jmpbuf(png), 1);
}

static void
on_warning(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

static void
read_bytes(png_structp png, png_bytep to, png_size_t n)
{
	reader *r = png_get_io_ptr(png);

	if (n > r->left)
		png_error(png, "the file ends early");
	memcpy(to, r->bytes, n);
	r->bytes += n;
	r->left -= n;
}

/* To 8- or 16-bit grey or RGB, least surprise first. */
static void
set_transforms(png_structp png, png_infop info)
{
	int type = png_get_color_type(png, info);
	int depth = png_get_bit_depth(png, info);

	if (type == PNG_COLOR_TYPE_PALETTE)
		png_set_palette_to_rgb(png);
	if (type == PNG_COLOR_TYPE_GRAY && depth < 8)
		png_set_expand_gray_1_2_4_to_8(png);
	if (type & PNG_COLOR_MASK_ALPHA || png_get_valid(png, info, PNG_INFO_tRNS))
		png_set_strip_alpha(png);
	if (depth == 16)
		png_set_swap(png); /* PNG is big-endian */
	png_set_interlace_handling(png);
	png_read_update_info(png, info);
}

/* May longjmp; what it allocated is in *r. */
static mmn_status
read_image(png_structp png, png_infop info, reader *r, size_t max_bytes,
		   mmn_image *out)
{
	size_t bytes, stride;
	mmn_status status;

	png_read_info(png, info);
	out->width = png_get_image_width(png, info);
	out->height = png_get_image_height(png, info);
	out->channels =
		png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR ? 3 : 1;
	out->sample_type = png_get_bit_depth(png, info) == 16 ? MMN_U16 : MMN_U8;
	out->unit = out->channels == 3 ? MMN_UNIT_RGB : MMN_UNIT_RAW;
	status = mmn_image_check(out, max_bytes, &bytes, r->err);
	if (status != MMN_OK)
		return status;
	/* zlib shrinks by at most 1032:1; a header that promises more lies */
	if (bytes / 8 / 1032 > r->left)
		return mmn_fail(r->err, MMN_BAD_DATA,
						"%zu bytes of PNG data cannot hold %ux%u pixels",
						r->left, out->width, out->height);
	set_transforms(png, info);
	stride = png_get_rowbytes(png, info);
	if (stride != bytes / out->height)
		return mmn_fail(r->err, MMN_INTERNAL,
						"a PNG row has %zu bytes, not %zu", stride,
						bytes / out->height);
	r->samples = mmn_alloc(r->env, bytes);
	r->rows = mmn_alloc_array(r->env, out->height, sizeof *r->rows);
	if (!r->samples || !r->rows)
		return mmn_fail(r->err, MMN_NO_MEMORY,
						"no memory for %zu bytes of samples", bytes);
	for (uint32_t y = 0; y < out->height; y++)
		r->rows[y] = r->samples + y * stride;
	png_read_image(png, r->rows);
	/* what follows the pixels is of no interest, nor is its damage */
	return MMN_OK;
}

mmn_status
mmn_png_decode(const mmn_env *env, const uint8_t *bytes, size_t length,
			   size_t max_bytes, mmn_image *out, mmn_error *err)
{
	reader r = {.env = env, .bytes = bytes, .left = length, .err = err};
	mmn_error local;
	png_structp png;
	png_infop info;
	mmn_status status;

	if (!r.err)
		r.err = &local;
	memset(out, 0, sizeof *out);
	png =
		png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
	info = png ? png_create_info_struct(png) : NULL;
	if (!info)
	{
		png_destroy_read_struct(&png, NULL, NULL);
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to read a PNG file");
	}
	png_set_user_limits(png, MMN_IMAGE_MAX_SIDE, MMN_IMAGE_MAX_SIDE);
	png_set_chunk_malloc_max(png, MAX_ANCILLARY_BYTES);
	png_set_chunk_cache_max(png, MAX_ANCILLARY_CHUNKS);
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
	png_set_read_fn(png, &r, read_bytes);
	if (setjmp(png_jmpbuf(png)))
		status = r.err->code;
	else
		status = read_image(png, info, &r, max_bytes, out);
	png_destroy_read_struct(&png, &info, NULL);
	mmn_free(env, r.rows);
	if (status == MMN_OK)
		out->samples = r.samples;
	else
		mmn_free(env, r.samples);
	return status;
}
