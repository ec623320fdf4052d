#include "image/png_write.h"

#include <math.h>
#include <setjmp.h>
#include <string.h>

#include <png.h>

#include "base/bytes.h"

typedef struct writer
{
	const mmn_env *env;
	uint8_t *data;
	size_t length;
	size_t room;
	mmn_error *err;
	mmn_status status;
} writer;

static void *
png_alloc(png_structp png, png_alloc_size_t size)
{
	writer *w = png_get_mem_ptr(png);
	void *p = mmn_alloc(w->env, size);

	/* what libpng and zlib make of it does not tell */
	if (!p)
		w->status = mmn_fail(w->err, MMN_NO_MEMORY, "out of memory");
	return p;
}

static void
png_release(png_structp png, void *p)
{
	const writer *w = png_get_mem_ptr(png);

	mmn_free(w->env, p);
}

static void
on_error(png_structp png, const char *message)
{
	writer *w = png_get_error_ptr(png);

	if (w->status == MMN_OK)
		w->status = mmn_fail(w->err, MMN_INTERNAL, "libpng: %s", message);
	png_longjmp(png, 1);
}

static void
on_warning(png_structp png, const char *message)
{
	(void)png;
	(void)message;
}

static void
on_data(png_structp png, png_bytep bytes, size_t n)
{
	writer *w = png_get_io_ptr(png);

	if (w->room - w->length < n)
	{
		size_t room = (w->length + n) * 2;
		uint8_t *data = mmn_alloc(w->env, room);

		if (!data)
		{
			w->status = mmn_fail(w->err, MMN_NO_MEMORY, "out of memory");
			png_error(png, "out of memory");
		}
		if (w->length)
			memcpy(data, w->data, w->length);
		mmn_free(w->env, w->data);
		w->data = data;
		w->room = room;
	}
	memcpy(w->data + w->length, bytes, n);
	w->length += n;
}

static void
on_flush(png_structp png)
{
	(void)png;
}

/* Pixels per metre, 0 when that is no sensible number. */
static png_uint_32
per_metre(double spacing)
{
	double v = spacing > 0 ? 1000 / spacing : 0;

	return v >= 1 && v <= PNG_UINT_31_MAX ? (png_uint_32)lround(v) : 0;
}

static void
write_all(png_structp png, png_infop info, writer *w, const mmn_image *image)
{
	size_t stride = (size_t)image->width * image->channels *
					mmn_sample_size(image->sample_type);
	png_uint_32 x = per_metre(image->spacing_column);
	png_uint_32 y = per_metre(image->spacing_row);

	png_set_IHDR(png, info, image->width, image->height,
				 image->sample_type == MMN_U8 ? 8 : 16,
				 image->channels == 1 ? PNG_COLOR_TYPE_GRAY
									  : PNG_COLOR_TYPE_RGB,
				 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
				 PNG_FILTER_TYPE_DEFAULT);
	/* of medical images 4 % larger than at zlib's level 6, in 40 % of its time */
	png_set_compression_level(png, 4);
	if (x && y)
		png_set_pHYs(png, info, x, y, PNG_RESOLUTION_METER);
	png_write_info(png, info);
	if (image->channels == 1 && image->flags & MMN_IMAGE_INVERTED)
		png_set_invert_mono(png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (image->sample_type == MMN_U16)
		png_set_swap(png);
#endif
	for (uint32_t row = 0; row < image->height; row++)
	{
		w->status = mmn_poll(w->env, w->err);
		if (w->status != MMN_OK)
			png_error(png, "canceled");
		png_write_row(png, (png_const_bytep)image->samples + row * stride);
	}
	png_write_end(png, info);
}

mmn_status
mmn_png_write(const mmn_env *env, const mmn_image *image, uint8_t **out,
			  size_t *length, mmn_error *err)
{
	writer w = {.env = env, .err = err, .status = MMN_OK};
	png_structp png;
	png_infop info = NULL;

	if (image->sample_type != MMN_U8 && image->sample_type != MMN_U16)
		return mmn_fail(err, MMN_UNSUPPORTED, "PNG cannot hold %s samples",
						mmn_sample_type_name(image->sample_type));
	png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w, on_error,
									on_warning, &w, png_alloc, png_release);
	if (png)
		info = png_create_info_struct(png);
	if (!info)
	{
		png_destroy_write_struct(png ? &png : NULL, NULL);
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	}
	/*
	 * After the jump only w is read, which lives in memory because its
	 * address was given away, and png and info, not changed since setjmp.
	 */
	if (setjmp(png_jmpbuf(png)) == 0)
	{
		png_set_write_fn(png, &w, on_data, on_flush);
		write_all(png, info, &w, image);
	}
	png_destroy_write_struct(&png, &info);
	if (w.status != MMN_OK)
	{
		mmn_free(env, w.data);
		return w.status;
	}
	*out = w.data;
	*length = w.length;
	return MMN_OK;
}
