#ifndef MMN_NN_OP_H
#define MMN_NN_OP_H

#include "nn/network.h"
#include "nn/onnx.h"
#include "nn/tensor.h"

/*
 * What an operator is: a row in a table (op_*.c, listed in op.c) with two
 * functions.  plan() checks attributes and input shapes, sets the shape of
 * every output, and keeps what run() needs in step->params; run() computes,
 * and may trust everything that plan() has checked.  Where all inputs are
 * constants, the planner runs the step at once and the outputs become
 * constants.
 */

typedef struct mmn_step mmn_step;
typedef struct mmn_planner mmn_planner;
typedef struct mmn_run mmn_run;

enum
{
	MMN_OP_ALIAS = 1,	  /* output 0 is input 0 under another shape */
	MMN_OP_IN_PLACE = 2,  /* output 0 may overwrite input 0 (same count) */
	MMN_OP_INT64 = 4,	  /* takes int64 where ONNX does */
	MMN_OP_LIST_INPUT = 8, /* inputs behind the first are lists of integers,
							* which may be empty */
	MMN_OP_BATCH = 16,	   /* run() takes all images at once */
	MMN_OP_ADDS_TO = 32	   /* output 0 may overwrite input 1 */
};

typedef struct mmn_op
{
	const char *name;
	const char *attributes; /* all it knows, each followed by a space */
	uint16_t min_inputs;
	uint16_t max_inputs;
	uint16_t max_outputs;
	uint16_t flags;
	mmn_status (*plan)(mmn_planner *p, mmn_step *s);
	mmn_status (*run)(const mmn_step *s, mmn_run *run);

	/* the rest only where there is something to say */

	/* writes the s->packed_size bytes that run() finds at s->packed */
	mmn_status (*pack)(const mmn_step *s, void *packed, mmn_run *run);
	/* bytes of scratch, instead of s->scratch */
	size_t (*scratch)(const mmn_step *s, int64_t images, int workers);
} mmn_op;

#define MMN_OP_ANY 0xffff /* any number of inputs, outputs */

struct mmn_step
{
	const mmn_op *op;
	const mmn_onnx_node *node; /* while planning */
	int n_in;				   /* inputs; in[i] is NULL where left out */
	int n_out;
	mmn_tensor **in;
	mmn_tensor **out;
	void *params; /* the operator's own, never changed once planned */
	size_t params_size;
	const void *source; /* while planning: what pack() packs */
	const void *packed; /* while running: what pack() has written */
	size_t packed_size;
	size_t scratch; /* bytes of workspace wanted while it runs */
	uint64_t multiply_adds; /* for people: see mmn_plan_multiply_adds() */
};

/* Where run() finds things, and how it stays interruptible. */
struct mmn_run
{
	const mmn_env *env;
	mmn_error *err;
	int64_t images;
	int64_t image; /* the one to be done; 0 with MMN_OP_BATCH */
	void *scratch;
	size_t work; /* since the last poll */

	/* for forward.c */
	const mmn_plan *plan;
	const uint8_t *input;
	uint8_t *arena;
	uint8_t *bind;
};

struct mmn_planner
{
	mmn_pool *pool;
	const mmn_env *env;
	mmn_error *err;
	int64_t opset;
	mmn_step *step;
	mmn_status status; /* first failure of an attribute getter */
};

const mmn_op *mmn_op_find(mmn_slice name);

/* Operators by number, the same in every process of one build. */
int mmn_op_number(const mmn_op *op);
const mmn_op *mmn_op_at(int number);

/* Differs where the table of operators does. */
uint64_t mmn_op_table_hash(void);

/* Fails, naming operator and node. */
mmn_status mmn_op_fail(mmn_planner *p, mmn_status code, const char *fmt, ...)
	MMN_PRINTF(3, 4);

/*
 * Attributes.  One of the wrong type makes them return the default and note
 * a failure, which the planner reports when plan() returns.
 */
const mmn_attribute *mmn_op_attribute(const mmn_planner *p, const char *name);
int64_t mmn_op_int(mmn_planner *p, const char *name, int64_t otherwise);
float mmn_op_float(mmn_planner *p, const char *name, float otherwise);
mmn_slice mmn_op_string(mmn_planner *p, const char *name,
						const char *otherwise);

/* A list of at most max integers: how many there are, -1: not there. */
int mmn_op_ints(mmn_planner *p, const char *name, int64_t *out, int max);

/*
 * The same from input i, which must be a constant; -1: left out.
 */
int mmn_op_input_ints(mmn_planner *p, int i, int64_t *out, int max);

/* A scalar constant float at input i, or what "otherwise" says. */
float mmn_op_input_float(mmn_planner *p, int i, float otherwise);

bool mmn_op_has_input(const mmn_step *s, int i);

/*
 * The axis in 0..n-1 (0..n with one_more), counted from the end when
 * negative; notes a failure and returns 0 when it is outside.
 */
int mmn_op_axis(mmn_planner *p, int64_t axis, int n);

/* Sets the shape of output i; checks the number of elements. */
mmn_status mmn_op_output(mmn_planner *p, int i, mmn_element element,
						 const mmn_shape *shape);

/* Zeroed memory for s->params, until the plan is destroyed; NULL: failed. */
void *mmn_op_params(mmn_planner *p, size_t size);

/* The elements of a tensor, of the image that runs. */
static inline void *
mmn_run_data(const mmn_run *run, const mmn_tensor *t)
{
	return t->data + (size_t)run->image * t->stride;
}

static inline const float *
mmn_run_in(const mmn_run *run, const mmn_step *s, int i)
{
	return mmn_run_data(run, s->in[i]);
}

static inline float *
mmn_run_out(const mmn_run *run, const mmn_step *s, int i)
{
	return mmn_run_data(run, s->out[i]);
}

static inline void *
mmn_run_scratch(const mmn_run *run, const mmn_step *s)
{
	(void)s;
	return run->scratch;
}

/*
 * Says that about n simple operations have been done, and polls once enough
 * have gathered.  To be called at least every MMN_RUN_QUANTUM of them.
 */
#define MMN_RUN_QUANTUM ((size_t)1 << 22)

static inline mmn_status
mmn_run_spend(mmn_run *run, size_t n)
{
	run->work += n;
	if (run->work < MMN_RUN_QUANTUM)
		return MMN_OK;
	run->work = 0;
	return mmn_poll(run->env, run->err);
}

/*
 * Does n_tasks independent pieces of a step, in any order, and polls in
 * between; each is about "work" simple operations, at most MMN_RUN_QUANTUM.
 * Worker is the number, from 0, of who does it: no two tasks of one worker
 * run at the same time, so scratch that is not shared is indexed by it.
 */
typedef void mmn_task_fn(void *ctx, int64_t task, int worker);

#define MMN_RUN_WORKERS_MAX 64

/* How many workers there can be. */
static inline int
mmn_run_workers(const mmn_env *env)
{
	int n = 1 + env->threads;

	return n < 1 ? 1 : n > MMN_RUN_WORKERS_MAX ? MMN_RUN_WORKERS_MAX : n;
}

mmn_status mmn_run_tasks(mmn_run *run, int64_t n_tasks, size_t work,
						 mmn_task_fn *fn, void *ctx);

#endif
