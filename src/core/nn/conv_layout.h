#ifndef MMN_NN_CONV_LAYOUT_H
#define MMN_NN_CONV_LAYOUT_H

#include "nn/conv_kernel.h"

/*
 * How a convolution is laid out in memory: where in the (copied) input the
 * tiles read, and what is in the packed weights.  All of it follows from the
 * description alone.
 */

#define MMN_CONV_STRIDE_MAX 16
#define MMN_CONV_KERNEL_MAX 32

/*
 * Floats of X under a band: about an L2 cache.  Shorter bands read the weights
 * more often, which may be from memory.
 */
#define MMN_CONV_SLAB ((int64_t)1 << 17)

typedef struct mmn_conv_layout
{
	mmn_tile_kind kind;
	bool copies;		/* into scratch, with padding; else read where it is */
	int unit;			/* floats of a pixel */
	int64_t rows, cols; /* of the output; one long row where nothing is copied
						 * since nothing depends on where rows end */
	int64_t band;		/* rows (or pixels of the one row) at a time */

	/* the input as tiles see it: [planes][in_rows][phases][width][unit] */
	int64_t planes;
	int64_t in_rows;
	int64_t width;
	int64_t row_pitch; /* floats */
	int64_t plane;	   /* floats */
	int64_t row_step;  /* rows of X from one stored row to the next */
	int64_t out_step;  /* stored rows from one row of output to the next */
	int n_phases;
	int64_t phase[MMN_CONV_STRIDE_MAX]; /* columns of X modulo stride */

	/* columns of the kernel in the order of their place in a stored row */
	int64_t order[MMN_CONV_KERNEL_MAX];
	int64_t place[MMN_CONV_KERNEL_MAX]; /* in pixels, by kernel column */
} mmn_conv_layout;

/* One or two blocks of output channels, and what they are the sum of. */
typedef struct mmn_conv_panel
{
	int64_t weights; /* offset in bytes */
	int64_t terms;
	int32_t first; /* block */
	int32_t blocks;
	int32_t tap, n_taps;
} mmn_conv_panel;

/* What packed weights start with; offsets are in bytes from here. */
typedef struct mmn_conv_packed
{
	int64_t n_panels;
	int64_t panels; /* mmn_conv_panel [n_panels] */
	int64_t taps;	/* mmn_conv_tap */
} mmn_conv_packed;

static inline const mmn_conv_packed *
mmn_packed_head(const void *packed)
{
	return packed;
}

static inline mmn_conv_panel *
mmn_packed_panels(const void *packed)
{
	return (mmn_conv_panel *)((uintptr_t)packed +
							  (uintptr_t)mmn_packed_head(packed)->panels);
}

static inline mmn_conv_tap *
mmn_packed_taps(const void *packed)
{
	return (mmn_conv_tap *)((uintptr_t)packed +
							(uintptr_t)mmn_packed_head(packed)->taps);
}

static inline int64_t
mmn_blocks(int64_t channels)
{
	return (channels + MMN_BLOCK - 1) / MMN_BLOCK;
}

/* Multiply-adds of 16 channels, as simple operations of mmn_run_spend(). */
static inline size_t
mmn_conv_work(const mmn_conv *conv, int64_t n)
{
	return (size_t)n * (conv->isa == MMN_ISA_PORTABLE ? 4 : 1) + 1;
}

/* NULL where they are not compiled in. */
const mmn_conv_kernels *mmn_conv_kernels_for(mmn_isa isa);

/* False: larger than what we do. */
bool mmn_conv_lay_out(const mmn_conv *conv, mmn_conv_layout *out);

/* As mmn_conv_packed_bytes() and mmn_conv_pack(), for all methods here. */
size_t mmn_conv_direct_packed_bytes(const mmn_conv *conv);
void mmn_conv_direct_pack(const mmn_conv *conv, const float *weights,
						  const float *bias, void *packed);

/* conv_depthwise.c; it needs no scratch. */
size_t mmn_depthwise_packed_bytes(const mmn_conv *conv);
void mmn_depthwise_pack(const mmn_conv *conv, const float *weights,
						const float *bias, void *packed);
mmn_status mmn_depthwise_run(const mmn_conv *conv, const void *packed,
							 const float *in, const float *residual, float *out,
							 int64_t images, size_t in_stride,
							 size_t out_stride, mmn_run *run);

#endif
