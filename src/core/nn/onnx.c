/*
 * ModelProto, GraphProto, NodeProto and what hangs on them.  Every repeated
 * field is counted first, checked against its limit, allocated once and then
 * filled.  The depth of what is read is fixed by the schema (a subgraph is
 * noted, not entered), so nothing here recurses on the file's data.
 */
#include "nn/onnx.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

void
mmn_onnx_print_name(mmn_slice name, char *buf, size_t size)
{
	size_t n = 0;

	for (; n < name.len && n + 1 < size; n++)
	{
		uint8_t c = name.p[n];

		buf[n] = c >= 0x20 && c < 0x7f && c != '"' ? (char)c : '?';
	}
	buf[n] = '\0';
}

/* Occurrences of length-delimited field number in message, at most max. */
static mmn_status
count_messages(mmn_slice message, uint32_t number, size_t max, size_t *count,
			   mmn_error *err)
{
	mmn_field f;
	bool more;
	mmn_status status;

	*count = 0;
	while ((status = mmn_field_next(&message, &f, &more, err)) == MMN_OK &&
		   more)
	{
		if (f.number != number)
			continue;
		if (f.type != MMN_WIRE_BYTES)
			return mmn_fail(err, MMN_BAD_DATA,
							"not a model file: field %u has the wrong type",
							number);
		if (++*count > max)
			return mmn_fail(err, MMN_LIMIT,
							"the model has more than %zu entries in a list "
							"(field %u)",
							max, number);
	}
	return status;
}

/* The next occurrence of field number, known to be length-delimited. */
static bool
next_message(mmn_slice *message, uint32_t number, mmn_slice *out)
{
	mmn_field f;
	bool more;

	while (mmn_field_next(message, &f, &more, NULL) == MMN_OK && more)
		if (f.number == number)
		{
			*out = f.bytes;
			return true;
		}
	return false;
}

static mmn_status
copy_name(mmn_slice in, mmn_pool *pool, mmn_slice *out, mmn_error *err)
{
	uint8_t *p;

	if (in.len > MMN_ONNX_MAX_NAME)
		return mmn_fail(err, MMN_LIMIT, "a name is longer than %d bytes",
						MMN_ONNX_MAX_NAME);
	out->p = (const uint8_t *)"";
	out->len = 0;
	if (in.len == 0)
		return MMN_OK;
	p = mmn_pool_alloc(pool, in.len, 1, err);
	if (!p)
		return err->code;
	memcpy(p, in.p, in.len);
	out->p = p;
	out->len = in.len;
	return MMN_OK;
}

/* Repeated string field number of message. */
static mmn_status
read_names(mmn_slice message, uint32_t number, mmn_pool *pool, size_t *n_names,
		   mmn_slice **names, mmn_error *err)
{
	mmn_slice text;
	size_t i = 0;
	mmn_status status =
		count_messages(message, number, MMN_ONNX_MAX_ARGUMENTS, n_names, err);

	if (status != MMN_OK)
		return status;
	if (!(*names = mmn_pool_alloc(pool, *n_names, sizeof **names, err)))
		return err->code;
	while (status == MMN_OK && next_message(&message, number, &text))
		status = copy_name(text, pool, &(*names)[i++], err);
	return status;
}

/*
 * Repeated scalars of an attribute: ints (field 8) as int64, floats (field 7)
 * as float.
 */
static mmn_status
read_scalars(mmn_slice message, uint32_t number, mmn_pool *pool,
			 mmn_attribute *out, mmn_error *err)
{
	size_t size = number == 7 ? 4 : 0;
	size_t total = 0, at = 0;
	mmn_slice rest = message;
	mmn_field f;
	bool more;
	mmn_status status;

	while ((status = mmn_field_next(&rest, &f, &more, err)) == MMN_OK && more)
	{
		size_t n;

		if (f.number != number)
			continue;
		status = mmn_field_elements(&f, size, &n, err);
		if (status != MMN_OK)
			return status;
		if (n > MMN_TENSOR_MAX_COUNT - total)
			return mmn_fail(err, MMN_LIMIT, "an attribute is too long");
		total += n;
	}
	if (status != MMN_OK)
		return status;
	if (size && !(out->floats = mmn_pool_alloc(pool, total, 4, err)))
		return err->code;
	if (!size && !(out->ints = mmn_pool_alloc(pool, total, 8, err)))
		return err->code;
	out->count = total;
	for (rest = message;
		 (status = mmn_field_next(&rest, &f, &more, err)) == MMN_OK && more;)
	{
		if (f.number != number)
			continue;
		if (f.type != MMN_WIRE_BYTES && !size)
			out->ints[at++] = (int64_t)f.value;
		else if (!size)
			while (f.bytes.len)
			{
				uint64_t v;

				status = mmn_varint_next(&f.bytes, &v, err);
				if (status != MMN_OK)
					return status;
				out->ints[at++] = (int64_t)v;
			}
		else /* one fixed32 keeps its four bytes in f.bytes, too */
		{
			memcpy(out->floats + at, f.bytes.p, f.bytes.len);
			at += f.bytes.len / 4;
		}
	}
	return status;
}

static mmn_status
read_attribute(mmn_slice message, mmn_pool *pool, mmn_attribute *out,
			   mmn_error *err)
{
	mmn_slice rest = message, tensor = {NULL, 0};
	bool has_tensor = false, more;
	uint32_t scalars = 0, seen = 0;
	uint64_t type = 0;
	mmn_onnx_initializer constant;
	mmn_field f;
	mmn_status status;

	while ((status = mmn_field_next(&rest, &f, &more, err)) == MMN_OK && more)
	{
		switch (f.number)
		{
			case 1:
				status = copy_name(f.bytes, pool, &out->name, err);
				break;
			case 2:
			{
				uint32_t bits = (uint32_t)f.value;

				memcpy(&out->f, &bits, sizeof bits);
				seen = MMN_ATTRIBUTE_FLOAT;
				break;
			}
			case 3:
				out->i = (int64_t)f.value;
				seen = MMN_ATTRIBUTE_INT;
				break;
			case 4:
				status = copy_name(f.bytes, pool, &out->s, err);
				seen = MMN_ATTRIBUTE_STRING;
				break;
			case 5:
				tensor = f.bytes;
				has_tensor = true;
				seen = MMN_ATTRIBUTE_TENSOR;
				break;
			case 6:
				seen = MMN_ATTRIBUTE_GRAPH;
				break;
			case 7:
			case 8:
				scalars = f.number;
				seen =
					f.number == 7 ? MMN_ATTRIBUTE_FLOATS : MMN_ATTRIBUTE_INTS;
				break;
			case 20:
				type = f.value;
				break;
		}
		if (status != MMN_OK)
			return status;
	}
	if (status != MMN_OK)
		return status;
	/* old files leave the type out; an empty list or default has no field */
	out->type = type && type < 256 ? (mmn_attribute_type)type
								   : (mmn_attribute_type)seen;
	if (scalars)
		status = read_scalars(message, scalars, pool, out, err);
	if (has_tensor && status == MMN_OK)
	{
		status = mmn_onnx_read_tensor(tensor, pool, &constant, err);
		out->tensor = constant.tensor;
	}
	return status;
}

static mmn_status
read_node(mmn_slice message, mmn_pool *pool, mmn_onnx_node *out, mmn_error *err)
{
	mmn_slice rest = message, text;
	mmn_field f;
	bool more;
	size_t i = 0;
	mmn_status status;

	while ((status = mmn_field_next(&rest, &f, &more, err)) == MMN_OK && more)
	{
		mmn_slice *name = f.number == 3	  ? &out->name
						  : f.number == 4 ? &out->op_type
						  : f.number == 7 ? &out->domain
										  : NULL;

		/* a node's name is only for people: cut it rather than refuse */
		if (name == &out->name && f.bytes.len > MMN_ONNX_MAX_NAME)
			f.bytes.len = MMN_ONNX_MAX_NAME;
		if (name && (status = copy_name(f.bytes, pool, name, err)) != MMN_OK)
			return status;
	}
	if (status != MMN_OK ||
		(status = read_names(message, 1, pool, &out->n_inputs, &out->inputs,
							 err)) != MMN_OK ||
		(status = read_names(message, 2, pool, &out->n_outputs, &out->outputs,
							 err)) != MMN_OK ||
		(status = count_messages(message, 5, MMN_ONNX_MAX_ATTRIBUTES,
								 &out->n_attributes, err)) != MMN_OK)
		return status;
	out->attributes =
		mmn_pool_alloc(pool, out->n_attributes, sizeof *out->attributes, err);
	if (!out->attributes)
		return err->code;
	while (status == MMN_OK && next_message(&message, 5, &text))
		status = read_attribute(text, pool, &out->attributes[i++], err);
	return status;
}

/* TensorShapeProto */
static mmn_status
read_shape(mmn_slice message, mmn_onnx_value *out, mmn_error *err)
{
	mmn_slice dim;
	size_t n;
	mmn_status status = count_messages(message, 1, MMN_SHAPE_MAX, &n, err);

	if (status != MMN_OK)
		return status;
	out->ndim = 0;
	while (next_message(&message, 1, &dim))
	{
		mmn_field f;
		bool more;
		int64_t v = 0;

		while ((status = mmn_field_next(&dim, &f, &more, err)) == MMN_OK &&
			   more)
			if (f.number == 1)
				v = (int64_t)f.value;
		if (status != MMN_OK)
			return status;
		/* some exporters write -1 for "any" */
		out->dims[out->ndim++] = v > 0 ? v : 0;
	}
	return MMN_OK;
}

/* ValueInfoProto: name, and of its type what there is */
static mmn_status
read_value(mmn_slice message, mmn_pool *pool, mmn_onnx_value *out,
		   mmn_error *err)
{
	mmn_slice type, tensor_type;
	mmn_field f;
	bool more;
	mmn_status status;

	out->ndim = -1;
	while ((status = mmn_field_next(&message, &f, &more, err)) == MMN_OK &&
		   more)
	{
		if (f.number == 1)
			status = copy_name(f.bytes, pool, &out->name, err);
		else if (f.number == 2)
		{
			type = f.bytes;
			if (!next_message(&type, 1, &tensor_type))
				return mmn_fail(err, MMN_UNSUPPORTED,
								"an input or output is not a tensor");
			while ((status = mmn_field_next(&tensor_type, &f, &more, err)) ==
					   MMN_OK &&
				   more)
			{
				if (f.number == 1)
					out->data_type = (int32_t)f.value;
				else if (f.number == 2)
					status = read_shape(f.bytes, out, err);
				if (status != MMN_OK)
					return status;
			}
		}
		if (status != MMN_OK)
			return status;
	}
	return status;
}

static mmn_status
read_values(mmn_slice graph, uint32_t number, mmn_pool *pool, size_t *n,
			mmn_onnx_value **values, mmn_error *err)
{
	mmn_slice message;
	size_t i = 0;
	mmn_status status =
		count_messages(graph, number, MMN_ONNX_MAX_INITIALIZERS, n, err);

	if (status != MMN_OK)
		return status;
	if (!(*values = mmn_pool_alloc(pool, *n, sizeof **values, err)))
		return err->code;
	while (status == MMN_OK && next_message(&graph, number, &message))
		status = read_value(message, pool, &(*values)[i++], err);
	return status;
}

static mmn_status
read_initializers(mmn_slice graph, mmn_pool *pool, mmn_onnx *out,
				  mmn_error *err)
{
	mmn_slice message;
	size_t i = 0;
	mmn_status status = count_messages(graph, 5, MMN_ONNX_MAX_INITIALIZERS,
									   &out->n_initializers, err);

	if (status != MMN_OK)
		return status;
	out->initializers = mmn_pool_alloc(pool, out->n_initializers,
									   sizeof *out->initializers, err);
	if (!out->initializers)
		return err->code;
	while (status == MMN_OK && next_message(&graph, 5, &message))
	{
		mmn_onnx_initializer *t = &out->initializers[i++];

		status = mmn_poll(&pool->env, err);
		if (status == MMN_OK)
			status = mmn_onnx_read_tensor(message, pool, t, err);
		if (status == MMN_OK)
			status = copy_name(t->name, pool, &t->name, err);
	}
	return status;
}

static mmn_status
read_graph(mmn_slice graph, mmn_pool *pool, mmn_onnx *out, mmn_error *err)
{
	mmn_slice message = graph, node;
	size_t sparse, i = 0;
	mmn_status status;

	if ((status = count_messages(graph, 15, MMN_ONNX_MAX_INITIALIZERS, &sparse,
								 err)) != MMN_OK ||
		(status = count_messages(graph, 1, MMN_ONNX_MAX_NODES, &out->n_nodes,
								 err)) != MMN_OK)
		return status;
	if (sparse)
		return mmn_fail(err, MMN_UNSUPPORTED, "the model has sparse tensors");
	out->nodes = mmn_pool_alloc(pool, out->n_nodes, sizeof *out->nodes, err);
	if (!out->nodes)
		return err->code;
	while (status == MMN_OK && next_message(&message, 1, &node))
		status = read_node(node, pool, &out->nodes[i++], err);
	if (status == MMN_OK)
		status = read_initializers(graph, pool, out, err);
	if (status == MMN_OK)
		status =
			read_values(graph, 11, pool, &out->n_inputs, &out->inputs, err);
	if (status == MMN_OK)
		status =
			read_values(graph, 12, pool, &out->n_outputs, &out->outputs, err);
	return status;
}

/* OperatorSetIdProto: the version, when it is that of ONNX's own operators */
static mmn_status
read_opset(mmn_slice message, int64_t *opset, mmn_error *err)
{
	mmn_slice domain = {NULL, 0};
	int64_t version = 0;
	mmn_field f;
	bool more;
	mmn_status status;

	while ((status = mmn_field_next(&message, &f, &more, err)) == MMN_OK &&
		   more)
	{
		if (f.number == 1)
			domain = f.bytes;
		else if (f.number == 2)
			version = (int64_t)f.value;
	}
	if (domain.len == 0 || mmn_slice_is(domain, "ai.onnx"))
		*opset = version;
	return status;
}

mmn_status
mmn_onnx_read(mmn_slice file, mmn_pool *pool, mmn_onnx *out, mmn_error *err)
{
	mmn_slice graph = {NULL, 0};
	bool has_graph = false, more;
	mmn_field f;
	mmn_status status;

	memset(out, 0, sizeof *out);
	while ((status = mmn_field_next(&file, &f, &more, err)) == MMN_OK && more)
	{
		if (f.number == 7 && f.type == MMN_WIRE_BYTES)
		{
			if (has_graph)
				return mmn_fail(err, MMN_BAD_DATA,
								"not a model file: more than one graph");
			graph = f.bytes;
			has_graph = true;
		}
		else if (f.number == 8 && f.type == MMN_WIRE_BYTES)
			status = read_opset(f.bytes, &out->opset, err);
		if (status != MMN_OK)
			return status;
	}
	if (status != MMN_OK)
		return status;
	if (!has_graph)
		return mmn_fail(err, MMN_BAD_DATA,
						"not an ONNX model: there is no graph in it");
	return read_graph(graph, pool, out, err);
}
