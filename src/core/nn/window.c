#include "nn/window.h"

#include <string.h>

/* Beyond any real network, and small enough that no product overflows. */
#define WINDOW_MAX 65535

static mmn_status
read_pair(mmn_planner *p, const char *name, int64_t least, int64_t *out)
{
	int64_t v[2] = {least, least};
	int n = mmn_op_ints(p, name, v, 2);

	if (n != -1 && n != 2)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "\"%s\" has %d numbers, must have 2", name, n);
	for (int d = 0; d < 2; d++)
	{
		if (v[d] < least || v[d] > WINDOW_MAX)
			return mmn_op_fail(p, MMN_BAD_DATA, "\"%s\" is outside %lld..%d",
							   name, (long long)least, WINDOW_MAX);
		out[d] = v[d];
	}
	return MMN_OK;
}

static mmn_status
read_pads(mmn_planner *p, mmn_window *w)
{
	int64_t v[4] = {0, 0, 0, 0};
	int n = mmn_op_ints(p, "pads", v, 4);

	if (n != -1 && n != 4)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "\"pads\" has %d numbers, must have 4", n);
	for (int i = 0; i < 4; i++)
		if (v[i] < 0 || v[i] > WINDOW_MAX)
			return mmn_op_fail(p, MMN_UNSUPPORTED, "\"pads\" is outside 0..%d",
							   WINDOW_MAX);
	for (int d = 0; d < 2; d++)
	{
		w->pad[d] = v[d];
		w->pad_end[d] = v[d + 2];
	}
	return MMN_OK;
}

/* Padding that makes the output ceil(in / stride) (ONNX, auto_pad). */
static void
pad_same(mmn_window *w, bool upper)
{
	for (int d = 0; d < 2; d++)
	{
		int64_t reach = (w->kernel[d] - 1) * w->dilation[d] + 1;
		int64_t out = (w->in[d] + w->stride[d] - 1) / w->stride[d];
		int64_t total = (out - 1) * w->stride[d] + reach - w->in[d];

		if (total < 0)
			total = 0;
		w->pad[d] = upper ? total / 2 : total - total / 2;
		w->pad_end[d] = total - w->pad[d];
	}
}

mmn_status
mmn_window_plan(mmn_planner *p, const int64_t *kernel, mmn_window *w)
{
	const mmn_shape *in = &p->step->in[0]->shape;
	mmn_slice auto_pad = mmn_op_string(p, "auto_pad", "NOTSET");
	bool ceil = mmn_op_int(p, "ceil_mode", 0) != 0;
	mmn_status status;

	memset(w, 0, sizeof *w);
	if (in->ndim != 4)
		return mmn_op_fail(p, MMN_UNSUPPORTED,
						   "input has %d dimensions, must have 4 (N, C, H, W)",
						   in->ndim);
	if ((status = read_pair(p, "kernel_shape", 1, w->kernel)) != MMN_OK ||
		(status = read_pair(p, "strides", 1, w->stride)) != MMN_OK ||
		(status = read_pair(p, "dilations", 1, w->dilation)) != MMN_OK ||
		(status = read_pads(p, w)) != MMN_OK)
		return status;
	for (int d = 0; d < 2; d++)
	{
		w->in[d] = in->dims[2 + d];
		if (kernel && mmn_op_attribute(p, "kernel_shape") &&
			kernel[d] != w->kernel[d])
			return mmn_op_fail(p, MMN_BAD_DATA,
							   "\"kernel_shape\" is not that of the weights");
		if (kernel && kernel[d] > WINDOW_MAX)
			return mmn_op_fail(p, MMN_LIMIT, "the kernel is too large");
		if (kernel)
			w->kernel[d] = kernel[d];
	}
	if (!kernel && !mmn_op_attribute(p, "kernel_shape"))
		return mmn_op_fail(p, MMN_BAD_DATA, "\"kernel_shape\" is missing");
	if (mmn_slice_is(auto_pad, "SAME_UPPER") ||
		mmn_slice_is(auto_pad, "SAME_LOWER"))
		pad_same(w, mmn_slice_is(auto_pad, "SAME_UPPER"));
	else if (mmn_slice_is(auto_pad, "VALID"))
		memset(w->pad, 0, sizeof w->pad + sizeof w->pad_end);
	else if (auto_pad.len && !mmn_slice_is(auto_pad, "NOTSET"))
		return mmn_op_fail(p, MMN_BAD_DATA, "unknown \"auto_pad\"");
	for (int d = 0; d < 2; d++)
	{
		int64_t reach = (w->kernel[d] - 1) * w->dilation[d] + 1;
		int64_t room = w->in[d] + w->pad[d] + w->pad_end[d] - reach;

		if (room < 0)
			return mmn_op_fail(p, MMN_BAD_DATA,
							   "the kernel is larger than its input (%lldx"
							   "%lld)",
							   (long long)w->in[1], (long long)w->in[0]);
		w->out[d] =
			(ceil ? (room + w->stride[d] - 1) : room) / w->stride[d] + 1;
		/* a last window that would start beyond the input is dropped */
		if (ceil && (w->out[d] - 1) * w->stride[d] >= w->in[d] + w->pad[d])
			w->out[d]--;
	}
	return MMN_OK;
}
