#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "bridge.h"
#include "decoder.h"
#include "image/sniff.h"

/*
 * SQL functions that look into files.
 */

PG_FUNCTION_INFO_V1(medimnet_media_type);
PG_FUNCTION_INFO_V1(medimnet_dicom_json);
PG_FUNCTION_INFO_V1(medimnet_frame_count);
PG_FUNCTION_INFO_V1(medimnet_decode_frame);
PG_FUNCTION_INFO_V1(medimnet_deidentify);

/* What can be done about a failure; NULL: nothing to say. */
static const char *
Hint(mmn_status status)
{
	switch (status)
	{
		case MMN_BAD_DATA:
			return "Check the file with another viewer, or fetch it again "
				   "from its source.";
		case MMN_LIMIT:
			return "A superuser can raise medimnet.max_frame_size, "
				   "medimnet.max_object_size or medimnet.decoder_timeout.";
		case MMN_UNSUPPORTED:
			return "Convert the file to an uncompressed or JPEG 2000 transfer "
				   "syntax, for example with gdcmconv or dcmconv.";
		case MMN_NO_MEMORY:
			return "A superuser can raise medimnet.decoder_memory.";
		default:
			return NULL;
	}
}

static void
Check(mmn_status status, const char *what, const mmn_error *err)
{
	const char *hint = Hint(status);

	if (status == MMN_OK)
		return;
	ereport(ERROR,
			(errcode(mmn_sqlstate(status)), errmsg("%s", what),
			 errdetail("%s.", err->text), hint ? errhint("%s", hint) : 0));
}

/*
 * What is in a gzip file (RFC 1952) shows only when it is inflated, which is
 * the helper's to do: a volume it can count the frames of, or knows but
 * cannot take, is NIfTI.
 */
static const char *
MediaTypeInside(const bytea *content)
{
	mmn_error err;
	int32 frames;
	mmn_status status = DecoderFrameCount(
		VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), &frames, &err);

	switch (status)
	{
		case MMN_OK:
		case MMN_UNSUPPORTED:
		case MMN_LIMIT:
			return MMN_MEDIA_NIFTI;
		case MMN_BAD_DATA:
		case MMN_NOT_IMAGE:
			return NULL;
		default:
			Check(status, "could not look into gzip file", &err);
			return NULL;
	}
}

Datum
medimnet_media_type(PG_FUNCTION_ARGS)
{
	/* the start is enough, and spares the detoasting of the rest */
	bytea *start = PG_GETARG_BYTEA_P_SLICE(0, 0, 65536);
	const uint8 *bytes = (const uint8 *)VARDATA_ANY(start);
	Size length = VARSIZE_ANY_EXHDR(start);
	const char *type;

	if (length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
		type = MediaTypeInside(PG_GETARG_BYTEA_PP(0));
	else
		type = mmn_media_type(bytes, length);
	if (!type)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(type));
}

Datum
medimnet_dicom_json(PG_FUNCTION_ARGS)
{
	bytea *content = PG_GETARG_BYTEA_PP(0);
	mmn_error err;
	char *json;

	Check(DecoderDescribe(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content),
						  &json, &err),
		  "could not read DICOM file", &err);
	json = pg_any_to_server(json, strlen(json), PG_UTF8);
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

Datum
medimnet_frame_count(PG_FUNCTION_ARGS)
{
	bytea *content = PG_GETARG_BYTEA_PP(0);
	mmn_error err;
	int32 frames;

	Check(DecoderFrameCount(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content),
							&frames, &err),
		  "could not count frames", &err);
	PG_RETURN_INT32(frames);
}

/*
 * Files from this size on are not fetched as a whole for one frame, when they
 * are stored out of line and uncompressed, as the catalog's are.
 */
#define PART_MIN (16 * 1024 * 1024)

/* Heads tried, the second for long functional groups or tables of offsets. */
static const int32 head_sizes[] = {256 * 1024, 8 * 1024 * 1024};

/*
 * More than this part of a file, as a head or as a frame, is not worth
 * fetching by itself.  A head of that size is tried last: slides have groups of
 * a hundred thousand tiles.
 */
#define PART_OF_FILE 4

/*
 * Decodes a frame from the file's head and the frame's own bytes: of a
 * whole-slide image of hundreds of megabytes, a tile's few kilobytes.  NULL when
 * the head does not tell where those are; then, and after any failure, all of
 * the file has its say.
 */
static Pixels *
DecodeFromParts(Datum content, int32 frame)
{
	struct varlena *value = (struct varlena *)DatumGetPointer(content);
	struct varatt_external pointer;
	Size total, start, length = 0;
	bytea *head = NULL, *part;
	Size head_length = 0;
	char *bytes;
	Pixels *pixels;
	mmn_error err;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return NULL;
	VARATT_EXTERNAL_GET_POINTER(pointer, value);
	if (VARATT_EXTERNAL_IS_COMPRESSED(pointer) ||
		VARATT_EXTERNAL_GET_EXTSIZE(pointer) < PART_MIN || frame < 1)
		return NULL;
	total = VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	for (int i = 0; i <= lengthof(head_sizes) && length == 0; i++)
	{
		int32 size = i < lengthof(head_sizes) ? head_sizes[i]
											  : (int32)(total / PART_OF_FILE);

		if (i > 0 && size <= head_sizes[i - 1])
			break;
		if (head)
			pfree(head);
		head = (bytea *)PG_DETOAST_DATUM_SLICE(content, 0, size);
		head_length = VARSIZE_ANY_EXHDR(head);
		if (DecoderLocate(VARDATA_ANY(head), head_length, total, frame, &start,
						  &length, &err) != MMN_OK)
			return NULL;
	}
	if (length == 0 || length > total / PART_OF_FILE)
		return NULL;
	part = (bytea *)PG_DETOAST_DATUM_SLICE(content, start, length);
	if (VARSIZE_ANY_EXHDR(part) != length)
		return NULL;
	bytes = palloc(head_length + length);
	memcpy(bytes, VARDATA_ANY(head), head_length);
	memcpy(bytes + head_length, VARDATA_ANY(part), length);
	if (DecoderFramePart(bytes, head_length + length, head_length, frame,
						 &pixels, &err) != MMN_OK)
		return NULL;
	pfree(head);
	pfree(part);
	pfree(bytes);
	return pixels;
}

Datum
medimnet_decode_frame(PG_FUNCTION_ARGS)
{
	Datum content = PG_GETARG_DATUM(0);
	int32 frame = PG_GETARG_INT32(1);
	mmn_error err;
	Pixels *pixels = DecodeFromParts(content, frame);

	if (pixels)
		PG_RETURN_PIXELS_P(pixels);
	DecoderHideStatement();
	Check(DecoderFrame(content, frame, &pixels, &err), "could not decode image",
		  &err);
	PG_RETURN_PIXELS_P(pixels);
}

Datum
medimnet_deidentify(PG_FUNCTION_ARGS)
{
	bytea *content = PG_GETARG_BYTEA_PP(0);
	bytea *key = PG_GETARG_BYTEA_PP(1);
	mmn_error err;
	bytea *result;

	DecoderHideStatement();
	if (VARSIZE_ANY_EXHDR(key) != DECODER_KEY_SIZE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("key must be %d bytes, not %zu",
							   DECODER_KEY_SIZE, (Size)VARSIZE_ANY_EXHDR(key)),
						errhint("Derive one, for example with sha256().")));
	Check(DecoderDeidentify(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content),
							(const uint8 *)VARDATA_ANY(key), &result, &err),
		  "could not de-identify file", &err);
	PG_RETURN_BYTEA_P(result);
}
