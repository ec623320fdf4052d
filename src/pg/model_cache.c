/*
 * Models of table medimnet.model, planned by the first backend that needs
 * them and mapped by the others (plan_file.c).
 *
 * Every use looks up the model's row (a prepared query on a unique key), so
 * that privileges, the transaction's snapshot, and a model unloaded or loaded
 * anew by others are all respected; what the cache spares is finding the plan
 * and a workspace.  An entry is known by model_id and the row's xmin: another
 * version of the row is another model.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <math.h>
#include <sys/stat.h>

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "nn/info.h"
#include "nn/op.h"

#include "blas.h"
#include "bridge.h"
#include "compat.h"
#include "model.h"
#include "plan_file.h"

static int model_cache_kb = 256 * 1024;
static int simd = -1;
static int threads = 1;

static const struct config_enum_entry simd_options[] = {
	{"auto", -1, false},
	{"avx512", MMN_ISA_AVX512, false},
	{"avx2", MMN_ISA_AVX2, false},
	{"portable", MMN_ISA_PORTABLE, false},
	{NULL, 0, false}};

static MemoryContext cache_context = NULL;
static List *cache = NIL; /* of Model */
static uint64 uses = 0;

static bool
CheckSimd(int *value, void **extra, GucSource source)
{
	if (*value < 0 || mmn_isa_available((mmn_isa)*value))
		return true;
	GUC_check_errdetail("This CPU does not have %s.",
						mmn_isa_name((mmn_isa)*value));
	return false;
}

mmn_isa
ModelIsa(void)
{
	return simd < 0 ? mmn_isa_best() : (mmn_isa)simd;
}

/*
 * Which library this is: how it packs weights may differ from one build to the
 * next, and a session may be older than what has been installed meanwhile.  So
 * it is asked as the library is loaded, not when it is wanted.
 */
static char library_id[64];

static void
NoteLibrary(void)
{
	Dl_info library;
	struct stat st;

	if (dladdr(library_id, &library) && stat(library.dli_fname, &st) == 0)
		snprintf(library_id, sizeof library_id, "%llx.%llx.%llx.%llx",
				 (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
				 (unsigned long long)st.st_mtim.tv_sec,
				 (unsigned long long)st.st_mtim.tv_nsec);
}

void
ModelInit(void)
{
	NoteLibrary();
	DefineCustomIntVariable(
		"medimnet.model_cache", "Memory for models in each session.",
		"A model's weights, its plan and its workspace must fit; models not "
		"used lately give way to others.",
		&model_cache_kb, 256 * 1024, 1024, MAX_KILOBYTES, PGC_USERSET,
		GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomEnumVariable(
		"medimnet.simd", "Vector instructions that networks are computed with.",
		"\"auto\" takes the best that the CPU has.", &simd, -1, simd_options,
		PGC_USERSET, 0, CheckSimd, NULL, NULL);

	DefineCustomIntVariable(
		"medimnet.threads", "Threads that compute one network at a time.",
		"More than one is for single images that must be fast; over many "
		"images, parallel query makes better use of the cores.",
		&threads, 1, 1, MMN_RUN_WORKERS_MAX, PGC_USERSET, 0, NULL, NULL, NULL);

	/*
	 * Whoever preloads wants no session to wait.  Without networks a server is
	 * still of use, so it starts.
	 */
	if (process_shared_preload_libraries_in_progress)
		BlasLoad(WARNING);
}

Size
ModelLimit(void)
{
	return (Size)model_cache_kb * 1024;
}

static void
Forget(Model *model)
{
	cache = list_delete_ptr(cache, model);
	MemoryContextDelete(model->context);
}

/* Gives up what was used longest ago until a newcomer of "bytes" fits. */
static void
MakeRoom(Size bytes)
{
	for (;;)
	{
		Size total = bytes;
		Model *oldest = NULL;
		ListCell *lc;

		foreach (lc, cache)
		{
			Model *m = lfirst(lc);

			total += m->bytes;
			if (!oldest || m->used < oldest->used)
				oldest = m;
		}
		if (total <= ModelLimit() || !oldest)
			return;
		Forget(oldest);
	}
}

void
ModelCheck(mmn_status status, const char *name, const mmn_error *err)
{
	if (status == MMN_OK)
		return;
	ereport(ERROR,
			(errcode(mmn_sqlstate(status)),
			 errmsg("could not load model \"%s\"", name),
			 errdetail("%s.", err->text),
			 status == MMN_LIMIT
				 ? errhint("The limit is the setting medimnet.model_cache, "
						   "now %d kB.",
						   model_cache_kb)
				 : 0));
}

static float
ReadConstant(ArrayType *array, int i)
{
	return ((float4 *)ARR_DATA_PTR(array))[i];
}

/* Checks mean and std; load_model() has to say it before a row is made. */
void
ModelReadPreprocess(int32 width, int32 height, int32 channels, ArrayType *mean,
					ArrayType *std, text *order, mmn_preprocess *out)
{
	char *order_name = text_to_cstring(order);

	memset(out, 0, sizeof *out);
	if (width < 1 || width > MODEL_MAX_SIDE || height < 1 ||
		height > MODEL_MAX_SIDE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("input_width and input_height must be between "
							   "1 and %d",
							   MODEL_MAX_SIDE)));
	if (channels != 1 && channels != 3)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("channels must be 1 or 3")));
	if (ARR_NDIM(mean) != 1 || ARR_NDIM(std) != 1 ||
		ARR_DIMS(mean)[0] != channels || ARR_DIMS(std)[0] != channels ||
		array_contains_nulls(mean) || array_contains_nulls(std))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("mean and std must each have %d elements, one "
							   "per channel",
							   channels)));
	for (int c = 0; c < channels; c++)
	{
		out->mean[c] = ReadConstant(mean, c);
		out->std[c] = ReadConstant(std, c);
		if (!isfinite(out->mean[c]) || !isfinite(out->std[c]) ||
			out->std[c] <= 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("elements of mean must be finite, those of "
								   "std positive"),
							errhint("They are for pixel values of 0..255; a "
									"mean of 0.485 of 0..1 is 123.675.")));
	}
	if (strcmp(order_name, "RGB") != 0 && strcmp(order_name, "BGR") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("channel_order must be RGB or BGR")));
	out->width = width;
	out->height = height;
	out->channels = channels;
	out->bgr = order_name[0] == 'B';
}

/* A model of that plan, with a workspace; it gets the context. */
static Model *
MakeModel(MemoryContext context, const char *name,
		  const mmn_preprocess *preprocess, const mmn_plan *plan, int use)
{
	Model *model = MemoryContextAllocZero(context, sizeof *model);
	Size workspace = mmn_plan_workspace(plan, 1);
	Size input = mmn_plan_input_count(plan) * sizeof(float);
	mmn_error err;

	BlasLoad(ERROR);
	model->context = context;
	model->isa = ModelIsa();
	model->preprocess = *preprocess;
	model->plan = plan;
	model->embeds = (use & PLAN_EMBEDS) != 0;
	model->predicts = (use & PLAN_PREDICTS) != 0;
	model->bytes = mmn_plan_bytes(plan) + workspace + input;
	if (model->bytes > ModelLimit())
	{
		mmn_fail(&err, MMN_LIMIT, "weights, plan and workspace take %zu kB",
				 model->bytes / 1024);
		ModelCheck(MMN_LIMIT, name, &err);
	}
	model->workspace = MemoryContextAllocHuge(context, workspace);
	model->room = workspace;
	model->input = MemoryContextAllocHuge(context, input);
	return model;
}

/* What networks run in: memory and interrupts as ever, and helpers. */
mmn_env
ModelEnv(void)
{
	mmn_env env = mmn_env_backend;

	env.threads = threads - 1;
	return env;
}

static Size
WorkspaceFor(const Model *model, int images)
{
	mmn_env env = ModelEnv();

	return mmn_plan_workspace_threads(model->plan, images, &env);
}

int
ModelGroup(const Model *model)
{
	int n = (int)mmn_plan_group(model->plan);
	Size fixed = mmn_plan_bytes(model->plan);
	Size input = mmn_plan_input_count(model->plan) * sizeof(float);

	while (n > 1 && fixed + WorkspaceFor(model, n) + n * input > ModelLimit())
		n--;
	return n;
}

void *
ModelWorkspace(Model *model, int images)
{
	Size wanted = WorkspaceFor(model, images);

	if (wanted > model->room)
	{
		pfree(model->workspace);
		model->bytes -= model->room;
		model->workspace = NULL;
		model->room = 0;
		model->workspace = MemoryContextAllocHuge(model->context, wanted);
		model->room = wanted;
		model->bytes += wanted;
	}
	return model->workspace;
}

/* The network in the current context; it keeps nothing of the file. */
static mmn_network *
ReadNetwork(const char *name, bytea *onnx)
{
	mmn_network *network;
	mmn_error err;

	BlasLoad(ERROR); /* constants are computed while planning */
	ModelCheck(mmn_network_load(&mmn_env_backend, VARDATA_ANY(onnx),
								VARSIZE_ANY_EXHDR(onnx), ModelLimit(),
								&network, &err),
			   name, &err);
	return network;
}

/*
 * Plans in the current context; the network is not needed any more.  *use is
 * what was wanted, and what it is.
 */
static mmn_plan *
MakePlan(const char *name, mmn_network *network,
		 const mmn_preprocess *preprocess, const char *output, int *use)
{
	mmn_shape shape = {
		4, {1, preprocess->channels, preprocess->height, preprocess->width}};
	mmn_plan_options options = {
		.output = output, .max_bytes = ModelLimit(), .isa = ModelIsa()};
	mmn_plan *plan;
	mmn_error err;

	if (*use == PLAN_PREDICTS)
		options.output = mmn_network_scores(network);
	if (mmn_network_same_value(network, output, mmn_network_scores(network)))
		*use = PLAN_EMBEDS | PLAN_PREDICTS;
	ModelCheck(mmn_plan_create(&mmn_env_backend, network, &shape, &options,
							   &plan, &err),
			   name, &err);
	mmn_network_destroy(network);
	return plan;
}

Model *
ModelLoad(const char *name, bytea *onnx, const mmn_preprocess *preprocess,
		  const char *output)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "medimnet model", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	int use = PLAN_EMBEDS;
	mmn_plan *plan = MakePlan(name, ReadNetwork(name, onnx), preprocess,
							  output, &use);

	MemoryContextSwitchTo(caller);
	return MakeModel(context, name, preprocess, plan, use);
}

static Datum
Column(int i, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i,
						 isnull);
}

static void
RunQuery(SPIPlanPtr *plan, const char *sql, Oid type, Datum argument)
{
	if (!*plan)
	{
		SPIPlanPtr made = SPI_prepare(sql, 1, &type);

		if (!made)
			elog(ERROR, "SPI_prepare failed: %s",
				 SPI_result_code_string(SPI_result));
		SPI_keepplan(made);
		*plan = made;
	}
	if (SPI_execute_plan(*plan, &argument, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "query on table model failed");
}

/* All that a plan depends on. */
static void
MakeKey(PlanKey *key, bytea *sha256, const mmn_preprocess *preprocess,
		const char *output, int use)
{
	char text[240];
	mmn_part parts[] = {
		{VARDATA_ANY(sha256), VARSIZE_ANY_EXHDR(sha256)},
		{text, 0},
		{output, output ? strlen(output) : 0}};

	/* a NULL output and an empty one are different; the latter is an error */
	parts[1].length = (size_t)snprintf(
		text, sizeof text, "|%s|%u|%d|%u|%dx%dx%d|%s|%d|", library_id,
		MyDatabaseId, key->model_id, key->version, preprocess->channels,
		preprocess->height, preprocess->width, mmn_isa_name(ModelIsa()), use);
	mmn_hmac_sha256("medimnet plan", 13, parts, lengthof(parts), key->hash);
}

/*
 * Under the lock: the plan that somebody else has made in the meantime, or one
 * of our own, from the ONNX file; from a file that others can map, if there
 * can be one.
 */
static const mmn_plan *
FindOrMake(const char *name, const PlanKey *key,
		   const mmn_preprocess *preprocess, const char *output,
		   MemoryContext context, int *use)
{
	static SPIPlanPtr query = NULL;
	int wanted = *use;
	const mmn_plan *shared = PlanFileMap(key, context, wanted, use);
	MemoryContext old;
	mmn_network *network;
	mmn_plan *plan;
	bytea *onnx;
	Datum datum;
	bool isnull;

	if (shared)
		return shared;
	RunQuery(&query,
			 "SELECT onnx FROM medimnet.model WHERE model_id"
			 " OPERATOR(pg_catalog.=) $1",
			 INT4OID, Int32GetDatum(key->model_id));
	if (SPI_processed != 1)
		elog(ERROR, "model %d is gone", key->model_id);
	datum = Column(1, &isnull);
	onnx = DatumGetByteaPP(datum);
	/* what is there gives way first: the two need not fit together */
	MakeRoom(Min(VARSIZE_ANY(onnx), ModelLimit()));
	old = MemoryContextSwitchTo(context);
	network = ReadNetwork(name, onnx);
	if ((Pointer)onnx != DatumGetPointer(datum))
		pfree(onnx);
	plan = MakePlan(name, network, preprocess, output, use);
	MemoryContextSwitchTo(old);
	if (PlanFileWrite(key, plan, *use))
		shared = PlanFileMap(key, context, wanted, use);
	if (!shared)
		return plan;
	mmn_plan_destroy(&mmn_env_backend, plan);
	return shared;
}

/* Finds or plans, and caches, the model of that id. */
static Model *
Fetch(const char *name, int32 model_id, TransactionId version, bool predicts)
{
	static SPIPlanPtr query = NULL;
	PlanKey key = {.model_id = model_id, .version = version}, other;
	int wanted = predicts ? PLAN_PREDICTS : PLAN_EMBEDS, use = wanted;
	bytea *sha256;
	MemoryContext context, old;
	mmn_preprocess preprocess;
	const mmn_plan *plan;
	char *output = NULL;
	Model *model;
	Datum datum;
	bool isnull;

	RunQuery(&query,
			 "SELECT input_width, input_height, channels, mean, std,"
			 " channel_order, onnx_sha256, output FROM medimnet.model"
			 " WHERE model_id OPERATOR(pg_catalog.=) $1",
			 INT4OID, Int32GetDatum(model_id));
	if (SPI_processed != 1)
		elog(ERROR, "model %d is gone", model_id);
	datum = Column(8, &isnull);
	if (!isnull)
		output = TextDatumGetCString(datum);
	ModelReadPreprocess(DatumGetInt32(Column(1, &isnull)),
						DatumGetInt32(Column(2, &isnull)),
						DatumGetInt32(Column(3, &isnull)),
						DatumGetArrayTypeP(Column(4, &isnull)),
						DatumGetArrayTypeP(Column(5, &isnull)),
						DatumGetTextPP(Column(6, &isnull)), &preprocess);
	sha256 = DatumGetByteaPP(Column(7, &isnull));
	other = key;
	MakeKey(&key, sha256, &preprocess, output, wanted);
	MakeKey(&other, sha256, &preprocess, output,
			predicts ? PLAN_EMBEDS : PLAN_PREDICTS);

	context = AllocSetContextCreate(CurrentMemoryContext, "medimnet model",
									ALLOCSET_DEFAULT_SIZES);
	plan = PlanFileMap(&key, context, wanted, &use);
	if (!plan) /* one made for the other use may serve both */
		plan = PlanFileMap(&other, context, wanted, &use);
	if (!plan)
	{
		PlanFileLock(&key);
		plan = FindOrMake(name, &key, &preprocess, output, context, &use);
		PlanFileUnlock(&key);
	}
	model = MakeModel(context, name, &preprocess, plan, use);
	model->model_id = model_id;
	model->version = version;
	MakeRoom(model->bytes);
	if (!cache_context)
		cache_context = AllocSetContextCreate(
			CacheMemoryContext, "medimnet models", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cache_context);
	cache = lappend(cache, model);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(model->context, cache_context);
	return model;
}

void
ModelNeedCatalog(void)
{
	RangeVar *table = makeRangeVar("medimnet", "model", -1);

	if (!OidIsValid(RangeVarGetRelid(table, NoLock, true)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the catalog does not exist"),
				 errhint("Make it with: SELECT medimnet.create_catalog();")));
}

void
ModelNotFound(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", name),
			 errhint("Table medimnet.model lists the models; load_model() "
					 "adds one.")));
}

Model *
ModelGet(text *name, bool predicts)
{
	static SPIPlanPtr plan = NULL;
	char *name_text = text_to_cstring(name);
	Model *found = NULL;
	TransactionId version;
	int32 model_id;
	bool isnull;
	ListCell *lc;

	ModelNeedCatalog();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	RunQuery(&plan,
			 "SELECT model_id, xmin FROM medimnet.model WHERE name OPERATOR("
			 "pg_catalog.=) $1",
			 TEXTOID, PointerGetDatum(name));
	if (SPI_processed != 1)
		ModelNotFound(name_text);
	model_id = DatumGetInt32(Column(1, &isnull));
	version = DatumGetTransactionId(Column(2, &isnull));
	foreach (lc, cache)
	{
		Model *m = lfirst(lc);

		if (m->model_id == model_id && m->version == version &&
			m->isa == ModelIsa() && (predicts ? m->predicts : m->embeds))
			found = m;
	}
	if (!found)
		found = Fetch(name_text, model_id, version, predicts);
	SPI_finish();
	found->used = ++uses;
	pfree(name_text);
	return found;
}
