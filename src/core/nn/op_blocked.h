#ifndef MMN_NN_OP_BLOCKED_H
#define MMN_NN_OP_BLOCKED_H

#include "nn/fuse.h"

/*
 * Half of the 16 channels of a pixel, for where plain loops do not become
 * vectors: sums of wider ones than the CPU has, GCC keeps in memory.
 */
typedef float mmn_half __attribute__((vector_size(MMN_BLOCK / 2 * 4)));
typedef int32_t mmn_half_mask __attribute__((vector_size(MMN_BLOCK / 2 * 4)));

/* What layout.c puts into the params of steps over blocked maps. */

/* block, unblock, blocked global: the map's shape. */
typedef struct mmn_map
{
	int64_t channels;
	int64_t plane; /* H * W */
	bool max;	   /* global: the maximum, else the mean */
} mmn_map;

typedef struct mmn_blocked_pool
{
	mmn_pool2d pool;
	int64_t blocks;
} mmn_blocked_pool;

/* y = clip(x * scale[c] + shift[c]), packed from an mmn_conv_source. */
typedef struct mmn_blocked_scale
{
	mmn_map map;
	float lo, hi;
} mmn_blocked_scale;

/* The channels of each pixel to mean 0 and variance 1, then as before. */
typedef struct mmn_blocked_norm
{
	mmn_map map;
	float epsilon;
} mmn_blocked_norm;

/* For both, whose params begin alike: scale [16], shift [16] of each block. */
mmn_status mmn_blocked_scale_pack(const mmn_step *s, void *packed,
								  mmn_run *run);

typedef enum mmn_binary
{
	MMN_BINARY_ADD,
	MMN_BINARY_SUB,
	MMN_BINARY_MUL
} mmn_binary;

/* y = clip(a op b); b may be one pixel, that is, a value per channel */
typedef struct mmn_blocked_binary
{
	mmn_binary kind;
	int64_t blocks;
	int64_t plane;
	bool per_channel;
	float lo, hi;
} mmn_blocked_binary;

#endif
