#ifndef MMN_PG_PLAN_FILE_H
#define MMN_PG_PLAN_FILE_H

#include "utils/palloc.h"

#include "base/hmac.h"
#include "nn/network.h"

/*
 * Plans in files that all sessions of the server map, so that the weights are
 * in memory once.  What a plan was made of is in its key.
 */
typedef struct PlanKey
{
	int32 model_id;
	TransactionId version; /* of the model's row */
	uint8 hash[MMN_SHA256_SIZE];
} PlanKey;

/* A plan can yield what embed() wants, what predict() wants, or both. */
typedef enum PlanUse
{
	PLAN_EMBEDS = 1,
	PLAN_PREDICTS = 2
} PlanUse;

/*
 * The plan of that key, or NULL when there is none yet, or none for the use
 * that is wanted; it is unmapped when the context goes.  *use: all uses.
 */
extern const mmn_plan *PlanFileMap(const PlanKey *key, MemoryContext owner,
								   int wanted, int *use);

/*
 * Makes a plan available under that key, and takes away those of other
 * versions of the model.  False, with a message at DEBUG1, when it cannot be
 * written: then the caller keeps his own.
 */
extern bool PlanFileWrite(const PlanKey *key, const mmn_plan *plan, int use);

/* Of all who want to make the plan of this key, one does at a time. */
extern void PlanFileLock(const PlanKey *key);
extern void PlanFileUnlock(const PlanKey *key);

#endif
