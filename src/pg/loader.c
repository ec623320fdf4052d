#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/bytes.h"
#include "bridge.h"
#include "compat.h"
#include "decoder.h"
#include "sample/deal.h"
#include "sample/fit.h"
#include "sample/permute.h"
#include "tensor.h"

/*
 * Batches.
 *
 * A position of the stream becomes a stratum and a turn (sample/deal.h), that
 * with the stratum's size an ordinal, and that a member by one look-up in an
 * index: what a batch costs does not depend on how large the dataset is.
 * Nothing is kept from one call to the next but query plans, and nothing is
 * written, so that a hot standby serves as well.
 */

PG_FUNCTION_INFO_V1(medimnet_loader_schedule);
PG_FUNCTION_INFO_V1(medimnet_check_loader);
PG_FUNCTION_INFO_V1(medimnet_batch);
PG_FUNCTION_INFO_V1(medimnet_batch_rows);

typedef struct Loader
{
	char *name;
	int64 id;
	int32 batch_size;
	int32 rank;
	int32 share; /* images of a step for one rank */
	mmn_fit fit;
	uint64 seed;
	mmn_deal deal;
	HTAB *strata;		   /* StratumSize, those met so far */
	MemoryContext context; /* what all of this is in */
	MemoryContext scratch; /* reset for every image */
} Loader;

typedef struct StratumSize
{
	int32 stratum;
	int64 members;
} StratumSize;

typedef struct Sample
{
	int64 image_id;
	int32 label;
} Sample;

/*
 * One row of a query with a kept plan, in the SPI connection's tuple table;
 * false when there is none.
 */
static bool
LookUp(SPIPlanPtr *plan, const char *query, int n, Oid *types, Datum *values)
{
	if (*plan == NULL)
	{
		SPIPlanPtr prepared =
			SPI_prepare_cursor(query, n, types, CURSOR_OPT_GENERIC_PLAN);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare \"%s\"", query);
		*plan = prepared;
	}
	/* read-only: the caller's snapshot, no new command */
	if (SPI_execute_plan(*plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", query);
	return SPI_processed == 1;
}

static Datum
Column(int i, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i,
						 is_null);
}

/* A column that cannot be null. */
static Datum
RequiredColumn(int i)
{
	bool is_null;
	Datum value = Column(i, &is_null);

	if (is_null)
		elog(ERROR, "column %d is null", i);
	return value;
}

static uint8
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

static mmn_balance
ParseBalance(const char *name)
{
	mmn_balance balance;

	if (!mmn_balance_parse(name, &balance))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid balance of a loader: \"%s\"", name),
				 errhint("A loader's balance is none, uniform or sqrt.")));
	return balance;
}

static void
RequireLoaderTable(void)
{
	Oid schema = get_namespace_oid("medimnet", true);

	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid("loader", schema)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the catalog does not exist"),
				 errhint("Make it with: SELECT medimnet.create_catalog();")));
}

/*
 * Reads a loader's definition, within an SPI connection; the result is in
 * context.
 */
static Loader *
LoaderOpen(MemoryContext context, const char *name, int32 rank,
		   int32 world_size)
{
	static SPIPlanPtr plan;
	Oid types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(name)};
	MemoryContext caller;
	HASHCTL control = {0};
	mmn_balance balance;
	uint32_t *schedule = NULL;
	uint64 period = 0;
	bytea *stored;
	bool is_null;
	mmn_error err;
	Loader *loader;
	uint64 i;

	RequireLoaderTable();
	if (!LookUp(&plan,
				"SELECT loader_id, batch_size, width, height, channels, "
				"dtype, balance, seed, strata, schedule "
				"FROM medimnet.loader "
				"WHERE name OPERATOR(pg_catalog.=) $1 AND samples IS NOT NULL",
				1, types, values))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("loader \"%s\" does not exist", name),
						errhint("Table medimnet.loader lists loaders; "
								"create_loader() makes one.")));
	caller = MemoryContextSwitchTo(context);
	loader = palloc0(sizeof(*loader));
	loader->context = context;
	loader->name = pstrdup(name);
	loader->id = DatumGetInt64(RequiredColumn(1));
	loader->batch_size = DatumGetInt32(RequiredColumn(2));
	loader->fit.width = DatumGetInt32(RequiredColumn(3));
	loader->fit.height = DatumGetInt32(RequiredColumn(4));
	loader->fit.channels = DatumGetInt32(RequiredColumn(5));
	loader->fit.dtype = ParseDtype(TextDatumGetCString(RequiredColumn(6)));
	balance = ParseBalance(TextDatumGetCString(RequiredColumn(7)));
	loader->seed = (uint64)DatumGetInt64(RequiredColumn(8));
	stored = (bytea *)DatumGetPointer(Column(10, &is_null));
	if (!is_null)
	{
		stored = DatumGetByteaPP(PointerGetDatum(stored));
		period = VARSIZE_ANY_EXHDR(stored) / sizeof(uint32);
		schedule = palloc(Max(period, 1) * sizeof(uint32));
		for (i = 0; i < period; i++)
			schedule[i] = mmn_load_u32le(VARDATA_ANY(stored) + i * 4);
	}
	mmn_check(mmn_deal_init(&loader->deal, &mmn_env_backend, balance,
							loader->seed, loader->batch_size,
							DatumGetInt32(RequiredColumn(9)), schedule, period,
							&err),
			  "could not read a loader's definition", &err);

	if (world_size < 1 || loader->batch_size % world_size != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("world_size %d does not divide the batch size %d of "
						"loader \"%s\"",
						world_size, loader->batch_size, name)));
	if (rank < 0 || rank >= world_size)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rank %d is outside 0..%d", rank, world_size - 1)));
	loader->rank = rank;
	loader->share = loader->batch_size / world_size;

	control.keysize = sizeof(int32);
	control.entrysize = sizeof(StratumSize);
	control.hcxt = context;
	loader->strata = hash_create("strata of a loader", 64, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	loader->scratch = AllocSetContextCreate(context, "image of a batch",
											ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
	return loader;
}

static void
CheckStep(const Loader *loader, int64 step)
{
	/* positions are 64-bit */
	if (step < 0 || step >= PG_INT64_MAX / loader->batch_size)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("step " INT64_FORMAT " is out of range", step)));
}

static int64
StratumMembers(Loader *loader, int32 stratum)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT8OID, INT4OID};
	Datum values[] = {Int64GetDatum(loader->id), Int32GetDatum(stratum)};
	StratumSize *size = hash_search(loader->strata, &stratum, HASH_FIND, NULL);
	int64 members;

	if (size != NULL)
		return size->members;
	if (!LookUp(&plan,
				"SELECT members FROM medimnet.loader_stratum "
				"WHERE loader_id OPERATOR(pg_catalog.=) $1 "
				"AND stratum OPERATOR(pg_catalog.=) $2",
				2, types, values))
		elog(ERROR, "loader \"%s\" has no stratum %d", loader->name, stratum);
	members = DatumGetInt64(RequiredColumn(1));
	SPI_freetuptable(SPI_tuptable);
	if (members < 1 || (uint64)members > MMN_PERMUTE_MAX)
		elog(ERROR, "stratum %d of loader \"%s\" is damaged", stratum,
			 loader->name);
	size = hash_search(loader->strata, &stratum, HASH_ENTER, NULL);
	size->members = members;
	return members;
}

/*
 * Fetches, decodes and fits the image at a position of the stream into out,
 * within an SPI connection.
 */
static Sample
LoadSample(Loader *loader, uint64 position, void *out)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT8OID, INT4OID, INT8OID};
	Datum values[3];
	MemoryContext caller;
	mmn_image image;
	mmn_status status;
	mmn_error err;
	Pixels *pixels;
	uint32_t stratum;
	uint64_t turn;
	bytea *content;
	bool no_status, no_content;
	Datum image_status;
	Sample sample;
	int32 frame;

	mmn_deal_at(&loader->deal, position, &stratum, &turn);
	values[0] = Int64GetDatum(loader->id);
	values[1] = Int32GetDatum((int32)stratum);
	values[2] = Int64GetDatum((int64)mmn_draw(
		loader->seed, stratum, StratumMembers(loader, stratum), turn));
	if (!LookUp(&plan,
				"SELECT m.image_id, m.label, m.frame, i.status, c.content "
				"FROM medimnet.loader_member m "
				"LEFT JOIN medimnet.image i "
				"ON i.subject_id OPERATOR(pg_catalog.=) m.subject_id "
				"AND i.image_id OPERATOR(pg_catalog.=) m.image_id "
				"LEFT JOIN medimnet.image_content c "
				"ON c.subject_id OPERATOR(pg_catalog.=) m.subject_id "
				"AND c.image_id OPERATOR(pg_catalog.=) m.image_id "
				"WHERE m.loader_id OPERATOR(pg_catalog.=) $1 "
				"AND m.stratum OPERATOR(pg_catalog.=) $2 "
				"AND m.ordinal OPERATOR(pg_catalog.=) $3",
				3, types, values))
		elog(ERROR, "loader \"%s\" lacks a member", loader->name);
	sample.image_id = DatumGetInt64(RequiredColumn(1));
	sample.label = DatumGetInt32(RequiredColumn(2));
	frame = DatumGetInt32(RequiredColumn(3));
	image_status = Column(4, &no_status);
	content = (bytea *)DatumGetPointer(Column(5, &no_content));
	if (no_status || no_content ||
		strcmp(TextDatumGetCString(image_status), "stored") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("image " INT64_FORMAT " of loader \"%s\" can no "
						"longer be served",
						sample.image_id, loader->name),
				 no_status || no_content
					 ? errdetail("Its content is not in the catalog.")
					 : errdetail("Its status is %s.",
								 TextDatumGetCString(image_status)),
				 errhint("Create a new version of the dataset without it.")));

	caller = MemoryContextSwitchTo(loader->scratch);
	content = DatumGetByteaPP(PointerGetDatum(content));
	status = DecoderFrame(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content),
						  frame, &pixels, &err);
	if (status == MMN_OK)
	{
		image = PixelsImage(pixels);
		status =
			mmn_fit_image(&mmn_env_backend, &image, &loader->fit, out, &err);
	}
	mmn_check(status,
			  psprintf("could not serve image " INT64_FORMAT
					   " of loader \"%s\"",
					   sample.image_id, loader->name),
			  &err);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(loader->scratch);
	SPI_freetuptable(SPI_tuptable);
	CHECK_FOR_INTERRUPTS();
	return sample;
}

static int64
FirstPosition(const Loader *loader, int64 step)
{
	return step * loader->batch_size + (int64)loader->rank * loader->share;
}

/* batch(loader text, step bigint, rank int, world_size int) */
Datum
medimnet_batch(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int64 step = PG_GETARG_INT64(1);
	MemoryContext context = CurrentMemoryContext;
	TupleDesc tupdesc;
	Loader *loader;
	Tensor *images;
	Datum *labels, *image_ids;
	Datum values[3];
	bool nulls[3] = {false};
	int32 dims[4];
	Size image_bytes;
	char *data;
	int i;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	BlessTupleDesc(tupdesc);
	SPI_connect();
	loader = LoaderOpen(CurrentMemoryContext, name, PG_GETARG_INT32(2),
						PG_GETARG_INT32(3));
	CheckStep(loader, step);

	MemoryContextSwitchTo(context);
	dims[0] = loader->share;
	dims[1] = loader->fit.channels;
	dims[2] = loader->fit.height;
	dims[3] = loader->fit.width;
	images = TensorCreate(loader->fit.dtype, 4, dims);
	labels = palloc(loader->share * sizeof(Datum));
	image_ids = palloc(loader->share * sizeof(Datum));
	data = TensorData(images);
	image_bytes = TensorDataSize(images) / loader->share;
	MemoryContextSwitchTo(loader->context);
	for (i = 0; i < loader->share; i++)
	{
		Sample sample = LoadSample(loader, FirstPosition(loader, step) + i,
								   data + i * image_bytes);

		labels[i] = Int32GetDatum(sample.label);
		image_ids[i] = Int64GetDatum(sample.image_id);
	}
	values[0] = PointerGetDatum(images);
	loader = NULL;
	dims[1] = dims[0];
	SPI_finish();
	values[1] = PointerGetDatum(
		construct_array(labels, dims[0], INT4OID, 4, true, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(
		image_ids, dims[0], INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls)));
}

/* Where a scan of batch_rows stands. */
typedef struct Stream
{
	Loader *loader;
	int64 step;
	int64 last_step;
	int32 at; /* within the rank's share */
} Stream;

static Stream *
StreamOpen(FunctionCallInfo fcinfo, MemoryContext context)
{
	Stream *stream = MemoryContextAllocZero(context, sizeof(*stream));

	SPI_connect();
	stream->loader = LoaderOpen(context, text_to_cstring(PG_GETARG_TEXT_PP(0)),
								PG_GETARG_INT32(3), PG_GETARG_INT32(4));
	SPI_finish();
	stream->step = PG_GETARG_INT64(1);
	stream->last_step = PG_GETARG_INT64(2);
	CheckStep(stream->loader, stream->step);
	CheckStep(stream->loader, stream->last_step);
	return stream;
}

/*
 * batch_rows(loader text, first_step bigint, last_step bigint, rank int,
 *			  world_size int): one row a call, so that no more than one image
 * is in memory when it is called in the SELECT list.
 */
Datum
medimnet_batch_rows(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Stream *stream;
	Loader *loader;
	Tensor *image;
	Sample sample;
	Datum values[5];
	bool nulls[5] = {false};
	int32 dims[3];

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &call->tuple_desc) !=
			TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		BlessTupleDesc(call->tuple_desc);
		call->user_fctx = StreamOpen(fcinfo, call->multi_call_memory_ctx);
		MemoryContextSwitchTo(caller);
	}
	call = SRF_PERCALL_SETUP();
	stream = call->user_fctx;
	loader = stream->loader;
	if (stream->at == loader->share)
	{
		stream->step++;
		stream->at = 0;
	}
	if (stream->step > stream->last_step)
		SRF_RETURN_DONE(call);

	dims[0] = loader->fit.channels;
	dims[1] = loader->fit.height;
	dims[2] = loader->fit.width;
	image = TensorCreate(loader->fit.dtype, 3, dims);
	SPI_connect();
	sample =
		LoadSample(loader, FirstPosition(loader, stream->step) + stream->at,
				   TensorData(image));
	SPI_finish();
	values[0] = Int64GetDatum(stream->step);
	values[1] = Int32GetDatum(loader->rank * loader->share + stream->at);
	values[2] = Int64GetDatum(sample.image_id);
	values[3] = Int32GetDatum(sample.label);
	values[4] = PointerGetDatum(image);
	stream->at++;
	SRF_RETURN_NEXT(call, HeapTupleGetDatum(heap_form_tuple(call->tuple_desc,
															values, nulls)));
}

/* loader_schedule(balance text, seed bigint, batch_size int, members bigint[]) */
Datum
medimnet_loader_schedule(PG_FUNCTION_ARGS)
{
	mmn_balance balance = ParseBalance(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	uint64 seed = (uint64)PG_GETARG_INT64(1);
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(3);
	const char *what = "could not make a loader";
	uint64 strata, period = 0, i;
	uint32_t *schedule = NULL;
	bytea *result;
	mmn_deal deal;
	mmn_error err;

	if (ARR_HASNULL(array) || ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("members must be one-dimensional and without "
							   "nulls")));
	strata = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (balance == MMN_BALANCE_SQRT && strata > 0 &&
		strata <= MMN_DEAL_MAX_SQRT_STRATA)
	{
		period = mmn_schedule_period(strata);
		schedule = palloc(period * sizeof(*schedule));
		mmn_check(mmn_schedule_build(&mmn_env_backend, seed, strata,
									 (const uint64_t *)ARR_DATA_PTR(array),
									 schedule, &err),
				  what, &err);
	}
	else if (balance == MMN_BALANCE_SQRT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("balance sqrt takes 1 to %d strata, not " UINT64_FORMAT,
						MMN_DEAL_MAX_SQRT_STRATA, strata),
				 errhint("Balance by fewer columns, or uniformly.")));
	mmn_check(mmn_deal_init(&deal, &mmn_env_backend, balance, seed,
							(uint64)Max(PG_GETARG_INT32(2), 0), strata,
							schedule, period, &err),
			  what, &err);
	mmn_deal_reset(&deal, &mmn_env_backend);
	if (schedule == NULL)
		PG_RETURN_NULL();
	result = palloc(VARHDRSZ + period * 4);
	SET_VARSIZE(result, VARHDRSZ + period * 4);
	for (i = 0; i < period; i++)
		mmn_store_u32le(VARDATA(result) + i * 4, schedule[i]);
	PG_RETURN_BYTEA_P(result);
}

/* check_loader(width, height, channels, dtype, balance, batch_size) */
Datum
medimnet_check_loader(PG_FUNCTION_ARGS)
{
	int32 width = PG_GETARG_INT32(0);
	int32 height = PG_GETARG_INT32(1);
	int32 channels = PG_GETARG_INT32(2);
	uint8 dtype = ParseDtype(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	int32 batch_size = PG_GETARG_INT32(5);
	uint64 image_bytes;

	(void)ParseBalance(text_to_cstring(PG_GETARG_TEXT_PP(4)));
	if (width < 1 || width > MMN_IMAGE_MAX_SIDE || height < 1 ||
		height > MMN_IMAGE_MAX_SIDE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("size %dx%d of a loader is outside 1..%u pixels "
							   "a side",
							   width, height, MMN_IMAGE_MAX_SIDE)));
	if (channels != 1 && channels != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a loader has 1 or 3 channels, not %d", channels)));
	if (batch_size < 1 || batch_size > MMN_DEAL_MAX_BATCH)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("batch size %d is outside 1..%d", batch_size,
							   MMN_DEAL_MAX_BATCH)));
	image_bytes = (uint64)width * height * channels * mmn_dtype_size(dtype);
	/* room for the row around the tensor, in one value of 1 GB */
	if (image_bytes > (MaxAllocSize - 65536) / batch_size - 12)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a batch of %d images of " UINT64_FORMAT
							   " bytes each does not fit into one value",
							   batch_size, image_bytes),
						errhint("The limit is 1 GB; take smaller batches.")));
	PG_RETURN_VOID();
}
