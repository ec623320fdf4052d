/*
 * What a client can send as type embedding, in both forms.  What is accepted
 * is finite, is written as it was read, and has distances.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "stats/vector.h"
#include "stats/vector_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
use(const float *x, int dim)
{
	double norm = mmn_vector_norm(x, (size_t)dim);

	check(dim >= 1 && dim <= MMN_VECTOR_MAX_DIM);
	for (int i = 0; i < dim; i++)
		check(isfinite(x[i]));
	check(norm >= 0 && mmn_vector_distance_squared(x, x, (size_t)dim) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *elements;
	const char *first;
	mmn_error err;
	int dim;
	float *x;
	char *text;

	if (mmn_vector_binary_parse(data, size, &dim, &elements, &err) == MMN_OK)
	{
		/* exact sizes: one byte beyond is an error */
		x = malloc((size_t)dim * sizeof *x);
		if (mmn_vector_binary_elements(elements, dim, x, &err) == MMN_OK)
		{
			use(x, dim);
			for (int i = 0; i < dim; i++)
			{
				uint32_t bits = mmn_load_u32be(data + 4 + 4 * (size_t)i);

				check(memcmp(&x[i], &bits, sizeof bits) == 0);
			}
		}
		free(x);
	}

	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	if (mmn_vector_text_parse(text, &dim, &first, &err) == MMN_OK)
	{
		x = malloc((size_t)dim * sizeof *x);
		if (mmn_vector_text_elements(first, dim, x, &err) == MMN_OK)
			use(x, dim);
		free(x);
	}
	free(text);
	return 0;
}
