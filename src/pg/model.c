#include "postgres.h"

#include <math.h>
#include <sys/stat.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "bridge.h"
#include "embedding.h"
#include "model.h"
#include "pixels.h"

/*
 * SQL functions around table medimnet.model, embed() and predict().
 */

PG_FUNCTION_INFO_V1(medimnet_check_model);
PG_FUNCTION_INFO_V1(medimnet_builtin_model);
PG_FUNCTION_INFO_V1(medimnet_embed);
PG_FUNCTION_INFO_V1(medimnet_predict);
PG_FUNCTION_INFO_V1(medimnet_embed_batch_add);
PG_FUNCTION_INFO_V1(medimnet_embed_batch_end);

/*
 * check_model(name, onnx, width, height, channels, mean, std, output,
 * channel_order): loads and plans the network; the dimensions of its output.
 */
Datum
medimnet_check_model(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *output =
		PG_ARGISNULL(7) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(7));
	mmn_preprocess preprocess;
	Model *model;
	Size count;

	ModelReadPreprocess(PG_GETARG_INT32(2), PG_GETARG_INT32(3),
						PG_GETARG_INT32(4), PG_GETARG_ARRAYTYPE_P(5),
						PG_GETARG_ARRAYTYPE_P(6), PG_GETARG_TEXT_PP(8),
						&preprocess);
	model = ModelLoad(name, PG_GETARG_BYTEA_PP(1), &preprocess, output);
	count = mmn_plan_output_count(model->plan);
	MemoryContextDelete(model->context);
	if (count > MMN_EMBEDDING_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("could not load model \"%s\"", name),
				 errdetail("Its output has %zu elements, an embedding at most "
						   "%d.",
						   count, MMN_EMBEDDING_MAX_DIM),
				 errhint("Name a smaller value of the graph as output.")));
	PG_RETURN_INT32((int32)count);
}

/* The network that comes with the extension. */
Datum
medimnet_builtin_model(PG_FUNCTION_ARGS)
{
	char share[MAXPGPATH], path[MAXPGPATH + 64];
	struct stat st;
	bytea *result;
	FILE *file;

	get_share_path(my_exec_path, share);
	snprintf(path, sizeof path, "%s/extension/medimnet-default.onnx", share);
	file = AllocateFile(path, PG_BINARY_R);
	if (!file || fstat(fileno(file), &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path),
				 errhint("Install medimnet again: the file belongs to it.")));
	if (st.st_size < 1 || st.st_size > 64 * 1024 * 1024)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("file \"%s\" has a wrong size", path)));
	result = palloc(VARHDRSZ + st.st_size);
	SET_VARSIZE(result, VARHDRSZ + st.st_size);
	if (fread(VARDATA(result), 1, st.st_size, file) != st.st_size)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not read file \"%s\": %m", path)));
	FreeFile(file);
	PG_RETURN_BYTEA_P(result);
}

static void
Prepare(const Model *model, const Pixels *pixels, float *input)
{
	mmn_image image = PixelsImage(pixels);
	mmn_error err;

	mmn_check(mmn_preprocess_image(&mmn_env_backend, &image, &model->preprocess,
								   input, &err),
			  "could not prepare image for the network", &err);
}

/* Outputs of so many images, n elements each. */
static void
Forward(Model *model, int images, const float *input, float *output, int n)
{
	mmn_env env = ModelEnv();
	mmn_error err;

	mmn_check(mmn_plan_forward(model->plan, images,
							   ModelWorkspace(model, images), input, output,
							   &env, &err),
			  "could not embed image", &err);
	for (Size i = 0; i < (Size)images * n; i++)
		if (!isfinite(output[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the network's output for this image is not "
							"finite"),
					 errhint("Check that the model's mean and std are those "
							 "it was trained with, and that the image has no "
							 "NaN.")));
}

/* What the network says of an image. */
static Embedding *
RunModel(Model *model, const Pixels *pixels)
{
	Embedding *result =
		EmbeddingCreate((int)mmn_plan_output_count(model->plan));

	Prepare(model, pixels, model->input);
	Forward(model, 1, model->input, result->x, result->dim);
	return result;
}

Datum
medimnet_embed(PG_FUNCTION_ARGS)
{
	Pixels *pixels = PG_GETARG_PIXELS_P(0);
	Embedding *result = RunModel(ModelGet(PG_GETARG_TEXT_PP(1), false), pixels);

	PG_FREE_IF_COPY(pixels, 0);
	PG_RETURN_EMBEDDING_P(result);
}

/* The same of the scores, which load_model() has not looked at. */
Datum
medimnet_predict(PG_FUNCTION_ARGS)
{
	Pixels *pixels = PG_GETARG_PIXELS_P(0);
	Model *model = ModelGet(PG_GETARG_TEXT_PP(1), true);
	Embedding *result;

	if (mmn_plan_output_count(model->plan) > MMN_EMBEDDING_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the scores of model \"%s\" have %zu elements, an "
						"embedding at most %d",
						text_to_cstring(PG_GETARG_TEXT_PP(1)),
						mmn_plan_output_count(model->plan),
						MMN_EMBEDDING_MAX_DIM),
				 errhint("Use embed() with a model whose output is smaller.")));
	result = RunModel(model, pixels);
	PG_FREE_IF_COPY(pixels, 0);
	PG_RETURN_EMBEDDING_P(result);
}

/*
 * embed_batch(pixels, model): embeddings of many images in the order in which
 * they come, computed in the groups that are fastest.  The state holds inputs
 * that wait and embeddings that are done.
 */
typedef struct Batch
{
	text *model;
	int waiting; /* inputs */
	int group;	 /* room for them */
	Size input;	 /* elements of one */
	float *inputs;
	List *done; /* of Embedding */
} Batch;

/* A new state, in the current context. */
static Batch *
BeginBatch(text *name)
{
	Model *model = ModelGet(name, false);
	Batch *batch = palloc0(sizeof *batch);

	batch->model = (text *)pg_detoast_datum_copy((struct varlena *)name);
	batch->input = mmn_plan_input_count(model->plan);
	batch->group = ModelGroup(model);
	batch->inputs = MemoryContextAllocHuge(
		CurrentMemoryContext, sizeof(float) * batch->input * batch->group);
	return batch;
}

/* What waits is computed; results go to the current context. */
static void
RunBatch(Batch *batch)
{
	Model *model = ModelGet(batch->model, false);
	int dim = (int)mmn_plan_output_count(model->plan);
	float *outputs = palloc(sizeof(float) * dim * batch->waiting);

	Forward(model, batch->waiting, batch->inputs, outputs, dim);
	for (int i = 0; i < batch->waiting; i++)
	{
		Embedding *e = EmbeddingCreate(dim);

		memcpy(e->x, outputs + (Size)i * dim, sizeof(float) * dim);
		batch->done = lappend(batch->done, e);
	}
	pfree(outputs);
	batch->waiting = 0;
}

Datum
medimnet_embed_batch_add(PG_FUNCTION_ARGS)
{
	Batch *batch = PG_ARGISNULL(0) ? NULL : (Batch *)PG_GETARG_POINTER(0);
	MemoryContext context, old;
	Pixels *pixels;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "embed_batch_add called outside an aggregate");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("embed_batch() takes no NULL")));
	if (!batch)
	{
		text *name = PG_GETARG_TEXT_PP(2);

		old = MemoryContextSwitchTo(context);
		batch = BeginBatch(name);
		MemoryContextSwitchTo(old);
	}
	pixels = PG_GETARG_PIXELS_P(1);
	Prepare(ModelGet(batch->model, false), pixels,
			batch->inputs + batch->waiting * batch->input);
	PG_FREE_IF_COPY(pixels, 1);
	if (++batch->waiting == batch->group)
	{
		old = MemoryContextSwitchTo(context);
		RunBatch(batch);
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_POINTER(batch);
}

Datum
medimnet_embed_batch_end(PG_FUNCTION_ARGS)
{
	Batch *batch = PG_ARGISNULL(0) ? NULL : (Batch *)PG_GETARG_POINTER(0);
	MemoryContext context, old;
	Datum *values;
	ListCell *lc;
	int n = 0;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "embed_batch_end called outside an aggregate");
	if (!batch)
		PG_RETURN_NULL();
	if (batch->waiting > 0)
	{
		old = MemoryContextSwitchTo(context);
		RunBatch(batch);
		MemoryContextSwitchTo(old);
	}
	values = palloc(sizeof *values * list_length(batch->done));
	foreach (lc, batch->done)
		values[n++] = PointerGetDatum(lfirst(lc));
	PG_RETURN_ARRAYTYPE_P(construct_array(
		values, n, get_element_type(get_fn_expr_rettype(fcinfo->flinfo)), -1,
		false, TYPALIGN_INT));
}
