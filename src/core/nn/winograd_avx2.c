/* Winograd's convolution with AVX2 and FMA. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "nn/conv.h"

#define SIMD __attribute__((target("avx2,fma")))
#define VEC 8
#define GROUP 1
#define TILES 6 /* 12 sums, 2 weights, 1 input: 15 of 16 registers */
#define NAME mmn_winograd_avx2

typedef __m256 vec;
#define vec_load(p) _mm256_loadu_ps(p)
#define vec_store(p, x) _mm256_storeu_ps(p, x)
#define vec_set(f) _mm256_set1_ps(f)
#define vec_add(a, b) _mm256_add_ps(a, b)
#define vec_sub(a, b) _mm256_sub_ps(a, b)
#define vec_mul(a, b) _mm256_mul_ps(a, b)
#define vec_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vec_clip(x, lo, hi) _mm256_min_ps(hi, _mm256_max_ps(lo, x))

#include "nn/winograd_simd.h"
#endif
