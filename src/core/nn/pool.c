#include "nn/pool.h"

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

typedef struct mmn_pool_chunk
{
	struct mmn_pool_chunk *next;
} mmn_pool_chunk;

/* Small requests share a chunk of this size. */
#define CHUNK 65536

void
mmn_pool_init(mmn_pool *pool, const mmn_env *env, size_t limit)
{
	memset(pool, 0, sizeof *pool);
	pool->env = *env;
	pool->limit = limit;
}

void
mmn_pool_reset(mmn_pool *pool)
{
	while (pool->chunks)
	{
		mmn_pool_chunk *next = pool->chunks->next;

		mmn_free(&pool->env, pool->chunks);
		pool->chunks = next;
	}
	pool->free_at = pool->free_end = pool->used = 0;
}

static size_t
align_up(size_t v)
{
	return (v + MMN_POOL_ALIGN - 1) & ~(size_t)(MMN_POOL_ALIGN - 1);
}

static mmn_status
add_chunk(mmn_pool *pool, size_t size, mmn_error *err)
{
	mmn_pool_chunk *chunk;
	size_t total = size + sizeof *chunk + MMN_POOL_ALIGN;

	if (size > pool->limit || total > pool->limit - pool->used)
		return mmn_fail(err, MMN_LIMIT,
						"the network needs more than the limit of %zu bytes",
						pool->limit);
	chunk = mmn_alloc(&pool->env, total);
	if (!chunk)
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory for %zu bytes of a network", total);
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pool->used += total;
	pool->free_at = align_up((size_t)(uintptr_t)(chunk + 1));
	pool->free_end = (size_t)(uintptr_t)chunk + total;
	return MMN_OK;
}

void *
mmn_pool_take(mmn_pool *pool, size_t count, size_t size, mmn_error *err)
{
	void *result;
	size_t bytes;

	if (!mmn_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 4)
	{
		mmn_fail(err, MMN_LIMIT, "the network is too large");
		return NULL;
	}
	bytes = bytes ? align_up(bytes) : MMN_POOL_ALIGN;
	if (pool->free_end - pool->free_at < bytes)
	{
		mmn_status status = add_chunk(pool, bytes < CHUNK ? CHUNK : bytes, err);

		/* near the limit, a chunk of just the right size may still do */
		if (status == MMN_LIMIT && bytes < CHUNK)
			status = add_chunk(pool, bytes, err);
		if (status != MMN_OK)
			return NULL;
	}
	result = (void *)(uintptr_t)pool->free_at;
	pool->free_at += bytes;
	return result;
}

void *
mmn_pool_alloc(mmn_pool *pool, size_t count, size_t size, mmn_error *err)
{
	void *result = mmn_pool_take(pool, count, size, err);

	if (result)
		memset(result, 0, count * size);
	return result;
}
