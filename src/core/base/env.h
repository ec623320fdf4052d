#ifndef MMN_BASE_ENV_H
#define MMN_BASE_ENV_H

#include <stddef.h>

#include "base/status.h"

/*
 * What the core needs from its surroundings, passed as an argument and never
 * global: memory, and a way to be asked to stop.  In a backend it is palloc
 * and the pending-interrupt flag; in the decoder and in tests, malloc.
 */
typedef struct mmn_env
{
	void *(*alloc)(void *ctx, size_t size); /* NULL when there is no memory */
	void (*free)(void *ctx, void *p);		/* p may be NULL */
	int (*poll)(void *ctx); /* non-zero: stop; called every ~10 ms of work;
							 * may be NULL */
	void *ctx;
	int threads; /* that may help the caller's to compute; they call none of
				  * the above, and are gone whenever it is called */
} mmn_env;

/* malloc, free, never stops */
extern const mmn_env mmn_env_default;

/* All return NULL when there is no memory (or the product overflows). */
void *mmn_alloc(const mmn_env *env, size_t size);
void *mmn_alloc_array(const mmn_env *env, size_t count, size_t size);
void *mmn_alloc_zero(const mmn_env *env, size_t count, size_t size);
void mmn_free(const mmn_env *env, void *p);

/* MMN_CANCELED when the caller's surroundings want to stop, else MMN_OK. */
mmn_status mmn_poll(const mmn_env *env, mmn_error *err);

#endif
