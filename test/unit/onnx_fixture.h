#ifndef ONNX_FIXTURE_H
#define ONNX_FIXTURE_H

/*
 * Models written field by field (onnx.proto's numbers), and one network and
 * plan of such at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "nn/network.h"

typedef struct message
{
	uint8_t p[1 << 21];
	size_t len;
} message;

static inline void
put_varint(message *m, uint64_t v)
{
	for (; v > 127; v >>= 7)
		m->p[m->len++] = (uint8_t)(v | 128);
	m->p[m->len++] = (uint8_t)v;
}

static inline void
put_int(message *m, unsigned field, int64_t v)
{
	put_varint(m, field << 3);
	put_varint(m, (uint64_t)v);
}

static inline void
put_bytes(message *m, unsigned field, const void *p, size_t len)
{
	put_varint(m, field << 3 | 2);
	put_varint(m, len);
	memcpy(m->p + m->len, p, len);
	m->len += len;
}

static inline void
put_text(message *m, unsigned field, const char *text)
{
	put_bytes(m, field, text, strlen(text));
}

/* The graph under construction, and one node of it. */
static message graph, node;

static inline void
add_tensor(const char *name, int type, int ndim, const int64_t *dims,
		   const void *raw, size_t len)
{
	static message t;

	t.len = 0;
	for (int i = 0; i < ndim; i++)
		put_int(&t, 1, dims[i]);
	put_int(&t, 2, type);
	put_text(&t, 8, name);
	put_bytes(&t, 9, raw, len);
	put_bytes(&graph, 5, t.p, t.len);
}

static inline void
add_floats(const char *name, int ndim, const int64_t *dims, const float *v)
{
	size_t n = 1;

	for (int i = 0; i < ndim; i++)
		n *= (size_t)dims[i];
	add_tensor(name, 1, ndim, dims, v, n * sizeof *v);
}

static inline void
begin_node(const char *op, const char *in, const char *in2, const char *out)
{
	node.len = 0;
	put_text(&node, 1, in);
	if (in2)
		put_text(&node, 1, in2);
	put_text(&node, 2, out);
	put_text(&node, 4, op);
}

static inline void
set_ints(const char *name, int n, const int64_t *v)
{
	static message a;

	a.len = 0;
	put_text(&a, 1, name);
	for (int i = 0; i < n; i++)
		put_int(&a, 8, v[i]);
	put_int(&a, 20, 7);
	put_bytes(&node, 5, a.p, a.len);
}

static inline void
set_int(const char *name, int64_t v)
{
	static message a;

	a.len = 0;
	put_text(&a, 1, name);
	put_int(&a, 3, v);
	put_int(&a, 20, 2);
	put_bytes(&node, 5, a.p, a.len);
}

static inline void
set_float(const char *name, float v)
{
	static message a;

	a.len = 0;
	put_text(&a, 1, name);
	put_varint(&a, 2 << 3 | 5);
	memcpy(a.p + a.len, &v, sizeof v);
	a.len += sizeof v;
	put_int(&a, 20, 1);
	put_bytes(&node, 5, a.p, a.len);
}

static inline void
end_node(void)
{
	put_bytes(&graph, 1, node.p, node.len);
}

static inline void
add_value(unsigned field, const char *name)
{
	static message v;

	v.len = 0;
	put_text(&v, 1, name);
	put_bytes(&graph, field, v.p, v.len);
}

static inline void
begin_graph(void)
{
	graph.len = 0;
	add_value(11, "x");
}

static mmn_network *net;
static mmn_plan *plan;
static mmn_error err;
static mmn_env env;
static mmn_plan_options options = {.max_bytes = 1 << 28};

static inline void
end(void)
{
	mmn_plan_destroy(&env, plan);
	mmn_network_destroy(net);
	plan = NULL;
	net = NULL;
}

/* Loads the graph. */
static inline mmn_status
load(const char *output, int64_t opset, size_t limit)
{
	static message model;
	static message version;

	end();
	add_value(12, output);
	version.len = model.len = 0;
	put_int(&version, 2, opset);
	put_int(&model, 1, 7);
	put_bytes(&model, 8, version.p, version.len);
	put_bytes(&model, 7, graph.p, graph.len);
	return mmn_network_load(&env, model.p, model.len, limit, &net, &err);
}

/* Loads and plans it; the network goes, the plan does not need it. */
static inline mmn_status
begin(const char *output, int ndim, const int64_t *dims)
{
	mmn_shape shape = {ndim, {0}};
	mmn_status status = load(output, 13, 1 << 26);

	memcpy(shape.dims, dims, (size_t)ndim * sizeof *dims);
	if (status == MMN_OK)
		status = mmn_plan_create(&env, net, &shape, &options, &plan, &err);
	mmn_network_destroy(net);
	net = NULL;
	return status;
}

static inline mmn_status
forward_images(const mmn_plan *p, int64_t images, const float *in, float *out)
{
	size_t size = mmn_plan_workspace_threads(p, images, &env);
	void *workspace = malloc(size);
	mmn_status status;

	memset(workspace, 0xff, size); /* NaN everywhere */
	status = mmn_plan_forward(p, images, workspace, in, out, &env, &err);
	free(workspace);
	return status;
}

static inline mmn_status
forward(const float *in, float *out)
{
	return forward_images(plan, 1, in, out);
}

static uint32_t seed = 1;

static inline int
pick(int from, int to)
{
	seed = seed * 1664525 + 1013904223;
	return from + (int)((seed >> 8) % (uint32_t)(to - from + 1));
}

static inline float *
random_floats(size_t n)
{
	float *v = malloc(n * sizeof *v);

	for (size_t i = 0; i < n; i++)
		v[i] = (float)pick(-1000, 1000) / 1000.0f;
	return v;
}

#endif
