#ifndef MMN_NN_POOL_H
#define MMN_NN_POOL_H

#include "base/env.h"

/*
 * Memory that is freed all at once, with a limit: everything that belongs to
 * one network, or to one plan.
 */
typedef struct mmn_pool
{
	mmn_env env;
	struct mmn_pool_chunk *chunks; /* newest first */
	size_t free_at;				   /* in the newest chunk */
	size_t free_end;
	size_t used; /* bytes got from env */
	size_t limit;
} mmn_pool;

/* Every allocation starts on such a boundary: a cache line, an AVX-512 load. */
#define MMN_POOL_ALIGN 64

void mmn_pool_init(mmn_pool *pool, const mmn_env *env, size_t limit);

/* Frees all that was allocated. */
void mmn_pool_reset(mmn_pool *pool);

/*
 * Zeroed memory, owned by the pool.  Returns NULL and sets *err (which must
 * be there) to MMN_NO_MEMORY, or to MMN_LIMIT beyond the pool's limit.
 */
void *mmn_pool_alloc(mmn_pool *pool, size_t count, size_t size, mmn_error *err);

/* The same, not zeroed: for weights, which may be hundreds of megabytes. */
void *mmn_pool_take(mmn_pool *pool, size_t count, size_t size, mmn_error *err);

#endif
