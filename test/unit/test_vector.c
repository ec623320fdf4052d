/* stats/vector: distances against plain sums in double */

#include <stdlib.h>

#include "stats/vector.h"
#include "tap.h"

static float
noise(unsigned *state)
{
	*state = *state * 1664525 + 1013904223;
	return (float)(int)(*state >> 8) / 8388608 - 1;
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
	return done_testing();
}
