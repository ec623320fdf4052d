/*
 * OpenJPEG, one thread, from a bare JPEG 2000 codestream to 8- or 16-bit
 * samples of one component.
 */

#include "bench.h"

#include <openjpeg.h>

typedef struct source
{
	const bench_file *file;
	size_t at;
} source;

static OPJ_SIZE_T
read_bytes(void *to, OPJ_SIZE_T n, void *data)
{
	source *s = data;

	if (s->at >= s->file->length)
		return (OPJ_SIZE_T)-1;
	if (n > s->file->length - s->at)
		n = s->file->length - s->at;
	memcpy(to, s->file->bytes + s->at, n);
	s->at += n;
	return n;
}

static OPJ_OFF_T
skip_bytes(OPJ_OFF_T n, void *data)
{
	((source *)data)->at += (size_t)n;
	return n;
}

static OPJ_BOOL
seek_byte(OPJ_OFF_T at, void *data)
{
	((source *)data)->at = (size_t)at;
	return OPJ_TRUE;
}

static int
decode(const bench_file *file, const void **samples, size_t *count,
	   unsigned *bytes)
{
	static uint8_t *out;
	source s = {file, 0};
	opj_stream_t *stream = opj_stream_default_create(OPJ_TRUE);
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_dparameters_t parameters;
	opj_image_t *image = NULL;
	const OPJ_INT32 *data;

	opj_stream_set_user_data(stream, &s, NULL);
	opj_stream_set_user_data_length(stream, file->length);
	opj_stream_set_read_function(stream, read_bytes);
	opj_stream_set_skip_function(stream, skip_bytes);
	opj_stream_set_seek_function(stream, seek_byte);
	opj_set_default_decoder_parameters(&parameters);
	if (!opj_setup_decoder(codec, &parameters) ||
		!opj_codec_set_threads(codec, 0) ||
		!opj_read_header(stream, codec, &image) ||
		!opj_decode(codec, stream, image) || !opj_end_decompress(codec, stream))
		return 1;
	*count = (size_t)image->comps[0].w * image->comps[0].h;
	*bytes = image->comps[0].prec > 8 ? 2 : 1;
	if (!out)
		out = malloc(*count * *bytes);
	data = image->comps[0].data;
	if (*bytes == 2)
		for (size_t i = 0; i < *count; i++)
			((uint16_t *)out)[i] = (uint16_t)data[i];
	else
		for (size_t i = 0; i < *count; i++)
			out[i] = (uint8_t)data[i];
	opj_image_destroy(image);
	opj_destroy_codec(codec);
	opj_stream_destroy(stream);
	*samples = out;
	return 0;
}

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, decode);
}
