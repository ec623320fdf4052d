#include "postgres.h"

#include <sys/mman.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "loader.h"
#include "message.h"
#include "tensor.h"

/*
 * Batches, as rows and as one value.
 *
 * At a few GB a second every copy of the images counts, and so does every
 * fresh page of memory.  Hence the row is laid out first (RowCreate), and
 * images are written to the place in it where they stay; batch_rows() writes
 * each image over the one before, which is all that the executor promises a
 * function's caller anyway.
 */

PG_FUNCTION_INFO_V1(medimnet_batch);
PG_FUNCTION_INFO_V1(medimnet_batch_rows);

#define ROW_MAX_COLUMNS 5
#define LARGE_PAGE ((uintptr_t)2 << 20)

/* A row value whose columns are filled in place. */
typedef struct Row
{
	HeapTupleHeader tuple;
	char *columns[ROW_MAX_COLUMNS];
} Row;

/*
 * Lays out a row without nulls, as heap_form_tuple would; sizes[] says how
 * long values of variable length are, with their header.
 */
static Row
RowCreate(TupleDesc desc, const Size *sizes)
{
	Size header = MAXALIGN(SizeofHeapTupleHeader);
	Size starts[ROW_MAX_COLUMNS], ends[ROW_MAX_COLUMNS];
	Size end = 0;
	Row row;

	Assert(desc->natts <= ROW_MAX_COLUMNS);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		ends[i] = end; /* of the column before */
		starts[i] = att_align_nominal(end, attribute->attalign);
		end = starts[i] +
			  (attribute->attlen > 0 ? attribute->attlen : sizes[i]);
	}
	row.tuple = palloc(header + end);
	memset(row.tuple, 0, header);
	HeapTupleHeaderSetDatumLength(row.tuple, header + end);
	HeapTupleHeaderSetTypeId(row.tuple, desc->tdtypeid);
	HeapTupleHeaderSetTypMod(row.tuple, desc->tdtypmod);
	ItemPointerSetInvalid(&row.tuple->t_ctid);
	HeapTupleHeaderSetNatts(row.tuple, desc->natts);
	row.tuple->t_infomask = HEAP_HASVARWIDTH;
	MarkRowValue(row.tuple);
	row.tuple->t_hoff = header;
	for (int i = 0; i < desc->natts; i++)
	{
		row.columns[i] = (char *)row.tuple + header + starts[i];
		/* padding must be zero: readers take anything else for a short value */
		memset((char *)row.tuple + header + ends[i], 0, starts[i] - ends[i]);
	}
	return row;
}

/* Writes the header of an array of n elements of a fixed length. */
static void *
ArrayInit(char *at, int n, Oid type, Size element)
{
	ArrayType *array = (ArrayType *)at;

	SET_VARSIZE(array, ARR_OVERHEAD_NONULLS(1) + n * element);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = type;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	return ARR_DATA_PTR(array);
}

/* Of what lies wholly within; where there are none, nothing happens. */
static void
AskForLargePages(char *start, Size length)
{
	char *first = (char *)TYPEALIGN(LARGE_PAGE, start);
	char *end = (char *)TYPEALIGN_DOWN(LARGE_PAGE, start + length);

	if (first < end)
		(void)madvise(first, end - first, MADV_HUGEPAGE);
}

/* GNU's malloc learns nothing from blocks above 32 MB, ours and its headers. */
#define LESSON_MAX ((Size)31 << 20)

/* What a batch takes: the row, its binary form, and the message to the client. */
#define COPIES_OF_BATCH 3

/*
 * Has malloc keep what the batches of a statement take in turn, instead of
 * giving it back and getting fresh pages for each: GNU's malloc gives back
 * what exceeds twice the largest block that it has ever got from the system
 * and seen freed.  So it gets to see one, which nobody touches.  The next,
 * which is smaller, is then where batches will be: the system is asked for
 * large pages there, as a first batch mostly waits for small ones.
 */
static void
KeepFreedMemory(FmgrInfo *call, Size bytes)
{
	Size length = Min(COPIES_OF_BATCH * bytes, LESSON_MAX);
	char *place;

	if (call->fn_extra != NULL)
		return;
	pfree(palloc(length + BLCKSZ));
	place = palloc(length);
	AskForLargePages(place, length);
	pfree(place);
	call->fn_extra = call; /* once a statement */
}

/* batch(loader text, step bigint, rank int, world_size int) */
Datum
medimnet_batch(PG_FUNCTION_ARGS)
{
	int64 step = PG_GETARG_INT64(1);
	MemoryContext context = CurrentMemoryContext;
	MemoryContext working;
	TupleDesc desc;
	Loader *loader;
	Source *source;
	int32 *labels;
	int64 *image_ids;
	int32 dims[4];
	Size image_bytes;
	Size sizes[3];
	char *data;
	int share;
	Row row;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	BlessTupleDesc(desc);
	working = AllocSetContextCreate(context, "batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(working);
	loader = LoaderOpen(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						PG_GETARG_INT32(2), PG_GETARG_INT32(3));
	LoaderCheckStep(loader, step);
	source = SourceOpen(loader);
	SendLargeMessagesWhole();

	share = loader->share;
	image_bytes = LoaderImageDims(loader, dims + 1);
	dims[0] = share;
	sizes[0] = TensorSize(loader->finish.dtype, 4, dims);
	sizes[1] = ARR_OVERHEAD_NONULLS(1) + share * sizeof(int32);
	sizes[2] = ARR_OVERHEAD_NONULLS(1) + share * sizeof(int64);
	MemoryContextSwitchTo(context);
	KeepFreedMemory(fcinfo->flinfo, sizes[0]);
	row = RowCreate(desc, sizes);
	MemoryContextSwitchTo(working);
	data = TensorInit(row.columns[0], loader->finish.dtype, 4, dims);
	labels = ArrayInit(row.columns[1], share, INT4OID, sizeof(int32));
	image_ids = ArrayInit(row.columns[2], share, INT8OID, sizeof(int64));
	for (int i = 0; i < share; i++)
	{
		Member member =
			SourceMember(source, LoaderFirstPosition(loader, step) + i);

		SourceImage(source, &member, data + i * image_bytes);
		labels[i] = member.label;
		image_ids[i] = member.image_id;
	}
	SourceClose(source);
	MemoryContextSwitchTo(context);
	MemoryContextDelete(working);
	PG_RETURN_DATUM(PointerGetDatum(row.tuple));
}

/* Where a scan of batch_rows stands. */
typedef struct Stream
{
	Loader *loader;
	Source *source;
	int64 step;
	int64 last_step;
	int32 at; /* within the rank's share */
	Row row;
	void *image;
} Stream;

/* When the query ends before the stream does. */
static void
StreamShutdown(Datum stream)
{
	SourceClose(((Stream *)DatumGetPointer(stream))->source);
}

static Stream *
StreamOpen(FunctionCallInfo fcinfo, TupleDesc desc)
{
	ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
	Stream *stream = palloc0(sizeof(*stream));
	Size sizes[ROW_MAX_COLUMNS] = {0};
	Loader *loader;
	int32 dims[3];

	loader = LoaderOpen(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						PG_GETARG_INT32(3), PG_GETARG_INT32(4));
	stream->loader = loader;
	stream->step = PG_GETARG_INT64(1);
	stream->last_step = PG_GETARG_INT64(2);
	LoaderCheckStep(loader, stream->step);
	LoaderCheckStep(loader, stream->last_step);
	(void)LoaderImageDims(loader, dims);
	sizes[4] = TensorSize(loader->finish.dtype, 3, dims);
	stream->row = RowCreate(desc, sizes);
	stream->image = TensorInit(stream->row.columns[4], loader->finish.dtype, 3, dims);
	stream->source = SourceOpen(loader);
	SendLargeMessagesWhole();
	RegisterExprContextCallback(result->econtext, StreamShutdown,
								PointerGetDatum(stream));
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
	Member member;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &call->tuple_desc) !=
			TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		BlessTupleDesc(call->tuple_desc);
		call->user_fctx = StreamOpen(fcinfo, call->tuple_desc);
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
	{
		ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;

		UnregisterExprContextCallback(result->econtext, StreamShutdown,
									  PointerGetDatum(stream));
		SourceClose(stream->source);
		SRF_RETURN_DONE(call);
	}

	member = SourceMember(stream->source,
						  LoaderFirstPosition(loader, stream->step) +
							  stream->at);
	SourceImage(stream->source, &member, stream->image);
	*(int64 *)stream->row.columns[0] = stream->step;
	*(int32 *)stream->row.columns[1] = loader->rank * loader->share + stream->at;
	*(int64 *)stream->row.columns[2] = member.image_id;
	*(int32 *)stream->row.columns[3] = member.label;
	stream->at++;
	SRF_RETURN_NEXT(call, PointerGetDatum(stream->row.tuple));
}
