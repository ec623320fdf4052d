#ifndef MMN_NN_WINOGRAD_SIMD_H
#define MMN_NN_WINOGRAD_SIMD_H

/*
 * The inner loops of Winograd's convolution over vectors of any length, for
 * winograd_<isa>.c only, which defines before:
 *
 *   SIMD            the target attribute
 *   vec             a vector of VEC floats, VEC dividing 16
 *   vec_load(p)  vec_store(p, x)  vec_set(f)
 *   vec_add  vec_sub  vec_mul  vec_fma(a, b, c) = a * b + c
 *   vec_clip(x, lo, hi), NaN stays NaN
 *   GROUP, TILES    what multiply() keeps in registers: GROUP blocks of 16
 *                   output channels by TILES tiles
 *   NAME            of the set of kernels
 *
 * With g the polynomial of the kernel's column, d of the input's and the
 * points 0, +-a, +-b and infinity, one dimension of F(4, 3) is
 * A^T [(G g) . (B^T d)] (Lavin and Gray, "Fast Algorithms for Convolutional
 * Neural Networks", 2015).  B^T, whose rows are the products of the other
 * points' (x - p), and A^T, whose columns are the powers of the points:
 *
 *   a2b2     0 -(a2+b2)     0  1  0      1    1     1    1     1   0
 *      0  -ab2    -b2       a  1  0      0    a    -a    b    -b   0
 *      0   ab2    -b2      -a  1  0      0   a2    a2   b2    b2   0
 *      0  -ba2    -a2       b  1  0      0   a3   -a3   b3   -b3   1
 *      0   ba2    -a2      -b  1  0
 *      0  a2b2      0 -(a2+b2) 0  1
 *
 * G takes the rest of the factors: the powers of a point over the product of
 * its differences to the others,
 *
 *   1 / a2b2          0           0
 *   1 / na       a / na     a2 / na    na = 2 a2 (a2 - b2)
 *   1 / na      -a / na     a2 / na
 *   1 / nb       b / nb     b2 / nb    nb = 2 b2 (b2 - a2)
 *   1 / nb      -b / nb     b2 / nb
 *        0            0           1
 */
#include "nn/winograd_kernels.h"

#ifndef SIMD
#error "winograd_<isa>.c defines vectors first"
#endif

#define INLINE static inline SIMD __attribute__((always_inline))
#define VECS (16 / VEC)

/* A^T's powers and B^T's products of the points, all exact in float. */
#define A1 WINOGRAD_A
#define A2 (A1 * A1)
#define A3 (A2 * A1)
#define B1 WINOGRAD_B
#define B2 (B1 * B1)
#define B3 (B2 * B1)

/* out = B^T d */
INLINE void
patch_column(const vec d[6], vec out[6])
{
	vec even_a = vec_fma(vec_set(-B2), d[2], d[4]);
	vec even_b = vec_fma(vec_set(-A2), d[2], d[4]);
	vec odd_a = vec_fma(vec_set(-B2), d[1], d[3]);
	vec odd_b = vec_fma(vec_set(-A2), d[1], d[3]);

	out[0] = vec_fma(vec_set(-(A2 + B2)), d[2],
					 vec_fma(vec_set(A2 * B2), d[0], d[4]));
	out[1] = vec_fma(vec_set(A1), odd_a, even_a);
	out[2] = vec_fma(vec_set(-A1), odd_a, even_a);
	out[3] = vec_fma(vec_set(B1), odd_b, even_b);
	out[4] = vec_fma(vec_set(-B1), odd_b, even_b);
	out[5] = vec_fma(vec_set(-(A2 + B2)), d[3],
					 vec_fma(vec_set(A2 * B2), d[1], d[5]));
}

static SIMD void
input(const float *in, int64_t pitch, float *v, int64_t step)
{
	for (int l = 0; l < 16; l += VEC)
	{
		vec half[6][6];

		for (int x = 0; x < 6; x++)
		{
			vec d[6], t[6];

			for (int y = 0; y < 6; y++)
				d[y] = vec_load(in + y * pitch + x * 16 + l);
			patch_column(d, t);
			for (int y = 0; y < 6; y++)
				half[y][x] = t[y];
		}
		for (int y = 0; y < 6; y++)
		{
			vec t[6];

			patch_column(half[y], t);
			for (int x = 0; x < 6; x++)
				vec_store(v + (y * 6 + x) * step + l, t[x]);
		}
	}
}

#define NA (2.0f * A2 * (A2 - B2))
#define NB (2.0f * B2 * (B2 - A2))

/* Six points of a row of G g G^T, given the row of G g. */
INLINE void
kernel_row(vec g0, vec g1, vec g2, float *u)
{
	const int64_t step = WINOGRAD_STEP(GROUP * 16);
	vec even_a = vec_fma(vec_set(A2 / NA), g2, vec_mul(vec_set(1 / NA), g0));
	vec even_b = vec_fma(vec_set(B2 / NB), g2, vec_mul(vec_set(1 / NB), g0));
	vec odd_a = vec_mul(vec_set(A1 / NA), g1);
	vec odd_b = vec_mul(vec_set(B1 / NB), g1);

	vec_store(u, vec_mul(vec_set(1 / (A2 * B2)), g0));
	vec_store(u + step, vec_add(even_a, odd_a));
	vec_store(u + 2 * step, vec_sub(even_a, odd_a));
	vec_store(u + 3 * step, vec_add(even_b, odd_b));
	vec_store(u + 4 * step, vec_sub(even_b, odd_b));
	vec_store(u + 5 * step, g2);
}

/* The two rows of points p and -p; p0, p1 and p2 are what G has for p. */
INLINE void
kernel_rows(const float *g, float p0, float p1, float p2, float *u)
{
	vec even[3], odd[3];

	for (int x = 0; x < 3; x++)
	{
		const float *at = g + x * GROUP * 16;

		even[x] = vec_fma(vec_set(p2), vec_load(at + 6 * GROUP * 16),
						  vec_mul(vec_set(p0), vec_load(at)));
		odd[x] = vec_mul(vec_set(p1), vec_load(at + 3 * GROUP * 16));
	}
	kernel_row(vec_add(even[0], odd[0]), vec_add(even[1], odd[1]),
			   vec_add(even[2], odd[2]), u);
	kernel_row(vec_sub(even[0], odd[0]), vec_sub(even[1], odd[1]),
			   vec_sub(even[2], odd[2]), u + 6 * WINOGRAD_STEP(GROUP * 16));
}

static SIMD void
weights(int64_t c, const float *g, float *u, const float *next)
{
	const int64_t place = GROUP * 16, row = 6 * WINOGRAD_STEP(place);

	for (int64_t i = 0; i < c; i++, g += 8 * place, next += 9 * place)
	{
		for (int l = 0; l < WINOGRAD_AHEAD * GROUP * 16; l += 16)
			__builtin_prefetch(next + l, 0, 2);
		for (int l = 0; l < GROUP * 16; l += VEC, g += VEC, u += VEC)
		{
			vec zero = vec_set(1 / (A2 * B2));

			kernel_row(vec_mul(zero, vec_load(g)),
					   vec_mul(zero, vec_load(g + place)),
					   vec_mul(zero, vec_load(g + 2 * place)), u);
			kernel_rows(g, 1 / NA, A1 / NA, A2 / NA, u + row);
			kernel_rows(g, 1 / NB, B1 / NB, B2 / NB, u + 3 * row);
			kernel_row(vec_load(g + 6 * place), vec_load(g + 7 * place),
					   vec_load(g + 8 * place), u + 5 * row);
		}
	}
}

/* out = A^T m */
INLINE void
tile_column(const vec m[6], vec out[4])
{
	vec even_a = vec_add(m[1], m[2]), odd_a = vec_sub(m[1], m[2]);
	vec even_b = vec_add(m[3], m[4]), odd_b = vec_sub(m[3], m[4]);

	out[0] = vec_add(vec_add(m[0], even_a), even_b);
	out[1] = vec_fma(vec_set(B1), odd_b, vec_mul(vec_set(A1), odd_a));
	out[2] = vec_fma(vec_set(B2), even_b, vec_mul(vec_set(A2), even_a));
	out[3] = vec_fma(vec_set(B3), odd_b, vec_fma(vec_set(A3), odd_a, m[5]));
}

static SIMD void
output(const float *m, int64_t step, const mmn_winograd_target *to)
{
	vec lo = vec_set(to->lo), hi = vec_set(to->hi);

	for (int l = 0; l < 16; l += VEC)
	{
		vec half[4][6], bias = vec_load(to->bias + l);

		for (int x = 0; x < 6; x++)
		{
			vec d[6], t[4];

			for (int y = 0; y < 6; y++)
				d[y] = vec_load(m + (y * 6 + x) * step + l);
			tile_column(d, t);
			for (int y = 0; y < 4; y++)
				half[y][x] = t[y];
		}
		for (int y = 0; y < 4; y++)
		{
			vec t[4];

			if (y >= to->rows)
				break;
			tile_column(half[y], t);
			for (int x = 0; x < 4; x++)
			{
				int64_t at = y * to->pitch + x * 16 + l;

				if (x >= to->columns)
					break;
				t[x] = vec_add(t[x], bias);
				if (to->residual)
					t[x] = vec_add(t[x], vec_load(to->residual + at));
				vec_store(to->out + at, vec_clip(t[x], lo, hi));
			}
		}
	}
}

/* A pass of multiply() over n tiles, n a constant; all sums in registers. */
INLINE void
pass(int n, int64_t c, const float *v, int64_t v_step, const float *u, float *m,
	 int64_t m_step, bool more)
{
	vec sum[TILES][GROUP * VECS];

	for (int t = 0; t < n; t++)
		for (int i = 0; i < GROUP * VECS; i++)
			sum[t][i] =
				more ? vec_load(m + t * m_step + i * VEC) : vec_set(0.0f);
	for (int64_t k = 0; k < c; k++, u += GROUP * 16)
	{
		vec w[GROUP * VECS];

		for (int i = 0; i < GROUP * VECS; i++)
			w[i] = vec_load(u + i * VEC);
		for (int t = 0; t < n; t++)
		{
			vec x = vec_set(v[t * v_step + k]);

			for (int i = 0; i < GROUP * VECS; i++)
				sum[t][i] = vec_fma(x, w[i], sum[t][i]);
		}
	}
	for (int t = 0; t < n; t++)
		for (int i = 0; i < GROUP * VECS; i++)
			vec_store(m + t * m_step + i * VEC, sum[t][i]);
}

/* One of the passes that there are kernels for. */
#define PASS(n)                                                                \
	case n:                                                                    \
		if (n <= TILES)                                                        \
			pass(n <= TILES ? n : TILES, c, v, v_step, u, m, m_step, more);    \
		break

static SIMD void
multiply(int64_t tiles, int64_t c, const float *v, int64_t v_step,
		 const float *u, float *m, int64_t m_step, bool more)
{
	/* passes of about the same length: 16 tiles are 8 + 8, not 14 + 2 */
	for (int64_t passes = (tiles + TILES - 1) / TILES; passes > 0; passes--)
	{
		int64_t n = tiles / passes;

		switch (n)
		{
			PASS(1);
			PASS(2);
			PASS(3);
			PASS(4);
			PASS(5);
			PASS(6);
			PASS(7);
			PASS(8);
			PASS(9);
			PASS(10);
			PASS(11);
			PASS(12);
			PASS(13);
			PASS(14);
		}
		tiles -= n;
		v += n * v_step;
		m += n * m_step;
	}
}

_Static_assert(TILES <= 14, "a PASS for each number of tiles");

const mmn_winograd_kernels NAME = {GROUP, input, weights, multiply, output};

#endif
