/*
 * 3x3 convolution of stride 1 by Winograd's minimal filtering F(4x4, 3x3).
 *
 * A tile of 4x4 outputs of one channel depends on a patch of 6x6 inputs of
 * each input channel.  Both the patch and the 3x3 kernel are polynomials in
 * two variables; evaluated at 6x6 points, their product is 36
 * multiplications instead of 144:
 *
 *   V[p][t][c] = B^T patch(t, c) B        once for each tile t
 *   U[p][c][m] = G kernel(m, c) G^T       once, when packing
 *   M[p][t][m] = sum over c of V[p][t][c] U[p][c][m]
 *   out(t, m)  = A^T M[.][t][m] A
 *
 * The third line is 36 products of matrices [tiles, C] [C, M], where nearly
 * all the time goes.  Patches of tiles overlap by two inputs each way, and
 * tiles at the right and lower edge may hang over: of H*W outputs,
 * ceil(H/4)*ceil(W/4)*16 are computed.
 *
 * U takes four times the space of the kernels, and those of 512 channels are
 * 9 MB as they are.  So what is packed is the kernels, and U is computed where
 * it is used: for the four tiles of one map of 7x7 that takes nearly as long as
 * the products do, but waiting for U from memory would take twice as long as both.
 *
 * Tiles of all images are numbered through and taken a chunk at a time.  For
 * each chunk:
 *
 *   1. input tasks: patches to V, which all workers share
 *   2. output tasks: for a few output channels and a stretch of input channels
 *      at a time, U and what it adds to the 36 products; then the inverse
 *      transform with bias, residual and activation
 *
 * Sums go over the input channels one by one, however they are cut.
 *
 * A patch or tile that crosses the image's edge is copied to where there are
 * zeros around it (1), or stored in part (2).
 *
 * Accuracy.  Evaluation at large points amplifies rounding errors.  With the
 * usual points 0, +-1, +-2 the largest error over 512 channels is 8e-6 to
 * 14e-6 of the largest output; with 0, +-5/8, +-3/2 it is 2e-6 to 5e-6, for
 * two multiplications more in the inverse transform.  They are among the best of
 * sixteen pairs of small fractions that were tried; their products are exact in
 * float.  (That the choice of points decides the error: Barabasz, Anderson,
 * Soodhalter and Gregg, "Error Analysis and Improving the Accuracy of Winograd
 * Convolution for Deep Neural Networks", 2018.)
 */
#include <string.h>

#include "nn/winograd.h"
#include "nn/conv_epilogue.h"
#include "nn/conv_layout.h"
#include "nn/winograd_kernels.h"

#define LANES MMN_BLOCK
#define POINTS WINOGRAD_POINTS

/* Places of a kernel. */
#define PLACES 9

/* All sizes that follow from the shape; floats unless said otherwise. */
typedef struct geometry
{
	const mmn_winograd_kernels *kernels;
	int64_t in_blocks; /* of 16 channels */
	int64_t out_blocks;
	int64_t lanes;	   /* output channels of a group */
	int64_t groups;	   /* of output channels */
	int64_t per_task;  /* groups */
	int64_t weights;   /* of a group */
	int64_t stretches; /* of input channels */
	int64_t u_step;	   /* U of a stretch: a point */
	int64_t tiles[2];  /* of an image: rows, columns */
	int64_t chunk;	   /* tiles at a time, at most */
	int64_t v_tile;	   /* V: a tile of a point */
	int64_t v_step;	   /* V: a point of all tiles */
	int64_t m_tile;	   /* M: a tile of all points */
	int64_t m_group;   /* M: a group of all tiles */
} geometry;

/*
 * Tiles of a chunk and output channels of a task, at most.  What a task works
 * on at a time, V and U of a stretch and M, is 530 kB (680 with AVX-512), as
 * much as the L2 cache of CPUs with such vectors holds.  Fewer tiles mean more
 * time for U, fewer channels more time for reading V.
 */
#define CHUNK_TILES 28
#define TASK_LANES 32

static const mmn_winograd_kernels *
kernels_of(mmn_isa isa)
{
	switch (isa)
	{
#if defined(__x86_64__)
		case MMN_ISA_AVX512:
			return &mmn_winograd_avx512;
		case MMN_ISA_AVX2:
			return &mmn_winograd_avx2;
#endif
		default:
			return &mmn_winograd_ref;
	}
}

/* images: 0 where only what is packed matters */
static void
geometry_init(geometry *g, const mmn_conv *conv, int64_t images)
{
	int64_t total = images;

	g->kernels = kernels_of(conv->isa);
	g->in_blocks = (conv->c + LANES - 1) / LANES;
	g->out_blocks = (conv->m + LANES - 1) / LANES;
	g->lanes = g->kernels->group * LANES;
	g->groups = (conv->m + g->lanes - 1) / g->lanes;
	g->per_task = TASK_LANES / g->lanes;
	g->weights = PLACES * conv->c * g->lanes;
	g->stretches = (conv->c + WINOGRAD_STRETCH - 1) / WINOGRAD_STRETCH;
	g->u_step = WINOGRAD_STEP(g->lanes);
	for (int d = 0; d < 2; d++)
	{
		g->tiles[d] = (conv->w.out[d] + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
		total *= g->tiles[d];
	}
	g->chunk = total < CHUNK_TILES ? total : CHUNK_TILES;
	g->v_tile = g->in_blocks * LANES;
	/* no multiple of 4 kB, as with WINOGRAD_STEP */
	g->v_step = g->chunk * g->v_tile + LANES;
	g->m_tile = POINTS * g->lanes;
	g->m_group = g->chunk * g->m_tile;
}

bool
mmn_winograd_fits(const mmn_conv *conv)
{
	for (int d = 0; d < 2; d++)
		if (conv->w.kernel[d] != 3 || conv->w.stride[d] != 1 ||
			conv->w.dilation[d] != 1 || conv->w.pad[d] > 2 ||
			conv->w.pad_end[d] > 2)
			return false;
	return conv->groups == 1 && !conv->plain_input;
}

size_t
mmn_winograd_packed_bytes(const mmn_conv *conv)
{
	geometry g;

	geometry_init(&g, conv, 0);
	return (size_t)(g.groups * (g.lanes + g.weights)) * sizeof(float);
}

/* bias [groups * lanes], then weights [groups][C][9][lanes] */
void
mmn_winograd_pack(const mmn_conv *conv, const float *weights, const float *bias,
				  void *packed)
{
	geometry g;
	float *out = packed;

	geometry_init(&g, conv, 0);
	memset(out, 0, mmn_winograd_packed_bytes(conv));
	if (bias)
		memcpy(out, bias, (size_t)conv->m * sizeof(float));
	out += g.groups * g.lanes;
	for (int64_t m = 0; m < conv->m; m++)
		for (int64_t c = 0; c < conv->c; c++)
			for (int64_t i = 0; i < PLACES; i++)
				out[m / g.lanes * g.weights + (c * PLACES + i) * g.lanes +
					m % g.lanes] = *weights++;
}

/* Everything a task needs. */
typedef struct job
{
	geometry g;
	const mmn_conv *conv;
	const float *bias;
	const float *weights;
	const float *in;
	const float *residual;
	float *out;
	size_t in_stride;
	size_t out_stride;
	int64_t first; /* tile of the chunk, counted over all images */
	int64_t count; /* of the chunk */
	float *v;	   /* shared */
	float *own;	   /* M and U of worker 0; the others' follow */
} job;

/* Tiles of one input task. */
#define TASK_TILES 8

/* U of a stretch and M. */
static int64_t
own_floats(const geometry *g)
{
	return POINTS * g->u_step + g->per_task * g->m_group;
}

size_t
mmn_winograd_scratch(const mmn_conv *conv, int64_t images, int workers)
{
	geometry g;

	geometry_init(&g, conv, images);
	return (size_t)(POINTS * g.v_step + workers * own_floats(&g)) *
		   sizeof(float);
}

/* Where tile number t is: its image, and its first output row and column. */
static int64_t
locate(const geometry *g, int64_t t, int64_t *row, int64_t *column)
{
	int64_t per_image = g->tiles[0] * g->tiles[1];
	int64_t image = t / per_image;

	t -= image * per_image;
	*row = t / g->tiles[1] * WINOGRAD_TILE;
	*column = t % g->tiles[1] * WINOGRAD_TILE;
	return image;
}

/*
 * Copies the patch of block [H][W][16] whose first input is at row, column,
 * which may be outside, to patch[6][6][16].
 */
static void
copy_patch(const mmn_window *w, const float *block, int64_t row, int64_t column,
		   float *patch)
{
	int64_t left = column < 0 ? -column : 0;
	int64_t right = w->in[1] - column < 6 ? w->in[1] - column : 6;

	memset(patch, 0, POINTS * LANES * sizeof(float));
	for (int64_t y = 0; y < 6; y++)
		if (row + y >= 0 && row + y < w->in[0])
			memcpy(patch + (y * 6 + left) * LANES,
				   block + ((row + y) * w->in[1] + column + left) * LANES,
				   (size_t)(right - left) * LANES * sizeof(float));
}

static void
input_task(void *ctx, int64_t task, int worker)
{
	job *j = ctx;
	const geometry *g = &j->g;
	const mmn_window *w = &j->conv->w;
	int64_t plane = w->in[0] * w->in[1] * LANES;
	int64_t end = (task + 1) * TASK_TILES;

	(void)worker;
	if (end > j->count)
		end = j->count;
	for (int64_t t = task * TASK_TILES; t < end; t++)
	{
		int64_t row, column;
		int64_t image = locate(g, j->first + t, &row, &column);
		const float *in = j->in + (size_t)image * j->in_stride;
		float *v = j->v + t * g->v_tile;

		row -= w->pad[0];
		column -= w->pad[1];
		bool inside = row >= 0 && row + 6 <= w->in[0] && column >= 0 &&
					  column + 6 <= w->in[1];

		for (int64_t b = 0; b < g->in_blocks; b++, in += plane, v += LANES)
		{
			float patch[POINTS * LANES];

			if (inside)
				g->kernels->input(in + (row * w->in[1] + column) * LANES,
								  w->in[1] * LANES, v, g->v_step);
			else
			{
				copy_patch(w, in, row, column, patch);
				g->kernels->input(patch, 6 * LANES, v, g->v_step);
			}
		}
	}
}

static inline int
at_most_4(int64_t n)
{
	return n < 4 ? (int)n : 4;
}

/* The tiles' outputs of one block of a group. */
static void
output_block(const job *j, int64_t block, const float *m)
{
	const geometry *g = &j->g;
	const mmn_window *w = &j->conv->w;
	int64_t plane = w->out[0] * w->out[1] * LANES;
	mmn_winograd_target to = {.bias = j->bias + block * LANES,
							  .pitch = w->out[1] * LANES};
	void (*activate)(const mmn_conv *, float *, size_t) = NULL;

	mmn_epilogue_bounds(j->conv, &to.lo, &to.hi);
	if (!mmn_epilogue_is_clip(j->conv))
		activate = mmn_conv_kernels_for(j->conv->isa)->activate;
	for (int64_t t = 0; t < j->count; t++, m += g->m_tile)
	{
		int64_t row, column;
		int64_t image = locate(g, j->first + t, &row, &column);
		size_t at =
			(size_t)image * j->out_stride +
			(size_t)(block * plane + (row * w->out[1] + column) * LANES);

		to.rows = at_most_4(w->out[0] - row);
		to.columns = at_most_4(w->out[1] - column);
		to.out = j->out + at;
		to.residual = j->residual ? j->residual + at : NULL;
		g->kernels->output(m, g->lanes, &to);
		if (activate)
			for (int y = 0; y < to.rows; y++)
				activate(j->conv, to.out + y * to.pitch,
						 (size_t)to.columns * LANES);
	}
}

static const float *
weights_of(const job *j, int64_t stretch, int64_t group)
{
	return j->weights + group * j->g.weights +
		   stretch * WINOGRAD_STRETCH * PLACES * j->g.lanes;
}

/* Calls for the part of the weights of channel c that weights() has not. */
static inline void
fetch_rest(const geometry *g, const float *next, int64_t c)
{
	next += c * PLACES * g->lanes;
	for (int64_t i = WINOGRAD_AHEAD * g->lanes; i < PLACES * g->lanes;
		 i += LANES)
		__builtin_prefetch(next + i, 0, 2);
}

/*
 * What a stretch of input channels adds to M of a group, while the weights at
 * "next" are on their way.
 */
static void
multiply_stretch(const job *j, int64_t stretch, int64_t group, float *u,
				 float *m, const float *next)
{
	const geometry *g = &j->g;
	int64_t from = stretch * WINOGRAD_STRETCH;
	int64_t n = j->conv->c - from, fetched = 0;

	if (n > WINOGRAD_STRETCH)
		n = WINOGRAD_STRETCH;
	g->kernels->weights(n, weights_of(j, stretch, group), u, next);
	for (int p = 0; p < POINTS; p++)
	{
		for (; fetched < n * (p + 1) / POINTS; fetched++)
			fetch_rest(g, next, fetched);
		g->kernels->multiply(j->count, n, j->v + p * g->v_step + from,
							 g->v_tile, u + p * g->u_step, m + p * g->lanes,
							 g->m_tile, stretch > 0);
	}
}

/* Some groups of output channels, and within them the blocks that there are. */
static void
output_task(void *ctx, int64_t task, int worker)
{
	job *j = ctx;
	const geometry *g = &j->g;
	float *u = j->own + worker * own_floats(g);
	float *m = u + POINTS * g->u_step;
	int64_t first = task * g->per_task, end = first + g->per_task;
	int64_t block = first * g->kernels->group;

	if (end > g->groups)
		end = g->groups;
	for (int64_t s = 0; s < g->stretches; s++)
		for (int64_t i = first; i < end; i++)
		{
			const float *next = weights_of(j, s, i);

			if (i + 1 < end)
				next = weights_of(j, s, i + 1);
			else if (s + 1 < g->stretches)
				next = weights_of(j, s + 1, first);
			else if (end < g->groups)
				next = weights_of(j, 0, end);
			multiply_stretch(j, s, i, u, m + (i - first) * g->m_group, next);
		}
	for (int64_t i = first; i < end; i++, m += g->m_group)
		for (int b = 0; b < g->kernels->group && block < g->out_blocks;
			 b++, block++)
			output_block(j, block, m + b * LANES);
}

static mmn_status
run_chunk(job *j, mmn_run *run)
{
	const geometry *g = &j->g;
	int64_t tasks = (j->count + TASK_TILES - 1) / TASK_TILES;
	mmn_status status = mmn_run_tasks(
		run, tasks, (size_t)(TASK_TILES * g->v_tile * 16), input_task, j);

	if (status != MMN_OK)
		return status;
	/* U takes as long as four tiles do */
	return mmn_run_tasks(run, (g->groups + g->per_task - 1) / g->per_task,
						 (size_t)((j->count + 4) * POINTS * j->conv->c *
								  g->lanes / 16 * g->per_task),
						 output_task, j);
}

mmn_status
mmn_winograd_run(const mmn_conv *conv, const void *packed, const float *in,
				 const float *residual, float *out, int64_t images,
				 size_t in_stride, size_t out_stride, void *scratch,
				 mmn_run *run)
{
	job j = {.conv = conv,
			 .bias = packed,
			 .in = in,
			 .residual = residual,
			 .out = out,
			 .in_stride = in_stride,
			 .out_stride = out_stride,
			 .v = scratch};
	const geometry *g = &j.g;
	mmn_status status = MMN_OK;

	geometry_init(&j.g, conv, images);
	j.weights = j.bias + g->groups * g->lanes;
	j.own = j.v + POINTS * g->v_step;

	int64_t left = images * g->tiles[0] * g->tiles[1];

	for (int64_t chunks = (left + CHUNK_TILES - 1) / CHUNK_TILES;
		 chunks > 0 && status == MMN_OK;
		 chunks--, j.first += j.count, left -= j.count)
	{
		j.count = left / chunks;
		status = run_chunk(&j, run);
	}
	return status;
}
