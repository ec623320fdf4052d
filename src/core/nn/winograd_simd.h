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
 * G, which takes the rest of the factors, is winograd.c's business.
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

/*
 * A pass of multiply() over n tiles, n a constant; all sums in registers.
 * Meanwhile calls for c cache lines from "next" on.
 */
INLINE void
pass(int n, int64_t c, const float *v, int64_t v_step, const float *u,
	 const float *next, float *m, int64_t m_step)
{
	vec sum[TILES][GROUP * VECS];

	for (int t = 0; t < n; t++)
		for (int i = 0; i < GROUP * VECS; i++)
			sum[t][i] = vec_set(0.0f);
	for (int64_t k = 0; k < c; k++, u += GROUP * 16)
	{
		vec w[GROUP * VECS];

		for (int i = 0; i < GROUP * VECS; i++)
			w[i] = vec_load(u + i * VEC);
		__builtin_prefetch(next + k * 16, 0, 2);
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
			pass(n <= TILES ? n : TILES, c, v, v_step, u, next, m, m_step);    \
		break

static SIMD void
multiply(int64_t tiles, int64_t c, const float *v, int64_t v_step,
		 const float *u, float *m, int64_t m_step)
{
	/* passes of about the same length: 16 tiles are 8 + 8, not 14 + 2 */
	int64_t passes = (tiles + TILES - 1) / TILES;
	const float *end = u + c * GROUP * 16;
	bool many = passes > 1;

	for (; passes > 0; passes--)
	{
		int64_t n = tiles / passes;

		/*
		 * The first pass reads weights from where they are, the others have
		 * them near.  The last passes bring on the next weights, a block of
		 * 16 lanes each, so that reading spreads over time; a single pass
		 * would only wait for itself.
		 */
		const float *next =
			many && passes <= GROUP ? end + (passes - 1) * c * 16 : u;

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

const mmn_winograd_kernels NAME = {GROUP, input, multiply, output};

#endif
