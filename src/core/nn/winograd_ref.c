/*
 * Winograd's convolution in portable C: vectors of four floats are an
 * extension of GCC and clang that every machine has instructions for, or
 * gets them emulated.
 */
#include <string.h>

#include "nn/conv.h"

#define SIMD
#define VEC 4
#define GROUP 1
#define TILES 2 /* 8 sums, 4 weights, 1 input: 13 registers */
#define NAME mmn_winograd_ref

typedef float vec __attribute__((vector_size(16)));

static inline vec
vec_load(const float *p)
{
	vec x;

	memcpy(&x, p, sizeof x);
	return x;
}

static inline void
vec_store(float *p, vec x)
{
	memcpy(p, &x, sizeof x);
}

static inline vec
vec_set(float f)
{
	return (vec){f, f, f, f};
}

#define vec_add(a, b) ((a) + (b))
#define vec_sub(a, b) ((a) - (b))
#define vec_mul(a, b) ((a) * (b))
#define vec_fma(a, b, c) ((a) * (b) + (c))

/* NaN stays NaN */
static inline vec
vec_clip(vec x, vec lo, vec hi)
{
	for (int i = 0; i < VEC; i++)
	{
		x[i] = x[i] < lo[i] ? lo[i] : x[i];
		x[i] = x[i] > hi[i] ? hi[i] : x[i];
	}
	return x;
}

#include "nn/winograd_simd.h"
