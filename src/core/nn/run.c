/*
 * The tasks of a step, done by the calling thread and, if it may, by others:
 * each takes the next task that nobody has taken.  The others live for some
 * milliseconds, until the caller wants to poll: poll may leave by longjmp, and
 * then nobody must still be at work on what the caller's stack describes.  To
 * start a thread costs some 20 us.  They get no signals, which are for the
 * thread that knows what to do with them.
 */
#include "nn/op.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* Less than this altogether is done before another thread has started. */
#define WORTH_A_THREAD (MMN_RUN_QUANTUM / 8)

typedef struct crew
{
	mmn_task_fn *fn;
	void *ctx;
	int64_t end;
	atomic_llong next;
	atomic_int members;
} crew;

static void *
help(void *arg)
{
	crew *c = arg;
	int worker = atomic_fetch_add(&c->members, 1);
	int64_t task;

	while ((task = atomic_fetch_add(&c->next, 1)) < c->end)
		c->fn(c->ctx, task, worker);
	return NULL;
}

/* Starts up to n helpers; how many there are. */
static int
start(crew *c, pthread_t *threads, int n)
{
	sigset_t all, old;
	int started = 0;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &old) != 0)
		return 0;
	while (started < n &&
		   pthread_create(&threads[started], NULL, help, c) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started;
}

/* Tasks [from, to), by the caller and so many helpers. */
static void
do_together(int64_t from, int64_t to, mmn_task_fn *fn, void *ctx, int helpers)
{
	pthread_t threads[MMN_RUN_WORKERS_MAX];
	crew c = {.fn = fn, .ctx = ctx, .end = to};
	int started;

	atomic_init(&c.next, from);
	atomic_init(&c.members, 0);
	started = start(&c, threads, helpers);
	help(&c);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

mmn_status
mmn_run_tasks(mmn_run *run, int64_t n_tasks, size_t work, mmn_task_fn *fn,
			  void *ctx)
{
	int workers = mmn_run_workers(run->env);
	int64_t at_once;

	if (workers == 1 || n_tasks < 2 ||
		(size_t)n_tasks < WORTH_A_THREAD / (work + 1))
	{
		for (int64_t i = 0; i < n_tasks; i++)
		{
			mmn_status status = mmn_run_spend(run, work);

			if (status != MMN_OK)
				return status;
			fn(ctx, i, 0);
		}
		return MMN_OK;
	}
	at_once = workers * (int64_t)(MMN_RUN_QUANTUM / (work + 1) + 1);
	for (int64_t from = 0; from < n_tasks; from += at_once)
	{
		int64_t n = n_tasks - from < at_once ? n_tasks - from : at_once;
		mmn_status status = mmn_run_spend(
			run, work * (size_t)((n + workers - 1) / workers));

		if (status != MMN_OK)
			return status;
		do_together(from, from + n, fn, ctx,
					(int)(n < workers ? n : workers) - 1);
	}
	return MMN_OK;
}
