/* stats/vector: distances against plain sums in double; the forms of a vector */

#include <stdlib.h>

#include "stats/vector.h"
#include "stats/vector_io.h"
#include "tap.h"

static float
noise(unsigned *state)
{
	*state = *state * 1664525 + 1013904223;
	return (float)(int)(*state >> 8) / 8388608 - 1;
}

/* The forms in which a vector travels. */
static void
check_forms(void)
{
	static const struct
	{
		const char *text;
		mmn_status status;
	} texts[] = {
		{"[1]", MMN_OK},
		{" [ 1 ,\t-2.5e0 , 0x1p3 ] \n", MMN_OK},
		{"[1e-46]", MMN_OK},
		{"", MMN_SYNTAX},
		{"1,2]", MMN_SYNTAX},
		{"[1", MMN_SYNTAX},
		{"[1,", MMN_SYNTAX},
		{"[1,]", MMN_SYNTAX},
		{"[1 2]", MMN_SYNTAX},
		{"[1],", MMN_SYNTAX},
		{"[1]]", MMN_SYNTAX},
		{"[ ]", MMN_BAD_DATA},
		{"[nan]", MMN_BAD_DATA},
		{"[1,-inf]", MMN_BAD_DATA},
		{"[1e39]", MMN_BAD_DATA},
	};
	static const struct
	{
		uint8_t bytes[12];
		size_t length;
		mmn_status status;
	} forms[] = {
		{{0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, 12, MMN_OK},
		{{0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, 11, MMN_BAD_DATA},
		{{0, 1, 0, 0, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, 12, MMN_BAD_DATA},
		{{0, 2, 0}, 3, MMN_BAD_DATA},
		{{0, 0, 0, 0}, 4, MMN_BAD_DATA},
		{{0x3e, 0x81, 0, 0}, 4, MMN_LIMIT},
		{{0xff, 0xff, 0, 0}, 4, MMN_LIMIT},
		{{0, 1, 1, 0, 0x3f, 0x80, 0, 0}, 8, MMN_BAD_DATA},
		{{0, 1, 0, 0, 0x7f, 0x80, 0, 0}, 8, MMN_BAD_DATA},
		{{0, 1, 0, 0, 0x7f, 0xc0, 0, 1}, 8, MMN_BAD_DATA},
	};
	char *many = malloc(2 * (MMN_VECTOR_MAX_DIM + 1) + 2);
	float *x = malloc(MMN_VECTOR_MAX_DIM * sizeof *x);
	const uint8_t *elements;
	const char *first;
	mmn_status status;
	int dim;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
	{
		status = mmn_vector_text_parse(texts[i].text, &dim, &first, NULL);
		if (status == MMN_OK)
			status = mmn_vector_text_elements(first, dim, x, NULL);
		is_int(status, texts[i].status, "text %zu", i);
	}
	mmn_vector_text_parse(texts[1].text, &dim, &first, NULL);
	mmn_vector_text_elements(first, dim, x, NULL);
	ok(dim == 3 && x[0] == 1 && x[1] == -2.5f && x[2] == 8, "its elements");
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
	{
		status = mmn_vector_binary_parse(forms[i].bytes, forms[i].length, &dim,
										 &elements, NULL);
		if (status == MMN_OK)
			status = mmn_vector_binary_elements(elements, dim, x, NULL);
		is_int(status, forms[i].status, "binary form %zu", i);
	}
	mmn_vector_binary_parse(forms[0].bytes, 12, &dim, &elements, NULL);
	mmn_vector_binary_elements(elements, dim, x, NULL);
	ok(dim == 2 && x[0] == 1 && x[1] == -2, "its elements");

	many[0] = '[';
	for (int i = 0; i < MMN_VECTOR_MAX_DIM + 1; i++)
		memcpy(many + 1 + 2 * i, "1,", 2);
	strcpy(many + 2 * (MMN_VECTOR_MAX_DIM + 1), "]");
	is_int(mmn_vector_text_parse(many, &dim, &first, NULL), MMN_LIMIT,
		   "no more dimensions than there may be");
	strcpy(many + 2 * MMN_VECTOR_MAX_DIM, "]");
	ok(mmn_vector_text_parse(many, &dim, &first, NULL) == MMN_OK &&
		   mmn_vector_text_elements(first, dim, x, NULL) == MMN_OK &&
		   dim == MMN_VECTOR_MAX_DIM,
	   "but so many");
	free(many);
	free(x);
}

int
main(void)
{
	static const size_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 100, 512, 16000};
	float *a = malloc(16001 * sizeof *a), *b = malloc(16001 * sizeof *b);
	unsigned state = 1;

	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
	{
		size_t n = sizes[k];
		double dot = 0, square = 0, aa = 0, bb = 0, scale;
		/* an odd address: loads must not ask for alignment */
		float *x = a + k % 2, *y = b + (k + 1) % 2;

		for (size_t i = 0; i < n; i++)
		{
			x[i] = noise(&state);
			y[i] = noise(&state);
			dot += (double)x[i] * y[i];
			square += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
			aa += (double)x[i] * x[i];
			bb += (double)y[i] * y[i];
		}
		scale = 1e-6 * sqrt(aa * bb);
		is_near(mmn_vector_dot(x, y, n), dot, scale, "inner product, n=%zu", n);
		is_near(mmn_vector_distance_squared(x, y, n), square, 1e-6 * square,
				"squared distance, n=%zu", n);
		is_near(mmn_vector_norm(x, n), sqrt(aa), 1e-12, "norm, n=%zu", n);
		is_near(mmn_vector_cosine_distance(x, y, n), 1 - dot / sqrt(aa * bb),
				1e-6, "cosine distance, n=%zu", n);
		ok(mmn_vector_cosine_distance(x, x, n) >= 0,
		   "not below 0 to itself, n=%zu", n);
		ok(mmn_vector_distance_squared(x, x, n) == 0, "0 to itself, n=%zu", n);
	}
	b[0] = b[1] = 0;
	ok(isnan(mmn_vector_cosine_distance(a, b, 2)),
	   "no angle to a vector that is zero");
	free(a);
	free(b);
	check_forms();
	return done_testing();
}
