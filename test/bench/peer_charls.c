/* CharLS, from a bare JPEG-LS codestream to a buffer that stays. */

#include "bench.h"

#include <charls/charls.h>

static int
decode(const bench_file *file, const void **samples, size_t *count,
	   unsigned *bytes)
{
	static uint8_t *out;
	charls_jpegls_decoder *d = charls_jpegls_decoder_create();
	charls_frame_info info;
	size_t size;

	if (charls_jpegls_decoder_set_source_buffer(d, file->bytes, file->length) ||
		charls_jpegls_decoder_read_header(d) ||
		charls_jpegls_decoder_get_frame_info(d, &info) ||
		charls_jpegls_decoder_get_destination_size(d, 0, &size))
		return 1;
	if (!out)
		out = malloc(size);
	if (charls_jpegls_decoder_decode_to_buffer(d, out, size, 0))
		return 1;
	charls_jpegls_decoder_destroy(d);
	*samples = out;
	*bytes = info.bits_per_sample > 8 ? 2 : 1;
	*count = size / *bytes;
	return 0;
}

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, decode);
}
