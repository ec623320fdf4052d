/* Winograd's convolution with AVX-512. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "nn/conv.h"

#define SIMD __attribute__((target("avx512f")))
#define VEC 16
#define GROUP 2
#define TILES 14 /* 28 sums, 2 weights, 1 input: 31 of 32 registers */
#define NAME mmn_winograd_avx512

typedef __m512 vec;
#define vec_load(p) _mm512_loadu_ps(p)
#define vec_store(p, x) _mm512_storeu_ps(p, x)
#define vec_set(f) _mm512_set1_ps(f)
#define vec_add(a, b) _mm512_add_ps(a, b)
#define vec_sub(a, b) _mm512_sub_ps(a, b)
#define vec_mul(a, b) _mm512_mul_ps(a, b)
#define vec_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vec_clip(x, lo, hi) _mm512_min_ps(hi, _mm512_max_ps(lo, x))

#include "nn/winograd_simd.h"
#endif
