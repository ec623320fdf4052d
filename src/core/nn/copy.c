#include "nn/copy.h"

#include <string.h>

void
mmn_copy_strides(const mmn_shape *shape, int64_t *strides)
{
	int64_t n = 1;

	for (int d = shape->ndim - 1; d >= 0; d--)
	{
		strides[d] = n;
		n *= shape->dims[d];
	}
}

static void
copy_row(mmn_element element, const void *from, int64_t from_stride, void *to,
		 int64_t to_stride, int64_t n)
{
	if (from_stride == 1 && to_stride == 1)
		memcpy(to, from, (size_t)n * mmn_element_size(element));
	else if (element == MMN_FLOAT)
	{
		const float *f = from;
		float *t = to;

		for (int64_t i = 0; i < n; i++)
			t[i * to_stride] = f[i * from_stride];
	}
	else
	{
		const int64_t *f = from;
		int64_t *t = to;

		for (int64_t i = 0; i < n; i++)
			t[i * to_stride] = f[i * from_stride];
	}
}

mmn_status
mmn_copy_run(const mmn_copy *c, mmn_element element, const void *from, void *to,
			 mmn_run *run)
{
	int64_t index[MMN_SHAPE_MAX] = {0};
	int64_t size = (int64_t)mmn_element_size(element);
	int64_t at_from = 0, at_to = 0;
	int last = c->ndim - 1;

	for (;;)
	{
		int64_t n = last >= 0 ? c->dims[last] : 1;
		mmn_status status = mmn_run_spend(run, (size_t)n + 8);
		int d;

		if (status != MMN_OK)
			return status;
		copy_row(element, (const uint8_t *)from + at_from * size,
				 last >= 0 ? c->from[last] : 1, (uint8_t *)to + at_to * size,
				 last >= 0 ? c->to[last] : 1, n);
		for (d = last - 1; d >= 0; d--)
		{
			at_from += c->from[d];
			at_to += c->to[d];
			if (++index[d] < c->dims[d])
				break;
			at_from -= index[d] * c->from[d];
			at_to -= index[d] * c->to[d];
			index[d] = 0;
		}
		if (d < 0)
			return MMN_OK;
	}
}
