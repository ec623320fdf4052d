#ifndef MMN_NN_NETWORK_H
#define MMN_NN_NETWORK_H

#include <stddef.h>
#include <stdint.h>

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
 * A network must outlive its plans.  Neither is ever changed once made, so
 * one plan serves any number of workspaces.
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

/*
 * Plans for an input of exactly this shape (N, C, H, W for images) and for
 * one output: any value of the graph by its name, NULL for its first output.
 * max_bytes limits plan and arena together.  An operator that is not
 * supported is MMN_UNSUPPORTED, naming operator and node.
 */
mmn_status mmn_plan_create(const mmn_env *env, const mmn_network *network,
						   const mmn_shape *input, const char *output,
						   size_t max_bytes, mmn_plan **out, mmn_error *err);

void mmn_plan_destroy(mmn_plan *plan); /* may be NULL */

/* Bytes of memory it takes, without a workspace. */
size_t mmn_plan_bytes(const mmn_plan *plan);

/* Bytes that a workspace needs; any alignment will do. */
size_t mmn_plan_workspace(const mmn_plan *plan);

const mmn_shape *mmn_plan_output_shape(const mmn_plan *plan);
size_t mmn_plan_output_count(const mmn_plan *plan);

/*
 * Computes the output for one input.  workspace holds
 * mmn_plan_workspace(plan) bytes, what is in them does not matter.  Polls env
 * every few milliseconds; fails with MMN_CANCELED only.
 */
mmn_status mmn_plan_forward(const mmn_plan *plan, void *workspace,
							const float *in, float *out, const mmn_env *env,
							mmn_error *err);

#endif
