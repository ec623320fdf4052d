#include "nn/op.h"

#include <limits.h>
#include <string.h>

#include "nn/op_list.h"

static const mmn_op *const ops[] = {
#define MMN_OP(symbol) &mmn_op_##symbol,
	MMN_OP_LIST
	MMN_OP_OWN_LIST
#undef MMN_OP
};

const mmn_op *
mmn_op_find(mmn_slice name)
{
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
		if (ops[i]->plan && mmn_slice_is(name, ops[i]->name))
			return ops[i];
	return NULL;
}

int
mmn_op_number(const mmn_op *op)
{
	int i = 0;

	while (ops[i] != op)
		i++;
	return i;
}

const mmn_op *
mmn_op_at(int number)
{
	return ops[number];
}

uint64_t
mmn_op_table_hash(void)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
		for (const char *c = ops[i]->name;; c++)
		{
			h = (h ^ (uint8_t)*c) * 0x100000001b3u;
			if (!*c)
				break;
		}
	return h;
}

bool
mmn_op_has_input(const mmn_step *s, int i)
{
	return i < s->n_in && s->in[i];
}

static void
note(mmn_planner *p, mmn_status status)
{
	if (p->status == MMN_OK)
		p->status = status;
}

const mmn_attribute *
mmn_op_attribute(const mmn_planner *p, const char *name)
{
	const mmn_onnx_node *node = p->step->node;

	for (size_t i = 0; i < node->n_attributes; i++)
		if (mmn_slice_is(node->attributes[i].name, name))
			return &node->attributes[i];
	return NULL;
}

/* NULL when it is not there or, noted, of another type. */
static const mmn_attribute *
typed_attribute(mmn_planner *p, const char *name, mmn_attribute_type type)
{
	const mmn_attribute *a = mmn_op_attribute(p, name);

	if (a && a->type != type)
	{
		note(p, mmn_op_fail(p, MMN_BAD_DATA,
							"attribute \"%s\" has the wrong type", name));
		return NULL;
	}
	return a;
}

int64_t
mmn_op_int(mmn_planner *p, const char *name, int64_t otherwise)
{
	const mmn_attribute *a = typed_attribute(p, name, MMN_ATTRIBUTE_INT);

	return a ? a->i : otherwise;
}

float
mmn_op_float(mmn_planner *p, const char *name, float otherwise)
{
	const mmn_attribute *a = typed_attribute(p, name, MMN_ATTRIBUTE_FLOAT);

	return a ? a->f : otherwise;
}

mmn_slice
mmn_op_string(mmn_planner *p, const char *name, const char *otherwise)
{
	const mmn_attribute *a = typed_attribute(p, name, MMN_ATTRIBUTE_STRING);

	return a ? a->s
			 : (mmn_slice){(const uint8_t *)otherwise, strlen(otherwise)};
}

static int
copy_ints(mmn_planner *p, const int64_t *from, size_t count, int64_t *out,
		  int max)
{
	if (count > (size_t)max)
	{
		note(p, mmn_op_fail(p, MMN_BAD_DATA,
							"a list of %zu integers is longer than %d", count,
							max));
		return 0;
	}
	memcpy(out, from, count * sizeof *out);
	return (int)count;
}

int
mmn_op_ints(mmn_planner *p, const char *name, int64_t *out, int max)
{
	const mmn_attribute *a = typed_attribute(p, name, MMN_ATTRIBUTE_INTS);

	if (!a)
		return -1;
	/* an empty list has no field at all in the file */
	return a->count ? copy_ints(p, a->ints, a->count, out, max) : 0;
}

int
mmn_op_input_ints(mmn_planner *p, int i, int64_t *out, int max)
{
	const mmn_tensor *t = mmn_op_has_input(p->step, i) ? p->step->in[i] : NULL;

	if (!t)
		return -1;
	if (!t->constant || t->element != MMN_INT64 || t->shape.ndim > 1)
	{
		note(p, mmn_op_fail(p, MMN_UNSUPPORTED,
							"input %d must be a constant list of integers",
							i + 1));
		return 0;
	}
	return copy_ints(p, t->constant, t->count, out, max);
}

float
mmn_op_input_float(mmn_planner *p, int i, float otherwise)
{
	const mmn_tensor *t = mmn_op_has_input(p->step, i) ? p->step->in[i] : NULL;

	if (!t)
		return otherwise;
	if (!t->constant || t->element != MMN_FLOAT || t->count != 1)
	{
		note(p, mmn_op_fail(p, MMN_UNSUPPORTED,
							"input %d must be a constant float", i + 1));
		return otherwise;
	}
	return *(const float *)t->constant;
}

int
mmn_op_axis(mmn_planner *p, int64_t axis, int n)
{
	if (axis < -(int64_t)n || axis >= n)
	{
		note(p,
			 mmn_op_fail(p, MMN_BAD_DATA, "axis %lld is outside %d dimensions",
						 (long long)axis, n));
		return 0;
	}
	return (int)(axis < 0 ? axis + n : axis);
}

mmn_status
mmn_op_output(mmn_planner *p, int i, mmn_element element,
			  const mmn_shape *shape)
{
	mmn_tensor *t = p->step->out[i];
	mmn_error why;

	if (!t)
		return MMN_OK;
	t->element = element;
	t->shape = *shape;
	if (mmn_shape_count(shape, &t->count, &why) != MMN_OK)
		return mmn_op_fail(p, why.code, "%s", why.text);
	return MMN_OK;
}

void *
mmn_op_params(mmn_planner *p, size_t size)
{
	p->step->params = mmn_pool_alloc(p->pool, 1, size, p->err);
	p->step->params_size = size;
	return p->step->params;
}
