/*
 * The step that fuse.c makes of a convolution and what follows it: y =
 * act(conv(x) [+ residual]), by the kernels of conv.h.  Inputs: x, blocked
 * (or plain, as the description says), and the residual, blocked.
 */
#include <string.h>

#include "nn/fuse.h"
#include "nn/op_list.h"

/*
 * Weights and bias of a convolution whose weights come as another order, or
 * that is followed by scale and shift.
 */
static void
scale_weights(const mmn_conv *c, const mmn_conv_source *from, size_t row,
			  float *weights, float *bias)
{
	size_t n = (size_t)c->m;
	size_t by_m = from->transposed ? 1 : row, by_i = from->transposed ? n : 1;

	for (size_t m = 0; m < n; m++)
	{
		float scale = from->scale ? from->scale[m] : 1.0f;

		bias[m] = (from->bias ? from->bias[m] * scale : 0.0f) +
				  (from->shift ? from->shift[m] : 0.0f);
	}
	/* a cache line of either order at a time */
	for (size_t at = 0; at < n; at += MMN_BLOCK)
		for (size_t i = 0; i < row; i++)
			for (size_t m = at; m < n && m < at + MMN_BLOCK; m++)
				weights[m * row + i] = from->weights[m * by_m + i * by_i] *
									   (from->scale ? from->scale[m] : 1.0f);
}

static mmn_status
blocked_conv_pack(const mmn_step *s, void *packed, mmn_run *run)
{
	const mmn_conv *c = s->params;
	const mmn_conv_source *from = s->source;
	size_t row = (size_t)(c->c / c->groups * c->w.kernel[0] * c->w.kernel[1]);
	size_t m = (size_t)c->m;
	float *weights;

	if (!from->scale && !from->transposed)
	{
		mmn_conv_pack(c, from->weights, from->bias, packed);
		return MMN_OK;
	}
	weights = mmn_alloc_array(run->env, m * (row + 1), sizeof *weights);
	if (!weights)
		return mmn_fail(run->err, MMN_NO_MEMORY,
						"no memory for %zu weights of a convolution", m * row);
	scale_weights(c, from, row, weights, weights + m * row);
	mmn_conv_pack(c, weights, weights + m * row, packed);
	mmn_free(run->env, weights);
	return MMN_OK;
}

static size_t
blocked_conv_scratch(const mmn_step *s, int64_t images, int workers)
{
	return mmn_conv_scratch(s->params, images, workers);
}

static mmn_status
blocked_conv_run(const mmn_step *s, mmn_run *run)
{
	const mmn_conv *c = s->params;
	const mmn_tensor *residual = c->residual ? s->in[1] : NULL;
	size_t in_stride = s->in[0]->stride / sizeof(float);
	size_t out_stride = s->out[0]->stride / sizeof(float);
	int64_t at_once = run->images;
	mmn_status status = MMN_OK;

	/* one of the two is part of a larger buffer: image by image */
	if (residual && residual->stride != s->out[0]->stride)
		at_once = 1;
	for (run->image = 0; run->image < run->images && status == MMN_OK;
		 run->image += at_once)
		status =
			mmn_conv_run(c, s->packed, mmn_run_in(run, s, 0),
						 residual ? mmn_run_data(run, residual) : NULL,
						 mmn_run_out(run, s, 0), at_once, in_stride,
						 out_stride, mmn_run_scratch(run, s), run);
	return status;
}

const mmn_op mmn_op_blocked_conv = {.name = "blocked conv",
									.max_inputs = 2,
									.max_outputs = 1,
									.flags = MMN_OP_BATCH | MMN_OP_ADDS_TO,
									.run = blocked_conv_run,
									.pack = blocked_conv_pack,
									.scratch = blocked_conv_scratch};
