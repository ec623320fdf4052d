#ifndef MMN_NN_ONNX_H
#define MMN_NN_ONNX_H

#include "nn/pool.h"
#include "nn/protobuf.h"
#include "nn/tensor.h"

/*
 * An ONNX model as read from its file, before any meaning is given to it.
 * Everything is copied into the pool: the file's bytes may go.
 */

typedef enum mmn_attribute_type /* numbers of AttributeProto.AttributeType */
{
	MMN_ATTRIBUTE_FLOAT = 1,
	MMN_ATTRIBUTE_INT = 2,
	MMN_ATTRIBUTE_STRING = 3,
	MMN_ATTRIBUTE_TENSOR = 4,
	MMN_ATTRIBUTE_GRAPH = 5,
	MMN_ATTRIBUTE_FLOATS = 6,
	MMN_ATTRIBUTE_INTS = 7
} mmn_attribute_type;

typedef struct mmn_attribute
{
	mmn_slice name;
	mmn_attribute_type type;
	float f;
	int64_t i;
	mmn_slice s;
	mmn_tensor *tensor;
	size_t count; /* of floats or ints */
	float *floats;
	int64_t *ints;
} mmn_attribute;

typedef struct mmn_onnx_node
{
	mmn_slice name;
	mmn_slice op_type;
	mmn_slice domain;
	size_t n_inputs;
	mmn_slice *inputs; /* empty: left out */
	size_t n_outputs;
	mmn_slice *outputs;
	size_t n_attributes;
	mmn_attribute *attributes;
} mmn_onnx_node;

typedef struct mmn_onnx_value
{
	mmn_slice name;
	int32_t data_type;			 /* TensorProto.DataType; 0: not stated */
	int ndim;					 /* -1: not stated */
	int64_t dims[MMN_SHAPE_MAX]; /* 0: left open */
} mmn_onnx_value;

typedef struct mmn_onnx_initializer
{
	mmn_slice name;
	mmn_tensor *tensor;
} mmn_onnx_initializer;

typedef struct mmn_onnx
{
	int64_t opset;
	size_t n_nodes;
	mmn_onnx_node *nodes;
	size_t n_initializers;
	mmn_onnx_initializer *initializers;
	size_t n_inputs;
	mmn_onnx_value *inputs;
	size_t n_outputs;
	mmn_onnx_value *outputs;
} mmn_onnx;

/* More than ten times what the largest published CNNs have. */
#define MMN_ONNX_MAX_NODES 8192
#define MMN_ONNX_MAX_INITIALIZERS 16384
#define MMN_ONNX_MAX_NAME 1024
#define MMN_ONNX_MAX_ARGUMENTS 512 /* inputs of one node */
#define MMN_ONNX_MAX_ATTRIBUTES 32 /* of one node */

/*
 * Reads a ModelProto.  Refuses external data, sparse and string tensors,
 * subgraphs are kept only as "there is one".  *err must be there.
 */
mmn_status mmn_onnx_read(mmn_slice file, mmn_pool *pool, mmn_onnx *out,
						 mmn_error *err);

/*
 * Reads a TensorProto.  float16, bfloat16 and double become float; int32,
 * uint8, int8, uint16, int16 and bool become int64.
 */
mmn_status mmn_onnx_read_tensor(mmn_slice message, mmn_pool *pool,
								mmn_onnx_initializer *out, mmn_error *err);

/* Copies a name for a message: printable ASCII, cut to fit. */
void mmn_onnx_print_name(mmn_slice name, char *buf, size_t size);

#endif
