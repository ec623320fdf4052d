#include "base/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static void *
malloc_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size ? size : 1);
}

static void
malloc_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

const mmn_env mmn_env_default = {malloc_alloc, malloc_free, NULL, NULL};

void *
mmn_alloc(const mmn_env *env, size_t size)
{
	return env->alloc(env->ctx, size);
}

void *
mmn_alloc_array(const mmn_env *env, size_t count, size_t size)
{
	size_t total;

	if (!mmn_mul_size(count, size, &total))
		return NULL;
	return mmn_alloc(env, total);
}

void *
mmn_alloc_zero(const mmn_env *env, size_t count, size_t size)
{
	void *p = mmn_alloc_array(env, count, size);

	if (p)
		memset(p, 0, count * size);
	return p;
}

void
mmn_free(const mmn_env *env, void *p)
{
	if (p)
		env->free(env->ctx, p);
}

mmn_status
mmn_poll(const mmn_env *env, mmn_error *err)
{
	if (env->poll && env->poll(env->ctx))
		return mmn_fail(err, MMN_CANCELED, "canceled");
	return MMN_OK;
}
