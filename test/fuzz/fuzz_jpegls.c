/*
 * JPEG-LS frames of DICOM files, bare; the data set is what the codestream asks
 * for, else nothing would get far.
 */

#include <stdlib.h>
#include <string.h>

#include "image/codestream.h"
#include "image/jpeg_ls.h"

#define MAX_SIDE 64

static mmn_status
decode(const uint8_t *data, size_t size, const mmn_codestream *stream,
	   unsigned cell, uint8_t *out)
{
	return mmn_jpeg_ls_decode(&mmn_env_default, data, size, stream->width,
							  stream->height, stream->components, cell, out,
							  NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mmn_codestream stream;
	unsigned cell;
	uint8_t *out;
	size_t bytes;

	if (mmn_codestream_peek(data, size, &stream, NULL) != MMN_OK ||
		stream.kind != MMN_CODESTREAM_JPEG_LS ||
		(stream.components != 1 && stream.components != 3) ||
		stream.width < 1 || stream.width > MAX_SIDE || stream.height < 1 ||
		stream.height > MAX_SIDE)
		return 0;
	cell = stream.precision > 8 ? 2 : 1;
	bytes = (size_t)stream.width * stream.height * stream.components * cell;
	out = malloc(bytes);
	memset(out, 0, bytes);
	if (decode(data, size, &stream, cell, out) == MMN_OK)
	{
		/* whatever was there before is gone */
		uint8_t *again = malloc(bytes);

		memset(again, 0xFF, bytes);
		decode(data, size, &stream, cell, again);
		if (memcmp(out, again, bytes) != 0)
			abort();
		free(again);
	}
	free(out);
	return 0;
}
