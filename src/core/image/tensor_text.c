#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/tensor.h"

/*
 * The text form of a tensor; tensor.h shows it.  Spaces may stand between
 * any two parts.
 */

/* Elements between two polls: about a millisecond of strtod. */
#define POLL_ELEMENTS 8192

static const char *
skip_space(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static mmn_status
read_dims(const char **text, mmn_tensor *out, mmn_error *err)
{
	const char *s = skip_space(*text + 1);

	while (*s != ']')
	{
		int64_t v = 0;

		if (!isdigit((unsigned char)*s))
			return mmn_fail(err, MMN_SYNTAX,
							"expected a dimension or \"]\" after \"[\"");
		if (out->ndim == MMN_TENSOR_MAX_DIMS)
			return mmn_fail(err, MMN_LIMIT,
							"more dimensions than the limit of %d",
							MMN_TENSOR_MAX_DIMS);
		while (isdigit((unsigned char)*s) && v <= INT32_MAX)
			v = v * 10 + (*s++ - '0');
		if (v > INT32_MAX)
			return mmn_fail(err, MMN_LIMIT, "dimension %d is too large",
							out->ndim + 1);
		out->dims[out->ndim++] = (int32_t)v;
		s = skip_space(s);
		if (*s == ',')
		{
			s = skip_space(s + 1);
			if (*s == ']')
				return mmn_fail(err, MMN_SYNTAX,
								"expected a dimension after \",\"");
		}
		else if (*s != ']')
			return mmn_fail(err, MMN_SYNTAX,
							"expected \",\" or \"]\" after a dimension");
	}
	*text = s + 1;
	return MMN_OK;
}

mmn_status
mmn_tensor_text_parse(const char *text, size_t max_bytes, mmn_tensor *out,
					  const char **elements, size_t *data_bytes, mmn_error *err)
{
	const char *s = skip_space(text);
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789");
	char name[16] = "";
	mmn_status status;

	memset(out, 0, sizeof *out);
	if (n < sizeof name)
		memcpy(name, s, n);
	if (!mmn_dtype_parse(name, &out->dtype))
		return mmn_fail(err, MMN_SYNTAX,
						"expected an element type: uint8, int8, uint16, int16, "
						"int32, int64, float16, float32 or float64");
	s = skip_space(s + n);
	if (*s != '[')
		return mmn_fail(err, MMN_SYNTAX,
						"expected \"[\" after the element type");
	status = read_dims(&s, out, err);
	if (status != MMN_OK)
		return status;
	s = skip_space(s);
	if (*s != '{')
		return mmn_fail(err, MMN_SYNTAX, "expected \"{\" after the dimensions");
	*elements = s + 1;
	return mmn_tensor_check(out, max_bytes, data_bytes, err);
}

static mmn_status
read_integer(const char **text, uint8_t dtype, void *out, mmn_error *err)
{
	static const struct
	{
		int64_t min, max;
	} range[] = {
		[MMN_DTYPE_UINT8] = {0, UINT8_MAX},
		[MMN_DTYPE_INT8] = {INT8_MIN, INT8_MAX},
		[MMN_DTYPE_UINT16] = {0, UINT16_MAX},
		[MMN_DTYPE_INT16] = {INT16_MIN, INT16_MAX},
		[MMN_DTYPE_INT32] = {INT32_MIN, INT32_MAX},
		[MMN_DTYPE_INT64] = {INT64_MIN, INT64_MAX},
	};
	char *end;
	long long v;
	uint8_t bytes[8];

	errno = 0;
	v = strtoll(*text, &end, 10);
	if (end == *text)
		return mmn_fail(err, MMN_SYNTAX, "expected an integer");
	if (errno == ERANGE || v < range[dtype].min || v > range[dtype].max)
		return mmn_fail(err, MMN_SYNTAX, "value is out of range for %s",
						mmn_dtype_name(dtype));
	mmn_store_u64le(bytes, (uint64_t)v);
	memcpy(out, bytes, mmn_dtype_size(dtype));
	*text = end;
	return MMN_OK;
}

/* "(0x7fc00001)": the bits of a NaN. */
static mmn_status
read_nan_bits(const char **text, uint8_t dtype, void *out, mmn_error *err)
{
	static const uint64_t infinity[] = {
		[MMN_DTYPE_FLOAT16] = 0x7c00,
		[MMN_DTYPE_FLOAT32] = 0x7f800000,
		[MMN_DTYPE_FLOAT64] = 0x7ff0000000000000,
	};
	size_t size = mmn_dtype_size(dtype);
	uint64_t sign = (uint64_t)1 << (8 * size - 1);
	uint8_t bytes[8];
	uint64_t bits;
	char *end;

	if (!isxdigit((unsigned char)(*text)[1]))
		return mmn_fail(err, MMN_SYNTAX, "expected the bits of a NaN");
	errno = 0;
	bits = strtoull(*text + 1, &end, 16);
	if (errno == ERANGE || *end != ')' || (size < 8 && bits >> (8 * size)) ||
		(bits & ~sign) <= infinity[dtype])
		return mmn_fail(err, MMN_SYNTAX, "expected the bits of a NaN");
	mmn_store_u64le(bytes, bits);
	memcpy(out, bytes, size);
	*text = end + 1;
	return MMN_OK;
}

static mmn_status
read_float(const char **text, uint8_t dtype, void *out, mmn_error *err)
{
	const char *s = *text;
	uint8_t bytes[8];
	uint64_t bits;
	char *end;
	double d;
	float f = 0;

	if (strncmp(s, "NaN", 3) == 0)
	{
		s += 3;
		if (*s == '(')
		{
			*text = s;
			return read_nan_bits(text, dtype, out, err);
		}
		mmn_store_u64le(bytes, mmn_dtype_nan(dtype));
		memcpy(out, bytes, mmn_dtype_size(dtype));
		*text = s;
		return MMN_OK;
	}
	/* straight to float: by way of double it would be rounded twice */
	if (dtype == MMN_DTYPE_FLOAT32)
		d = f = strtof(s, &end);
	else
		d = strtod(s, &end);
	if (end == s || isnan(d))
		return mmn_fail(err, MMN_SYNTAX, "expected a number");
	/* an infinity that was not spelt as one */
	if (isinf(d) && !strchr("iI", s[strspn(s, "+-")]))
		return mmn_fail(err, MMN_SYNTAX, "value is out of range for %s",
						mmn_dtype_name(dtype));
	if (dtype == MMN_DTYPE_FLOAT16)
	{
		bits = mmn_half_from_double(d);
		if ((bits & 0x7fff) == 0x7c00 && !isinf(d))
			return mmn_fail(err, MMN_SYNTAX, "value is out of range for %s",
							mmn_dtype_name(dtype));
	}
	else if (dtype == MMN_DTYPE_FLOAT32)
	{
		uint32_t bits32;

		memcpy(&bits32, &f, sizeof f);
		bits = bits32;
	}
	else
		memcpy(&bits, &d, sizeof d);
	mmn_store_u64le(bytes, bits);
	memcpy(out, bytes, mmn_dtype_size(dtype));
	*text = end;
	return MMN_OK;
}

mmn_status
mmn_tensor_text_elements(const mmn_env *env, const mmn_tensor *tensor,
						 const char *elements, mmn_error *err)
{
	size_t size = mmn_dtype_size(tensor->dtype);
	bool real = mmn_dtype_nan(tensor->dtype) != 0;
	uint8_t *out = tensor->data;
	const char *s = elements;
	size_t count = 1;

	for (int i = 0; i < tensor->ndim; i++)
		count *= (size_t)tensor->dims[i];
	for (size_t i = 0; i < count; i++, out += size)
	{
		mmn_status status = MMN_OK;

		s = skip_space(s);
		if (i > 0)
		{
			if (*s == '}')
				return mmn_fail(err, MMN_SYNTAX,
								"%zu elements are needed, the text has %zu",
								count, i);
			if (*s++ != ',')
				return mmn_fail(err, MMN_SYNTAX,
								"expected \",\" or \"}\" after element %zu", i);
			s = skip_space(s);
		}
		if (i % POLL_ELEMENTS == 0)
			status = mmn_poll(env, err);
		if (status == MMN_OK)
			status = real ? read_float(&s, tensor->dtype, out, err)
						  : read_integer(&s, tensor->dtype, out, err);
		if (status != MMN_OK)
			return status;
	}
	s = skip_space(s);
	if (*s != '}')
		return mmn_fail(err, MMN_SYNTAX, "expected \"}\" after %zu elements",
						count);
	if (*skip_space(s + 1) != '\0')
		return mmn_fail(err, MMN_SYNTAX, "text goes on after \"}\"");
	return MMN_OK;
}
