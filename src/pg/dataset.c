#include "postgres.h"

#include <nettle/sha2.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

#include "bridge.h"
#include "compat.h"
#include "sample/split.h"

/*
 * What creating a dataset needs beyond SQL: the curator's query is looked at
 * before it is run, and run with the curator's own search_path; units are
 * found and divided by the core; the manifest is hashed as a stream.
 */

PG_FUNCTION_INFO_V1(medimnet_create_dataset);
PG_FUNCTION_INFO_V1(medimnet_dataset_components);
PG_FUNCTION_INFO_V1(medimnet_dataset_assign);
PG_FUNCTION_INFO_V1(medimnet_dataset_hash);

/* Rows of a manifest that are in memory at one time. */
#define MANIFEST_ROWS 10000

/* A query as the curator wrote it, after a look at it. */
typedef struct CuratorQuery
{
	char *statement; /* without what stands before and after it */
	bool has_frame;
} CuratorQuery;

static bool
IsWhole(Oid type)
{
	type = getBaseType(type);
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static void
CheckColumns(TupleDesc columns, bool *has_frame)
{
	bool has_image_id = false, has_label = false;
	int i;

	*has_frame = false;
	for (i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		const char *name = NameStr(column->attname);
		bool *seen = strcmp(name, "image_id") == 0 ? &has_image_id
					 : strcmp(name, "label") == 0  ? &has_label
					 : strcmp(name, "frame") == 0  ? has_frame
												   : NULL;

		if (seen == NULL || *seen)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_COLUMN_DEFINITION),
					 errmsg("the dataset's query has %s column \"%s\"",
							seen ? "a second" : "an unknown", name),
					 errhint("A dataset's query yields the columns image_id, "
							 "label, and optionally frame.")));
		if (seen != &has_label && !IsWhole(column->atttypid))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of the dataset's query has type "
							"%s, not bigint",
							name, format_type_be(column->atttypid))));
		*seen = true;
	}
	if (!has_image_id || !has_label)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_DEFINITION),
				 errmsg("the dataset's query has no column \"%s\"",
						has_image_id ? "label" : "image_id"),
				 errhint("A dataset's query yields the columns image_id, "
						 "label, and optionally frame; name a column with "
						 "AS.")));
}

/* Within an SPI connection, whose memory the result is in. */
static CuratorQuery
ExamineQuery(const char *query)
{
	SPIPlanPtr plan = SPI_prepare(query, 0, NULL);
	List *sources;
	CachedPlanSource *source;
	CuratorQuery result;
	RawStmt *raw;

	if (plan == NULL)
		elog(ERROR, "could not prepare a dataset's query: %s",
			 SPI_result_code_string(SPI_result));
	sources = SPI_plan_get_plan_sources(plan);
	source = list_length(sources) == 1 ? (CachedPlanSource *)linitial(sources)
									   : NULL;
	if (source == NULL || list_length(source->query_list) != 1 ||
		linitial_node(Query, source->query_list)->commandType != CMD_SELECT ||
		linitial_node(Query, source->query_list)->hasModifyingCTE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the dataset's query is not a single SELECT")));
	CheckColumns(source->resultDesc, &result.has_frame);
	raw = source->raw_parse_tree;
	result.statement = raw->stmt_len > 0
						   ? pnstrdup(query + raw->stmt_location, raw->stmt_len)
						   : pstrdup(query + raw->stmt_location);
	return result;
}

static void
Run(const char *command, int expected)
{
	int result = SPI_execute(command, false, 0);

	if (result != expected)
		elog(ERROR, "could not execute \"%s\": %s", command,
			 SPI_result_code_string(result));
}

/*
 * create_dataset(name, query, split, seed).  The query's rows go to a
 * temporary table, from which dataset_build() makes the version.
 */
Datum
medimnet_create_dataset(PG_FUNCTION_ARGS)
{
	Oid types[] = {TEXTOID, TEXTOID, JSONBOID, INT8OID};
	Datum values[4];
	CuratorQuery query;
	Datum id;
	bool is_null;
	int i;

	for (i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("name, query, split and seed of a dataset "
								   "cannot be null")));
		values[i] = PG_GETARG_DATUM(i);
	}
	SPI_connect();
	Run("SELECT medimnet.require_catalog()", SPI_OK_SELECT);
	query = ExamineQuery(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	Run("CREATE TEMPORARY TABLE medimnet_query (image_id pg_catalog.int8, "
		"label pg_catalog.text, frame pg_catalog.int4) ON COMMIT DROP",
		SPI_OK_UTILITY);
	Run(psprintf("INSERT INTO pg_temp.medimnet_query SELECT DISTINCT "
				 "q.image_id, q.label::pg_catalog.text, %s FROM (\n%s\n) q",
				 query.has_frame ? "q.frame" : "NULL::pg_catalog.int4",
				 query.statement),
		SPI_OK_INSERT);
	if (SPI_execute_with_args("SELECT medimnet.dataset_build($1, $2, $3, $4)",
							  4, types, values, NULL, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not build a dataset");
	id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
					   &is_null);
	Run("DROP TABLE pg_temp.medimnet_query", SPI_OK_UTILITY);
	SPI_finish();
	PG_RETURN_INT64(DatumGetInt64(id));
}

/* The elements of an int[] argument without nulls, and how many. */
static const int32 *
IntArray(ArrayType *array, int *n)
{
	if (ARR_HASNULL(array) || ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("array must be one-dimensional and without "
							   "nulls")));
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const int32 *)ARR_DATA_PTR(array);
}

/* An int[] of n elements, to be filled through *elements. */
static ArrayType *
MakeIntArray(int n, int32 **elements)
{
	int dims[1], lbs[1] = {1};
	ArrayType *array;
	Size size;

	if (n == 0)
		return construct_empty_array(INT4OID);
	dims[0] = n;
	size = ARR_OVERHEAD_NONULLS(1) + (Size)n * sizeof(int32);
	array = palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = INT4OID;
	memcpy(ARR_DIMS(array), dims, sizeof(dims));
	memcpy(ARR_LBOUND(array), lbs, sizeof(lbs));
	*elements = (int32 *)ARR_DATA_PTR(array);
	return array;
}

/* dataset_components(n int, a int[], b int[]) → int[] */
Datum
medimnet_dataset_components(PG_FUNCTION_ARGS)
{
	int32 n = PG_GETARG_INT32(0);
	int n_a, n_b;
	const int32 *a = IntArray(PG_GETARG_ARRAYTYPE_P(1), &n_a);
	const int32 *b = IntArray(PG_GETARG_ARRAYTYPE_P(2), &n_b);
	int32 *roots = NULL;
	ArrayType *result;
	mmn_error err;

	if (n < 0 || n_a != n_b)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("edges need two ends")));
	result = MakeIntArray(n, &roots);
	mmn_check(mmn_components((uint32_t)n, (uint64_t)n_a, (const uint32_t *)a,
							 (const uint32_t *)b, (uint32_t *)roots, &err),
			  "could not group subjects", &err);
	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * dataset_assign(unit int[], label int[], images int[], ids bigint[],
 *				  classes int, fractions float8[], seed bigint) → int[]
 */
Datum
medimnet_dataset_assign(PG_FUNCTION_ARGS)
{
	int n, n_labels, n_images, n_units, n_splits, i;
	const int32 *units = IntArray(PG_GETARG_ARRAYTYPE_P(0), &n);
	const int32 *labels = IntArray(PG_GETARG_ARRAYTYPE_P(1), &n_labels);
	const int32 *images = IntArray(PG_GETARG_ARRAYTYPE_P(2), &n_images);
	/* same layout, wider elements */
	const int64_t *ids =
		(const int64_t *)IntArray(PG_GETARG_ARRAYTYPE_P(3), &n_units);
	int32 classes = PG_GETARG_INT32(4);
	const double *fractions =
		(const double *)IntArray(PG_GETARG_ARRAYTYPE_P(5), &n_splits);
	mmn_unit_count *counts;
	int32 *splits = NULL;
	ArrayType *result;
	mmn_error err;

	if (n_labels != n || n_images != n || classes < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unit, label and images differ in length")));
	counts = mmn_alloc_array(&mmn_env_backend, n, sizeof(*counts));
	if (counts == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	for (i = 0; i < n; i++)
	{
		counts[i].unit = (uint32_t)units[i];
		counts[i].label = (uint32_t)labels[i];
		counts[i].images = (uint32_t)images[i];
	}
	result = MakeIntArray(n_units, &splits);
	mmn_check(mmn_split_assign(&mmn_env_backend, (uint64_t)PG_GETARG_INT64(6),
							   (uint32_t)n_units, ids, (uint32_t)classes,
							   counts, (uint64_t)n, (uint32_t)n_splits,
							   fractions, (uint32_t *)splits, &err),
			  "could not split the dataset", &err);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* dataset_hash(dataset_id bigint) → bytea: SHA-256 of the manifest's lines */
Datum
medimnet_dataset_hash(PG_FUNCTION_ARGS)
{
	Oid types[] = {INT8OID};
	Datum values[] = {PG_GETARG_DATUM(0)};
	struct sha256_ctx sha;
	bytea *result = palloc(VARHDRSZ + SHA256_DIGEST_SIZE);
	Portal portal;

	SET_VARSIZE(result, VARHDRSZ + SHA256_DIGEST_SIZE);
	sha256_init(&sha);
	SPI_connect();
	portal = SPI_cursor_open_with_args(
		NULL, "SELECT m FROM medimnet.dataset_lines($1) m", 1, types, values,
		NULL, true, 0);
	for (;;)
	{
		uint64 i;

		SPI_cursor_fetch(portal, true, MANIFEST_ROWS);
		if (SPI_processed == 0)
			break;
		for (i = 0; i < SPI_processed; i++)
		{
			bool is_null;
			Datum line = SPI_getbinval(SPI_tuptable->vals[i],
									   SPI_tuptable->tupdesc, 1, &is_null);
			text *t = DatumGetTextPP(line);

			sha256_update(&sha, VARSIZE_ANY_EXHDR(t),
						  (const uint8_t *)VARDATA_ANY(t));
			sha256_update(&sha, 1, (const uint8_t *)"\n");
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
	SPI_finish();
	sha256_digest(&sha, SHA256_DIGEST_SIZE, (uint8_t *)VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}
