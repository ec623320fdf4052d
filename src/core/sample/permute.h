#ifndef MMN_SAMPLE_PERMUTE_H
#define MMN_SAMPLE_PERMUTE_H

#include <stdint.h>

/*
 * Permutations that are computed, not stored: where a key sends an index, in
 * constant time and no memory.  What a key means never changes: every batch
 * of every loader follows from it.
 */

/* Largest domain of mmn_permute. */
#define MMN_PERMUTE_MAX ((uint64_t)1 << 40)

/* A well mixed 64-bit function of two words; chain it for more. */
uint64_t mmn_mix(uint64_t a, uint64_t b);

/*
 * The image of i under the permutation of 0..n-1 that key names.
 * 1 <= n <= MMN_PERMUTE_MAX, i < n.
 */
uint64_t mmn_permute(uint64_t key, uint64_t n, uint64_t i);

/* The index that mmn_permute sends to i. */
uint64_t mmn_permute_inverse(uint64_t key, uint64_t n, uint64_t i);

#endif
