/* libjpeg-turbo by its own interface, from a bare JPEG to a buffer that stays. */

#include "bench.h"

#include <turbojpeg.h>

static int
decode(const bench_file *file, const void **samples, size_t *count,
	   unsigned *bytes)
{
	static tjhandle handle;
	static uint8_t *out;
	int width, height, subsampling, colour, channels;

	if (!handle)
		handle = tjInitDecompress();
	if (tjDecompressHeader3(handle, file->bytes, file->length, &width, &height,
							&subsampling, &colour) != 0)
		return 1;
	channels = colour == TJCS_GRAY ? 1 : 3;
	*count = (size_t)width * (size_t)height * (size_t)channels;
	*bytes = 1;
	if (!out)
		out = malloc(*count);
	*samples = out;
	return tjDecompress2(handle, file->bytes, file->length, out, width, 0,
						 height, channels == 1 ? TJPF_GRAY : TJPF_RGB, 0) != 0;
}

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, decode);
}
