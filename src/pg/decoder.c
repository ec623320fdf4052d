#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "../decoder/wire_check.h"
#include "decoder.h"
#include "helper.h"

int decoder_max_frame_kb = 256 * 1024;
int decoder_max_object_kb = 4 * 1024 * 1024 - 1;

/* When the client's last statement began that gave a file to look into. */
static TimestampTz file_statement;
static emit_log_hook_type previous_emit_log_hook;

/* ---- results ---- */

/* The payload's first part as text; a text that is not one is no answer. */
static mmn_status
TakeJson(const mmn_wire_reply *reply, char **json, mmn_error *err)
{
	char *text;
	Size n = reply->json_length;

	if (!AllocSizeIsValid(n + 1))
		return mmn_fail(err, MMN_LIMIT, "the metadata are larger than 1 GB");
	text = palloc(n + 1);
	memcpy(text, HelperOutput(), n);
	text[n] = '\0';
	if (n == 0 || memchr(text, '\0', n) ||
		!pg_verify_mbstr(PG_UTF8, text, n, true))
		return HelperBabbles(err);
	*json = text;
	return MMN_OK;
}

static mmn_status
TakeContent(const mmn_wire_reply *reply, bytea **content, mmn_error *err)
{
	Size n = reply->content_length;
	bytea *value;

	if (!AllocSizeIsValid(n + VARHDRSZ))
		return mmn_fail(err, MMN_LIMIT,
						"the de-identified file is larger than 1 GB");
	value = palloc(n + VARHDRSZ);
	SET_VARSIZE(value, n + VARHDRSZ);
	WindowCopy(VARDATA(value), HelperOutput() + reply->json_length, n, n);
	*content = value;
	return MMN_OK;
}

static mmn_status
DecodeObject(const Object *object, Size head, int32 frame, Pixels **out,
			 mmn_error *err)
{
	mmn_wire_reply reply;
	mmn_image image;
	Size sample_bytes;
	Pixels *pixels;
	mmn_status status;

	if (frame < 1)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"frame %d does not exist: frames count from 1", frame);
	status = HelperCallPart(MMN_OP_DECODE, object, head, 0, frame, NULL, &reply,
							err);
	if (status != MMN_OK)
		return status;
	if (!mmn_wire_check_image(&reply, MMN_PIXELS_MAX_BYTES, &image,
							  &sample_bytes))
		return HelperBabbles(err);
	pixels = PixelsCreate(&image);
	WindowCopy((char *)pixels->samples, HelperOutput(), sample_bytes,
			   sample_bytes);
	if (image.voi_entries)
		memcpy(PixelsImage(pixels).voi, HelperOutput() + sample_bytes,
			   2 * (Size)image.voi_entries);
	HelperRelease(&reply, object->len);
	*out = pixels;
	return MMN_OK;
}

mmn_status
DecoderFramePart(const void *bytes, Size len, Size head, int32 frame,
				 Pixels **out, mmn_error *err)
{
	Object object = {.bytes = bytes, .len = len};

	return DecodeObject(&object, head, frame, out, err);
}

mmn_status
DecoderFrame(Datum content, int32 frame, Pixels **out, mmn_error *err)
{
	struct varlena *value = (struct varlena *)DatumGetPointer(content);
	Object object = {.toasted = content};

	if (VARATT_IS_EXTERNAL_ONDISK(value))
	{
		struct varatt_external pointer;

		VARATT_EXTERNAL_GET_POINTER(pointer, value);
		if (!VARATT_EXTERNAL_IS_COMPRESSED(pointer))
			object.len = VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	}
	if (object.len <= FETCH_BYTES)
	{
		bytea *bytes = DatumGetByteaPP(content);

		object.bytes = VARDATA_ANY(bytes);
		object.len = VARSIZE_ANY_EXHDR(bytes);
	}
	return DecodeObject(&object, 0, frame, out, err);
}

static mmn_status
HelperCall(mmn_wire_op op, const void *bytes, Size len, int32 frame,
		   const uint8 *key, mmn_wire_reply *reply, mmn_error *err)
{
	Object object = {.bytes = bytes, .len = len};

	return HelperCallPart(op, &object, 0, 0, frame, key, reply, err);
}

mmn_status
DecoderLocate(const void *bytes, Size len, Size total, int32 frame, Size *start,
			  Size *length, mmn_error *err)
{
	Object object = {.bytes = bytes, .len = len};
	mmn_wire_reply reply;
	mmn_status status;

	*length = 0;
	status = HelperCallPart(MMN_OP_LOCATE, &object, 0, total, frame, NULL,
							&reply, err);
	if (status != MMN_OK)
		return status;
	HelperRelease(&reply, len);
	if (reply.range_start > total ||
		reply.range_length > total - reply.range_start)
		return HelperBabbles(err);
	*start = reply.range_start;
	*length = reply.range_length;
	return MMN_OK;
}

mmn_status
DecoderFrameCount(const void *bytes, Size len, int32 *out, mmn_error *err)
{
	mmn_wire_reply reply;
	mmn_status status;

	status = HelperCall(MMN_OP_FRAME_COUNT, bytes, len, 0, NULL, &reply, err);
	if (status != MMN_OK)
		return status;
	if (reply.count < 1 || reply.count > PG_INT32_MAX)
		return HelperBabbles(err);
	HelperRelease(&reply, len);
	*out = (int32)reply.count;
	return MMN_OK;
}

mmn_status
DecoderDescribe(const void *bytes, Size len, char **json, mmn_error *err)
{
	mmn_wire_reply reply;
	mmn_status status;

	status = HelperCall(MMN_OP_DESCRIBE, bytes, len, 0, NULL, &reply, err);
	if (status == MMN_OK)
		status = TakeJson(&reply, json, err);
	if (status == MMN_OK)
		HelperRelease(&reply, len);
	return status;
}

mmn_status
DecoderDeidentify(const void *bytes, Size len,
				  const uint8 key[DECODER_KEY_SIZE], bytea **content,
				  mmn_error *err)
{
	mmn_wire_reply reply;
	mmn_status status;

	status = HelperCall(MMN_OP_DEIDENTIFY, bytes, len, 0, key, &reply, err);
	if (status == MMN_OK)
		status = TakeContent(&reply, content, err);
	if (status == MMN_OK)
		HelperRelease(&reply, len);
	return status;
}

mmn_status
DecoderReceive(const void *bytes, Size len, const uint8 key[DECODER_KEY_SIZE],
			   char **json, bytea **content, mmn_error *err)
{
	mmn_wire_reply reply;
	mmn_status status;

	status = HelperCall(MMN_OP_RECEIVE, bytes, len, 0, key, &reply, err);
	if (status == MMN_OK)
		status = TakeJson(&reply, json, err);
	if (status == MMN_OK)
		status = TakeContent(&reply, content, err);
	if (status == MMN_OK)
		HelperRelease(&reply, len);
	return status;
}

/* ---- the server's log ---- */

void
DecoderHideStatement(void)
{
	file_statement = GetCurrentStatementStartTimestamp();
}

/*
 * Keeps statements out of the log that may hold a file as a literal, when
 * they fail or are canceled, wherever that happens; and lines of COPY.
 */
static void
HideStatement(ErrorData *error)
{
	if (file_statement != 0 &&
		file_statement == GetCurrentStatementStartTimestamp())
		error->hide_stmt = error->hide_ctx = true;
	if (previous_emit_log_hook)
		previous_emit_log_hook(error);
}

/* ---- settings ---- */

void
DecoderInit(void)
{
	previous_emit_log_hook = emit_log_hook;
	emit_log_hook = HideStatement;
	DefineCustomIntVariable(
		"medimnet.decoder_timeout",
		"Longest time the decoder helper may take for one file.",
		"Then it is ended, and the file refused.", &helper_timeout_ms,
		60 * 1000, 10, 3600 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"medimnet.decoder_memory", "Most memory a decoder helper may allocate.",
		"There is one for each session that decodes. Files and frames that "
		"are handed over do not count.",
		&helper_memory_mb, 512, 64, 64 * 1024, PGC_SUSET, GUC_UNIT_MB, NULL,
		NULL, NULL);
	DefineCustomBoolVariable(
		"medimnet.decoder_sandbox",
		"Refuses to decode where the decoder helper cannot be sandboxed.",
		"Off lets files from outside be decoded by a process with all rights "
		"of the server's account.",
		&helper_sandbox, true, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("medimnet.max_frame_size", "Largest decoded frame.",
							NULL, &decoder_max_frame_kb, 256 * 1024, 1,
							(int)(MMN_PIXELS_MAX_BYTES / 1024), PGC_SUSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"medimnet.max_object_size",
		"Largest file, after inflation where it is deflated.", NULL,
		&decoder_max_object_kb, 4 * 1024 * 1024 - 1, 1, 4 * 1024 * 1024 - 1,
		PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
}
