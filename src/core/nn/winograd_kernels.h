#ifndef MMN_NN_WINOGRAD_KERNELS_H
#define MMN_NN_WINOGRAD_KERNELS_H

#include "nn/conv.h"

/*
 * The four inner loops of winograd.c, one set for each instruction set.
 * All of them compute the same elements in the same order whatever else is
 * in the batch, so that results do not depend on it.
 */

#define WINOGRAD_TILE 4	   /* outputs of a tile, each way */
#define WINOGRAD_PATCH 6   /* inputs under it */
#define WINOGRAD_POINTS 36 /* products of a channel pair */

/*
 * Input channels whose weights are transformed and used at a time, and from
 * one point to the next of them, in floats, for so many output channels: no
 * multiple of 4 kB, or all 36 stores would go to the same set of the L1 cache.
 */
#define WINOGRAD_STRETCH 64
#define WINOGRAD_STEP(lanes) (WINOGRAD_STRETCH * (lanes) + 16)

/*
 * Transforming weights takes about as long as multiplying by them where there
 * are few tiles, so that is when half of the next come from memory.
 */
#define WINOGRAD_AHEAD 4

/* Where the polynomials are evaluated: 0, +-A, +-B and infinity. */
#define WINOGRAD_A 0.625f
#define WINOGRAD_B 1.5f

/* Where a tile of one block of output channels goes. */
typedef struct mmn_winograd_target
{
	const float *bias;	   /* [16] */
	const float *residual; /* added if not NULL; its rows as those of out */
	float *out;
	int64_t pitch;	   /* floats from row to row */
	int rows, columns; /* of the tile that lie inside the map */
	float lo, hi;	   /* what is stored is clipped to */
} mmn_winograd_target;

typedef struct mmn_winograd_kernels
{
	int group; /* blocks of output channels that multiply() computes */

	/*
	 * Transforms the patch [6][6][16] at in, whose rows are pitch floats
	 * apart, to v[36][16], whose rows are step floats apart.
	 */
	void (*input)(const float *in, int64_t pitch, float *v, int64_t step);

	/*
	 * Transforms weights g [c][9][group * 16], the nine places of a kernel row
	 * by row, to u [36][c][group * 16], whose points are WINOGRAD_STEP apart.
	 * Meanwhile calls for the first WINOGRAD_AHEAD places of weights that are
	 * wanted next.
	 */
	void (*weights)(int64_t c, const float *g, float *u, const float *next);

	/*
	 * m [tiles][group * 16], m_step floats apart, =
	 * v [tiles][c], v_step floats apart, times u [c][group * 16]; with "more"
	 * this is added to what m holds, term by term, as if it were one sum over
	 * all that was multiplied.
	 */
	void (*multiply)(int64_t tiles, int64_t c, const float *v, int64_t v_step,
					 const float *u, float *m, int64_t m_step, bool more);

	/*
	 * Transforms m[36][16], whose rows are step floats apart, back to a tile
	 * [4][4][16], and stores what the target wants of it.
	 */
	void (*output)(const float *m, int64_t step,
				   const mmn_winograd_target *target);
} mmn_winograd_kernels;

extern const mmn_winograd_kernels mmn_winograd_ref;
#if defined(__x86_64__)
extern const mmn_winograd_kernels mmn_winograd_avx2;
extern const mmn_winograd_kernels mmn_winograd_avx512;
#endif

#endif
