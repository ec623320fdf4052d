#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bridge.h"
#include "compat.h"
#include "decoder.h"
#include "image/contact_sheet.h"
#include "image/png_write.h"
#include "image/render.h"

/*
 * contact_sheet(image_ids, columns, tile): images of the catalog on one page.
 * One image at a time is fetched, decoded and drawn, in a memory context that
 * is reset before the next: the page is all that grows with their number.
 */

PG_FUNCTION_INFO_V1(medimnet_contact_sheet);

static const char *const image_query =
	"SELECT c.content, coalesce(i.key_frame, (i.frames + 1) / 2) FROM medimnet.image i "
	"JOIN medimnet.image_content c "
	"ON c.subject_id = i.subject_id AND c.image_id = i.image_id "
	"WHERE i.image_id = $1";

static SPIPlanPtr
prepare_query(void)
{
	Oid type = INT8OID;
	SPIPlanPtr plan;

	if (SPI_execute("SELECT medimnet.require_catalog()", true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not look for the catalog");
	plan = SPI_prepare(image_query, 1, &type);
	if (!plan)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	return plan;
}

/* The key frame of an image of the catalog, in CurrentMemoryContext. */
static Pixels *
fetch_frame(SPIPlanPtr plan, int64 image_id)
{
	Datum id = Int64GetDatum(image_id);
	Datum content, frame;
	bool no_content, no_frame;
	Pixels *pixels;
	mmn_error err;

	if (SPI_execute_plan(plan, &id, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up image " INT64_FORMAT, image_id);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("image " INT64_FORMAT " does not exist", image_id)));
	content = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							&no_content);
	frame = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2,
						  &no_frame);
	if (no_content)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("image " INT64_FORMAT " has no content", image_id)));
	if (DecoderFrame(content, no_frame ? 1 : DatumGetInt32(frame), &pixels,
					 &err) != MMN_OK)
		mmn_report(psprintf("could not decode image " INT64_FORMAT, image_id),
				   &err);
	SPI_freetuptable(SPI_tuptable);
	return pixels;
}

/* Image ids of an array without nulls, in its order. */
static int64 *
image_ids(ArrayType *array, int *count)
{
	Datum *elements;
	int64 *ids;

	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("image_ids cannot have null elements")));
	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, count);
	ids = palloc(sizeof(int64) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		ids[i] = DatumGetInt64(elements[i]);
	return ids;
}

Datum
medimnet_contact_sheet(PG_FUNCTION_ARGS)
{
	const char *what = "could not make contact sheet";
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext per_image, outer;
	int32 columns = PG_GETARG_INT32(1);
	int32 tile = PG_GETARG_INT32(2);
	int count;
	int64 *ids = image_ids(PG_GETARG_ARRAYTYPE_P(0), &count);
	mmn_contact_sheet sheet;
	mmn_image page;
	mmn_error err;
	SPIPlanPtr plan;
	uint8 *png;
	size_t length;
	bytea *out;

	/* negative ones as 0, which is refused with the limits named */
	mmn_check(mmn_contact_sheet_create(&mmn_env_backend, count, Max(columns, 0),
									   Max(tile, 0), &sheet, &err),
			  what, &err);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = prepare_query();
	per_image = AllocSetContextCreate(
		CurrentMemoryContext, "contact sheet image", ALLOCSET_DEFAULT_SIZES);
	outer = MemoryContextSwitchTo(per_image);
	for (int i = 0; i < count; i++)
	{
		mmn_image image, shown;

		CHECK_FOR_INTERRUPTS();
		image = PixelsImage(fetch_frame(plan, ids[i]));
		mmn_check(
			mmn_image_render(&mmn_env_backend, &image, "auto", &shown, &err),
			what, &err);
		mmn_check(
			mmn_contact_sheet_place(&mmn_env_backend, &sheet, i, &shown, &err),
			what, &err);
		MemoryContextReset(per_image);
	}
	MemoryContextSwitchTo(outer);
	SPI_finish();

	MemoryContextSwitchTo(caller);
	mmn_contact_sheet_finish(&sheet, &page);
	mmn_check(mmn_png_write(&mmn_env_backend, &page, &png, &length, &err), what,
			  &err);
	out = palloc(VARHDRSZ + length);
	SET_VARSIZE(out, VARHDRSZ + length);
	memcpy(VARDATA(out), png, length);
	PG_RETURN_BYTEA_P(out);
}
