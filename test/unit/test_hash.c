/* image/hash: SHA-256 of content, perceptual hash */

#include <stdint.h>
#include <stdlib.h>

#include "image/hash.h"
#include "image/resize.h"
#include "tap.h"

static mmn_error err;

static int
stop(void *ctx)
{
	(void)ctx;
	return 1;
}

static void
test_content(void)
{
	/* printf '\2\0\0\0\1\0\0\0\1\3\0\0\030\374\050\0' | sha256sum */
	static const char want[] =
		"e57b5e285325f64adc3b6ab1ffa829f2cd91ca2d2eeaf239805834db3a8de462";
	int16_t v[2] = {-1000, 40};
	mmn_image a = {.width = 2,
				   .height = 1,
				   .channels = 1,
				   .sample_type = MMN_I16,
				   .samples = v};
	mmn_env stopping = mmn_env_default;
	uint8_t hash[32], other[32];
	char hex[65];

	is_int(mmn_image_content_hash(&a, hash, &err), MMN_OK, "content hash");
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	is_str(hex, want, "is SHA-256 of geometry and samples");

	a.unit = MMN_UNIT_HU;
	a.spacing_row = a.spacing_column = 1;
	a.window_width = 1;
	mmn_image_content_hash(&a, other, &err);
	ok(memcmp(hash, other, 32) == 0, "what is said of samples does not count");
	a.sample_type = MMN_U16;
	mmn_image_content_hash(&a, other, &err);
	ok(memcmp(hash, other, 32) != 0, "their type does");
	a.sample_type = MMN_I16;
	a.width = 1;
	a.height = 2;
	mmn_image_content_hash(&a, other, &err);
	ok(memcmp(hash, other, 32) != 0, "their geometry does");
	v[1]++;
	a.width = 2;
	a.height = 1;
	mmn_image_content_hash(&a, other, &err);
	ok(memcmp(hash, other, 32) != 0, "they do");
	stopping.poll = stop;
	is_int(mmn_image_content_hash_env(&stopping, &a, other, &err),
		   MMN_CANCELED, "hashing is interruptible");
	a.channels = 2;
	is_int(mmn_image_content_hash(&a, other, &err), MMN_BAD_DATA,
		   "a bad header is refused");
}

static uint64_t
phash(const mmn_image *image)
{
	uint64_t hash = 0;

	if (mmn_image_phash(&mmn_env_default, image, &hash, &err) != MMN_OK)
		ok(0, "phash: %s", err.text);
	return hash;
}

/* Something with shape: bright and dark blobs. */
static void
paint(mmn_image *image, uint32_t side, int kind)
{
	uint8_t *v = malloc((size_t)side * side * 3);

	*image = (mmn_image){.width = side,
						 .height = side,
						 .channels = 1,
						 .sample_type = MMN_U8,
						 .samples = v};
	for (uint32_t y = 0; y < side; y++)
		for (uint32_t x = 0; x < side; x++)
		{
			double a = (x + 0.5) / side, b = (y + 0.5) / side;
			double s = kind ? sin(5 * a * a + 3 * b) + cos(9 * a * b)
							: cos(7 * a) + sin(6 * b * b - 2 * a);

			v[y * side + x] = (uint8_t)(128 + 50 * s);
		}
}

static void
test_perceptual(void)
{
	mmn_image a, b, small, colour;
	mmn_env stopping = mmn_env_default;
	uint64_t hash;
	uint8_t *v;
	int ones;

	paint(&a, 300, 0);
	paint(&b, 300, 1);
	hash = phash(&a);
	ones = __builtin_popcountll(hash);
	ok(hash >> 63 == 0, "the first bit is 0");
	ok(ones >= 28 && ones <= 32, "about half of the others are set");
	ok(__builtin_popcountll(hash ^ phash(&b)) > 12,
	   "another image is far away");

	mmn_image_resize(&mmn_env_default, &a, 111, 150, &small, &err);
	ok(__builtin_popcountll(hash ^ phash(&small)) <= 4,
	   "the same in another size is near");
	free(small.samples);

	v = a.samples;
	for (int i = 0; i < 300 * 300; i++)
		v[i] = (uint8_t)(v[i] / 2 + 20);
	ok(__builtin_popcountll(hash ^ phash(&a)) <= 4,
	   "the same, darker and with less contrast, is near");

	colour = a;
	colour.channels = 3;
	for (int i = 300 * 300 - 1; i >= 0; i--)
		v[3 * i] = v[3 * i + 1] = v[3 * i + 2] = v[i];
	ok(__builtin_popcountll(hash ^ phash(&colour)) <= 4,
	   "the same as gray in colour is near");

	memset(v, 77, 300 * 300);
	is_int((long long)phash(&a), 0, "an even image hashes to 0");
	stopping.poll = stop;
	is_int(mmn_image_phash(&stopping, &a, &hash, &err), MMN_CANCELED,
		   "perceptual hashing is interruptible");
	free(a.samples);
	free(b.samples);
}

int
main(void)
{
	test_content();
	test_perceptual();
	return done_testing();
}
