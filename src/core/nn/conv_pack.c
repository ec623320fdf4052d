/*
 * Packing weights for the direct kernels: see conv_kernel.h for what tiles
 * read.  Output blocks are taken in panels of one or two.  The terms of a
 * panel's sums are those input channels that any of its channels depends on:
 * all, or with groups the channels of the groups that it touches, with
 * weights of 0 between channels of different groups.
 */
#include <string.h>

#include "nn/conv_layout.h"

#define ALIGN 64

#define INDEX_MAX ((int64_t)1 << 28)

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

const mmn_conv_kernels *
mmn_conv_kernels_for(mmn_isa isa)
{
	switch (isa)
	{
		case MMN_ISA_PORTABLE:
			return &mmn_conv_kernels_ref;
#if defined(__x86_64__)
		case MMN_ISA_AVX2:
			return &mmn_conv_kernels_avx2;
		case MMN_ISA_AVX512:
			return &mmn_conv_kernels_avx512;
#endif
		default:
			return NULL;
	}
}

/* Deals the kernel's columns to phases: column kw reads X at s * j + kw * d. */
static void
lay_out_columns(const mmn_window *w, mmn_conv_layout *l)
{
	int64_t s = w->stride[1], n = 0, reach = 0;

	for (int64_t r = 0; r < s; r++)
	{
		bool used = false;

		for (int64_t kw = 0; kw < w->kernel[1]; kw++)
		{
			int64_t at = kw * w->dilation[1];

			if (at % s != r)
				continue;
			l->order[n++] = kw;
			l->place[kw] = at / s; /* within the phase, as yet */
			reach = most(reach, at / s);
			used = true;
		}
		if (used)
			l->phase[l->n_phases++] = r;
	}
	l->width = l->cols + reach;
	for (int64_t kw = 0; kw < w->kernel[1]; kw++)
		for (int p = 0; p < l->n_phases; p++)
			if (l->phase[p] == kw * w->dilation[1] % s)
				l->place[kw] += p * l->width;
}

static int64_t
stored_rows(const mmn_conv *conv, const mmn_conv_layout *l, int64_t rows)
{
	const mmn_window *w = &conv->w;
	int64_t reach = w->kernel[0] == 1 ? 0 : (w->kernel[0] - 1) * w->dilation[0];

	return (rows - 1) * l->out_step + reach + 1;
}

static bool
lay_out_copy(const mmn_conv *conv, mmn_conv_layout *l)
{
	const mmn_window *w = &conv->w;
	int64_t row, bands;

	l->rows = w->out[0];
	l->cols = w->out[1];
	/* of a kernel one row high, only the rows it meets are kept */
	l->row_step = w->kernel[0] == 1 ? w->stride[0] : 1;
	l->out_step = w->kernel[0] == 1 ? 1 : w->stride[0];
	lay_out_columns(w, l);
	l->row_pitch = l->n_phases * l->width * l->unit;
	row = l->row_pitch * l->planes;
	if (row > INDEX_MAX || stored_rows(conv, l, 1) > INDEX_MAX / row)
		return false;
	l->band = 1;
	if (stored_rows(conv, l, 1) * row < MMN_CONV_SLAB)
		l->band =
			(MMN_CONV_SLAB / row - stored_rows(conv, l, 1)) / l->out_step + 1;
	l->band = least(l->band, l->rows);
	bands = (l->rows + l->band - 1) / l->band;
	l->band = (l->rows + bands - 1) / bands;
	l->in_rows = stored_rows(conv, l, l->band);
	l->plane = (l->in_rows * l->row_pitch + MMN_BLOCK - 1) & ~(MMN_BLOCK - 1);
	return true;
}

/*
 * Groups of 4 channels, in which a block's outputs depend on that block of X
 * alone: multiplying by the zeros between groups would be 4 times the work.
 * (With groups of 8, putting channels in their places takes as long as that.)
 */
static bool
is_narrow(const mmn_conv *conv)
{
	return !conv->plain_input && conv->c == conv->m &&
		   conv->c == conv->groups * MMN_NARROW;
}

bool
mmn_conv_lay_out(const mmn_conv *conv, mmn_conv_layout *l)
{
	const mmn_window *w = &conv->w;

	memset(l, 0, sizeof *l);
	l->copies = conv->method != MMN_CONV_POINTWISE;
	l->kind = conv->method == MMN_CONV_FIRST ? MMN_TILE_PLAIN
			  : is_narrow(conv)				 ? MMN_TILE_NARROW
											 : MMN_TILE_BLOCKED;
	l->unit = l->kind == MMN_TILE_PLAIN ? 1 : MMN_BLOCK;
	l->planes = l->kind == MMN_TILE_PLAIN ? conv->c : mmn_blocks(conv->c);
	if (l->copies)
		return lay_out_copy(conv, l);
	l->rows = 1;
	l->cols = w->out[0] * w->out[1];
	l->width = l->cols;
	l->in_rows = l->n_phases = 1;
	l->row_pitch = l->plane = l->cols * MMN_BLOCK;
	/* a multiple of every tile, so that bands end where tiles do */
	l->band = MMN_CONV_SLAB / (l->planes * MMN_BLOCK) / 84 * 84;
	l->band = least(most(l->band, 84), l->cols);
	return true;
}

/* The input channels [*from, *to) that output blocks depend on. */
static void
channels_of(const mmn_conv *conv, int64_t first, int64_t blocks, int64_t *from,
			int64_t *to)
{
	int64_t c = conv->c / conv->groups, m = conv->m / conv->groups;
	int64_t last = least((first + blocks) * MMN_BLOCK, conv->m) - 1;

	*from = first * MMN_BLOCK / m * c;
	*to = (last / m + 1) * c;
}

static void
add_tap(mmn_conv_tap *taps, int64_t n, int64_t offset, int64_t count)
{
	if (taps)
		taps[n] = (mmn_conv_tap){(int32_t)offset, (int32_t)count};
}

/*
 * The taps of a panel over input channels [from, to), and a last one to
 * prefetch; taps may be NULL, to count them.
 */
static int64_t
lay_taps(const mmn_conv *conv, const mmn_conv_layout *l, int64_t from,
		 int64_t to, mmn_conv_tap *taps)
{
	const mmn_window *w = &conv->w;
	bool blocked = l->kind != MMN_TILE_PLAIN;
	int64_t n = 0, count;

	for (int64_t c = from, lanes; c < to; c += lanes)
	{
		int64_t plane = c * l->plane;

		lanes = 1;
		if (blocked)
		{
			lanes = least(MMN_BLOCK - c % MMN_BLOCK, to - c);
			plane = c / MMN_BLOCK * l->plane + c % MMN_BLOCK;
		}
		count = l->kind == MMN_TILE_NARROW ? MMN_NARROW : lanes;
		for (int64_t kh = 0; kh < w->kernel[0]; kh++)
			for (int64_t q = 0, run = 1; q < w->kernel[1]; q += run)
			{
				int64_t at = l->copies ? l->place[l->order[q]] : 0;

				for (run = 1; !blocked && q + run < w->kernel[1] &&
							  l->place[l->order[q + run]] == at + run;)
					run++;
				add_tap(taps, n++,
						plane + kh * w->dilation[0] * l->row_pitch +
							at * l->unit,
						blocked ? count : run);
			}
	}
	add_tap(taps, n, taps ? taps[0].offset : 0, 0);
	return n;
}

/* The weight of channel c at a place of the kernel in the sum for m. */
static float
weight_of(const mmn_conv *conv, const float *weights, int64_t m, int64_t c,
		  int64_t kh, int64_t kw)
{
	int64_t depth = conv->c / conv->groups;
	int64_t in_group = c - m / (conv->m / conv->groups) * depth;

	if (m >= conv->m || in_group < 0 || in_group >= depth)
		return 0.0f;
	return weights[((m * depth + in_group) * conv->w.kernel[0] + kh) *
					   conv->w.kernel[1] +
				   kw];
}

/* A panel, and the input channels [from, to) that it sums over. */
typedef struct panel_plan
{
	mmn_conv_panel panel; /* offsets are not known yet */
	int64_t from, to;
} panel_plan;

/* The panel whose first output block is this. */
static panel_plan
plan_panel(const mmn_conv *conv, const mmn_conv_layout *l, int64_t first)
{
	panel_plan p = {.panel = {.first = (int32_t)first, .blocks = 1}};
	int64_t from, to;

	channels_of(conv, first, 1, &p.from, &p.to);
	if (l->kind != MMN_TILE_NARROW &&
		mmn_conv_kernels_for(conv->isa)->blocks > 1 &&
		first + 1 < mmn_blocks(conv->m))
	{
		/* two that have few inputs in common are better off alone */
		channels_of(conv, first, 2, &from, &to);
		if (2 * (to - from) <= 3 * (p.to - p.from))
		{
			p.panel.blocks = 2;
			p.from = from;
			p.to = to;
		}
	}
	p.panel.terms = (l->kind == MMN_TILE_NARROW ? MMN_NARROW : p.to - p.from) *
					conv->w.kernel[0] * conv->w.kernel[1];
	p.panel.n_taps = (int32_t)lay_taps(conv, l, p.from, p.to, NULL);
	return p;
}

/* The weights of a panel in the order of its taps, after its bias. */
static void
pack_panel(const mmn_conv *conv, const mmn_conv_layout *l, const panel_plan *p,
		   const float *weights, const float *bias, float *out)
{
	int64_t first = p->panel.first * MMN_BLOCK;
	int64_t width = p->panel.blocks * MMN_BLOCK;
	int64_t narrow = l->kind == MMN_TILE_NARROW ? MMN_NARROW : 0;

	for (int64_t j = 0; j < width; j++)
		*out++ = bias && first + j < conv->m ? bias[first + j] : 0.0f;
	for (int64_t c = p->from, lanes; c < p->to; c += lanes)
	{
		lanes = l->kind == MMN_TILE_PLAIN
					? 1
					: least(MMN_BLOCK - c % MMN_BLOCK, p->to - c);
		for (int64_t kh = 0; kh < conv->w.kernel[0]; kh++)
			for (int64_t q = 0; q < conv->w.kernel[1]; q++)
				for (int64_t i = 0; i < (narrow ? narrow : lanes); i++)
					for (int64_t j = 0; j < width; j++)
						*out++ = weight_of(
							conv, weights, first + j,
							narrow ? (first + j) / narrow * narrow + i : c + i,
							kh, l->copies ? l->order[q] : q);
	}
}

/*
 * Where everything is: head, panels, taps (one list for all panels, unless
 * groups make them differ), weights.  Writes all but the weights, or nothing
 * when packed is NULL; returns the size.
 */
static size_t
lay_out_packed(const mmn_conv *conv, const mmn_conv_layout *l, void *packed)
{
	int64_t blocks = mmn_blocks(conv->m), n = 0, n_taps = 0, at;
	bool shared = conv->groups == 1;
	mmn_conv_packed *head = packed;

	for (int64_t b = 0; b < blocks; n++)
	{
		panel_plan p = plan_panel(conv, l, b);

		if (n == 0 || !shared)
			n_taps += p.panel.n_taps + 1;
		b += p.panel.blocks;
	}
	at = (int64_t)sizeof *head + n * (int64_t)sizeof(mmn_conv_panel);
	if (head)
		*head = (mmn_conv_packed){n, sizeof *head, at};
	at += n_taps * (int64_t)sizeof(mmn_conv_tap);
	n = n_taps = 0;
	for (int64_t b = 0; b < blocks; n++)
	{
		panel_plan p = plan_panel(conv, l, b);

		at = (at + ALIGN - 1) & ~(int64_t)(ALIGN - 1);
		p.panel.weights = at;
		p.panel.tap = (int32_t)n_taps;
		if (head)
		{
			lay_taps(conv, l, p.from, p.to, mmn_packed_taps(head) + n_taps);
			mmn_packed_panels(head)[n] = p.panel;
		}
		if (!shared)
			n_taps += p.panel.n_taps + 1;
		at += (p.panel.terms + 1) * p.panel.blocks * MMN_BLOCK *
			  (int64_t)sizeof(float);
		b += p.panel.blocks;
	}
	return (size_t)((at + ALIGN - 1) & ~(int64_t)(ALIGN - 1));
}

size_t
mmn_conv_direct_packed_bytes(const mmn_conv *conv)
{
	mmn_conv_layout l;

	mmn_conv_lay_out(conv, &l);
	return lay_out_packed(conv, &l, NULL);
}

void
mmn_conv_direct_pack(const mmn_conv *conv, const float *weights,
					 const float *bias, void *packed)
{
	mmn_conv_layout l;

	mmn_conv_lay_out(conv, &l);
	lay_out_packed(conv, &l, packed);
	for (int64_t i = 0; i < mmn_packed_head(packed)->n_panels; i++)
	{
		const mmn_conv_panel *panel = mmn_packed_panels(packed) + i;
		panel_plan p = plan_panel(conv, &l, panel->first);

		pack_panel(conv, &l, &p, weights, bias,
				   (float *)((uint8_t *)packed + panel->weights));
	}
}
