#ifndef MMN_NN_NETWORK_H
#define MMN_NN_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/env.h"
#include "nn/tensor.h"

/*
 * A convolutional network from an ONNX file, in three steps:
 *
 *   mmn_network_load   reads the file: a graph and its weights
 *   mmn_plan_create    fixes the shape of the input and the wanted output;
 *                      infers all shapes, computes what is constant, drops
 *                      what is not needed, and gives every intermediate its
 *                      place in one arena
 *   mmn_plan_forward   computes; allocates nothing
 *
 * A plan is made for one image and run for any number of them; every step does
 * all images before the next begins, so that its weights stay in the cache.
 * The result of an image does not depend on how many go with it, to the bit.
 *
 * A plan is one block of memory without a pointer in it: it can be written to
 * a file and mapped by other processes of the same build (mmn_plan_check()).
 * It is never changed once made, so one plan serves any number of workspaces,
 * and it does not need its network any more.
 */
typedef struct mmn_network mmn_network;
typedef struct mmn_plan mmn_plan;

/*
 * Reads len bytes of an ONNX model (not needed any more afterwards).  The
 * network takes memory from env, at most max_bytes of it, until
 * mmn_network_destroy().  Fails with MMN_BAD_DATA, MMN_UNSUPPORTED,
 * MMN_LIMIT, MMN_NO_MEMORY, MMN_CANCELED.
 */
mmn_status mmn_network_load(const mmn_env *env, const void *bytes, size_t len,
							size_t max_bytes, mmn_network **out,
							mmn_error *err);

void mmn_network_destroy(mmn_network *network); /* may be NULL */

/* Bytes of memory it takes. */
size_t mmn_network_bytes(const mmn_network *network);

/*
 * The shape of the graph's input as the file states it: 0 for a dimension
 * that it leaves open, ndim -1 when it states none.
 */
void mmn_network_input(const mmn_network *network, mmn_shape *out);

typedef struct mmn_plan_options
{
	const char *output; /* any value of the graph; NULL: its first output */
	size_t max_bytes;	/* of the plan and the workspace of one image */
	mmn_isa isa;		/* whose kernels to use; must be available */
	bool plain;			/* step by step as in the file: nothing is fused, no
						 * layout but ONNX's; slow, to compare with */
} mmn_plan_options;

/*
 * Plans for images of exactly this shape (N, C, H, W, where N is 1 unless the
 * network takes several inputs for one result).  The plan is memory from env,
 * until mmn_plan_destroy().  An operator that is not supported is
 * MMN_UNSUPPORTED, naming operator and node.
 */
mmn_status mmn_plan_create(const mmn_env *env, const mmn_network *network,
						   const mmn_shape *input,
						   const mmn_plan_options *options, mmn_plan **out,
						   mmn_error *err);

/* Only what mmn_plan_create() has made; may be NULL. */
void mmn_plan_destroy(const mmn_env *env, mmn_plan *plan);

/*
 * Whether the len bytes at block, on a boundary of 64 bytes, are a plan that
 * this build has made for this machine.  To be asked of a plan that comes from
 * a file; what is behind the header is trusted.
 */
mmn_status mmn_plan_check(const void *block, size_t len, mmn_error *err);

/* Bytes of the plan itself: the block that may be copied elsewhere. */
size_t mmn_plan_bytes(const mmn_plan *plan);

/* How many images are best computed at once: what a caller should gather. */
int64_t mmn_plan_group(const mmn_plan *plan);

/*
 * Bytes that a workspace for so many images needs; any alignment will do.  No
 * more than a group of them is in it at a time.
 */
size_t mmn_plan_workspace(const mmn_plan *plan, int64_t images);

/* The same when env lets other threads help: each wants some of its own. */
size_t mmn_plan_workspace_threads(const mmn_plan *plan, int64_t images,
								  const mmn_env *env);

/* Of one image. */
void mmn_plan_output_shape(const mmn_plan *plan, mmn_shape *out);
size_t mmn_plan_output_count(const mmn_plan *plan);
size_t mmn_plan_input_count(const mmn_plan *plan);

/*
 * Computes the outputs for so many inputs, one behind the other in "in" and
 * in "out".  workspace holds mmn_plan_workspace(plan, images) bytes, what is
 * in them does not matter.  Polls env every few milliseconds; fails with
 * MMN_CANCELED only.  What comes out does not depend on the threads, either.
 */
mmn_status mmn_plan_forward(const mmn_plan *plan, int64_t images,
							void *workspace, const float *in, float *out,
							const mmn_env *env, mmn_error *err);

#endif
