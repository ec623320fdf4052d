#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "loader.h"

/*
 * The members of a batch without their images, and the way back: at which
 * steps a member comes.  Each showing is found by undoing the permutations, so
 * that the cost is that of the member's cycles in the range of steps, not of
 * the steps.
 */

PG_FUNCTION_INFO_V1(medimnet_batch_members);
PG_FUNCTION_INFO_V1(medimnet_member_showings);

/*
 * batch_members(loader text, step bigint, rank int, world_size int)
 *	-> (position int, image_id bigint, subject_id bigint, frame int, label int,
 *		stratum int, ordinal bigint)
 */
Datum
medimnet_batch_members(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
	int64 step = PG_GETARG_INT64(1);
	Loader *loader;
	Source *source;

	InitMaterializedSRF(fcinfo, 0);
	loader = LoaderOpen(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						PG_GETARG_INT32(2), PG_GETARG_INT32(3));
	LoaderCheckStep(loader, step);
	source = SourceOpen(loader);
	for (int i = 0; i < loader->share; i++)
	{
		Member member =
			SourceMember(source, LoaderFirstPosition(loader, step) + i);
		bool nulls[7] = {false};
		Datum values[] = {Int32GetDatum(loader->rank * loader->share + i),
						  Int64GetDatum(member.image_id),
						  Int64GetDatum(member.subject_id),
						  Int32GetDatum(member.frame),
						  Int32GetDatum(member.label),
						  Int32GetDatum(member.stratum),
						  Int64GetDatum(member.ordinal)};

		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
	SourceClose(source);
	return (Datum)0;
}

/*
 * member_showings(loader text, stratum int, ordinal bigint,
 *				   first_step bigint, last_step bigint, rank int,
 *				   world_size int)
 *	-> (showings bigint, first_step bigint, last_step bigint)
 */
Datum
medimnet_member_showings(PG_FUNCTION_ARGS)
{
	int32 stratum = PG_GETARG_INT32(1);
	int64 ordinal = PG_GETARG_INT64(2);
	int64 steps[] = {PG_GETARG_INT64(3), PG_GETARG_INT64(4)};
	bool nulls[3] = {false};
	Datum values[3];
	uint64 from, to, members, cycle, last_cycle;
	int64 showings = 0, first = 0, last = 0;
	TupleDesc desc;
	Loader *loader;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	loader = LoaderOpen(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						PG_GETARG_INT32(5), PG_GETARG_INT32(6));
	LoaderCheckStep(loader, steps[0]);
	LoaderCheckStep(loader, steps[1]);
	members = LoaderStratumMembers(loader, stratum);
	if (ordinal < 0 || (uint64)ordinal >= members || steps[1] < steps[0])
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no such member, or no such step")));
	from = (uint64)steps[0] * loader->batch_size;
	to = (uint64)(steps[1] + 1) * loader->batch_size;
	cycle = mmn_deal_turns_before(&loader->deal, stratum, from) / members;
	last_cycle = mmn_deal_turns_until(&loader->deal, stratum, to) / members;
	for (; cycle <= last_cycle; cycle++)
	{
		uint64 turn =
			mmn_draw_find(loader->seed, stratum, members, cycle, ordinal);
		uint64 position = mmn_deal_find(&loader->deal, stratum, turn);
		int64 step = position / loader->batch_size;

		CHECK_FOR_INTERRUPTS();
		if (position < from || position >= to ||
			(position % loader->batch_size) / loader->share != loader->rank)
			continue;
		first = showings++ == 0 ? step : first;
		last = step;
	}
	values[0] = Int64GetDatum(showings);
	values[1] = Int64GetDatum(first);
	values[2] = Int64GetDatum(last);
	nulls[1] = nulls[2] = showings == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
