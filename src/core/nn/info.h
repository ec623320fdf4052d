#ifndef MMN_NN_INFO_H
#define MMN_NN_INFO_H

#include "nn/network.h"

/* What a network is made of, for people to read. */

/* Names are cut, and what is not printable ASCII in them becomes "?". */
#define MMN_INFO_NAME 128

typedef struct mmn_network_info
{
	int64_t opset;
	char input[MMN_INFO_NAME];
	size_t n_outputs;
	size_t n_nodes;
	uint64_t parameters; /* elements of the float constants nodes read */
} mmn_network_info;

typedef struct mmn_operator_use
{
	char name[MMN_INFO_NAME];
	size_t nodes;
} mmn_operator_use;

/* Fails with MMN_NO_MEMORY, MMN_CANCELED. */
mmn_status mmn_network_describe(const mmn_env *env, const mmn_network *network,
								mmn_network_info *out, mmn_error *err);

/* Name of output i < n_outputs. */
void mmn_network_output_name(const mmn_network *network, size_t i,
							 char out[MMN_INFO_NAME]);

/*
 * The output that a classifier's scores are in: the one named "logits", NULL
 * (the first) where there is none of that name.
 */
const char *mmn_network_scores(const mmn_network *network);

/* Whether two names mean the same value; NULL is the first output. */
bool mmn_network_same_value(const mmn_network *network, const char *a,
							const char *b);

/*
 * The operators of all nodes, by name: *out is memory from env, *n of them.
 * Fails with MMN_NO_MEMORY.
 */
mmn_status mmn_network_operators(const mmn_env *env, const mmn_network *network,
								 mmn_operator_use **out, size_t *n,
								 mmn_error *err);

/*
 * Multiplications, each with an addition, that one image takes in
 * convolutions and matrix products as the network's file states them; what
 * kernels save of them, and all else, is not counted.
 */
uint64_t mmn_plan_multiply_adds(const mmn_plan *plan);

/* Steps that are left of the nodes. */
int mmn_plan_step_count(const mmn_plan *plan);

#endif
