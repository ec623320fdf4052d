/*
 * What ingest() needs besides SQL: the decoder helper's answer as a row, and
 * the key of de-identification.
 *
 * The key is 32 random bytes in a file of the server's, not in the database,
 * so that a dump cannot be re-identified.  create_catalog() makes it when it
 * is not there, and keeps a check of it (a keyed hash of a constant): with
 * another key the same patient would become a second subject, who could be
 * in another split of a dataset, so ingest() refuses to go on.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "bridge.h"
#include "compat.h"
#include "decoder.h"
#include "ingest.h"

#define KEY_CHECK_TEXT "medimnet key check"

static char *deid_key_file = NULL;

void
IngestInit(void)
{
	DefineCustomStringVariable(
		"medimnet.deid_key_file", "File with the key of de-identification.",
		"Relative to the data directory. 32 random bytes; made by "
		"create_catalog() when it does not exist.",
		&deid_key_file, "medimnet.key", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL,
		NULL, NULL);
}

/*
 * Writes a new key.  Made under another name and linked, so that a key file
 * is whole from its first moment on, and of two sessions one's key wins.
 */
static void
make_key(void)
{
	uint8 key[DECODER_KEY_SIZE];
	char draft[MAXPGPATH];
	int fd;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("a standby cannot make a key of de-identification")));
	if (!pg_strong_random(key, sizeof key))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not generate a random key")));
	snprintf(draft, sizeof draft, "%s.%d", deid_key_file, MyProcPid);
	(void)unlink(draft);
	fd = OpenTransientFilePerm(draft, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
							   0600);
	if (fd < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not create key file \"%s\": %m", draft),
						errhint("Check the setting medimnet.deid_key_file.")));
	if (write(fd, key, sizeof key) != sizeof key || pg_fsync(fd) != 0)
	{
		int save_errno = errno ? errno : ENOSPC;

		(void)unlink(draft);
		errno = save_errno;
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not write key file \"%s\": %m", draft)));
	}
	CloseTransientFile(fd);
	explicit_bzero(key, sizeof key);
	if (link(draft, deid_key_file) != 0 && errno != EEXIST)
	{
		int save_errno = errno;

		(void)unlink(draft);
		errno = save_errno;
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not create key file \"%s\": %m",
							   deid_key_file)));
	}
	(void)unlink(draft);
	fsync_fname(".", true);
}

/* Reads the key; with "make", makes it when there is no such file. */
static void
read_key(uint8 key[DECODER_KEY_SIZE], bool make)
{
	struct stat st;
	char extra;
	int fd = OpenTransientFile(deid_key_file, O_RDONLY | PG_BINARY);

	if (fd < 0 && errno == ENOENT && make)
	{
		make_key();
		fd = OpenTransientFile(deid_key_file, O_RDONLY | PG_BINARY);
	}
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open the key of de-identification, \"%s\": "
						"%m",
						deid_key_file),
				 errhint("Bring the key file from the server that the catalog "
						 "was made on, or accept a new key with "
						 "medimnet.accept_deid_key()."),
				 errhidestmt(true)));
	if (fstat(fd, &st) != 0 || (st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("key file \"%s\" is open to others", deid_key_file),
				 errhint("Its permissions should be u=rw (0600)."),
				 errhidestmt(true)));
	if (read(fd, key, DECODER_KEY_SIZE) != DECODER_KEY_SIZE ||
		read(fd, &extra, 1) != 0)
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
						errmsg("key file \"%s\" does not have %d bytes",
							   deid_key_file, DECODER_KEY_SIZE),
						errhidestmt(true)));
	CloseTransientFile(fd);
}

/* HMAC-SHA-256 of parts, each followed by a zero byte. */
static bytea *
keyed_hash(const uint8 key[DECODER_KEY_SIZE], int count, text **parts)
{
	bytea *result = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
	bool ok = hmac && pg_hmac_init(hmac, key, DECODER_KEY_SIZE) == 0;

	for (int i = 0; ok && i < count; i++)
		ok = pg_hmac_update(hmac, (uint8 *)VARDATA_ANY(parts[i]),
							VARSIZE_ANY_EXHDR(parts[i])) == 0 &&
			 pg_hmac_update(hmac, (const uint8 *)"", 1) == 0;
	SET_VARSIZE(result, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	ok = ok && pg_hmac_final(hmac, (uint8 *)VARDATA(result),
							 PG_SHA256_DIGEST_LENGTH) == 0;
	pg_hmac_free(hmac);
	if (!ok)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not compute a keyed hash")));
	return result;
}

static bytea *
key_check(const uint8 key[DECODER_KEY_SIZE])
{
	text *constant = cstring_to_text(KEY_CHECK_TEXT);

	return keyed_hash(key, 1, &constant);
}

PG_FUNCTION_INFO_V1(medimnet_deid_key_check);
Datum
medimnet_deid_key_check(PG_FUNCTION_ARGS)
{
	uint8 key[DECODER_KEY_SIZE];

	read_key(key, PG_GETARG_BOOL(0));
	PG_RETURN_BYTEA_P(key_check(key));
}

/* The key that the catalog was made with. */
static void
read_checked_key(uint8 key[DECODER_KEY_SIZE], bytea *expected)
{
	bytea *check;

	read_key(key, false);
	check = key_check(key);
	if (VARSIZE_ANY_EXHDR(expected) != VARSIZE_ANY_EXHDR(check) ||
		memcmp(VARDATA_ANY(expected), VARDATA_ANY(check),
			   VARSIZE_ANY_EXHDR(check)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the key of de-identification is not the one that "
						"this catalog was made with"),
				 errdetail("With another key, patients that are already here "
						   "would become new subjects."),
				 errhint("Bring the key file from the server that the catalog "
						 "was made on, or accept the new key with "
						 "medimnet.accept_deid_key()."),
				 errhidestmt(true)));
}

PG_FUNCTION_INFO_V1(medimnet_subject_hash);
Datum
medimnet_subject_hash(PG_FUNCTION_ARGS)
{
	text *parts[2] = {PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1)};
	uint8 key[DECODER_KEY_SIZE];

	read_checked_key(key, PG_GETARG_BYTEA_PP(2));
	PG_RETURN_BYTEA_P(keyed_hash(key, 2, parts));
}

/* The first 63 bits: a positive number. */
PG_FUNCTION_INFO_V1(medimnet_hash_id);
Datum
medimnet_hash_id(PG_FUNCTION_ARGS)
{
	bytea *hash = PG_GETARG_BYTEA_PP(0);
	const uint8 *bytes = (const uint8 *)VARDATA_ANY(hash);
	uint64 id = 0;

	if (VARSIZE_ANY_EXHDR(hash) < sizeof id)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a hash has at least 8 bytes")));
	for (int i = 0; i < sizeof id; i++)
		id = id << 8 | bytes[i];
	PG_RETURN_INT64((int64)(id >> 1));
}

/* The first thing that ingest() does. */
PG_FUNCTION_INFO_V1(medimnet_hide_statement);
Datum
medimnet_hide_statement(PG_FUNCTION_ARGS)
{
	DecoderHideStatement();
	PG_RETURN_VOID();
}

/*
 * Raises the error for a collection that does not exist.  Not in SQL: the
 * statement may hold a file's bytes, and must not go to the server's log.
 */
PG_FUNCTION_INFO_V1(medimnet_no_such_collection);
Datum
medimnet_no_such_collection(PG_FUNCTION_ARGS)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("collection \"%s\" does not exist",
						   text_to_cstring(PG_GETARG_TEXT_PP(0))),
					errhint("Register it first: SELECT "
							"medimnet.add_collection(name, license)."),
					errhidestmt(true), errhidecontext(true)));
	PG_RETURN_VOID();
}
/* What is wrong, and what to do about it. */
static char *
refusal(const mmn_error *err)
{
	const char *format;

	switch (err->code)
	{
		case MMN_NOT_IMAGE:
			format = "%s; only files with pixels are kept";
			break;
		case MMN_UNSUPPORTED:
			format = "%s; send it as DICOM in another transfer syntax, PNG "
					 "or JPEG";
			break;
		case MMN_LIMIT:
			format = "%s; send it in smaller parts, or have the operator "
					 "raise the limit";
			break;
		case MMN_BAD_DATA:
		case MMN_SYNTAX:
			format = "%s; if this is an image, send an undamaged copy";
			break;
		case MMN_NO_MEMORY:
			format = "%s; the image needs more memory than the decoder may "
					 "have";
			break;
		default:
			format = "%s; try again, and tell the operator if it stays so";
			break;
	}
	return psprintf(format, err->text);
}

/*
 * (content, key check) to (description, deidentified, refusal): the JSON text
 * and the bytes that receive answers with, or why it did not.
 */
PG_FUNCTION_INFO_V1(medimnet_receive_image);
Datum
medimnet_receive_image(PG_FUNCTION_ARGS)
{
	bytea *content = PG_GETARG_BYTEA_PP(0);
	uint8 key[DECODER_KEY_SIZE];
	TupleDesc desc;
	Datum values[3] = {0};
	bool nulls[3] = {true, true, true};
	mmn_error err = {0};
	char *json = NULL;
	bytea *clean = NULL;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	read_checked_key(key, PG_GETARG_BYTEA_PP(1));
	if (DecoderReceive(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), key,
					   &json, &clean, &err) == MMN_OK &&
		!pg_verify_mbstr(PG_UTF8, json, strlen(json), true))
		(void)mmn_fail(&err, MMN_INTERNAL,
					   "the decoder described the file in bytes that are no "
					   "text");
	explicit_bzero(key, sizeof key);
	if (err.code != MMN_OK)
	{
		values[2] = CStringGetTextDatum(refusal(&err));
		nulls[2] = false;
	}
	else
	{
		values[0] = CStringGetTextDatum(json);
		values[1] = PointerGetDatum(clean);
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
