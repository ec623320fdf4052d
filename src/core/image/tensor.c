#include "image/tensor.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

static const struct
{
	const char *name;
	size_t size;
	uint64_t nan; /* the quiet NaN without payload; 0 for integers */
} dtypes[] = {
	[MMN_DTYPE_UINT8] = {"uint8", 1, 0},
	[MMN_DTYPE_INT8] = {"int8", 1, 0},
	[MMN_DTYPE_UINT16] = {"uint16", 2, 0},
	[MMN_DTYPE_INT16] = {"int16", 2, 0},
	[MMN_DTYPE_INT32] = {"int32", 4, 0},
	[MMN_DTYPE_INT64] = {"int64", 8, 0},
	[MMN_DTYPE_FLOAT16] = {"float16", 2, 0x7e00},
	[MMN_DTYPE_FLOAT32] = {"float32", 4, 0x7fc00000},
	[MMN_DTYPE_FLOAT64] = {"float64", 8, 0x7ff8000000000000},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

size_t
mmn_dtype_size(uint8_t dtype)
{
	return dtype < COUNT(dtypes) ? dtypes[dtype].size : 0;
}

const char *
mmn_dtype_name(uint8_t dtype)
{
	return dtype < COUNT(dtypes) ? dtypes[dtype].name : NULL;
}

bool
mmn_dtype_parse(const char *name, uint8_t *out)
{
	for (uint8_t i = MMN_DTYPE_UINT8; i < COUNT(dtypes); i++)
		if (strcmp(name, dtypes[i].name) == 0)
		{
			*out = i;
			return true;
		}
	return false;
}

uint64_t
mmn_dtype_nan(uint8_t dtype)
{
	return dtype < COUNT(dtypes) ? dtypes[dtype].nan : 0;
}

mmn_status
mmn_tensor_check(const mmn_tensor *tensor, size_t max_bytes, size_t *data_bytes,
				 mmn_error *err)
{
	size_t bytes = mmn_dtype_size(tensor->dtype);
	bool empty = false;

	if (bytes == 0)
		return mmn_fail(err, MMN_BAD_DATA, "unknown element type %d",
						tensor->dtype);
	if (tensor->ndim > MMN_TENSOR_MAX_DIMS)
		return mmn_fail(err, MMN_LIMIT,
						"%d dimensions are more than the limit of %d",
						tensor->ndim, MMN_TENSOR_MAX_DIMS);
	for (int i = 0; i < tensor->ndim; i++)
	{
		if (tensor->dims[i] < 0)
			return mmn_fail(err, MMN_BAD_DATA, "dimension %d is negative",
							i + 1);
		if (tensor->dims[i] == 0)
			empty = true;
		/* the others must be sane even when one of them is 0 */
		else if (!mmn_mul_size(bytes, (size_t)tensor->dims[i], &bytes) ||
				 bytes > max_bytes)
			return mmn_fail(err, MMN_LIMIT,
							"elements exceed the limit of %zu bytes",
							max_bytes);
	}
	*data_bytes = empty ? 0 : bytes;
	return MMN_OK;
}

double
mmn_half_to_double(uint16_t half)
{
	int exponent = half >> 10 & 0x1f;
	double mantissa = half & 0x3ff;
	double v;

	if (exponent == 0x1f)
		v = mantissa != 0 ? NAN : INFINITY;
	else if (exponent == 0)
		v = ldexp(mantissa, -24);
	else
		v = ldexp(mantissa + 1024, exponent - 25);
	return half & 0x8000 ? -v : v;
}

uint16_t
mmn_half_from_double(double v)
{
	uint16_t sign = signbit(v) ? 0x8000 : 0;
	double a = fabs(v);
	int exponent;
	unsigned mantissa;

	if (isnan(v))
		return sign | 0x7e00;
	if (a >= 65520) /* halfway between the largest and what would follow */
		return sign | 0x7c00;
	if (a < ldexp(1, -14))
		return sign | (uint16_t)nearbyint(ldexp(a, 24));
	frexp(a, &exponent); /* a = [0.5, 1) * 2^exponent */
	mantissa = (unsigned)nearbyint(ldexp(a, 11 - exponent)); /* 1024..2048 */
	/* a carry to 2048 moves into the exponent by itself */
	return sign | (uint16_t)(((unsigned)(exponent + 13) << 10) + mantissa);
}

double
mmn_tensor_element(const mmn_tensor *tensor, size_t i)
{
	const uint8_t *p =
		(const uint8_t *)tensor->data + i * mmn_dtype_size(tensor->dtype);
	uint64_t bits;
	double d;
	float f;

	switch (tensor->dtype)
	{
		case MMN_DTYPE_UINT8:
			return *p;
		case MMN_DTYPE_INT8:
			return (int8_t)*p;
		case MMN_DTYPE_UINT16:
			return mmn_load_u16le(p);
		case MMN_DTYPE_INT16:
			return (int16_t)mmn_load_u16le(p);
		case MMN_DTYPE_INT32:
			return (int32_t)mmn_load_u32le(p);
		case MMN_DTYPE_INT64:
			return (double)(int64_t)mmn_load_u64le(p);
		case MMN_DTYPE_FLOAT16:
			return mmn_half_to_double(mmn_load_u16le(p));
		case MMN_DTYPE_FLOAT32:
			bits = mmn_load_u32le(p);
			memcpy(&f, &(uint32_t){(uint32_t)bits}, sizeof f);
			return f;
		default:
			bits = mmn_load_u64le(p);
			memcpy(&d, &bits, sizeof d);
			return d;
	}
}
