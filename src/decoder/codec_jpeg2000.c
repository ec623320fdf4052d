/*
 * JPEG 2000 (ITU-T T.800), also with the block coder of part 15 (T.814), by
 * OpenJPEG in one thread.  It is given the bare codestream: what JP2 boxes
 * around it say of colour is not DICOM's concern (PS3.5 8.2.4).
 *
 * It decodes to 32 bits a sample, in planes.  From there samples go to cells
 * as the data set describes them: low bits, two's complement.
 */
#include "codec.h"

#include <openjpeg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/codestream.h"

/* Read at once; larger pieces it reads directly to where it wants them. */
#define CHUNK_BYTES 16384

/* Of T.801's extensions, one that may be announced and not used. */
#define MULTI_COMPONENT_TRANSFORM 0x0100

typedef struct source
{
	const uint8_t *bytes;
	size_t length;
	size_t at;
} source;

/* What it said first, which is what came of the cause. */
typedef struct complaint
{
	char text[160];
} complaint;

static OPJ_SIZE_T
read_bytes(void *to, OPJ_SIZE_T n, void *data)
{
	source *s = data;

	if (s->at >= s->length)
		return (OPJ_SIZE_T)-1;
	if (n > s->length - s->at)
		n = s->length - s->at;
	memcpy(to, s->bytes + s->at, n);
	s->at += n;
	return n;
}

static OPJ_OFF_T
skip_bytes(OPJ_OFF_T n, void *data)
{
	source *s = data;

	if (n < 0 || s->at >= s->length)
		return -1;
	if ((uint64_t)n > s->length - s->at)
		n = (OPJ_OFF_T)(s->length - s->at);
	s->at += (size_t)n;
	return n;
}

static OPJ_BOOL
seek_byte(OPJ_OFF_T at, void *data)
{
	source *s = data;

	if (at < 0 || (uint64_t)at > s->length)
		return OPJ_FALSE;
	s->at = (size_t)at;
	return OPJ_TRUE;
}

/* Its texts name markers, numbers and limits, never contents. */
static void
on_error(const char *message, void *data)
{
	complaint *c = data;
	size_t n = strcspn(message, "\n");

	if (c->text[0] || n == 0)
		return;
	if (n >= sizeof c->text)
		n = sizeof c->text - 1;
	memcpy(c->text, message, n);
	for (size_t i = 0; i < n; i++)
		if (c->text[i] < ' ' || c->text[i] > '~')
			c->text[i] = '?';
}

static void
on_message(const char *message, void *data)
{
	(void)message;
	(void)data;
}

/*
 * Debian's OpenJPEG checks its assertions, and damaged data fail some of its
 * HTJ2K decoder's.  It is plain C, which can be left by a jump: what it held
 * at that moment is lost, but its codec still frees the rest, and the backend
 * replaces a helper after any failure.
 */
static jmp_buf *assertions;

/* glibc's assert() calls this; a program's own goes before the library's. */
_Noreturn __attribute__((visibility("default"))) void
__assert_fail(const char *assertion, const char *file, unsigned line,
			  const char *function);

_Noreturn void
__assert_fail(const char *assertion, const char *file, unsigned line,
			  const char *function)
{
	(void)assertion;
	(void)file;
	(void)line;
	(void)function;
	if (assertions)
		longjmp(*assertions, 1);
	abort();
}

static mmn_status
failed(const complaint *c, mmn_error *err)
{
	if (strstr(c->text, "memory"))
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory to decode JPEG 2000 data");
	return mmn_fail(err, MMN_BAD_DATA, "the JPEG 2000 data are damaged%s%s",
					c->text[0] ? ": " : "", c->text);
}

/* The frame's components against the data set, now that all are known. */
static mmn_status
check_components(const opj_image_t *image, uint32_t component,
				 const mmn_pixel_description *pixels, mmn_error *err)
{
	if (image->numcomps < component ||
		image->numcomps - component < pixels->samples_per_pixel)
		return mmn_fail(err, MMN_BAD_DATA,
						"the JPEG 2000 data have %u components, the frame "
						"needs %u from %u on",
						image->numcomps, pixels->samples_per_pixel,
						component + 1);
	for (uint32_t c = 0; c < pixels->samples_per_pixel; c++)
	{
		const opj_image_comp_t *comp = &image->comps[component + c];

		if (comp->dx != 1 || comp->dy != 1)
			return mmn_fail(err, MMN_UNSUPPORTED,
							"unsupported JPEG 2000 data with subsampled "
							"components");
		if (comp->w != pixels->columns || comp->h != pixels->rows ||
			comp->prec > pixels->bits_allocated)
			return mmn_fail(err, MMN_BAD_DATA,
							"component %u of the JPEG 2000 data has %ux%u "
							"samples of %u bits, the data set says %ux%u "
							"of %u",
							c + 1, comp->w, comp->h, comp->prec,
							pixels->columns, pixels->rows,
							pixels->bits_allocated);
	}
	return MMN_OK;
}

/* One plane to every step-th cell. */
static void
store_plane(const int32_t *from, size_t n, unsigned bytes, size_t step,
			uint8_t *out)
{
	if (bytes == 1 && step == 1)
		for (size_t i = 0; i < n; i++)
			out[i] = (uint8_t)from[i];
	else if (bytes == 1)
		for (size_t i = 0; i < n; i++)
			out[i * step] = (uint8_t)from[i];
	else if (bytes == 2 && step == 1)
		for (size_t i = 0; i < n; i++)
			mmn_store_u16le(out + 2 * i, (uint16_t)from[i]);
	else if (bytes == 2)
		for (size_t i = 0; i < n; i++)
			mmn_store_u16le(out + 2 * i * step, (uint16_t)from[i]);
	else
		for (size_t i = 0; i < n; i++)
			mmn_store_u32le(out + 4 * i * step, (uint32_t)from[i]);
}

static mmn_status
store(const opj_image_t *image, uint32_t component,
	  mmn_pixel_description *pixels, uint8_t *out, size_t size, mmn_error *err)
{
	const opj_image_comp_t *comps = image->comps + component;
	size_t n = (size_t)pixels->rows * pixels->columns;
	size_t bytes = pixels->bits_allocated / 8, step = pixels->samples_per_pixel;

	if (n * step * bytes > size)
		return mmn_fail(err, MMN_INTERNAL, "no room for JPEG 2000 samples");
	for (uint32_t c = 0; c < step; c++)
	{
		if (!comps[c].data)
			return mmn_fail(err, MMN_BAD_DATA,
							"the JPEG 2000 data are damaged: a component is "
							"missing");
		store_plane(comps[c].data, n, (unsigned)bytes, step, out + c * bytes);
	}
	pixels->planar = 0;
	/* these name a transform that its decoder undoes */
	if (pixels->photometric == MMN_YBR_ICT ||
		pixels->photometric == MMN_YBR_RCT)
		pixels->photometric = MMN_RGB;
	return MMN_OK;
}

typedef struct decoder
{
	opj_codec_t *codec;
	opj_stream_t *stream;
	opj_image_t *image;
	uint32_t component;
	complaint complaint;
} decoder;

static mmn_status
decode(decoder *d, mmn_pixel_description *pixels, uint8_t *out, size_t size,
	   mmn_error *err)
{
	opj_dparameters_t parameters;
	mmn_status status;

	opj_set_info_handler(d->codec, on_message, NULL);
	opj_set_warning_handler(d->codec, on_message, NULL);
	opj_set_error_handler(d->codec, on_error, &d->complaint);
	opj_set_default_decoder_parameters(&parameters);
	if (!opj_setup_decoder(d->codec, &parameters) ||
		!opj_codec_set_threads(d->codec, 0))
		return mmn_fail(err, MMN_INTERNAL, "cannot set up OpenJPEG");
	if (!opj_read_header(d->stream, d->codec, &d->image))
		return failed(&d->complaint, err);
	status = check_components(d->image, d->component, pixels, err);
	if (status != MMN_OK)
		return status;
	/* what follows the last tile is of no interest, nor is its damage */
	if (!opj_decode(d->codec, d->stream, d->image))
		return failed(&d->complaint, err);
	return store(d->image, d->component, pixels, out, size, err);
}

static mmn_status
decode_guarded(decoder *d, mmn_pixel_description *pixels, uint8_t *out,
			   size_t size, mmn_error *err)
{
	jmp_buf back;
	mmn_status status;

	if (setjmp(back))
		status = mmn_fail(err, MMN_BAD_DATA,
						  "the JPEG 2000 data are damaged: they contradict "
						  "themselves");
	else
	{
		assertions = &back;
		status = decode(d, pixels, out, size, err);
	}
	assertions = NULL;
	return status;
}

mmn_status
mmn_jpeg2000_decode_frame(const uint8_t *bytes, size_t length,
						  const mmn_codestream *codestream, uint32_t component,
						  mmn_pixel_description *pixels, uint8_t *out,
						  size_t size, mmn_error *err)
{
	source source = {.bytes = bytes + codestream->offset,
					 .length = length - codestream->offset};
	decoder d = {
		.codec = opj_create_decompress(OPJ_CODEC_J2K),
		.stream = opj_stream_create(CHUNK_BYTES, OPJ_STREAM_READ),
		.component = component,
	};
	mmn_status status;

	/* what it does not know it would leave out */
	if (codestream->mct > 1 ||
		(codestream->extensions & ~MULTI_COMPONENT_TRANSFORM))
		status = mmn_fail(err, MMN_UNSUPPORTED,
						  "unsupported JPEG 2000 data: a transform of part 2");
	else if (d.codec && d.stream)
	{
		opj_stream_set_user_data(d.stream, &source, NULL);
		opj_stream_set_user_data_length(d.stream, source.length);
		opj_stream_set_read_function(d.stream, read_bytes);
		opj_stream_set_skip_function(d.stream, skip_bytes);
		opj_stream_set_seek_function(d.stream, seek_byte);
		status = decode_guarded(&d, pixels, out, size, err);
	}
	else
		status =
			mmn_fail(err, MMN_NO_MEMORY, "no memory to decode JPEG 2000 data");
	opj_image_destroy(d.image);
	opj_stream_destroy(d.stream);
	opj_destroy_codec(d.codec);
	return status;
}
