#ifndef MMN_NN_TENSOR_H
#define MMN_NN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * Values of a graph.  Only two element types are left after reading: float,
 * for all that is computed per image, and int64 for shapes, axes and indices,
 * which are known once the input's shape is.
 */
typedef enum mmn_element
{
	MMN_FLOAT = 1,
	MMN_INT64 = 2
} mmn_element;

#define MMN_SHAPE_MAX 8

/* Elements of one value: 1 GB of floats, and safe in BLAS's int. */
#define MMN_TENSOR_MAX_COUNT ((size_t)1 << 28)

typedef struct mmn_shape
{
	int ndim;
	int64_t dims[MMN_SHAPE_MAX]; /* all > 0 */
} mmn_shape;

/*
 * How elements lie in memory: in C order, or as a blocked map (conv.h), which
 * only a tensor [1, C, H, W] of floats can be.
 */
typedef enum mmn_layout
{
	MMN_PLAIN = 0,
	MMN_BLOCKED = 1
} mmn_layout;

typedef struct mmn_tensor
{
	mmn_element element;
	mmn_layout layout;
	mmn_shape shape; /* of one image */
	size_t count;	 /* elements in memory: where plain, of the shape */

	/* while a plan is made */
	const void *constant;	 /* the elements, where known */
	struct mmn_tensor *base; /* whose memory it shares, else NULL */
	size_t within;			 /* bytes from the start of the base */
	struct mmn_tensor *twin; /* the same in the other layout, if there is */
	int first;				 /* step that computes it; -1: the input */
	int last;				 /* last step that reads it */
	int uses;				 /* how many times it is read, by any name */
	bool placed;			 /* it has an */
	size_t offset;			 /* bytes from the start of one image's arena */
	int group;				 /* channels.c's; 0: none */
	int number;				 /* in the finished plan, from 1; 0: none yet */

	/* while it runs */
	uint8_t *data; /* of the first image */
	size_t stride; /* bytes from image to image; 0 for a constant */
} mmn_tensor;

static inline size_t
mmn_element_size(mmn_element element)
{
	return element == MMN_INT64 ? sizeof(int64_t) : sizeof(float);
}

static inline size_t
mmn_tensor_bytes(const mmn_tensor *t)
{
	return t->count * mmn_element_size(t->element);
}

static inline bool
mmn_shape_equal(const mmn_shape *a, const mmn_shape *b)
{
	if (a->ndim != b->ndim)
		return false;
	for (int i = 0; i < a->ndim; i++)
		if (a->dims[i] != b->dims[i])
			return false;
	return true;
}

/* Product of dims[from..to). */
static inline int64_t
mmn_shape_span(const mmn_shape *shape, int from, int to)
{
	int64_t n = 1;

	for (int i = from; i < to; i++)
		n *= shape->dims[i];
	return n;
}

/*
 * The number of elements, all dimensions checked to be positive and the
 * product to stay within MMN_TENSOR_MAX_COUNT.
 */
mmn_status mmn_shape_count(const mmn_shape *shape, size_t *count,
						   mmn_error *err);

#endif
