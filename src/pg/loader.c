#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/bytes.h"
#include "bridge.h"
#include "compat.h"
#include "loader.h"
#include "rendition.h"

/*
 * The definition of loaders: checked when one is made, read when it serves.
 */

PG_FUNCTION_INFO_V1(medimnet_loader_schedule);
PG_FUNCTION_INFO_V1(medimnet_check_loader);

/*
 * One row of a query with a kept plan, in the SPI connection's tuple table;
 * false when there is none.
 */
bool
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

Datum
LookUpColumn(int i, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i,
						 is_null);
}

/* A column that cannot be null. */
Datum
LookUpRequired(int i)
{
	bool is_null;
	Datum value = LookUpColumn(i, &is_null);

	if (is_null)
		elog(ERROR, "column %d is null", i);
	return value;
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

/* The schedule of balance sqrt, from its stored form. */
static uint32_t *
ReadSchedule(Datum value, uint64 *period)
{
	bytea *stored = DatumGetByteaPP(value);
	uint32_t *schedule;

	*period = VARSIZE_ANY_EXHDR(stored) / sizeof(uint32);
	schedule = palloc(Max(*period, 1) * sizeof(uint32));
	for (uint64 i = 0; i < *period; i++)
		schedule[i] = mmn_load_u32le(VARDATA_ANY(stored) + i * 4);
	return schedule;
}

/* Copies an array of a value for each channel; false when it is null. */
static bool
ReadPerChannel(int column, int channels, float *out)
{
	bool is_null;
	Datum value = LookUpColumn(column, &is_null);
	ArrayType *array;

	if (is_null)
		return false;
	array = DatumGetArrayTypeP(value);
	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != channels ||
		ARR_HASNULL(array))
		elog(ERROR, "a loader's mean or std is damaged");
	memcpy(out, ARR_DATA_PTR(array), channels * sizeof(float));
	return true;
}

static void
ReadFinish(Loader *loader)
{
	mmn_finish *finish = &loader->finish;
	int channels = loader->fit.channels;
	char *flip = TextDatumGetCString(LookUpRequired(18));

	finish->normalised = ReadPerChannel(16, channels, finish->mean) &&
						 ReadPerChannel(17, channels, finish->std);
	finish->augment.flip_horizontal =
		strcmp(flip, "horizontal") == 0 || strcmp(flip, "both") == 0;
	finish->augment.flip_vertical =
		strcmp(flip, "vertical") == 0 || strcmp(flip, "both") == 0;
	finish->augment.rotate = DatumGetFloat8(LookUpRequired(19));
	finish->augment.crop = DatumGetFloat8(LookUpRequired(20));
	finish->augment.window = DatumGetFloat8(LookUpRequired(21));
	loader->copied = mmn_finish_is_copy(finish, &loader->fit);
}

/* Takes over the columns of the row that LoaderOpen has looked up. */
static void
ReadDefinition(Loader *loader)
{
	uint32_t *schedule = NULL;
	uint64 period = 0;
	mmn_balance balance;
	bool is_null;
	Datum stored;
	mmn_error err;

	loader->id = DatumGetInt64(LookUpRequired(1));
	loader->batch_size = DatumGetInt32(LookUpRequired(2));
	loader->fit.width = DatumGetInt32(LookUpRequired(3));
	loader->fit.height = DatumGetInt32(LookUpRequired(4));
	loader->fit.channels = DatumGetInt32(LookUpRequired(5));
	loader->finish.dtype = ParseDtype(TextDatumGetCString(LookUpRequired(6)));
	balance = ParseBalance(TextDatumGetCString(LookUpRequired(7)));
	loader->seed = (uint64)DatumGetInt64(LookUpRequired(8));
	stored = LookUpColumn(10, &is_null);
	if (!is_null)
		schedule = ReadSchedule(stored, &period);
	loader->rule_id = DatumGetInt32(LookUpRequired(11));
	loader->fit.dtype = ParseDtype(TextDatumGetCString(LookUpRequired(12)));
	loader->fit.shape = ParseFitShape(TextDatumGetCString(LookUpRequired(13)));
	ParseWindows(DatumGetArrayTypeP(LookUpRequired(14)), &loader->fit);
	loader->fit.channels_last =
		ParseLayout(TextDatumGetCString(LookUpRequired(15)));
	ReadFinish(loader);
	mmn_check(mmn_deal_init(&loader->deal, &mmn_env_backend, balance,
							loader->seed, loader->batch_size,
							DatumGetInt32(LookUpRequired(9)), schedule, period,
							&err),
			  "could not read a loader's definition", &err);
}

Loader *
LoaderOpen(const char *name, int32 rank, int32 world_size)
{
	static SPIPlanPtr plan;
	Oid types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(name)};
	MemoryContext context = CurrentMemoryContext;
	MemoryContext spi_context;
	Loader *loader;

	SPI_connect();
	RequireLoaderTable();
	if (!LookUp(&plan,
				"SELECT loader_id, batch_size, width, height, channels, "
				"dtype, balance, seed, strata, schedule, "
				"rule_id, rendition_dtype, fit, windows, layout, mean, std, "
				"augment_flip, augment_rotate, augment_crop, augment_window "
				"FROM medimnet.loader "
				"WHERE name OPERATOR(pg_catalog.=) $1 AND samples IS NOT NULL",
				1, types, values))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("loader \"%s\" does not exist", name),
						errhint("Table medimnet.loader lists loaders; "
								"create_loader() makes one.")));
	spi_context = MemoryContextSwitchTo(context);
	loader = palloc0(sizeof(*loader));
	loader->context = context;
	loader->name = pstrdup(name);
	ReadDefinition(loader);
	MemoryContextSwitchTo(spi_context);
	SPI_finish();

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
	return loader;
}

void
LoaderCheckStep(const Loader *loader, int64 step)
{
	/* positions are 64-bit */
	if (step < 0 || step >= PG_INT64_MAX / loader->batch_size)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("step " INT64_FORMAT " is out of range", step)));
}

int64
LoaderFirstPosition(const Loader *loader, int64 step)
{
	return step * loader->batch_size + (int64)loader->rank * loader->share;
}

Size
LoaderImageDims(const Loader *loader, int32 dims[3])
{
	const mmn_fit *fit = &loader->fit;

	dims[0] = fit->channels_last ? fit->height : fit->channels;
	dims[1] = fit->channels_last ? fit->width : fit->height;
	dims[2] = fit->channels_last ? fit->channels : fit->width;
	return (Size)dims[0] * dims[1] * dims[2] * mmn_dtype_size(loader->finish.dtype);
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

/*
 * check_loader(width int, height int, channels int, dtype text, balance text,
 *				batch_size int, fit text, windows text[], layout text)
 */
Datum
medimnet_check_loader(PG_FUNCTION_ARGS)
{
	int32 width = PG_GETARG_INT32(0);
	int32 height = PG_GETARG_INT32(1);
	int32 channels = PG_GETARG_INT32(2);
	uint8 dtype = ParseDtype(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	int32 batch_size = PG_GETARG_INT32(5);
	mmn_fit fit = {0};
	uint64 image_bytes;

	(void)ParseBalance(text_to_cstring(PG_GETARG_TEXT_PP(4)));
	(void)ParseFitShape(text_to_cstring(PG_GETARG_TEXT_PP(6)));
	ParseWindows(PG_GETARG_ARRAYTYPE_P(7), &fit);
	(void)ParseLayout(text_to_cstring(PG_GETARG_TEXT_PP(8)));
	if (width < 1 || width > MMN_IMAGE_MAX_SIDE || height < 1 ||
		height > MMN_IMAGE_MAX_SIDE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("size %dx%d of a loader is outside 1..%u pixels "
							   "a side",
							   width, height, MMN_IMAGE_MAX_SIDE)));
	if (fit.windows > 1 && channels != fit.windows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a loader with %d windows has as many channels, not %d",
						fit.windows, channels)));
	if (fit.windows <= 1 && channels != 1 && channels != 3)
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
