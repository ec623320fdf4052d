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
 * Tiles of all images are numbered through and taken a chunk at a time, so
 * that V of a chunk and M of a few output channels of it stay in the L2
 * cache while the weights stream by.  For each chunk:
 *
 *   1. input tasks: patches to V, which all workers share
 *   2. output tasks: for a group of output channels, the 36 products, then
 *      the inverse transform with bias, residual and activation
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

/* All sizes that follow from the shape; floats unless said otherwise. */
typedef struct geometry
{
	const mmn_winograd_kernels *kernels;
	int64_t in_blocks; /* of 16 channels */
	int64_t out_blocks;
	int64_t lanes;	  /* output channels of a group */
	int64_t groups;	  /* of output channels */
	int64_t weights;  /* of a group */
	int64_t tiles[2]; /* of an image: rows, columns */
	int64_t chunk;	  /* tiles at a time */
	int64_t v_tile;	  /* V: a tile of a point */
	int64_t v_step;	  /* V: a point of all tiles */
	int64_t m_tile;	  /* M: a tile of all points */
} geometry;

/*
 * V of a chunk and M of a task take at most 512 kB each, half of an L2 cache,
 * but a chunk has at least 32 tiles: for so many, weights from memory arrive
 * faster than they are used.  (Sizes within a factor of two measure the same.)
 */
#define CHUNK_FLOATS ((int64_t)1 << 17)
#define CHUNK_MIN 32

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

static void
geometry_init(geometry *g, const mmn_conv *conv)
{
	g->kernels = kernels_of(conv->isa);
	g->in_blocks = (conv->c + LANES - 1) / LANES;
	g->out_blocks = (conv->m + LANES - 1) / LANES;
	g->lanes = g->kernels->group * LANES;
	g->groups = (conv->m + g->lanes - 1) / g->lanes;
	g->weights = POINTS * conv->c * g->lanes;
	for (int d = 0; d < 2; d++)
		g->tiles[d] = (conv->w.out[d] + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
	g->v_tile = g->in_blocks * LANES;
	g->chunk =
		CHUNK_FLOATS / (POINTS * (g->v_tile > g->lanes ? g->v_tile : g->lanes));
	if (g->chunk < CHUNK_MIN)
		g->chunk = CHUNK_MIN;
	/* no multiple of 4 kB: all 36 stores of a patch would go to the same set
	 * of the L1 cache */
	g->v_step = g->chunk * g->v_tile + LANES;
	g->m_tile = POINTS * g->lanes;
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

	geometry_init(&g, conv);
	return (size_t)(g.groups * (g.lanes + g.weights)) * sizeof(float);
}

/* u [6][6] = G kernel [3][3] G^T, computed in double. */
static void
transform_kernel(const double g[6][3], const float *kernel, double u[6][6])
{
	double half[6][3];

	for (int i = 0; i < 6; i++)
		for (int x = 0; x < 3; x++)
			half[i][x] = g[i][0] * kernel[x] + g[i][1] * kernel[3 + x] +
						 g[i][2] * kernel[6 + x];
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++)
			u[i][j] = half[i][0] * g[j][0] + half[i][1] * g[j][1] +
					  half[i][2] * g[j][2];
}

/*
 * G: row i holds the powers of point i over the product of its differences
 * to all other points; the last row is the point at infinity.
 */
static void
kernel_matrix(double g[6][3])
{
	static const double points[5] = {0.0, WINOGRAD_A, -WINOGRAD_A, WINOGRAD_B,
									 -WINOGRAD_B};

	for (int i = 0; i < 5; i++)
	{
		double product = 1.0;

		for (int j = 0; j < 5; j++)
			if (j != i)
				product *= points[i] - points[j];
		g[i][0] = 1.0 / product;
		g[i][1] = points[i] / product;
		g[i][2] = points[i] * points[i] / product;
	}
	g[5][0] = g[5][1] = 0.0;
	g[5][2] = 1.0;
}

void
mmn_winograd_pack(const mmn_conv *conv, const float *weights, const float *bias,
				  void *packed)
{
	geometry g;
	double matrix[6][3];
	float *out = packed;

	geometry_init(&g, conv);
	kernel_matrix(matrix);
	memset(out, 0, (size_t)(g.groups * g.lanes) * sizeof(float));
	if (bias)
		memcpy(out, bias, (size_t)conv->m * sizeof(float));
	out += g.groups * g.lanes;
	for (int64_t group = 0; group < g.groups; group++, out += g.weights)
		for (int64_t c = 0; c < conv->c; c++)
			for (int64_t lane = 0; lane < g.lanes; lane++)
			{
				int64_t m = group * g.lanes + lane;
				double u[6][6] = {{0.0}};

				if (m < conv->m)
					transform_kernel(matrix, weights + (m * conv->c + c) * 9,
									 u);
				for (int64_t p = 0; p < POINTS; p++)
					out[(p * conv->c + c) * g.lanes + lane] =
						(float)u[p / 6][p % 6];
			}
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
	float *own;	   /* of worker 0; the others' follow */
	int64_t own_step;
} job;

/* Tiles of one input task. */
#define TASK_TILES 8

static int64_t
own_floats(const geometry *g)
{
	return g->chunk * g->m_tile;
}

size_t
mmn_winograd_scratch(const mmn_conv *conv, int64_t images, int workers)
{
	geometry g;

	(void)images;
	geometry_init(&g, conv);
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

static void
output_task(void *ctx, int64_t group, int worker)
{
	job *j = ctx;
	const geometry *g = &j->g;
	const float *u = j->weights + group * g->weights;
	float *m = j->own + worker * j->own_step;
	int64_t first = group * g->kernels->group;
	int64_t blocks = g->out_blocks - first;

	for (int p = 0; p < POINTS; p++)
		g->kernels->multiply(j->count, j->conv->c, j->v + p * g->v_step,
							 g->v_tile, u + p * j->conv->c * g->lanes,
							 m + p * g->lanes, g->m_tile);
	if (blocks > g->kernels->group)
		blocks = g->kernels->group;
	for (int64_t b = 0; b < blocks; b++)
		output_block(j, first + b, m + b * LANES);
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

	geometry_init(&j.g, conv);
	j.weights = j.bias + g->groups * g->lanes;
	j.own = j.v + POINTS * g->v_step;
	j.own_step = own_floats(g);

	int64_t total = images * g->tiles[0] * g->tiles[1];

	for (int64_t chunks = (total + g->chunk - 1) / g->chunk; chunks > 0;
		 chunks--, j.first += j.count, total -= j.count)
	{
		j.count = total / chunks;

		int64_t tasks = (j.count + TASK_TILES - 1) / TASK_TILES;
		mmn_status status = mmn_run_tasks(
			run, tasks, (size_t)(TASK_TILES * g->v_tile * 16), input_task, &j);

		if (status == MMN_OK)
			status = mmn_run_tasks(
				run, g->groups,
				(size_t)(j.count * POINTS * conv->c * g->lanes / 16),
				output_task, &j);
		if (status != MMN_OK)
			return status;
	}
	return MMN_OK;
}
