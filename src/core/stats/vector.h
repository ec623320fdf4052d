#ifndef MMN_STATS_VECTOR_H
#define MMN_STATS_VECTOR_H

#include <stddef.h>

/*
 * Distances between vectors of n floats.  Sums are kept in 16 partial sums of
 * float and joined in double, always in the same order: the same vectors give
 * the same bits on every machine with IEEE arithmetic.
 */

double mmn_vector_dot(const float *a, const float *b, size_t n);
double mmn_vector_distance_squared(const float *a, const float *b, size_t n);

/*
 * 1 - cosine of the angle, in [0, 2]; NaN when one of them is all zero.
 */
double mmn_vector_cosine_distance(const float *a, const float *b, size_t n);

double mmn_vector_norm(const float *a, size_t n);

#endif
