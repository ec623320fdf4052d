/*
 * Steps over blocked maps (conv.h) other than convolution.  None is written
 * by a file; layout.c puts them in.  The 16 channels of a block are what the
 * innermost loops go over: of fixed length and independent of each other, so
 * that the compiler makes one, two or four vectors of them.
 *
 * All of it waits for memory more than it computes.  What a CPU has of wider
 * vectors is chosen when the library is loaded; the results are the same to
 * the bit, for nothing here is fused or reordered.
 */
#include "nn/op_blocked.h"

#include <math.h>
#include <string.h>

#include "nn/conv_epilogue.h"
#include "nn/op_list.h"

#define B MMN_BLOCK

static int64_t
blocks_of(int64_t channels)
{
	return (channels + B - 1) / B;
}

/* [n][plane] to [plane][16]; the other channels become 0 */
static void
block_rows(const float *in, int64_t plane, int64_t n, int64_t from, int64_t to,
		   float *out)
{
	for (int64_t p = from; p < to; p++)
		for (int64_t c = 0; c < B; c++)
			out[p * B + c] = c < n ? in[c * plane + p] : 0.0f;
}

static void
unblock_rows(const float *in, int64_t plane, int64_t n, int64_t from,
			 int64_t to, float *out)
{
	for (int64_t c = 0; c < n; c++)
		for (int64_t p = from; p < to; p++)
			out[c * plane + p] = in[p * B + c];
}

/* Pixels at a time: what they touch stays in the L1 cache. */
#define PIECE 256

/* A block takes as much room in either layout, but for the last. */
static mmn_status
move_blocks(const mmn_step *s, mmn_run *run,
			void (*move)(const float *, int64_t, int64_t, int64_t, int64_t,
						 float *))
{
	const mmn_map *m = s->params;
	const float *in = mmn_run_in(run, s, 0);
	float *out = mmn_run_out(run, s, 0);

	for (int64_t b = 0; b < blocks_of(m->channels); b++)
		for (int64_t p = 0; p < m->plane; p += PIECE)
		{
			int64_t n = m->channels - b * B < B ? m->channels - b * B : B;
			int64_t to = p + PIECE < m->plane ? p + PIECE : m->plane;
			mmn_status status = mmn_run_spend(run, (size_t)(to - p) * B);

			if (status != MMN_OK)
				return status;
			move(in + b * m->plane * B, m->plane, n, p, to,
				 out + b * m->plane * B);
		}
	return MMN_OK;
}

static mmn_status
block_run(const mmn_step *s, mmn_run *run)
{
	return move_blocks(s, run, block_rows);
}

static mmn_status
unblock_run(const mmn_step *s, mmn_run *run)
{
	return move_blocks(s, run, unblock_rows);
}

/* Over rows x columns pixels of the window, the first at x; by so many. */
static inline __attribute__((always_inline)) void
pool_half(bool max, const float *x, int64_t rows, int64_t row, int64_t columns,
		  int64_t column, float by, float *out)
{
	mmn_half v = {0};

	if (max)
		v -= INFINITY;
	for (; rows > 0; rows--, x += row)
		for (int64_t i = 0; i < columns; i++)
		{
			mmn_half y = *(const mmn_half *)(const void *)(x + i * column);

			if (max)
			{
				mmn_half_mask more = y > v;

				v = (mmn_half)((more & (mmn_half_mask)y) |
							   (~more & (mmn_half_mask)v));
			}
			else
				v += y;
		}
	*(mmn_half *)(void *)out = max ? v : v / by;
}

/* Row oh of one block, rows [rows[0], rows[1]) of the window being inside. */
static inline __attribute__((always_inline)) void
pool_row(const mmn_pool2d *pool, bool max, const float *in,
		 const int64_t *rows, int64_t oh, float *out)
{
	const mmn_window *w = &pool->w;
	int64_t column = w->dilation[1] * B, row = w->dilation[0] * w->in[1] * B;
	int64_t n_rows = max ? 1 : mmn_window_count(w, 0, oh, pool->count_pad);

	for (int64_t ow = 0; ow < w->out[1]; ow++, out += B)
	{
		int64_t from, to, n;
		const float *x;

		mmn_window_clip(w, 1, ow, &from, &to);
		x = in + mmn_window_at(w, oh, ow, rows[0], from) * B;
		n = max ? 1 : n_rows * mmn_window_count(w, 1, ow, pool->count_pad);
		n = n > 0 ? n : 1; /* of nothing, the sum is 0 */
		for (int i = 0; i < B; i += B / 2)
			pool_half(max, x + i, rows[1] - rows[0], row, to - from, column,
					  (float)n, out + i);
	}
}

MMN_WIDE static void
pool_row_max(const mmn_pool2d *pool, const float *in, const int64_t *rows,
			 int64_t oh, float *out)
{
	pool_row(pool, true, in, rows, oh, out);
}

MMN_WIDE static void
pool_row_mean(const mmn_pool2d *pool, const float *in, const int64_t *rows,
			  int64_t oh, float *out)
{
	pool_row(pool, false, in, rows, oh, out);
}

static mmn_status
blocked_pool_run(const mmn_step *s, mmn_run *run)
{
	const mmn_blocked_pool *p = s->params;
	const mmn_window *w = &p->pool.w;
	const float *in = mmn_run_in(run, s, 0);
	float *out = mmn_run_out(run, s, 0);
	/* padding is smaller than the kernel, so a window is never far out */
	size_t cost = (size_t)((w->kernel[0] < w->in[0] ? w->kernel[0] : w->in[0]) *
							   (w->kernel[1] < w->in[1] ? w->kernel[1]
														: w->in[1]) +
						   4) *
				  (size_t)w->out[1];

	for (int64_t b = 0; b < p->blocks; b++, in += w->in[0] * w->in[1] * B)
		for (int64_t oh = 0; oh < w->out[0]; oh++, out += w->out[1] * B)
		{
			int64_t rows[2];
			mmn_status status = mmn_run_spend(run, cost);

			if (status != MMN_OK)
				return status;
			mmn_window_clip(w, 0, oh, &rows[0], &rows[1]);
			if (p->pool.max)
				pool_row_max(&p->pool, in, rows, oh, out);
			else
				pool_row_mean(&p->pool, in, rows, oh, out);
		}
	return MMN_OK;
}

/* double, for the sum of a large map loses digits in float */
MMN_WIDE static void
add_pixels(const float *in, int64_t pixels, double *sum)
{
	double v[B];

	memcpy(v, sum, sizeof v);
	for (int64_t p = 0; p < pixels; p++)
		for (int c = 0; c < B; c++)
			v[c] += (double)in[p * B + c];
	memcpy(sum, v, sizeof v);
}

MMN_WIDE static void
max_pixels(const float *in, int64_t pixels, double *best)
{
	float v[B];

	for (int c = 0; c < B; c++)
		v[c] = (float)best[c];
	for (int64_t p = 0; p < pixels; p++)
		for (int c = 0; c < B; c++)
			v[c] = in[p * B + c] > v[c] ? in[p * B + c] : v[c];
	for (int c = 0; c < B; c++)
		best[c] = (double)v[c];
}

static mmn_status
blocked_global_run(const mmn_step *s, mmn_run *run)
{
	const mmn_map *m = s->params;
	const float *in = mmn_run_in(run, s, 0);
	float *out = mmn_run_out(run, s, 0);

	for (int64_t b = 0; b < blocks_of(m->channels); b++, out += B)
	{
		double v[B];

		for (int c = 0; c < B; c++)
			v[c] = m->max ? -INFINITY : 0.0;
		for (int64_t p = 0, n; p < m->plane; p += n, in += n * B)
		{
			mmn_status status;

			n = m->plane - p < PIECE ? m->plane - p : PIECE;
			status = mmn_run_spend(run, (size_t)n * 2);
			if (status != MMN_OK)
				return status;
			if (m->max)
				max_pixels(in, n, v);
			else
				add_pixels(in, n, v);
		}
		for (int c = 0; c < B; c++)
			out[c] = (float)(m->max ? v[c] : v[c] / (double)m->plane);
	}
	return MMN_OK;
}

MMN_WIDE static void
scale_pixels(const float *restrict in, int64_t pixels,
			 const float *restrict scale, const float *restrict shift,
			 float lo, float hi, float *out)
{
	for (int64_t p = 0; p < pixels; p++)
		for (int c = 0; c < B; c++)
			out[p * B + c] =
				mmn_clip(in[p * B + c] * scale[c] + shift[c], lo, hi);
}

mmn_status
mmn_blocked_scale_pack(const mmn_step *s, void *packed, mmn_run *run)
{
	const mmn_map *m = s->params;
	const mmn_conv_source *from = s->source;
	float *to = packed;

	(void)run;
	memset(to, 0, s->packed_size);
	for (int64_t c = 0; c < m->channels; c++)
	{
		float *block = to + c / B * 2 * B;

		block[c % B] = from->scale[c];
		block[B + c % B] = from->shift[c];
	}
	return MMN_OK;
}

static mmn_status
blocked_scale_run(const mmn_step *s, mmn_run *run)
{
	const mmn_blocked_scale *p = s->params;
	const mmn_map *m = &p->map;
	const float *in = mmn_run_in(run, s, 0), *v = s->packed;
	float *out = mmn_run_out(run, s, 0);

	for (int64_t b = 0; b < blocks_of(m->channels); b++, v += 2 * B)
		for (int64_t at = 0, n; at < m->plane; at += n)
		{
			mmn_status status;

			n = m->plane - at < PIECE ? m->plane - at : PIECE;
			status = mmn_run_spend(run, (size_t)n * 2);
			if (status != MMN_OK)
				return status;
			scale_pixels(in, n, v, v + B, p->lo, p->hi, out);
			in += n * B;
			out += n * B;
		}
	return MMN_OK;
}

/* step: floats from one pixel of b to the next, B or 0 */
static inline void
binary_pixels(mmn_binary kind, const float *a, const float *b, int64_t step,
			  int64_t pixels, float lo, float hi, float *out)
{
	for (int64_t p = 0; p < pixels; p++, b += step)
		for (int c = 0; c < B; c++)
		{
			float x = a[p * B + c], y = b[c];

			out[p * B + c] = mmn_clip(kind == MMN_BINARY_ADD   ? x + y
									  : kind == MMN_BINARY_SUB ? x - y
															   : x * y,
									  lo, hi);
		}
}

/* The kind as a constant in each call lets the loops be vectorised. */
MMN_WIDE static void
any_binary_pixels(const mmn_blocked_binary *m, const float *a, const float *b,
				  int64_t n, float *out)
{
	int64_t step = m->per_channel ? 0 : B;

	switch (m->kind)
	{
		case MMN_BINARY_ADD:
			binary_pixels(MMN_BINARY_ADD, a, b, step, n, m->lo, m->hi, out);
			break;
		case MMN_BINARY_SUB:
			binary_pixels(MMN_BINARY_SUB, a, b, step, n, m->lo, m->hi, out);
			break;
		case MMN_BINARY_MUL:
			binary_pixels(MMN_BINARY_MUL, a, b, step, n, m->lo, m->hi, out);
			break;
	}
}

static mmn_status
blocked_binary_run(const mmn_step *s, mmn_run *run)
{
	const mmn_blocked_binary *m = s->params;
	const float *a = mmn_run_in(run, s, 0), *b = mmn_run_in(run, s, 1);
	float *out = mmn_run_out(run, s, 0);

	for (int64_t block = 0; block < m->blocks; block++)
	{
		for (int64_t at = 0, n; at < m->plane; at += n)
		{
			mmn_status status;

			n = m->plane - at < PIECE ? m->plane - at : PIECE;
			status = mmn_run_spend(run, (size_t)n * 3);
			if (status != MMN_OK)
				return status;
			any_binary_pixels(m, a, b, n, out);
			a += n * B;
			out += n * B;
			b += m->per_channel ? 0 : n * B;
		}
		b += m->per_channel ? B : 0;
	}
	return MMN_OK;
}

/*
 * Blocked maps of whole blocks stand one behind the other.  Most inputs have
 * been computed in their place, which leaves nothing to do.
 */
static mmn_status
blocked_concat_run(const mmn_step *s, mmn_run *run)
{
	uint8_t *out = mmn_run_data(run, s->out[0]);

	for (int k = 0; k < s->n_in; k++)
	{
		const uint8_t *in = mmn_run_data(run, s->in[k]);
		size_t left = mmn_tensor_bytes(s->in[k]), n;

		for (; left && in != out; left -= n, in += n, out += n)
		{
			mmn_status status;

			n = left < 1 << 18 ? left : 1 << 18;
			status = mmn_run_spend(run, n / 8);
			if (status != MMN_OK)
				return status;
			memcpy(out, in, n);
		}
		out += left;
	}
	return MMN_OK;
}

const mmn_op mmn_op_block = {.name = "block", .run = block_run};
const mmn_op mmn_op_unblock = {.name = "unblock", .run = unblock_run};
const mmn_op mmn_op_blocked_pool = {.name = "blocked pool",
									.run = blocked_pool_run};
const mmn_op mmn_op_blocked_global = {.name = "blocked global pool",
									  .run = blocked_global_run};
const mmn_op mmn_op_blocked_scale = {.name = "blocked scale",
									 .flags = MMN_OP_IN_PLACE,
									 .run = blocked_scale_run,
									 .pack = mmn_blocked_scale_pack};
const mmn_op mmn_op_blocked_binary = {.name = "blocked binary",
									  .flags = MMN_OP_IN_PLACE,
									  .run = blocked_binary_run};
const mmn_op mmn_op_blocked_concat = {.name = "blocked concat",
									  .run = blocked_concat_run};
