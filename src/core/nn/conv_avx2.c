/*
 * The convolution kernels for AVX2 and FMA: tiles of up to 6 pixels by one
 * block, which is two registers wide: 12 of 16 registers as sums.  Each pixel
 * has an address of its own, so a tile may go on in the next row anywhere.
 */
#include "nn/conv_epilogue.h"
#include "nn/conv_kernel.h"

#if defined(__x86_64__)

#define PIXELS 6
#define HALF 8 /* channels in a register */

/*
 * Neighbouring terms of neighbouring pixels are the same inputs.  A compiler
 * that knows keeps them in registers for the next turn of the loop, where
 * there are none to spare, so it must not know.
 */
#define OPAQUE(address) __asm__("" : "+r"(address))

#define TEMPLATE static inline __attribute__((always_inline)) MMN_AVX2

/* Stores the sums of n pixels. */
TEMPLATE void
finish(const int n, __m256 sum[PIXELS][2], const float *residual, float *out,
	   float low, float high)
{
	__m256 lo = _mm256_set1_ps(low), hi = _mm256_set1_ps(high);

#pragma GCC unroll 6
	for (int p = 0; p < n; p++)
#pragma GCC unroll 2
		for (int h = 0; h < 2; h++)
		{
			int at = p * MMN_BLOCK + h * HALF;

			if (residual)
				sum[p][h] =
					_mm256_add_ps(sum[p][h], _mm256_load_ps(residual + at));
			_mm256_store_ps(out + at, mmn_clip_avx2(sum[p][h], lo, hi));
		}
}

/* What sums start as, pixels step floats apart. */
TEMPLATE void
begin(const int n, __m256 sum[PIXELS][2], const float *start, size_t step)
{
#pragma GCC unroll 6
	for (int p = 0; p < n; p++, start += step)
	{
		sum[p][0] = _mm256_load_ps(start);
		sum[p][1] = _mm256_load_ps(start + HALF);
	}
}

TEMPLATE void
dense(const mmn_conv_tile *t, const int n, const int stride)
{
	const float *w = t->weights;
	const float *in[PIXELS];
	__m256 sum[PIXELS][2];

#pragma GCC unroll 6
	for (int p = 0; p < n; p++)
		in[p] = t->in + mmn_tile_pixel(t, stride, p);
	begin(n, sum, t->start, t->start_pixel);
	for (int i = 0; i < t->n_taps; i++)
	{
		int64_t x = t->taps[i].offset;
		int64_t next = t->taps[i + 1].offset;

#pragma GCC unroll 6
		for (int p = 0; stride == MMN_BLOCK && p < n; p++)
			_mm_prefetch(in[p] + next, _MM_HINT_T0);
		for (int k = t->taps[i].count; k > 0; k--, x++, w += MMN_BLOCK)
		{
			__m256 w0 = _mm256_load_ps(w), w1 = _mm256_load_ps(w + HALF);

#pragma GCC unroll 6
			for (int p = 0; p < n; p++)
			{
				__m256 v = _mm256_broadcast_ss(in[p] + x);

				sum[p][0] = _mm256_fmadd_ps(v, w0, sum[p][0]);
				sum[p][1] = _mm256_fmadd_ps(v, w1, sum[p][1]);
			}
			OPAQUE(x);
		}
	}
	finish(n, sum, t->residual, t->out, t->lo, t->hi);
}

/* Every four lanes get channel j of their four. */
TEMPLATE __m256
spread(__m256 x, const int j)
{
	switch (j)
	{
		case 0:
			return _mm256_permute_ps(x, 0x00);
		case 1:
			return _mm256_permute_ps(x, 0x55);
		case 2:
			return _mm256_permute_ps(x, 0xaa);
		default:
			return _mm256_permute_ps(x, 0xff);
	}
}

TEMPLATE void
narrow(const mmn_conv_tile *t, const int n)
{
	const float *w = t->weights;
	const float *in[PIXELS];
	__m256 sum[PIXELS][2];

#pragma GCC unroll 6
	for (int p = 0; p < n; p++)
		in[p] = t->in + mmn_tile_pixel(t, MMN_BLOCK, p);
	begin(n, sum, t->start, t->start_pixel);
	for (int i = 0; i < t->n_taps; i++, w += MMN_NARROW * MMN_BLOCK)
	{
		int64_t x = t->taps[i].offset;

#pragma GCC unroll 6
		for (int p = 0; p < n; p++)
#pragma GCC unroll 2
			for (int h = 0; h < 2; h++)
			{
				__m256 v = _mm256_load_ps(in[p] + x + h * HALF);

#pragma GCC unroll 4
				for (int j = 0; j < MMN_NARROW; j++)
					sum[p][h] = _mm256_fmadd_ps(
						spread(v, j),
						_mm256_load_ps(w + j * MMN_BLOCK + h * HALF),
						sum[p][h]);
			}
	}
	finish(n, sum, t->residual, t->out, t->lo, t->hi);
}

/* Stride 0 is any. */
TEMPLATE void
depthwise_tile(const mmn_depthwise_tile *t, const int n, const int stride,
			   const mmn_tile_edges edges)
{
	static const float zeros[MMN_BLOCK] __attribute__((aligned(64)));
	const float *w = t->weights, *row = t->in;
	const uint64_t width = (uint64_t)t->width;
	const int64_t any = t->stride;
	__m256 sum[PIXELS][2];

	begin(n, sum, t->bias, 0);
	for (int r = t->rows; r > 0; r--, row += t->row_step)
	{
		int64_t at = t->column;

		for (int c = t->cols; c > 0; c--, at += t->col_step, w += MMN_BLOCK)
		{
			__m256 w0 = _mm256_load_ps(w), w1 = _mm256_load_ps(w + HALF);

#pragma GCC unroll 6
			for (int p = 0; p < n; p++)
			{
				int64_t x = at + p * (stride ? stride : any);
				bool at_edge =
					edges == MMN_EDGES_ANY ||
					(edges == MMN_EDGES_NEAR && (p == 0 || p == n - 1));
				const float *in = !at_edge || (uint64_t)x < width
									  ? row + x * MMN_BLOCK
									  : zeros;

				sum[p][0] = _mm256_fmadd_ps(w0, _mm256_load_ps(in), sum[p][0]);
				sum[p][1] =
					_mm256_fmadd_ps(w1, _mm256_load_ps(in + HALF), sum[p][1]);
			}
			OPAQUE(at);
		}
	}
	finish(n, sum, t->residual, t->out, t->lo, t->hi);
}

#define KINDS(n)                                                               \
	MMN_AVX2 static void blocked_##n(const mmn_conv_tile *t)                   \
	{                                                                          \
		dense(t, n, MMN_BLOCK);                                                \
	}                                                                          \
	MMN_AVX2 static void plain_##n(const mmn_conv_tile *t)                     \
	{                                                                          \
		dense(t, n, 1);                                                        \
	}                                                                          \
	MMN_AVX2 static void narrow_##n(const mmn_conv_tile *t)                    \
	{                                                                          \
		narrow(t, n);                                                          \
	}

#define DEPTHWISE_AS(n, name, stride, edges)                                   \
	MMN_AVX2 static void depthwise_##name##_##n(const mmn_depthwise_tile *t)   \
	{                                                                          \
		depthwise_tile(t, n, stride, edges);                                   \
	}

#define DEPTHWISE(n)                                                           \
	DEPTHWISE_AS(n, any, 0, MMN_EDGES_ANY)                                     \
	DEPTHWISE_AS(n, inside1, 1, MMN_EDGES_NONE)                                \
	DEPTHWISE_AS(n, inside2, 2, MMN_EDGES_NONE)                                \
	DEPTHWISE_AS(n, near1, 1, MMN_EDGES_NEAR)                                  \
	DEPTHWISE_AS(n, near2, 2, MMN_EDGES_NEAR)

KINDS(1)
KINDS(2)
KINDS(3)
KINDS(4)
KINDS(5)
KINDS(6)
DEPTHWISE(1)
DEPTHWISE(2)
DEPTHWISE(3)
DEPTHWISE(4)
DEPTHWISE(5)
DEPTHWISE(6)

static void
tile(mmn_tile_kind kind, const mmn_conv_tile *t)
{
	typedef void tile_fn(const mmn_conv_tile *t);
	static tile_fn *const tiles[3][PIXELS] = {
		[MMN_TILE_BLOCKED] = {blocked_1, blocked_2, blocked_3, blocked_4,
							  blocked_5, blocked_6},
		[MMN_TILE_PLAIN] = {plain_1, plain_2, plain_3, plain_4, plain_5,
							plain_6},
		[MMN_TILE_NARROW] = {narrow_1, narrow_2, narrow_3, narrow_4, narrow_5,
							 narrow_6},
	};

	tiles[kind][t->pixels - 1](t);
}

typedef void depthwise_fn(const mmn_depthwise_tile *t);

/* By pixels, edges and stride; 0 of either: any. */
#define BY_EDGES(n)                                                            \
	{                                                                          \
		{depthwise_any_##n},                                                   \
			{NULL, depthwise_inside1_##n, depthwise_inside2_##n},              \
		{                                                                      \
			NULL, depthwise_near1_##n, depthwise_near2_##n                     \
		}                                                                      \
	}

static depthwise_fn *const depthwise_tiles[PIXELS][3][3] = {
	BY_EDGES(1), BY_EDGES(2), BY_EDGES(3),
	BY_EDGES(4), BY_EDGES(5), BY_EDGES(6)};

static void
depthwise(const mmn_depthwise_tile *t)
{
	if (t->stride > 2)
		depthwise_tiles[t->pixels - 1][0][0](t);
	else
		depthwise_tiles[t->pixels - 1][t->edges][t->edges ? t->stride : 0](t);
}

MMN_AVX2 static inline __m256
activate_vector(const mmn_conv *conv, __m256 x)
{
	const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1.0f);
	__m256 y;

	switch (conv->act)
	{
		case MMN_ACT_NONE:
			return x;
		case MMN_ACT_CLIP:
			return mmn_clip_avx2(x, _mm256_set1_ps(conv->lo),
								 _mm256_set1_ps(conv->hi));
		case MMN_ACT_LEAKY:
			return _mm256_blendv_ps(x,
									_mm256_mul_ps(x, _mm256_set1_ps(conv->lo)),
									_mm256_cmp_ps(x, zero, _CMP_LT_OQ));
		case MMN_ACT_HARD_SIGMOID:
			y = _mm256_fmadd_ps(x, _mm256_set1_ps(conv->lo),
								_mm256_set1_ps(conv->hi));
			return mmn_clip_avx2(y, zero, one);
		case MMN_ACT_HARD_SWISH:
			y = _mm256_fmadd_ps(x, _mm256_set1_ps(1.0f / 6.0f),
								_mm256_set1_ps(0.5f));
			return _mm256_mul_ps(x, mmn_clip_avx2(y, zero, one));
		case MMN_ACT_SIGMOID:
		case MMN_ACT_SILU:
			y = _mm256_add_ps(one, mmn_exp_avx2(_mm256_sub_ps(zero, x)));
			return _mm256_div_ps(conv->act == MMN_ACT_SILU ? x : one, y);
	}
	return x;
}

MMN_AVX2 static void
activate(const mmn_conv *conv, float *x, size_t n)
{
	for (size_t i = 0; i < n; i += HALF)
		_mm256_storeu_ps(x + i, activate_vector(conv, _mm256_loadu_ps(x + i)));
}

const mmn_conv_kernels mmn_conv_kernels_avx2 = {1,	  PIXELS,	 true,
												tile, depthwise, activate};

#endif
