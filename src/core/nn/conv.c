/*
 * Convolutions over blocked maps: the choice of a method, and the walk over
 * the output of those that sum over many channels.
 *
 * The output is done in bands of rows.  For a band, the rows of X under it are
 * copied to scratch with their padding (not for 1x1: it reads X itself); then
 * panel by panel, so that a panel's weights stay in the cache for all of the
 * band, and small maps make bands of several images.  A task is one panel over
 * one band.  Within it, tiles go over the panel's weights together, a piece
 * after the other.
 */
#include "nn/conv.h"

#include <string.h>

#include "nn/conv_epilogue.h"
#include "nn/conv_layout.h"
#include "nn/winograd.h"

typedef struct conv_job
{
	const mmn_conv *conv;
	const mmn_conv_kernels *kernels;
	const void *packed;
	mmn_conv_layout l;
	const float *in; /* of the band's first image */
	const float *residual;
	float *out;
	size_t in_stride, out_stride;
	float *slab;
	size_t slab_stride; /* floats from one image's to the next */
	int64_t images;		/* of the band */
	int64_t from, to;	/* its rows, or pixels where nothing is copied */
	mmn_conv_tile tile; /* what all tiles have in common */
} conv_job;

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool
is_pointwise(const mmn_window *w)
{
	return w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 &&
		   w->stride[1] == 1 && w->out[0] == w->in[0] &&
		   w->out[1] == w->in[1] && w->pad[0] == 0 && w->pad[1] == 0;
}

/*
 * Winograd's method is up to 3 times as fast as the direct one.  To transform
 * its weights takes as long as to multiply four tiles by them, so small maps
 * gain only where there are several images.
 */
static bool
winograd_pays(const mmn_conv *conv)
{
	const mmn_window *w = &conv->w;

	return mmn_winograd_fits(conv) && conv->c >= MMN_BLOCK &&
		   conv->m >= MMN_BLOCK && w->out[0] * w->out[1] >= 25;
}

bool
mmn_conv_choose(mmn_conv *conv)
{
	const mmn_window *w = &conv->w;
	mmn_conv_layout l;

	conv->method = MMN_CONV_NONE;
	if (!mmn_conv_kernels_for(conv->isa) ||
		w->stride[1] > MMN_CONV_STRIDE_MAX ||
		w->kernel[1] > MMN_CONV_KERNEL_MAX)
		return false;
	if (conv->plain_input)
	{
		if (conv->c > 4 || conv->groups != 1)
			return false;
		conv->method = MMN_CONV_FIRST;
	}
	else if (conv->groups > 1 && conv->groups == conv->c &&
			 conv->groups == conv->m)
		conv->method = MMN_CONV_DEPTHWISE;
	else if (winograd_pays(conv))
		conv->method = MMN_CONV_WINOGRAD;
	else if (is_pointwise(w))
		conv->method = MMN_CONV_POINTWISE;
	else
		conv->method = MMN_CONV_DIRECT;
	if (conv->method == MMN_CONV_DEPTHWISE ||
		conv->method == MMN_CONV_WINOGRAD || mmn_conv_lay_out(conv, &l))
		return true;
	conv->method = MMN_CONV_NONE;
	return false;
}

size_t
mmn_conv_packed_bytes(const mmn_conv *conv)
{
	if (conv->method == MMN_CONV_WINOGRAD)
		return mmn_winograd_packed_bytes(conv);
	if (conv->method == MMN_CONV_DEPTHWISE)
		return mmn_depthwise_packed_bytes(conv);
	return mmn_conv_direct_packed_bytes(conv);
}

void
mmn_conv_pack(const mmn_conv *conv, const float *weights, const float *bias,
			  void *packed)
{
	if (conv->method == MMN_CONV_WINOGRAD)
		mmn_winograd_pack(conv, weights, bias, packed);
	else if (conv->method == MMN_CONV_DEPTHWISE)
		mmn_depthwise_pack(conv, weights, bias, packed);
	else
		mmn_conv_direct_pack(conv, weights, bias, packed);
}

/* Images of one band. */
static int64_t
images_at_a_time(const mmn_conv_layout *l, int64_t images)
{
	int64_t size = l->planes * l->plane;

	if ((l->copies && l->band < l->rows) || (!l->copies && l->band < l->cols) ||
		size > MMN_CONV_SLAB / 2)
		return 1;
	return least(MMN_CONV_SLAB / size, images);
}

/* Floats of a slab, such that the next one is aligned as maps are. */
static size_t
slab_floats(const mmn_conv_layout *l)
{
	if (!l->copies)
		return 0;
	return (size_t)((l->planes * l->plane + MMN_BLOCK - 1) &
					~(int64_t)(MMN_BLOCK - 1));
}

size_t
mmn_conv_scratch(const mmn_conv *conv, int64_t images, int workers)
{
	mmn_conv_layout l;

	if (conv->method == MMN_CONV_WINOGRAD)
		return mmn_winograd_scratch(conv, images, workers);
	if (conv->method == MMN_CONV_DEPTHWISE)
		return 0;
	mmn_conv_lay_out(conv, &l);
	return slab_floats(&l) * (size_t)images_at_a_time(&l, images) *
		   sizeof(float);
}

/* One stored row of one phase: every stride-th pixel of a row of X. */
static void
copy_row(const mmn_conv_layout *l, const mmn_window *w, int64_t phase,
		 const float *row, float *out)
{
	int64_t s = w->stride[1], first = phase - w->pad[1]; /* column at j = 0 */
	int64_t lo = first < 0 ? (-first + s - 1) / s : 0;
	int64_t room = w->in[1] - first;
	int64_t hi = room <= 0 ? 0 : least((room + s - 1) / s, l->width);
	size_t pixel = (size_t)l->unit * sizeof(float);

	lo = least(lo, l->width);
	if (hi < lo)
		hi = lo;
	memset(out, 0, (size_t)lo * pixel);
	if (s == 1)
		memcpy(out + lo * l->unit, row + (first + lo) * l->unit,
			   (size_t)(hi - lo) * pixel);
	else if (l->unit == MMN_BLOCK)
		for (int64_t j = lo; j < hi; j++)
			memcpy(out + j * MMN_BLOCK, row + (first + j * s) * MMN_BLOCK,
				   MMN_BLOCK * sizeof(float));
	else if (s == 2) /* known to the compiler, which makes vectors of it */
		for (int64_t j = lo; j < hi; j++)
			out[j] = row[first + j * 2];
	else
		for (int64_t j = lo; j < hi; j++)
			out[j] = row[first + j * s];
	memset(out + hi * l->unit, 0, (size_t)(l->width - hi) * pixel);
}

/* The rows of a plane of X [H, W] that output rows [from, to) depend on. */
static void
copy_plane(const mmn_conv_layout *l, const mmn_window *w, const float *in,
		   int64_t from, int64_t to, float *out)
{
	int64_t rows = l->in_rows - (l->band - (to - from)) * l->out_step;

	for (int64_t r = 0; r < rows; r++, out += l->row_pitch)
	{
		int64_t ih = from * w->stride[0] - w->pad[0] + r * l->row_step;

		if (ih < 0 || ih >= w->in[0])
		{
			memset(out, 0, (size_t)l->row_pitch * sizeof(float));
			continue;
		}
		for (int p = 0; p < l->n_phases; p++)
			copy_row(l, w, l->phase[p], in + ih * w->in[1] * l->unit,
					 out + p * l->width * l->unit);
	}
}

/* Where a tile reads and writes. */
typedef struct tile_place
{
	const float *in;
	size_t at; /* floats from the first image's output */
	int pixels;
	int wrap;
} tile_place;

/*
 * So many tiles take so many terms of their sums at a time, whose weights stay
 * in the L1 cache; the sums wait in a buffer meanwhile.
 */
#define TILES 16
#define TERMS 256
#define TILE_FLOATS (MMN_TILE_MAX * MMN_BLOCK)

/* Brings n floats nearer. */
static inline void
fetch(const float *p, int64_t n)
{
	for (int64_t i = 0; i < n; i += MMN_BLOCK)
		__builtin_prefetch(p + i, 0, 2);
}

/*
 * Tiles of one panel, a piece of its weights after the other.  While one is
 * used the next is on its way: "next" is the first of the panel behind, or
 * NULL.
 */
static void
run_tiles(const conv_job *job, const mmn_conv_panel *panel,
		  const tile_place *places, int n, mmn_conv_tile t, const float *next)
{
	float sums[TILES * TILE_FLOATS] __attribute__((aligned(64)));
	const mmn_conv_tap *taps = t.taps;
	const float *bias = t.weights;
	int64_t width = panel->blocks * MMN_BLOCK;
	size_t pixels = (size_t)job->kernels->pixels * MMN_BLOCK;
	int tap = 0;

	t.weights += width;
	do
	{
		int64_t terms = 0, ahead;
		int first = tap;
		bool last;

		for (; tap < panel->n_taps && terms < TERMS; tap++)
			terms += taps[tap].count;
		last = tap == panel->n_taps;
		t.taps = taps + first;
		t.n_taps = tap - first;
		t.lo = last ? job->tile.lo : -INFINITY;
		t.hi = last ? job->tile.hi : INFINITY;
		t.block_stride = last ? job->tile.block_stride : pixels;
		t.start_block = first ? pixels : MMN_BLOCK;
		t.start_pixel = first ? MMN_BLOCK : 0;
		if (!last)
			next = t.weights + terms * width;
		ahead = (terms * width / n + MMN_BLOCK - 1) & ~(MMN_BLOCK - 1);
		for (int i = 0; i < n; i++)
		{
			const tile_place *place = &places[i];

			t.in = place->in;
			t.pixels = place->pixels;
			t.wrap = place->wrap;
			t.start = first ? sums + i * TILE_FLOATS : bias;
			t.out = last ? job->out + place->at : sums + i * TILE_FLOATS;
			t.residual =
				last && job->residual ? job->residual + place->at : NULL;
			if (next)
				fetch(next + i * ahead, ahead);
			job->kernels->tile(job->l.kind, &t);
			if (last && !mmn_epilogue_is_clip(job->conv))
				for (int b = 0; b < t.blocks; b++)
					job->kernels->activate(job->conv,
										   t.out + (size_t)b * t.block_stride,
										   (size_t)t.pixels * MMN_BLOCK);
		}
		t.weights += terms * width;
	} while (tap < panel->n_taps);
}

/* One panel over output rows (pixels) [from, to), the first one's place at in. */
static void
run_panel(const conv_job *job, int64_t number, const float *in, int64_t from,
		  int64_t to, size_t image)
{
	const mmn_conv_layout *l = &job->l;
	const mmn_conv_kernels *k = job->kernels;
	const mmn_conv_panel *panel = mmn_packed_panels(job->packed) + number;
	const uint8_t *packed = job->packed;
	const float *next = NULL;
	int64_t cols = l->copies ? l->cols : to - from;
	int64_t left = l->copies ? (to - from) * cols : cols;
	size_t at = image * job->out_stride +
				(size_t)panel->first * job->tile.block_stride +
				(size_t)(from * (l->copies ? cols : 1) * MMN_BLOCK);
	int64_t pitch = l->out_step * l->row_pitch, column = 0;
	mmn_conv_tile t = job->tile;
	tile_place places[TILES];
	int n = 0;

	t.taps = mmn_packed_taps(job->packed) + panel->tap;
	t.weights = (const float *)(packed + panel->weights);
	t.blocks = panel->blocks;
	t.jump = pitch - cols * l->unit;
	if (number + 1 < mmn_packed_head(job->packed)->n_panels)
		next = (const float *)(packed + panel[1].weights);
	while (left > 0)
	{
		int64_t in_row = cols - column;
		int64_t run = k->any_wrap ? least(left, in_row + cols) : in_row;
		tile_place *place = &places[n++];

		if (!k->any_wrap && column == 0 && 2 * cols <= k->pixels &&
			left >= 2 * cols)
			place->pixels = (int)(2 * cols);
		else /* as many tiles as needed, none much smaller than the others */
			place->pixels =
				(int)((run - 1) / ((run + k->pixels - 1) / k->pixels) + 1);
		place->wrap = (int)least(place->pixels, in_row);
		place->in = in + column * l->unit;
		place->at = at;
		at += (size_t)place->pixels * MMN_BLOCK;
		left -= place->pixels;
		column += place->pixels;
		for (; column >= cols; column -= cols)
			in += pitch;
		if (n == TILES || left == 0)
		{
			run_tiles(job, panel, places, n, t, next);
			n = 0;
		}
	}
}

static void
copy_task(void *ctx, int64_t task, int worker)
{
	const conv_job *job = ctx;
	const mmn_conv_layout *l = &job->l;
	const mmn_window *w = &job->conv->w;
	int64_t image = task / l->planes, plane = task % l->planes;

	(void)worker;
	copy_plane(l, w,
			   job->in + (size_t)image * job->in_stride +
				   plane * w->in[0] * w->in[1] * l->unit,
			   job->from, job->to,
			   job->slab + (size_t)image * job->slab_stride + plane * l->plane);
}

static void
panel_task(void *ctx, int64_t task, int worker)
{
	const conv_job *job = ctx;
	const mmn_conv_layout *l = &job->l;

	(void)worker;
	for (int64_t i = 0; i < job->images; i++)
	{
		const float *in = l->copies ? job->slab + (size_t)i * job->slab_stride
									: job->in + (size_t)i * job->in_stride +
										  job->from * MMN_BLOCK;

		run_panel(job, task, in, job->from, job->to, (size_t)i);
	}
}

/* One band of job->images images. */
static mmn_status
run_band(conv_job *job, mmn_run *run)
{
	const mmn_conv_layout *l = &job->l;
	const mmn_conv_packed *head = mmn_packed_head(job->packed);
	int64_t pixels =
		job->images * (job->to - job->from) * (l->copies ? l->cols : 1);
	const mmn_conv_panel *panel = mmn_packed_panels(job->packed);
	mmn_status status = MMN_OK;

	if (l->copies)
		status = mmn_run_tasks(run, job->images * l->planes,
							   (size_t)(l->plane / 8) + 1, copy_task, job);
	if (status != MMN_OK)
		return status;
	return mmn_run_tasks(
		run, head->n_panels,
		mmn_conv_work(job->conv, panel->terms * panel->blocks * pixels),
		panel_task, job);
}

static mmn_status
run_direct(const mmn_conv *conv, const void *packed, const float *in,
		   const float *residual, float *out, int64_t images, size_t in_stride,
		   size_t out_stride, void *scratch, mmn_run *run)
{
	conv_job job = {.conv = conv,
					.kernels = mmn_conv_kernels_for(conv->isa),
					.packed = packed,
					.in = in,
					.residual = residual,
					.out = out,
					.in_stride = in_stride,
					.out_stride = out_stride,
					.slab = scratch};
	const mmn_conv_layout *l = &job.l;
	mmn_status status = MMN_OK;
	int64_t rows, at_a_time;

	mmn_conv_lay_out(conv, &job.l);
	job.slab_stride = slab_floats(l);
	job.tile.block_stride = (size_t)(l->rows * l->cols * MMN_BLOCK);
	mmn_epilogue_bounds(conv, &job.tile.lo, &job.tile.hi);
	rows = l->copies ? l->rows : l->cols;
	at_a_time = images_at_a_time(l, images);
	for (int64_t i = 0; i < images; i += job.images)
	{
		job.images = least(at_a_time, images - i);
		for (job.from = 0; job.from < rows && status == MMN_OK;
			 job.from = job.to)
		{
			job.to = least(job.from + l->band, rows);
			status = run_band(&job, run);
		}
		if (status != MMN_OK)
			return status;
		job.in += (size_t)job.images * in_stride;
		job.out += (size_t)job.images * out_stride;
		if (residual)
			job.residual += (size_t)job.images * out_stride;
	}
	return MMN_OK;
}

mmn_status
mmn_conv_run(const mmn_conv *conv, const void *packed, const float *in,
			 const float *residual, float *out, int64_t images,
			 size_t in_stride, size_t out_stride, void *scratch, mmn_run *run)
{
	if (conv->method == MMN_CONV_WINOGRAD)
		return mmn_winograd_run(conv, packed, in, residual, out, images,
								in_stride, out_stride, scratch, run);
	if (conv->method == MMN_CONV_DEPTHWISE)
		return mmn_depthwise_run(conv, packed, in, residual, out, images,
								 in_stride, out_stride, run);
	return run_direct(conv, packed, in, residual, out, images, in_stride,
					  out_stride, scratch, run);
}
