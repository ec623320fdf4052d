#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "nn/info.h"

#include "blas.h"
#include "bridge.h"
#include "model.h"

/*
 * model_info(model): what a network is made of and what it costs.  Reads and
 * plans it anew, past the cache: what the cache keeps has forgotten its names.
 */

PG_FUNCTION_INFO_V1(medimnet_model_info);

enum
{
	INFO_INPUT,
	INFO_INPUT_SHAPE,
	INFO_OUTPUTS,
	INFO_OUTPUT,
	INFO_OUTPUT_SHAPE,
	INFO_OPSET,
	INFO_NODES,
	INFO_OPERATORS,
	INFO_PARAMETERS,
	INFO_FLOPS,
	INFO_STEPS,
	INFO_WEIGHTS,
	INFO_WORKSPACE,
	INFO_COLUMNS
};

typedef struct StoredModel
{
	bytea *onnx;
	mmn_preprocess preprocess;
	char *output; /* NULL: the first */
} StoredModel;

static Datum
Column(int i)
{
	bool isnull;

	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i,
						 &isnull);
}

/* The row of table model, in the memory that SPI_connect() has made. */
static void
ReadModel(text *name, StoredModel *out)
{
	Oid type = TEXTOID;
	Datum argument = PointerGetDatum(name);

	ModelNeedCatalog();
	if (SPI_execute_with_args(
			"SELECT onnx, input_width, input_height, channels, mean, std,"
			" channel_order, output FROM medimnet.model WHERE name OPERATOR("
			"pg_catalog.=) $1",
			1, &type, &argument, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "query on table model failed");
	if (SPI_processed != 1)
		ModelNotFound(text_to_cstring(name));
	ModelReadPreprocess(
		DatumGetInt32(Column(2)), DatumGetInt32(Column(3)),
		DatumGetInt32(Column(4)), DatumGetArrayTypeP(Column(5)),
		DatumGetArrayTypeP(Column(6)), DatumGetTextPP(Column(7)),
		&out->preprocess);
	out->output = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 8);
	out->onnx = DatumGetByteaPP(Column(1));
}

static Datum
ShapeArray(const mmn_shape *shape)
{
	Datum dims[MMN_SHAPE_MAX];

	for (int i = 0; i < shape->ndim; i++)
		dims[i] = Int32GetDatum((int32)shape->dims[i]);
	return PointerGetDatum(construct_array(dims, shape->ndim, INT4OID,
										   sizeof(int32), true, TYPALIGN_INT));
}

static Datum
OutputNames(const mmn_network *network, size_t n)
{
	Datum *names = palloc_array(Datum, n);

	for (size_t i = 0; i < n; i++)
	{
		char name[MMN_INFO_NAME];

		mmn_network_output_name(network, i, name);
		names[i] = CStringGetTextDatum(name);
	}
	return PointerGetDatum(
		construct_array(names, (int)n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* {"Conv": 52, ...}; names hold no quotes and only printable ASCII. */
static Datum
OperatorCounts(const mmn_network *network)
{
	StringInfoData json;
	mmn_operator_use *uses;
	mmn_error err;
	size_t n;

	mmn_check(
		mmn_network_operators(&mmn_env_backend, network, &uses, &n, &err),
		"could not list operators", &err);
	initStringInfo(&json);
	for (size_t i = 0; i < n; i++)
	{
		appendStringInfoString(&json, i ? ", " : "{");
		escape_json(&json, uses[i].name);
		appendStringInfo(&json, ": %zu", uses[i].nodes);
	}
	appendStringInfoString(&json, n ? "}" : "{}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Fills the columns from the network and its plan. */
static void
Describe(const char *name, const StoredModel *stored, Datum *values)
{
	const mmn_preprocess *pre = &stored->preprocess;
	mmn_shape shape = {4, {1, pre->channels, pre->height, pre->width}};
	mmn_plan_options options = {.output = stored->output,
								.max_bytes = ModelLimit(),
								.isa = ModelIsa()};
	mmn_network *network;
	mmn_network_info info;
	mmn_plan *plan;
	mmn_error err;
	char first[MMN_INFO_NAME];

	ModelCheck(mmn_network_load(&mmn_env_backend, VARDATA_ANY(stored->onnx),
								VARSIZE_ANY_EXHDR(stored->onnx), ModelLimit(),
								&network, &err),
			   name, &err);
	BlasLoad(ERROR); /* constants are computed while planning */
	ModelCheck(mmn_plan_create(&mmn_env_backend, network, &shape, &options,
							   &plan, &err),
			   name, &err);
	ModelCheck(mmn_network_describe(&mmn_env_backend, network, &info, &err),
			   name, &err);
	mmn_network_output_name(network, 0, first);
	values[INFO_INPUT] = CStringGetTextDatum(info.input);
	values[INFO_INPUT_SHAPE] = ShapeArray(&shape);
	values[INFO_OUTPUTS] = OutputNames(network, info.n_outputs);
	values[INFO_OUTPUT] =
		CStringGetTextDatum(stored->output ? stored->output : first);
	mmn_plan_output_shape(plan, &shape);
	values[INFO_OUTPUT_SHAPE] = ShapeArray(&shape);
	values[INFO_OPSET] = Int32GetDatum((int32)info.opset);
	values[INFO_NODES] = Int32GetDatum((int32)info.n_nodes);
	values[INFO_OPERATORS] = OperatorCounts(network);
	values[INFO_PARAMETERS] = Int64GetDatum((int64)info.parameters);
	values[INFO_FLOPS] = Int64GetDatum((int64)(2 * mmn_plan_multiply_adds(plan)));
	values[INFO_STEPS] = Int32GetDatum(mmn_plan_step_count(plan));
	values[INFO_WEIGHTS] = Int64GetDatum((int64)mmn_plan_bytes(plan));
	values[INFO_WORKSPACE] = Int64GetDatum((int64)mmn_plan_workspace(plan, 1));
}

Datum
medimnet_model_info(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	Datum values[INFO_COLUMNS];
	bool nulls[INFO_COLUMNS] = {false};
	StoredModel stored;
	TupleDesc desc;
	HeapTupleHeader row;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "model_info() must return a row");
	desc = BlessTupleDesc(desc);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	ReadModel(name, &stored);
	Describe(text_to_cstring(name), &stored, values);
	row = SPI_returntuple(heap_form_tuple(desc, values, nulls), desc);
	SPI_finish();
	PG_RETURN_DATUM(HeapTupleHeaderGetDatum(row));
}
