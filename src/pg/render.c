#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/varbit.h"

#include "bridge.h"
#include "compat.h"
#include "image/hash.h"
#include "image/png_write.h"
#include "image/render.h"
#include "image/resize.h"
#include "pixels.h"

/*
 * What is made of pixels: for the eye, for another size, for comparison.
 */

PG_FUNCTION_INFO_V1(medimnet_render);
PG_FUNCTION_INFO_V1(medimnet_window_level);
PG_FUNCTION_INFO_V1(medimnet_resize);
PG_FUNCTION_INFO_V1(medimnet_png);
PG_FUNCTION_INFO_V1(medimnet_content_hash);
PG_FUNCTION_INFO_V1(medimnet_phash);

/* The value of an image whose samples are in our memory; frees those. */
static Pixels *
PixelsTake(mmn_image *image)
{
	Pixels *pixels = PixelsCreate(image);

	pfree(image->samples);
	return pixels;
}

Datum
medimnet_render(PG_FUNCTION_ARGS)
{
	mmn_image image = PixelsImage(PG_GETARG_PIXELS_P(0));
	char *preset = text_to_cstring(PG_GETARG_TEXT_PP(1));
	mmn_image out;
	mmn_error err;

	mmn_check(mmn_image_render(&mmn_env_backend, &image, preset, &out, &err),
			  "could not render pixels", &err);
	PG_RETURN_PIXELS_P(PixelsTake(&out));
}

Datum
medimnet_window_level(PG_FUNCTION_ARGS)
{
	mmn_image image = PixelsImage(PG_GETARG_PIXELS_P(0));
	mmn_image out;
	mmn_error err;

	mmn_check(mmn_image_window(&mmn_env_backend, &image, PG_GETARG_FLOAT8(1),
							   PG_GETARG_FLOAT8(2), &out, &err),
			  "could not apply window", &err);
	PG_RETURN_PIXELS_P(PixelsTake(&out));
}

Datum
medimnet_resize(PG_FUNCTION_ARGS)
{
	mmn_image image = PixelsImage(PG_GETARG_PIXELS_P(0));
	int32 width = PG_GETARG_INT32(1);
	int32 height = PG_GETARG_INT32(2);
	mmn_image out = image;
	mmn_error err;
	size_t bytes;

	if (width < 1 || width > MMN_IMAGE_MAX_SIDE || height < 1 ||
		height > MMN_IMAGE_MAX_SIDE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("could not resize pixels"),
						errdetail("Size %dx%d is outside 1..%u pixels a side.",
								  width, height, MMN_IMAGE_MAX_SIDE)));
	/* would the result fit in a value? to be known before the work is done */
	out.width = width;
	out.height = height;
	mmn_check(mmn_image_check(&out, MMN_PIXELS_MAX_BYTES, &bytes, &err),
			  "could not resize pixels", &err);
	mmn_check(
		mmn_image_resize(&mmn_env_backend, &image, width, height, &out, &err),
		"could not resize pixels", &err);
	PG_RETURN_PIXELS_P(PixelsTake(&out));
}

Datum
medimnet_png(PG_FUNCTION_ARGS)
{
	mmn_image image = PixelsImage(PG_GETARG_PIXELS_P(0));
	mmn_error err;
	uint8 *png;
	size_t length;
	bytea *out;

	if (image.sample_type != MMN_U8 && image.sample_type != MMN_U16)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("PNG cannot hold %s samples",
							   mmn_sample_type_name(image.sample_type)),
						errhint("Use png(render(...)).")));
	mmn_check(mmn_png_write(&mmn_env_backend, &image, &png, &length, &err),
			  "could not write PNG", &err);
	if (length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("PNG is too large for a value of type bytea")));
	out = palloc(VARHDRSZ + length);
	SET_VARSIZE(out, VARHDRSZ + length);
	memcpy(VARDATA(out), png, length);
	pfree(png);
	PG_RETURN_BYTEA_P(out);
}

Datum
medimnet_content_hash(PG_FUNCTION_ARGS)
{
	mmn_image image = PixelsImage(PG_GETARG_PIXELS_P(0));
	bytea *out = palloc(VARHDRSZ + 32);
	mmn_error err;

	SET_VARSIZE(out, VARHDRSZ + 32);
	mmn_check(mmn_image_content_hash_env(&mmn_env_backend, &image,
										 (uint8 *)VARDATA(out), &err),
			  "could not hash pixels", &err);
	PG_RETURN_BYTEA_P(out);
}

Datum
medimnet_phash(PG_FUNCTION_ARGS)
{
	mmn_image image = PixelsImage(PG_GETARG_PIXELS_P(0));
	VarBit *out = palloc0(VARBITTOTALLEN(64));
	uint64_t hash;
	mmn_error err;

	mmn_check(mmn_image_phash(&mmn_env_backend, &image, &hash, &err),
			  "could not hash pixels", &err);
	SET_VARSIZE(out, VARBITTOTALLEN(64));
	VARBITLEN(out) = 64;
	for (int i = 0; i < 8; i++)
		VARBITS(out)[i] = (bits8)(hash >> (56 - 8 * i));
	PG_RETURN_VARBIT_P(out);
}
