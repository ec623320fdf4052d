/*
 * NIfTI volumes, plain and compressed: the input as it is, and once more in
 * gzip, whose checksum no mutation would get past.  A stripped copy must have
 * the same frames, and strip to itself.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image/sniff.h"
#include "nifti/nifti.h"
#include "nifti/source.h"

#define MAX_BYTES ((size_t)1 << 20)

static const mmn_env *env = &mmn_env_default;
static volatile double sink; /* so that reads are not left out */

static mmn_status
decode(const mmn_nifti *nifti, const uint8_t *bytes, size_t length,
	   uint32_t frame, mmn_image *image)
{
	mmn_error err;
	size_t size;
	mmn_status status = mmn_nifti_frame(env, nifti, bytes, length, frame,
										MAX_BYTES, image, &err);

	if (status != MMN_OK)
	{
		if (image->samples)
			abort();
		return status;
	}
	if (mmn_image_check(image, MAX_BYTES, &size, NULL) != MMN_OK)
		abort();
	for (size_t i = 0; i < size / mmn_sample_size(image->sample_type); i++)
		sink += mmn_image_sample(image, i);
	return status;
}

/* What was stripped off must not have changed a frame. */
static void
compare(const mmn_nifti *nifti, const uint8_t *bytes, size_t length,
		const mmn_buffer *copy, uint32_t frame)
{
	mmn_nifti again;
	mmn_image a, b;
	size_t size;

	if (mmn_nifti_open(env, copy->bytes, copy->length, 2 * MAX_BYTES, &again,
					   NULL) != MMN_OK ||
		again.frames != nifti->frames)
		abort();
	if (decode(nifti, bytes, length, frame, &a) != MMN_OK)
		return;
	if (decode(&again, copy->bytes, copy->length, frame, &b) != MMN_OK ||
		a.sample_type != b.sample_type ||
		mmn_image_check(&a, MAX_BYTES, &size, NULL) != MMN_OK ||
		memcmp(a.samples, b.samples, size) != 0)
		abort();
	free(a.samples);
	free(b.samples);
}

static void
one(const uint8_t *bytes, size_t length)
{
	const char *type = mmn_media_type(bytes, length);
	mmn_buffer once, twice, json;
	mmn_nifti nifti, again;

	if (!type || strcmp(type, MMN_MEDIA_NIFTI) != 0 ||
		mmn_nifti_open(env, bytes, length, MAX_BYTES, &nifti, NULL) != MMN_OK)
		return;
	mmn_buffer_init(&json, env, MAX_BYTES);
	mmn_nifti_json(&nifti, &json);
	if (mmn_buffer_status(&json, NULL) != MMN_OK ||
		memchr(json.bytes, 'n', json.length) == NULL)
		abort();
	mmn_buffer_reset(&json);
	mmn_buffer_init(&once, env, 4 * MAX_BYTES);
	mmn_buffer_init(&twice, env, 4 * MAX_BYTES);
	if (mmn_nifti_strip(&nifti, bytes, length, &once, NULL) == MMN_OK)
	{
		compare(&nifti, bytes, length, &once, 1);
		compare(&nifti, bytes, length, &once, nifti.frames);
		if (mmn_nifti_open(env, once.bytes, once.length, 2 * MAX_BYTES, &again,
						   NULL) != MMN_OK ||
			mmn_nifti_strip(&again, once.bytes, once.length, &twice, NULL) !=
				MMN_OK ||
			once.length != twice.length ||
			memcmp(once.bytes, twice.bytes, once.length) != 0)
			abort();
	}
	else
	{
		mmn_image image;

		if (decode(&nifti, bytes, length, 1, &image) == MMN_OK)
			free(image.samples);
	}
	mmn_buffer_reset(&once);
	mmn_buffer_reset(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	z_stream z = {0};
	uint8_t *packed;
	size_t room = length + 1000;

	one(bytes, length);
	if (mmn_is_gzip(bytes, length))
		return 0;
	packed = malloc(room);
	if (deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8,
					 Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_in = (uint8_t *)(uintptr_t)bytes;
	z.avail_in = (unsigned)length;
	z.next_out = packed;
	z.avail_out = (unsigned)room;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	one(packed, room - z.avail_out);
	free(packed);
	return 0;
}
