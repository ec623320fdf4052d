#ifndef MMN_NN_CONV_EPILOGUE_H
#define MMN_NN_CONV_EPILOGUE_H

#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "nn/conv.h"

/*
 * What happens to a sum before it is stored: bias (which sums start with),
 * residual, activation.  Clipping is part of every store; the other
 * activations pass over a tile once more while it still is in the cache.
 */

/* The bounds that stand for "no clipping" where there is none. */
static inline void
mmn_epilogue_bounds(const mmn_conv *conv, float *lo, float *hi)
{
	bool clips = conv->act == MMN_ACT_CLIP;

	*lo = clips ? conv->lo : -INFINITY;
	*hi = clips ? conv->hi : INFINITY;
}

/* Whether clipping is all there is to do. */
static inline bool
mmn_epilogue_is_clip(const mmn_conv *conv)
{
	return conv->act == MMN_ACT_NONE || conv->act == MMN_ACT_CLIP;
}

/* NaN stays NaN. */
static inline float
mmn_clip(float x, float lo, float hi)
{
	x = x < lo ? lo : x;
	return x > hi ? hi : x;
}

static inline float
mmn_activate(const mmn_conv *conv, float x)
{
	switch (conv->act)
	{
		case MMN_ACT_NONE:
			return x;
		case MMN_ACT_CLIP:
			return mmn_clip(x, conv->lo, conv->hi);
		case MMN_ACT_LEAKY:
			return x < 0.0f ? x * conv->lo : x;
		case MMN_ACT_HARD_SIGMOID:
			return mmn_clip(x * conv->lo + conv->hi, 0.0f, 1.0f);
		case MMN_ACT_HARD_SWISH:
			return x * mmn_clip(x * (1.0f / 6.0f) + 0.5f, 0.0f, 1.0f);
		case MMN_ACT_SIGMOID:
			return 1.0f / (1.0f + expf(-x));
		case MMN_ACT_SILU:
			return x / (1.0f + expf(-x));
	}
	return x;
}

#if defined(__x86_64__)
#define MMN_AVX2 __attribute__((target("avx2,fma")))
#define MMN_AVX512                                                             \
	__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))

/*
 * exp() to about 2 units in the last place: 2^n * p(r), n the nearest integer
 * to x / ln 2, r the rest (in two steps, so that it is exact), p the Taylor
 * polynomial, whose 8th term is below 1e-8 at |r| = ln 2 / 2.  Arguments are
 * held to where 2^n is a normal number or, at the upper end, infinity.
 */
#define MMN_EXP_LOW -87.0f
#define MMN_EXP_HIGH 89.0f
#define MMN_EXP_LN2_HIGH 0.693359375f
#define MMN_EXP_LN2_LOW -2.12194440e-4f

MMN_AVX512 static inline __m512
mmn_exp_avx512(__m512 x)
{
	__m512 n, r, p;

	/* the second operand is what comes out of NaN */
	x = _mm512_max_ps(_mm512_set1_ps(MMN_EXP_LOW), x);
	x = _mm512_min_ps(_mm512_set1_ps(MMN_EXP_HIGH), x);
	n = _mm512_roundscale_ps(
		_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)),
		_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	r = _mm512_fnmadd_ps(n, _mm512_set1_ps(MMN_EXP_LN2_HIGH), x);
	r = _mm512_fnmadd_ps(n, _mm512_set1_ps(MMN_EXP_LN2_LOW), r);
	p = _mm512_set1_ps(1.0f / 5040.0f);
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
	return _mm512_scalef_ps(p, n);
}

MMN_AVX2 static inline __m256
mmn_exp_avx2(__m256 x)
{
	__m256 n, r, p;
	__m256i scale;

	x = _mm256_max_ps(_mm256_set1_ps(MMN_EXP_LOW), x);
	x = _mm256_min_ps(_mm256_set1_ps(MMN_EXP_HIGH), x);
	n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504088896341f)),
						_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	r = _mm256_fnmadd_ps(n, _mm256_set1_ps(MMN_EXP_LN2_HIGH), x);
	r = _mm256_fnmadd_ps(n, _mm256_set1_ps(MMN_EXP_LN2_LOW), r);
	p = _mm256_set1_ps(1.0f / 5040.0f);
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
	scale = _mm256_slli_epi32(
		_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
	return _mm256_mul_ps(p, _mm256_castsi256_ps(scale));
}

MMN_AVX512 static inline __m512
mmn_clip_avx512(__m512 x, __m512 lo, __m512 hi)
{
	return _mm512_min_ps(hi, _mm512_max_ps(lo, x));
}

MMN_AVX2 static inline __m256
mmn_clip_avx2(__m256 x, __m256 lo, __m256 hi)
{
	return _mm256_min_ps(hi, _mm256_max_ps(lo, x));
}
#endif

#endif
