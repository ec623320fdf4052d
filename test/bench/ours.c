/* medimnet's decoder: from a file's bytes to an image, as the helper does. */

#include "bench.h"

#include "../../src/decoder/decode.h"

static int
decode(const bench_file *file, const void **samples, size_t *count,
	   unsigned *bytes)
{
	static const mmn_decode_limits limits = {.frame = (size_t)256 << 20,
											 .object = (size_t)4 << 30};
	static mmn_image image;
	mmn_error err;

	/* last time's, which the caller may have looked at until now */
	mmn_free(&mmn_env_default, image.samples);
	image.samples = NULL;
	if (mmn_decode_frame(&mmn_env_default, file->bytes, file->length, 1,
						 &limits, &image, &err) != MMN_OK)
	{
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	*samples = image.samples;
	*count = (size_t)image.width * image.height * image.channels;
	*bytes = (unsigned)mmn_sample_size(image.sample_type);
	return 0;
}

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, decode);
}
