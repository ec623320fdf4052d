/* libpng, row by row, to a buffer that stays. */

#include "bench.h"

#include <png.h>

typedef struct source
{
	const bench_file *file;
	size_t at;
} source;

static void
read_bytes(png_structp png, png_bytep to, png_size_t n)
{
	source *s = png_get_io_ptr(png);

	if (n > s->file->length - s->at)
		png_error(png, "the file ends early");
	memcpy(to, s->file->bytes + s->at, n);
	s->at += n;
}

static int
decode(const bench_file *file, const void **samples, size_t *count,
	   unsigned *bytes)
{
	static uint8_t *out;
	source s = {file, 0};
	png_structp png =
		png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	size_t stride;
	uint32_t height;

	if (setjmp(png_jmpbuf(png)))
		return 1;
	png_set_read_fn(png, &s, read_bytes);
	png_read_info(png, info);
	*bytes = png_get_bit_depth(png, info) / 8;
	if (*bytes == 2)
		png_set_swap(png);
	png_read_update_info(png, info);
	stride = png_get_rowbytes(png, info);
	height = png_get_image_height(png, info);
	if (!out)
		out = malloc(stride * height);
	for (uint32_t y = 0; y < height; y++)
		png_read_row(png, out + y * stride, NULL);
	png_read_end(png, NULL);
	png_destroy_read_struct(&png, &info, NULL);
	*count = stride * height / *bytes;
	*samples = out;
	return 0;
}

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, decode);
}
