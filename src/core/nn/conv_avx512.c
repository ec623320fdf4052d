/*
 * The convolution kernels for AVX-512: tiles of up to 14 pixels by 2 blocks,
 * 28 of the 32 registers as sums.  A term costs 2 loads of weights and 14
 * broadcasts for 28 multiply-adds, so two loads a cycle keep two units for
 * multiply-adds busy; 14 divides the widths 7, 14, 28, 56, 112 of most maps.
 *
 * One copy of a function per size of tile: the sums must be registers, so
 * their number must be known to the compiler.
 */
#include "nn/conv_epilogue.h"
#include "nn/conv_kernel.h"

#if defined(__x86_64__)

#define PIXELS 14
_Static_assert(2 * PIXELS <= MMN_TILE_MAX, "tiles of two blocks");

/*
 * Neighbouring terms of neighbouring pixels are the same inputs.  A compiler
 * that knows keeps them in registers for the next turn of the loop, where
 * there are none to spare, so it must not know.
 */
#define OPAQUE(address) __asm__("" : "+r"(address))

#define TEMPLATE static inline __attribute__((always_inline)) MMN_AVX512

/* Stores the sums of n pixels. */
TEMPLATE void
finish(const int n, __m512 sum[PIXELS], const float *residual, float *out,
	   float low, float high)
{
	__m512 lo = _mm512_set1_ps(low), hi = _mm512_set1_ps(high);

	if (residual)
#pragma GCC unroll 14
		for (int p = 0; p < n; p++)
			sum[p] =
				_mm512_add_ps(sum[p], _mm512_load_ps(residual + p * MMN_BLOCK));
#pragma GCC unroll 14
	for (int p = 0; p < n; p++)
		_mm512_store_ps(out + p * MMN_BLOCK, mmn_clip_avx512(sum[p], lo, hi));
}

/* Floats from the first pixel's place to the p-th: a constant but for jump. */
TEMPLATE int64_t
place(const int p, const int n, const int wraps, const int stride, int64_t jump)
{
	return p * stride + (wraps && p >= n / 2 ? jump : 0);
}

TEMPLATE void
dense(const mmn_conv_tile *t, const int blocks, const int n, const int wraps,
	  const int stride)
{
	const float *w = t->weights;
	const int64_t jump = t->jump;
	__m512 sum[2][PIXELS];

#pragma GCC unroll 2
	for (int b = 0; b < blocks; b++)
#pragma GCC unroll 14
		for (int p = 0; p < n; p++)
			sum[b][p] = _mm512_load_ps(t->start + b * t->start_block +
									   p * t->start_pixel);
	for (int i = 0; i < t->n_taps; i++)
	{
		const float *x = t->in + t->taps[i].offset;
		const float *next = t->in + t->taps[i + 1].offset;

#pragma GCC unroll 14
		for (int p = 0; stride == MMN_BLOCK && p < n; p++)
			_mm_prefetch(next + place(p, n, wraps, stride, jump), _MM_HINT_T0);
		for (int k = t->taps[i].count; k > 0; k--)
		{
			__m512 w0 = _mm512_load_ps(w);
			__m512 w1 = blocks > 1 ? _mm512_load_ps(w + MMN_BLOCK) : w0;

#pragma GCC unroll 14
			for (int p = 0; p < n; p++)
			{
				__m512 v = _mm512_set1_ps(x[place(p, n, wraps, stride, jump)]);

				sum[0][p] = _mm512_fmadd_ps(v, w0, sum[0][p]);
				if (blocks > 1)
					sum[1][p] = _mm512_fmadd_ps(v, w1, sum[1][p]);
			}
			x++;
			w += blocks * MMN_BLOCK;
			OPAQUE(x);
		}
	}
	finish(n, sum[0], t->residual, t->out, t->lo, t->hi);
	if (blocks > 1)
		finish(n, sum[1], t->residual ? t->residual + t->block_stride : NULL,
			   t->out + t->block_stride, t->lo, t->hi);
}

/* Every four lanes get channel j of their four. */
TEMPLATE __m512
spread(__m512 x, const int j)
{
	switch (j)
	{
		case 0:
			return _mm512_permute_ps(x, 0x00);
		case 1:
			return _mm512_permute_ps(x, 0x55);
		case 2:
			return _mm512_permute_ps(x, 0xaa);
		default:
			return _mm512_permute_ps(x, 0xff);
	}
}

TEMPLATE void
narrow(const mmn_conv_tile *t, const int n, const int wraps)
{
	const float *w = t->weights;
	const int64_t jump = t->jump;
	__m512 sum[PIXELS];

#pragma GCC unroll 14
	for (int p = 0; p < n; p++)
		sum[p] = _mm512_load_ps(t->start + p * t->start_pixel);
	for (int i = 0; i < t->n_taps; i++, w += MMN_NARROW * MMN_BLOCK)
	{
		const float *x = t->in + t->taps[i].offset;

#pragma GCC unroll 14
		for (int p = 0; p < n; p++)
		{
			__m512 v = _mm512_load_ps(x + place(p, n, wraps, MMN_BLOCK, jump));

#pragma GCC unroll 4
			for (int j = 0; j < MMN_NARROW; j++)
				sum[p] = _mm512_fmadd_ps(
					spread(v, j), _mm512_load_ps(w + j * MMN_BLOCK), sum[p]);
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
	__m512 sum[PIXELS];

#pragma GCC unroll 14
	for (int p = 0; p < n; p++)
		sum[p] = _mm512_load_ps(t->bias);
	for (int r = t->rows; r > 0; r--, row += t->row_step)
	{
		int64_t at = t->column;

		for (int c = t->cols; c > 0; c--, at += t->col_step, w += MMN_BLOCK)
		{
			__m512 v = _mm512_load_ps(w);

#pragma GCC unroll 14
			for (int p = 0; p < n; p++)
			{
				int64_t x = at + p * (stride ? stride : any);
				bool at_edge =
					edges == MMN_EDGES_ANY ||
					(edges == MMN_EDGES_NEAR && (p == 0 || p == n - 1));
				const float *in = !at_edge || (uint64_t)x < width
									  ? row + x * MMN_BLOCK
									  : zeros;

				sum[p] = _mm512_fmadd_ps(v, _mm512_load_ps(in), sum[p]);
			}
			OPAQUE(at);
		}
	}
	finish(n, sum, t->residual, t->out, t->lo, t->hi);
}

/* One function per kind, blocks, pixels and (even numbers) wrapping. */
#define SIZES(WITH, WITH_WRAP)                                                 \
	WITH(1)                                                                    \
	WITH(2)                                                                    \
	WITH(3)                                                                    \
	WITH(4)                                                                    \
	WITH(5) WITH(6) WITH(7) WITH(8) WITH(9) WITH(10) WITH(11) WITH(12)         \
		WITH(13) WITH(14) WITH_WRAP(2) WITH_WRAP(4) WITH_WRAP(6) WITH_WRAP(8)  \
			WITH_WRAP(10) WITH_WRAP(12) WITH_WRAP(14)

#define KINDS(n, wraps, suffix)                                                \
	MMN_AVX512 static void blocked1_##suffix(const mmn_conv_tile *t)           \
	{                                                                          \
		dense(t, 1, n, wraps, MMN_BLOCK);                                      \
	}                                                                          \
	MMN_AVX512 static void blocked2_##suffix(const mmn_conv_tile *t)           \
	{                                                                          \
		dense(t, 2, n, wraps, MMN_BLOCK);                                      \
	}                                                                          \
	MMN_AVX512 static void plain1_##suffix(const mmn_conv_tile *t)             \
	{                                                                          \
		dense(t, 1, n, wraps, 1);                                              \
	}                                                                          \
	MMN_AVX512 static void plain2_##suffix(const mmn_conv_tile *t)             \
	{                                                                          \
		dense(t, 2, n, wraps, 1);                                              \
	}                                                                          \
	MMN_AVX512 static void narrow_##suffix(const mmn_conv_tile *t)             \
	{                                                                          \
		narrow(t, n, wraps);                                                   \
	}

#define ONE(n) KINDS(n, 0, n)
#define ONE_WRAP(n) KINDS(n, 1, wrap##n)
SIZES(ONE, ONE_WRAP)

typedef void tile_fn(const mmn_conv_tile *t);

/* [wraps][pixels] of each kind */
#define ROW(n) [0][n] = FAMILY(n),
#define ROW_WRAP(n) [1][n] = FAMILY(wrap##n),

static tile_fn *const blocked1[2][PIXELS + 1] = {
#define FAMILY(suffix) blocked1_##suffix
	SIZES(ROW, ROW_WRAP)
#undef FAMILY
};

static tile_fn *const blocked2[2][PIXELS + 1] = {
#define FAMILY(suffix) blocked2_##suffix
	SIZES(ROW, ROW_WRAP)
#undef FAMILY
};

static tile_fn *const plain1[2][PIXELS + 1] = {
#define FAMILY(suffix) plain1_##suffix
	SIZES(ROW, ROW_WRAP)
#undef FAMILY
};

static tile_fn *const plain2[2][PIXELS + 1] = {
#define FAMILY(suffix) plain2_##suffix
	SIZES(ROW, ROW_WRAP)
#undef FAMILY
};

static tile_fn *const narrows[2][PIXELS + 1] = {
#define FAMILY(suffix) narrow_##suffix
	SIZES(ROW, ROW_WRAP)
#undef FAMILY
};

static void
tile(mmn_tile_kind kind, const mmn_conv_tile *t)
{
	int wraps = t->wrap < t->pixels;

	switch (kind)
	{
		case MMN_TILE_BLOCKED:
			(t->blocks > 1 ? blocked2 : blocked1)[wraps][t->pixels](t);
			break;
		case MMN_TILE_PLAIN:
			(t->blocks > 1 ? plain2 : plain1)[wraps][t->pixels](t);
			break;
		case MMN_TILE_NARROW:
			narrows[wraps][t->pixels](t);
			break;
	}
}

#define ONE_DEPTHWISE_AS(n, name, stride, edges)                               \
	MMN_AVX512 static void depthwise_##name##_##n(const mmn_depthwise_tile *t) \
	{                                                                          \
		depthwise_tile(t, n, stride, edges);                                   \
	}

#define ONE_DEPTHWISE(n)                                                       \
	ONE_DEPTHWISE_AS(n, any, 0, MMN_EDGES_ANY)                                 \
	ONE_DEPTHWISE_AS(n, inside1, 1, MMN_EDGES_NONE)                            \
	ONE_DEPTHWISE_AS(n, inside2, 2, MMN_EDGES_NONE)                            \
	ONE_DEPTHWISE_AS(n, near1, 1, MMN_EDGES_NEAR)                              \
	ONE_DEPTHWISE_AS(n, near2, 2, MMN_EDGES_NEAR)
#define NONE(n)
SIZES(ONE_DEPTHWISE, NONE)

typedef void depthwise_fn(const mmn_depthwise_tile *t);

/* By pixels, edges and stride; 0 of either: any. */
#define ROW_DEPTHWISE(n)                                                       \
	[n] = {{depthwise_any_##n},                                                \
		   {NULL, depthwise_inside1_##n, depthwise_inside2_##n},               \
		   {NULL, depthwise_near1_##n, depthwise_near2_##n}},

static depthwise_fn *const depthwise_tiles[PIXELS + 1][3][3] = {
	SIZES(ROW_DEPTHWISE, NONE)};

static void
depthwise(const mmn_depthwise_tile *t)
{
	if (t->stride > 2)
		depthwise_tiles[t->pixels][0][0](t);
	else
		depthwise_tiles[t->pixels][t->edges][t->edges ? t->stride : 0](t);
}

MMN_AVX512 static inline __m512
activate_vector(const mmn_conv *conv, __m512 x)
{
	const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1.0f);
	__m512 y;

	switch (conv->act)
	{
		case MMN_ACT_NONE:
			return x;
		case MMN_ACT_CLIP:
			return mmn_clip_avx512(x, _mm512_set1_ps(conv->lo),
								   _mm512_set1_ps(conv->hi));
		case MMN_ACT_LEAKY:
			return _mm512_mask_mul_ps(x,
									  _mm512_cmp_ps_mask(x, zero, _CMP_LT_OQ),
									  x, _mm512_set1_ps(conv->lo));
		case MMN_ACT_HARD_SIGMOID:
			y = _mm512_fmadd_ps(x, _mm512_set1_ps(conv->lo),
								_mm512_set1_ps(conv->hi));
			return mmn_clip_avx512(y, zero, one);
		case MMN_ACT_HARD_SWISH:
			y = _mm512_fmadd_ps(x, _mm512_set1_ps(1.0f / 6.0f),
								_mm512_set1_ps(0.5f));
			return _mm512_mul_ps(x, mmn_clip_avx512(y, zero, one));
		case MMN_ACT_SIGMOID:
		case MMN_ACT_SILU:
			y = _mm512_add_ps(one, mmn_exp_avx512(_mm512_sub_ps(zero, x)));
			return _mm512_div_ps(conv->act == MMN_ACT_SILU ? x : one, y);
	}
	return x;
}

MMN_AVX512 static void
activate(const mmn_conv *conv, float *x, size_t n)
{
	for (size_t i = 0; i < n; i += MMN_BLOCK)
		_mm512_storeu_ps(x + i, activate_vector(conv, _mm512_loadu_ps(x + i)));
}

const mmn_conv_kernels mmn_conv_kernels_avx512 = {2,	PIXELS,	   false,
												  tile, depthwise, activate};

#endif
