#ifndef MMN_NN_WINDOW_H
#define MMN_NN_WINDOW_H

#include "nn/op.h"

/*
 * A window that slides over the last two dimensions (H, W) of a tensor:
 * convolution and pooling.  Index 0 is H, 1 is W.
 */
typedef struct mmn_window
{
	int64_t in[2];
	int64_t out[2];
	int64_t kernel[2];
	int64_t stride[2];
	int64_t dilation[2];
	int64_t pad[2];		/* before the first row, column */
	int64_t pad_end[2]; /* after the last */
} mmn_window;

/*
 * Reads kernel_shape (or takes the given one), strides, dilations, pads,
 * auto_pad and ceil_mode of the current step, and computes the output size
 * over input 0, which must have 4 dimensions.
 */
mmn_status mmn_window_plan(mmn_planner *p, const int64_t *kernel,
						   mmn_window *out);

/*
 * The part [*from, *to) of 0..kernel-1 that falls inside the input at output
 * position o of dimension d.
 */
static inline void
mmn_window_clip(const mmn_window *w, int d, int64_t o, int64_t *from,
				int64_t *to)
{
	int64_t at = o * w->stride[d] - w->pad[d];
	int64_t room = w->in[d] - at; /* > 0 where anything is inside */

	*from = at < 0 ? (-at + w->dilation[d] - 1) / w->dilation[d] : 0;
	*to = room <= 0 ? 0 : (room + w->dilation[d] - 1) / w->dilation[d];
	if (*to > w->kernel[d])
		*to = w->kernel[d];
}

/*
 * How many elements of the kernel count for a mean: those inside, or also
 * those in the padding, but not what ceil_mode adds beyond it.
 */
static inline int64_t
mmn_window_count(const mmn_window *w, int d, int64_t o, bool pad)
{
	int64_t from, to, room;

	if (pad)
	{
		room = w->in[d] + w->pad[d] + w->pad_end[d] - o * w->stride[d];
		to = (room + w->dilation[d] - 1) / w->dilation[d];
		return to < w->kernel[d] ? to : w->kernel[d];
	}
	mmn_window_clip(w, d, o, &from, &to);
	return to > from ? to - from : 0;
}

/* Place in a plane [H, W] under element kh, kw of the kernel. */
static inline int64_t
mmn_window_at(const mmn_window *w, int64_t oh, int64_t ow, int64_t kh,
			  int64_t kw)
{
	return (oh * w->stride[0] - w->pad[0] + kh * w->dilation[0]) * w->in[1] +
		   ow * w->stride[1] - w->pad[1] + kw * w->dilation[1];
}

#endif
