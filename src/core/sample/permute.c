/*
 * A keyed permutation of 0..n-1.
 *
 * The index is written as a pair (l, r) with l < a, r < b, where a*b is the
 * smallest such product with a = ceil(sqrt(n)) that holds n.  Rounds add a
 * keyed function of one half to the other, modulo the other's size: each is a
 * bijection of the pairs (an unbalanced Feistel network over any two moduli,
 * after Black and Rogaway, "Ciphers with arbitrary finite domains").  A result
 * of n or more is sent through again until it falls below n, which keeps it a
 * bijection of 0..n-1; since a*b - n < a, that is rare for all but tiny n.
 *
 * This is for shuffling, not for secrecy.
 */
#include "sample/permute.h"

#include <math.h>

#define ROUNDS 8

/* The finalizer of splitmix64: every output bit depends on every input bit. */
static inline uint64_t
finalize(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t
mmn_mix(uint64_t a, uint64_t b)
{
	return finalize(finalize(a + UINT64_C(0x9e3779b97f4a7c15)) ^
					(b * UINT64_C(0xd1342543de82ef95) + 1));
}

/* hash * n / 2^64: a number below n, without a division. */
static inline uint64_t
below(uint64_t hash, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)hash * n) >> 64);
}

/* Smallest a with a * a >= n. */
static uint64_t
ceil_sqrt(uint64_t n)
{
	uint64_t a = (uint64_t)sqrt((double)n);

	while (a * a < n)
		a++;
	while (a > 1 && (a - 1) * (a - 1) >= n)
		a--;
	return a;
}

uint64_t
mmn_permute(uint64_t key, uint64_t n, uint64_t i)
{
	uint64_t a = ceil_sqrt(n);
	uint64_t b = (n + a - 1) / a;

	do
	{
		uint64_t l = i / b;
		uint64_t r = i % b;
		uint64_t round_key = key;

		for (int round = 0; round < ROUNDS; round += 2)
		{
			round_key += UINT64_C(0x9e3779b97f4a7c15);
			l += below(finalize(round_key ^ (r + 1)), a);
			l -= l >= a ? a : 0;
			round_key += UINT64_C(0x9e3779b97f4a7c15);
			r += below(finalize(round_key ^ (l + 1)), b);
			r -= r >= b ? b : 0;
		}
		i = l * b + r;
	} while (i >= n);
	return i;
}

uint64_t
mmn_permute_inverse(uint64_t key, uint64_t n, uint64_t i)
{
	uint64_t a = ceil_sqrt(n);
	uint64_t b = (n + a - 1) / a;

	/* what was sent through again on the way there is on the way back */
	do
	{
		uint64_t l = i / b;
		uint64_t r = i % b;
		uint64_t round_key = key + ROUNDS * UINT64_C(0x9e3779b97f4a7c15);

		for (int round = 0; round < ROUNDS; round += 2)
		{
			uint64_t f = below(finalize(round_key ^ (l + 1)), b);

			r = r >= f ? r - f : r + b - f;
			round_key -= UINT64_C(0x9e3779b97f4a7c15);
			f = below(finalize(round_key ^ (r + 1)), a);
			l = l >= f ? l - f : l + a - f;
			round_key -= UINT64_C(0x9e3779b97f4a7c15);
		}
		i = l * b + r;
	} while (i >= n);
	return i;
}
