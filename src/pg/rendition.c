#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bridge.h"
#include "compat.h"
#include "decoder.h"
#include "image/render.h"
#include "rendition.h"

/*
 * Renditions: how they are made, kept and read.
 *
 * A chunk is a plain bytea in an ordinary row, as large as a page can hold,
 * and the chunks of an image lie one after the other: reading them is one
 * descent of the index and a copy per page, from shared buffers to where the
 * bytes are wanted.  (TOAST would cut them into pieces of 2 kB and put them
 * together in a buffer of its own.)
 *
 * A rendition cannot be stale: a rule and an image's content never change, and
 * rows go with the content they were made of.  What can change is whether the
 * image may be served: that is looked up in table image every time.
 */

PG_FUNCTION_INFO_V1(medimnet_rendition_chunks);
PG_FUNCTION_INFO_V1(medimnet_rendition_moments);

KeyScan *
RenditionsOpen(Snapshot snapshot)
{
	static const char *const columns[] = {"subject_id", "image_id", "rule_id",
										  "frame",		"chunk",	"data"};

	return KeyScanOpen("rendition", columns, 6, 4, "8844", false, snapshot);
}

bool
RenditionRead(KeyScan *renditions, int64 subject_id, int64 image_id,
			  int32 rule_id, int32 frame, void *out, Size size)
{
	Datum key[] = {Int64GetDatum(subject_id), Int64GetDatum(image_id),
				   Int32GetDatum(rule_id), Int32GetDatum(frame)};
	Size at = 0;
	int32 chunks = 0;
	bool fits = true;

	KeyScanFind(renditions, key);
	while (fits && KeyScanNext(renditions))
	{
		bool is_null;
		int32 chunk = DatumGetInt32(KeyScanColumn(renditions, 4, &is_null));
		/* in the page itself, unless it came from a table where it was not */
		bytea *stored = (bytea *)DatumGetPointer(
			KeyScanColumn(renditions, 5, &is_null));
		bytea *data = DatumGetByteaPP(PointerGetDatum(stored));
		Size length = VARSIZE_ANY_EXHDR(data);

		fits = chunk == chunks++ && length <= size - at;
		if (fits)
			memcpy((char *)out + at, VARDATA_ANY(data), length);
		at += length;
		if (data != stored)
			pfree(data);
	}
	if (chunks == 0)
		return false;
	if (at != size || !fits)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the rendition of image " INT64_FORMAT
						" under rule %d is damaged",
						image_id, rule_id),
				 errhint("Delete its rows in medimnet.rendition, and call "
						 "prepare_loader() again.")));
	return true;
}

uint8
ParseDtype(const char *name)
{
	uint8 dtype;

	if (!mmn_dtype_parse(name, &dtype) || !mmn_fit_has_dtype(dtype))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid dtype of a loader: \"%s\"", name),
				 errhint("A loader's dtype is uint8, int16, uint16, float16 "
						 "or float32.")));
	return dtype;
}

mmn_fit_shape
ParseFitShape(const char *name)
{
	mmn_fit_shape shape;

	if (!mmn_fit_shape_parse(name, &shape))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid fit of a loader: \"%s\"", name),
						errhint("A loader's fit is resize, crop or pad.")));
	return shape;
}

bool
ParseLayout(const char *name)
{
	if (strcmp(name, "NCHW") != 0 && strcmp(name, "NHWC") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid layout of a loader: \"%s\"", name),
						errhint("A loader's layout is NCHW or NHWC.")));
	return name[2] == 'W';
}

void
ParseWindows(ArrayType *windows, mmn_fit *fit)
{
	Datum *names;
	int n;

	deconstruct_array(windows, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL,
					  &n);
	if (n > MMN_FIT_MAX_CHANNELS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a loader has at most %d windows, not %d",
						MMN_FIT_MAX_CHANNELS, n)));
	fit->windows = n;
	for (int i = 0; i < n; i++)
	{
		char *name = TextDatumGetCString(names[i]);

		if (!mmn_fit_window_parse(name, &fit->window[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid window of a loader: \"%s\"", name),
					 errhint("A window is [center, width], the width above 0, "
							 "or one of %s.",
							 mmn_render_presets)));
	}
}

Size
RenditionSize(const mmn_fit *fit)
{
	return (Size)fit->width * fit->height * fit->channels *
		   mmn_dtype_size(fit->dtype);
}

/*
 * Makes the rendition that the arguments of an SQL function ask for:
 * (image_id bigint, content bytea, frame int, width int, height int,
 * channels int, dtype text, fit text, windows text[], layout text)
 */
static uint8 *
MakeRendition(FunctionCallInfo fcinfo, mmn_fit *fit)
{
	uint8 *rendition;
	mmn_status status;
	mmn_error err;
	mmn_image image;
	Pixels *pixels;

	memset(fit, 0, sizeof(*fit));
	fit->width = PG_GETARG_INT32(3);
	fit->height = PG_GETARG_INT32(4);
	fit->channels = PG_GETARG_INT32(5);
	fit->dtype = ParseDtype(text_to_cstring(PG_GETARG_TEXT_PP(6)));
	fit->shape = ParseFitShape(text_to_cstring(PG_GETARG_TEXT_PP(7)));
	ParseWindows(PG_GETARG_ARRAYTYPE_P(8), fit);
	fit->channels_last = ParseLayout(text_to_cstring(PG_GETARG_TEXT_PP(9)));
	rendition = palloc(RenditionSize(fit));
	status =
		DecoderFrame(PG_GETARG_DATUM(1), PG_GETARG_INT32(2), &pixels, &err);
	if (status == MMN_OK)
	{
		image = PixelsImage(pixels);
		status = mmn_fit_image(&mmn_env_backend, &image, fit, rendition, &err);
		pfree(pixels);
	}
	mmn_check(status,
			  psprintf("could not make a rendition of image " INT64_FORMAT,
					   PG_GETARG_INT64(0)),
			  &err);
	return rendition;
}

/* rendition_chunks(as MakeRendition) */
Datum
medimnet_rendition_chunks(PG_FUNCTION_ARGS)
{
	mmn_fit fit;
	uint8 *rendition = MakeRendition(fcinfo, &fit);
	Size size = RenditionSize(&fit);
	Size at = 0;
	Datum *chunks = palloc((size / RENDITION_CHUNK + 1) * sizeof(Datum));
	int n = 0;

	while (at < size)
	{
		Size length = Min(size - at, RENDITION_CHUNK);
		bytea *chunk = palloc(VARHDRSZ + length);

		SET_VARSIZE(chunk, VARHDRSZ + length);
		memcpy(VARDATA(chunk), rendition + at, length);
		chunks[n++] = PointerGetDatum(chunk);
		at += length;
	}
	PG_RETURN_ARRAYTYPE_P(
		construct_array(chunks, n, BYTEAOID, -1, false, TYPALIGN_INT));
}

/*
 * rendition_moments(as MakeRendition): of each channel the mean of its
 * elements, then of each the mean of their squares.
 */
Datum
medimnet_rendition_moments(PG_FUNCTION_ARGS)
{
	mmn_fit fit;
	uint8 *rendition = MakeRendition(fcinfo, &fit);
	Size pixels = (Size)fit.width * fit.height;
	mmn_tensor elements = {.dtype = fit.dtype, .data = rendition};
	Datum moments[2 * MMN_FIT_MAX_CHANNELS];

	for (int c = 0; c < fit.channels; c++)
	{
		double sum = 0, squares = 0;

		for (Size i = 0; i < pixels; i++)
		{
			double v = mmn_tensor_element(&elements,
										  fit.channels_last
											  ? i * fit.channels + c
											  : c * pixels + i);

			sum += v;
			squares += v * v;
		}
		CHECK_FOR_INTERRUPTS();
		moments[c] = Float8GetDatum(sum / pixels);
		moments[fit.channels + c] = Float8GetDatum(squares / pixels);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(moments, 2 * fit.channels, FLOAT8OID,
										  sizeof(float8), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
