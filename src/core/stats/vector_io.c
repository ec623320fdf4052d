#include "stats/vector_io.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define HEADER 4

static mmn_status
check_dim(size_t dim, mmn_error *err)
{
	if (dim < 1)
		return mmn_fail(err, MMN_BAD_DATA,
						"an embedding has at least 1 dimension");
	if (dim > MMN_VECTOR_MAX_DIM)
		return mmn_fail(err, MMN_LIMIT,
						"an embedding has no more than %d dimensions",
						MMN_VECTOR_MAX_DIM);
	return MMN_OK;
}

static mmn_status
check_element(float v, mmn_error *err)
{
	if (!isfinite(v))
		return mmn_fail(err, MMN_BAD_DATA,
						"elements of an embedding are finite");
	return MMN_OK;
}

mmn_status
mmn_vector_binary_parse(const void *data, size_t length, int *dim,
						const uint8_t **elements, mmn_error *err)
{
	const uint8_t *p = data;
	mmn_status status;

	if (length < HEADER)
		return mmn_fail(err, MMN_BAD_DATA,
						"%zu bytes are too few for its header", length);
	*dim = mmn_load_u16be(p);
	status = check_dim((size_t)*dim, err);
	if (status != MMN_OK)
		return status;
	if (mmn_load_u16be(p + 2) != 0)
		return mmn_fail(err, MMN_BAD_DATA, "bytes 3 and 4 must be zero");
	if (length - HEADER != (size_t)*dim * sizeof(float))
		return mmn_fail(err, MMN_BAD_DATA,
						"%d elements take %zu bytes, but %zu follow", *dim,
						(size_t)*dim * sizeof(float), length - HEADER);
	*elements = p + HEADER;
	return MMN_OK;
}

mmn_status
mmn_vector_binary_elements(const uint8_t *elements, int dim, float *out,
						   mmn_error *err)
{
	for (int i = 0; i < dim; i++)
	{
		uint32_t bits = mmn_load_u32be(elements + 4 * (size_t)i);

		memcpy(&out[i], &bits, sizeof bits);
		if (check_element(out[i], err) != MMN_OK)
			return MMN_BAD_DATA;
	}
	return MMN_OK;
}

static const char *
skip_space(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

mmn_status
mmn_vector_text_parse(const char *text, int *dim, const char **elements,
					  mmn_error *err)
{
	const char *s = skip_space(text);
	size_t count = 1;
	mmn_status status;

	if (*s++ != '[')
		return mmn_fail(err, MMN_SYNTAX, "expected \"[\" at the start");
	if (*skip_space(s) == ']')
		count = 0;
	else
		for (const char *p = s; *p && count <= MMN_VECTOR_MAX_DIM; p++)
			count += *p == ',';
	status = check_dim(count, err);
	if (status != MMN_OK)
		return status;
	*dim = (int)count;
	*elements = s;
	return MMN_OK;
}

mmn_status
mmn_vector_text_elements(const char *elements, int dim, float *out,
						 mmn_error *err)
{
	static const char between[] = "expected \",\" or \"]\" after a number";
	const char *s = elements;

	for (int i = 0; i < dim; i++)
	{
		char *end;

		if (i > 0 && *s++ != ',')
			return mmn_fail(err, MMN_SYNTAX, "%s", between);
		out[i] = strtof(s, &end);
		if (end == s)
			return mmn_fail(err, MMN_SYNTAX, "expected a number");
		if (check_element(out[i], err) != MMN_OK)
			return MMN_BAD_DATA;
		s = skip_space(end);
	}
	if (*s++ != ']')
		return mmn_fail(err, MMN_SYNTAX, "%s", between);
	if (*skip_space(s) != '\0')
		return mmn_fail(err, MMN_SYNTAX, "text goes on after \"]\"");
	return MMN_OK;
}
