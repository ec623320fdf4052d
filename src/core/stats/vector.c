#include "stats/vector.h"

#include <math.h>
#include <string.h>

/*
 * 16 lanes: enough independent sums to hide the latency of an addition, and
 * what one AVX-512 register, two of AVX or four of SSE hold.  The compiler
 * maps them onto whatever the target has.
 */
#define LANES 16
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static inline void
load(lanes *out, const float *p)
{
	memcpy(out, p, sizeof *out);
}

static inline double
sum(const lanes *v)
{
	double s = 0;

	for (int i = 0; i < LANES; i++)
		s += (*v)[i];
	return s;
}

double
mmn_vector_dot(const float *a, const float *b, size_t n)
{
	lanes acc = {0}, x, y;
	double s;
	size_t i;

	for (i = 0; i + LANES <= n; i += LANES)
	{
		load(&x, a + i);
		load(&y, b + i);
		acc += x * y;
	}
	s = sum(&acc);
	for (; i < n; i++)
		s += (double)a[i] * b[i];
	return s;
}

double
mmn_vector_distance_squared(const float *a, const float *b, size_t n)
{
	lanes acc = {0}, x, y;
	double s;
	size_t i;

	for (i = 0; i + LANES <= n; i += LANES)
	{
		load(&x, a + i);
		load(&y, b + i);
		x -= y;
		acc += x * x;
	}
	s = sum(&acc);
	for (; i < n; i++)
	{
		double d = (double)a[i] - b[i];

		s += d * d;
	}
	return s;
}

double
mmn_vector_cosine_distance(const float *a, const float *b, size_t n)
{
	lanes ab = {0}, aa = {0}, bb = {0}, x, y;
	double sab, saa, sbb, cosine;
	size_t i;

	for (i = 0; i + LANES <= n; i += LANES)
	{
		load(&x, a + i);
		load(&y, b + i);
		ab += x * y;
		aa += x * x;
		bb += y * y;
	}
	sab = sum(&ab);
	saa = sum(&aa);
	sbb = sum(&bb);
	for (; i < n; i++)
	{
		sab += (double)a[i] * b[i];
		saa += (double)a[i] * a[i];
		sbb += (double)b[i] * b[i];
	}
	cosine = sab / (sqrt(saa) * sqrt(sbb));
	/* rounding must not make it leave its range; NaN passes through */
	if (cosine > 1)
		cosine = 1;
	else if (cosine < -1)
		cosine = -1;
	return 1 - cosine;
}

double
mmn_vector_norm(const float *a, size_t n)
{
	double s = 0;

	/* in double: a norm is what others are divided by */
	for (size_t i = 0; i < n; i++)
		s += (double)a[i] * a[i];
	return sqrt(s);
}
