#ifndef MMN_NN_GRAPH_H
#define MMN_NN_GRAPH_H

#include "nn/conv.h"
#include "nn/network.h"
#include "nn/onnx.h"
#include "nn/op.h"

/* The insides of a network and of a plan: only for network.c and plan*.c. */

typedef struct mmn_value
{
	mmn_slice name;
	int producer;		  /* node; -1: the input or a constant */
	mmn_tensor *constant; /* NULL: computed, or the input */
} mmn_value;

typedef struct mmn_node
{
	int *inputs; /* values, as many as the ONNX node has; -1: left out */
	int first_output;
} mmn_node;

struct mmn_network
{
	mmn_pool pool;
	mmn_onnx onnx;
	const mmn_onnx_value *input;
	int n_values;
	mmn_value *values; /* [0] is the input */
	mmn_node *nodes;   /* beside onnx.nodes */
	int *outputs;	   /* values */
};

/* A plan while it is made; link.c writes the finished one. */
typedef struct mmn_build
{
	mmn_pool pool;
	const mmn_network *net;
	mmn_tensor **tensors; /* by value; NULL: not needed */
	int n_steps;
	mmn_step *steps;
	mmn_isa isa;
	size_t arena; /* bytes of all tensors of one image */
	uint64_t multiply_adds;
	mmn_tensor *input;
	mmn_tensor *output;
} mmn_build;

/* The value of that name, -1: there is none. */
int mmn_network_find(const mmn_network *net, mmn_slice name);

/*
 * Who computes a tensor, who reads it last and how often it is read (first,
 * last, uses) in the steps as they are; a tensor's readers are also those of
 * its aliases (memory.c).
 */
void mmn_build_count(mmn_build *build);

/* Takes out the steps without an operator. */
void mmn_build_compact(mmn_build *build);

/* The step that reads t last; NULL: none, or it is the wanted output. */
static inline mmn_step *
mmn_build_reader(const mmn_build *build, const mmn_tensor *t)
{
	return t->last >= 0 && t->last < build->n_steps ? &build->steps[t->last]
													: NULL;
}

/* The step that computes t, unless it is gone. */
static inline mmn_step *
mmn_build_writer(const mmn_build *build, const mmn_tensor *t)
{
	mmn_step *s = t->first >= 0 && t->first < build->n_steps
					  ? &build->steps[t->first]
					  : NULL;

	return s && s->op && s->n_out > 0 && s->out[0] == t ? s : NULL;
}

static inline void
mmn_step_drop(mmn_step *s)
{
	s->op = NULL;
}

/* Lets all that reads another name of the same tensor read that (fuse.c). */
void mmn_build_skip_aliases(mmn_build *build);

/* Makes operators whole that exporters write down in parts (compose.c). */
mmn_status mmn_build_compose(mmn_build *build, mmn_error *err);

/* Makes channels-last stretches of a graph channels-first (channels.c). */
mmn_status mmn_build_channels(mmn_build *build, mmn_error *err);

/*
 * Makes one step of several, where conv.h has a kernel for it (fuse.c):
 * convolution, batch normalisation, addition, activation.
 */
mmn_status mmn_build_fuse(mmn_build *build, mmn_error *err);

/*
 * If all that reads t is one activation, drops its steps: then t is to be
 * computed with it, as the tensor that is returned.  Else returns t.
 */
mmn_tensor *mmn_fuse_act(mmn_build *build, mmn_tensor *t, mmn_act *act,
						 float *lo, float *hi);

/* The same for clipping only; else the bounds are infinite. */
mmn_tensor *mmn_fuse_clip(mmn_build *build, mmn_tensor *t, float *lo,
						  float *hi);

/* Lets feature maps be blocked where kernels want them so (layout.c). */
mmn_status mmn_build_layout(mmn_build *build, mmn_error *err);

/* Gives every tensor its place in the arena (memory.c). */
mmn_status mmn_build_place(mmn_build *build, mmn_error *err);

/* Whose memory a tensor is in, and where in it. */
mmn_tensor *mmn_tensor_root(mmn_tensor *t, size_t *within);

/* Bytes from image to image of a tensor with memory of its own. */
size_t mmn_tensor_stride(const mmn_tensor *t);

/*
 * The finished plan: a header, and behind it what its offsets, in bytes from
 * its start, point to.  Bump the version with every change of these structs
 * or of what operators keep in params and packed weights.
 */
#define MMN_PLAN_MAGIC 0x6e706d6d /* "mmpn", and tells the byte order */
#define MMN_PLAN_VERSION 2

/* Where the elements of a tensor are. */
typedef enum mmn_place
{
	MMN_PLACE_BLOCK, /* a constant: in the plan itself */
	MMN_PLACE_INPUT,
	MMN_PLACE_ARENA
} mmn_place;

typedef struct mmn_plan_tensor
{
	mmn_element element;
	mmn_layout layout;
	mmn_place place;
	mmn_shape shape;
	size_t count;
	size_t offset; /* from the place's start, per image in the arena */
	size_t within; /* bytes more, not per image */
	size_t stride; /* bytes from image to image */
} mmn_plan_tensor;

typedef struct mmn_plan_step
{
	int32_t op; /* mmn_op_at() */
	int32_t n_in;
	int32_t n_out;
	size_t name;	/* of the node, zero-terminated */
	size_t args;	/* int32_t numbers of inputs, then outputs; -1: none */
	size_t params;	/* 0: none */
	size_t packed;	/* 0: none */
	size_t packed_size;
	size_t scratch; /* bytes */
} mmn_plan_step;

struct mmn_plan
{
	uint32_t magic;
	uint32_t version;
	uint64_t build; /* what else must be the same: operators, structs */
	mmn_isa isa;	/* that the kernels need */
	size_t bytes;	/* of the block */
	size_t arena;	/* bytes for one image */
	size_t bind;	/* bytes for the step that runs, see forward.c */
	size_t steps;
	size_t tensors;
	uint64_t multiply_adds; /* see mmn_plan_multiply_adds() */
	int32_t n_steps;
	int32_t n_tensors;
	int32_t input;
	int32_t output;
};

static inline const mmn_plan_step *
mmn_plan_steps(const mmn_plan *plan)
{
	return (const void *)((const uint8_t *)plan + plan->steps);
}

static inline const mmn_plan_tensor *
mmn_plan_tensors(const mmn_plan *plan)
{
	return (const void *)((const uint8_t *)plan + plan->tensors);
}

/* Writes the plan as one block (link.c). */
mmn_status mmn_build_link(mmn_build *build, size_t max_bytes, mmn_plan **out,
						  mmn_error *err);

/*
 * Running, step by step: what mmn_plan_forward() does, and what a profiler
 * wants to do itself (forward.c); all images at once.
 */
size_t mmn_run_workspace(const mmn_plan *plan, int64_t images, int workers);
void mmn_run_begin(mmn_run *run, const mmn_plan *plan, int64_t images,
				   void *workspace, const float *in, const mmn_env *env,
				   mmn_error *err);
mmn_status mmn_run_step(mmn_run *run, int step);
void mmn_run_end(mmn_run *run, float *out);

#endif
