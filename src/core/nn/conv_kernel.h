#ifndef MMN_NN_CONV_KERNEL_H
#define MMN_NN_CONV_KERNEL_H

#include "nn/conv.h"

/*
 * The inner loops of convolutions, one file per instruction set.
 *
 * A tile is a few neighbouring output pixels times one or two blocks of 16
 * output channels: as much as the registers hold as sums.  conv.c cuts the
 * output into tiles and lays out the input so that every tap of the kernel is
 * one constant offset from a pixel's place: rows are padded copies, and with
 * stride s the columns are dealt to s rows of their own, so that neighbours in
 * the output are neighbours in memory (pixel_stride apart) for every tap.
 *
 * A tap is a run of "count" terms of the sum whose inputs lie side by side:
 *   blocked      the channels of one block under one place of the kernel
 *   plain        places of one row of the kernel in one channel
 *   narrow       the 4 channels of a group under one place of the kernel,
 *                those of all groups of a block at once
 *
 * Weights of a tile: for each term, tap by tap, [blocks][16].  Sums start as
 * the bias, or as what a tile with the taps before has left of them.
 */
#define MMN_NARROW 4 /* channels of such a group */

/* Pixels times blocks of the largest tile. */
#define MMN_TILE_MAX 28

typedef struct mmn_conv_tap
{
	int32_t offset; /* floats from the first pixel's place */
	int32_t count;
} mmn_conv_tap;

typedef enum mmn_tile_kind
{
	MMN_TILE_BLOCKED = 0,
	MMN_TILE_PLAIN = 1,
	MMN_TILE_NARROW = 2
} mmn_tile_kind;

typedef struct mmn_conv_tile
{
	const float *in;		  /* the first pixel's place */
	const mmn_conv_tap *taps; /* n_taps, and one more to prefetch */
	const float *weights;
	const float *start;	   /* [blocks] start_block apart, [pixels] start_pixel */
	const float *residual; /* as out, or NULL */
	float *out;			   /* [blocks] block_stride apart, [pixels][16] */
	size_t start_block, start_pixel;
	size_t block_stride;
	float lo, hi; /* what comes out is clipped to */
	int n_taps;
	int blocks; /* 1, or 2 where the set takes two */
	int pixels;
	int wrap;	  /* pixels on the first row of the output; the rest are on */
	int64_t jump; /* the next, this many floats further in the input */
} mmn_conv_tile;

typedef void mmn_conv_tile_fn(mmn_tile_kind kind, const mmn_conv_tile *tile);

/* Which of a tile's columns of X may lie beside it. */
typedef enum mmn_tile_edges
{
	MMN_EDGES_ANY = 0,
	MMN_EDGES_NONE = 1,
	MMN_EDGES_NEAR = 2 /* one under the first pixel, one under the last */
} mmn_tile_edges;

/*
 * A tile of a depthwise convolution: a few pixels of one row, of one block.
 * It reads X where it is, so columns beside it must be looked out for; rows
 * above and below are left out.
 */
typedef struct mmn_depthwise_tile
{
	const float *in;	  /* [width][16], under the kernel's first row */
	const float *weights; /* [rows][cols][16] */
	const float *bias;	  /* [16] */
	const float *residual;
	float *out; /* [pixels][16] */
	float lo, hi;
	int rows, cols;	  /* of the kernel */
	int64_t row_step; /* floats of X from one to the next */
	int64_t col_step; /* columns of X */
	int64_t width;
	int64_t column; /* of X, under the first pixel and the kernel's first */
	int64_t stride; /* columns from one pixel to the next */
	int pixels;
	mmn_tile_edges edges;
} mmn_depthwise_tile;

typedef struct mmn_conv_kernels
{
	int blocks;	   /* of one tile, at most */
	int pixels;	   /* of one tile, at most */
	bool any_wrap; /* else only after half of an even number */
	mmn_conv_tile_fn *tile;
	void (*depthwise)(const mmn_depthwise_tile *tile);
	/* activations other than clipping, n a multiple of 16 */
	void (*activate)(const mmn_conv *conv, float *x, size_t n);
} mmn_conv_kernels;

extern const mmn_conv_kernels mmn_conv_kernels_ref;
#if defined(__x86_64__)
extern const mmn_conv_kernels mmn_conv_kernels_avx2;
extern const mmn_conv_kernels mmn_conv_kernels_avx512;
#endif

/* The pixel's place in a tile's input, floats from the first's. */
static inline int64_t
mmn_tile_pixel(const mmn_conv_tile *t, int pixel_stride, int pixel)
{
	return (int64_t)pixel * pixel_stride + (pixel >= t->wrap ? t->jump : 0);
}

#endif
