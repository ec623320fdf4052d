#ifndef MMN_NN_GRAPH_H
#define MMN_NN_GRAPH_H

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

struct mmn_plan
{
	mmn_pool pool;
	const mmn_network *net;
	mmn_tensor **tensors; /* by value; NULL: not needed */
	int n_steps;
	mmn_step *steps;
	size_t arena; /* bytes, all tensors and scratch */
	mmn_tensor *input;
	mmn_tensor *output;
};

/* The value of that name, -1: there is none. */
int mmn_network_find(const mmn_network *net, mmn_slice name);

/* Gives every tensor and scratch buffer of the plan its place (memory.c). */
mmn_status mmn_plan_place(mmn_plan *plan, mmn_error *err);

#endif
