#include "postgres.h"

#include <math.h>
#include <sys/stat.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"

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

/* What the network says of an image. */
static Embedding *
RunModel(Model *model, const Pixels *pixels)
{
	mmn_image image = PixelsImage(pixels);
	Embedding *result;
	mmn_error err;

	mmn_check(mmn_preprocess_image(&mmn_env_backend, &image, &model->preprocess,
								   model->input, &err),
			  "could not prepare image for the network", &err);
	result = EmbeddingCreate((int)mmn_plan_output_count(model->plan));
	mmn_check(mmn_plan_forward(model->plan, 1, model->workspace,
							   model->input, result->x, &mmn_env_backend,
							   &err),
			  "could not embed image", &err);
	for (int i = 0; i < result->dim; i++)
		if (!isfinite(result->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the network's output for this image is not "
							"finite"),
					 errhint("Check that the model's mean and std are those "
							 "it was trained with, and that the image has no "
							 "NaN.")));
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
