#include "nn/broadcast.h"

bool
mmn_broadcast_join(mmn_shape *out, const mmn_shape *in)
{
	mmn_shape joined = {out->ndim > in->ndim ? out->ndim : in->ndim, {0}};

	for (int i = 1; i <= joined.ndim; i++)
	{
		int64_t a = i <= out->ndim ? out->dims[out->ndim - i] : 1;
		int64_t b = i <= in->ndim ? in->dims[in->ndim - i] : 1;

		if (a != b && a != 1 && b != 1)
			return false;
		joined.dims[joined.ndim - i] = a == 1 ? b : a;
	}
	*out = joined;
	return true;
}

void
mmn_broadcast_strides(const mmn_shape *in, const mmn_shape *out,
					  int64_t *strides)
{
	int64_t at = 1;

	for (int i = 1; i <= out->ndim; i++)
	{
		int64_t n = i <= in->ndim ? in->dims[in->ndim - i] : 1;

		strides[out->ndim - i] = n == 1 ? 0 : at;
		at *= n;
	}
}

int64_t
mmn_broadcast_row(const mmn_shape *out, const int64_t *strides, int64_t row)
{
	int64_t at = 0;

	for (int d = out->ndim - 2; d >= 0; d--)
	{
		at += row % out->dims[d] * strides[d];
		row /= out->dims[d];
	}
	return at;
}
