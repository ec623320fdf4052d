#ifndef MMN_PG_MODEL_H
#define MMN_PG_MODEL_H

#include "fmgr.h"
#include "utils/array.h"

#include "nn/network.h"
#include "nn/preprocess.h"

/*
 * Networks, planned: one cache per backend, limited by the setting
 * medimnet.model_cache.
 */
typedef struct Model
{
	int32 model_id;
	TransactionId version; /* of the row that it was made of */
	bool embeds;		   /* yields what embed() is asked for, */
	bool predicts;		   /* predict(), or one for both */
	MemoryContext context; /* all of it */
	Size bytes;
	uint64 used; /* for the choice of what to give up */
	mmn_isa isa;
	mmn_preprocess preprocess;
	const mmn_plan *plan; /* often of all sessions, see plan_file.h */
	void *workspace;
	Size room; /* its size */
	float *input; /* of one */
} Model;

/* Registers the setting; keeps BLAS to the calling thread. */
extern void ModelInit(void);

/*
 * The model of that name, planned for the output that load_model() was told
 * (embed()) or for the classifier's scores (predict()).  ereports when there
 * is none, or no catalog.  It stays valid until the next call.
 */
extern Model *ModelGet(text *name, bool predicts);

/*
 * What to run a network in; how many images are best computed at once, within
 * the limit of memory; a workspace for so many.
 */
extern mmn_env ModelEnv(void);
extern int ModelGroup(const Model *model);
extern void *ModelWorkspace(Model *model, int images);

/*
 * Reads and plans a network, in a new context under the current one, for
 * embed()'s output (NULL: the graph's first); name is for messages.
 */
extern Model *ModelLoad(const char *name, bytea *onnx,
						const mmn_preprocess *preprocess, const char *output);

/* ERRORs, with advice. */
extern void ModelNeedCatalog(void);
extern void ModelNotFound(const char *name) pg_attribute_noreturn();

/* What a model may take of memory: the setting medimnet.model_cache. */
extern Size ModelLimit(void);

/* Whose kernels to plan for: the setting medimnet.simd. */
extern mmn_isa ModelIsa(void);

/* Unless status is MMN_OK: ERROR, the model could not be loaded. */
extern void ModelCheck(mmn_status status, const char *name,
					   const mmn_error *err);

/* Largest input_width, input_height. */
#define MODEL_MAX_SIDE 4096

/* Checks and gathers what load_model() is told about the input. */
extern void ModelReadPreprocess(int32 width, int32 height, int32 channels,
								ArrayType *mean, ArrayType *std, text *order,
								mmn_preprocess *out);

#endif
