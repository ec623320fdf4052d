/* finish: from a rendition to the image served, augmented or not */

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "sample/deal.h"
#include "sample/finish.h"
#include "tap.h"

static mmn_fit
fit_of(uint32_t width, uint32_t height, uint8_t channels, uint8_t dtype)
{
	return (mmn_fit){.width = width,
					 .height = height,
					 .channels = channels,
					 .dtype = dtype};
}

/* A rendition of bytes through a finish. */
static void
finish_bytes(const mmn_finish *finish, const mmn_fit *fit, uint64_t key,
			 const uint8_t *in, void *out)
{
	uint8_t rendition[4096];
	mmn_error err;

	memcpy(rendition, in, (size_t)fit->width * fit->height * fit->channels);
	mmn_finish_image(&mmn_env_default, finish, fit, key, rendition, out, &err);
}

static void
test_values(void)
{
	const uint8_t in[] = {0, 51, 102, 153, 204, 255};
	mmn_fit fit = fit_of(3, 1, 2, MMN_DTYPE_UINT8);
	mmn_finish finish = {.dtype = MMN_DTYPE_FLOAT32};
	float f[8], g[8];
	uint8_t out[32];
	mmn_error err;

	finish_bytes(&finish, &fit, 0, in, f);
	ok(f[0] == 0 && f[5] == 255, "0..255 as float32");
	finish.normalised = true;
	finish.mean[0] = 51;
	finish.std[0] = 51;
	finish.mean[1] = 0;
	finish.std[1] = 3;
	finish_bytes(&finish, &fit, 0, in, f);
	ok(f[0] == -1 && f[1] == 0 && f[2] == 1 && f[3] == 51 && f[5] == 85,
	   "normalised channel by channel");
	fit.channels_last = true;
	finish_bytes(&finish, &fit, 0, in, f);
	ok(f[0] == -1 && f[1] == 17 && f[2] == 1 && f[3] == 51,
	   "with the channels last too");
	finish.dtype = MMN_DTYPE_FLOAT16;
	finish_bytes(&finish, &fit, 0, in, out);
	ok(mmn_half_to_double(mmn_load_u16le(out)) == -1 &&
		   mmn_half_to_double(mmn_load_u16le(out + 2)) == 17,
	   "and as float16");
	finish.normalised = false;
	finish.dtype = MMN_DTYPE_UINT16;
	finish_bytes(&finish, &fit, 0, in, out);
	is_int(mmn_load_u16le(out + 10), 255, "and as uint16");

	fit = fit_of(2, 1, 1, MMN_DTYPE_FLOAT32);
	finish = (mmn_finish){.dtype = MMN_DTYPE_FLOAT32,
						  .normalised = true,
						  .mean = {-1000},
						  .std = {2}};
	f[0] = -1000;
	f[1] = 5;
	mmn_finish_image(&mmn_env_default, &finish, &fit, 0, f, g, &err);
	ok(g[0] == 0 && g[1] == 502.5f, "stored values are normalised");
	ok(mmn_finish_is_copy(&(mmn_finish){.dtype = MMN_DTYPE_FLOAT32}, &fit) &&
		   !mmn_finish_is_copy(&finish, &fit),
	   "what is not, is served as it is");
	is_int(mmn_finish_rendition_dtype(MMN_DTYPE_FLOAT16, false, true),
		   MMN_DTYPE_FLOAT32, "renditions are not rounded before that");
}

/* An image whose samples are all different. */
static void
test_warp(uint8_t dtype, bool channels_last)
{
	mmn_fit fit = fit_of(6, 4, 3, dtype);
	mmn_finish finish = {.dtype = dtype, .augment = {.flip_horizontal = true}};
	size_t size = mmn_dtype_size(dtype), bytes = 72 * size;
	uint8_t in[288], rendition[288], out[288], again[288];
	int as_is = 0, mirrored = 0, other = 0, same = 0, inside = 0;
	mmn_error err;

	fit.channels_last = channels_last;
	for (size_t i = 0; i < bytes; i++)
		in[i] = (uint8_t)(i * 3 % 60); /* no NaN, nothing large */
	for (uint64_t key = 0; key < 200; key++)
	{
		size_t differ = 0, pixel = channels_last ? 3 : 1;
		size_t channel = channels_last ? 1 : 24;

		memcpy(rendition, in, bytes);
		mmn_finish_image(&mmn_env_default, &finish, &fit, key, rendition, out,
						 &err);
		for (size_t y = 0; y < 4; y++)
			for (size_t x = 0; x < 6; x++)
				for (size_t c = 0; c < 3; c++)
					differ += memcmp(
						out + ((y * 6 + x) * pixel + c * channel) * size,
						in + ((y * 6 + 5 - x) * pixel + c * channel) * size,
						size) != 0;
		if (memcmp(in, out, bytes) == 0)
			as_is++;
		else if (differ == 0)
			mirrored++;
		else
			other++;
	}
	ok(other == 0 && as_is > 70 && mirrored > 70,
	   "%s%s: half of the images are mirrored, to the bit",
	   mmn_dtype_name(dtype), channels_last ? ", channels last" : "");

	finish.augment = (mmn_augment){
		.rotate = 30, .crop = 0.4, .flip_horizontal = true, .flip_vertical = true};
	for (uint64_t key = 0; key < 200; key++)
	{
		mmn_tensor tensor = {.dtype = dtype, .data = out};
		mmn_tensor first = {.dtype = dtype, .data = in};
		double low = INFINITY, high = -INFINITY;
		int out_of_range = 0;

		for (int round = 0; round < 2; round++)
		{
			memcpy(rendition, in, bytes);
			mmn_finish_image(&mmn_env_default, &finish, &fit, key, rendition,
							 round ? again : out, &err);
		}
		same += memcmp(out, again, bytes) == 0;
		for (size_t i = 0; i < 72; i++)
		{
			low = fmin(low, mmn_tensor_element(&first, i));
			high = fmax(high, mmn_tensor_element(&first, i));
		}
		for (size_t i = 0; i < 72; i++)
			out_of_range += !(mmn_tensor_element(&tensor, i) >= low &&
							  mmn_tensor_element(&tensor, i) <= high);
		inside += out_of_range == 0;
	}
	ok(same == 200 && inside == 200,
	   "%s: turned and cropped, the same again, within the values there are",
	   mmn_dtype_name(dtype));
}

/* A quarter turn and a half turn are where they should be. */
static void
test_turn(void)
{
	mmn_fit fit = fit_of(101, 101, 1, MMN_DTYPE_FLOAT32);
	mmn_augment augment = {.rotate = 90};
	size_t n = 101 * 101;
	float *in = malloc(n * 4), *out = malloc(n * 4);
	double worst = 0, spread = 0, before = 0, after = 0;
	mmn_error err;

	/* a blob off the centre keeps its distance from it, and its mass */
	for (int i = 0; i < (int)n; i++)
	{
		double x = i % 101 - 50 - 20, y = i / 101 - 50;

		in[i] = (float)exp(-(x * x + y * y) / 50);
		before += in[i];
	}
	for (uint64_t key = 0; key < 30; key++)
	{
		double mass = 0, cx = 0, cy = 0;

		mmn_augment_warp(&mmn_env_default, &augment, &fit, key, in, out, &err);
		for (int i = 0; i < (int)n; i++)
		{
			mass += out[i];
			cx += out[i] * (i % 101 - 50);
			cy += out[i] * (i / 101 - 50);
		}
		cx /= mass;
		cy /= mass;
		after = fmax(after, fabs(mass - before));
		worst = fmax(worst, fabs(sqrt(cx * cx + cy * cy) - 20));
		spread = fmax(spread, fabs(atan2(cy, cx)));
	}
	ok(worst < 0.01 && after / before < 0.01,
	   "turning keeps distances and what there is");
	ok(spread > 1.2 && spread < 1.58, "and goes as far as it may, not further");
	free(in);
	free(out);
}

static void
test_window(void)
{
	const uint8_t in[] = {0, 64, 128, 255};
	mmn_fit fit = fit_of(4, 1, 1, MMN_DTYPE_UINT8);
	mmn_finish finish = {.dtype = MMN_DTYPE_UINT8, .augment = {.window = 0.2}};
	int rising = 0, moved = 0;
	double low = 2, high = 0;

	for (uint64_t key = 0; key < 200; key++)
	{
		uint8_t out[4];
		double base, gain;

		finish_bytes(&finish, &fit, key, in, out);
		rising += out[0] <= out[1] && out[1] < out[2] && out[2] <= out[3];
		moved += memcmp(in, out, 4) != 0;
		mmn_augment_window(&finish.augment, key, &base, &gain);
		low = fmin(low, 1 / gain);
		high = fmax(high, 1 / gain);
	}
	ok(rising == 200 && moved > 190, "a moved window keeps the order of values");
	ok(low > 0.8 && low < 0.83 && high > 1.17 && high < 1.2,
	   "its width changes by as much as is allowed");
	ok(mmn_showing_key(1, 2, 3) != mmn_showing_key(1, 3, 3) &&
		   mmn_showing_key(1, 2, 3) != mmn_showing_key(2, 2, 3) &&
		   mmn_showing_key(1, 2, 3) != mmn_showing_key(1, 2, 4),
	   "seed, cycle and image each make another showing");
}

int
main(void)
{
	const uint8_t dtypes[] = {MMN_DTYPE_UINT8, MMN_DTYPE_INT16,
							  MMN_DTYPE_UINT16, MMN_DTYPE_FLOAT16,
							  MMN_DTYPE_FLOAT32};

	test_values();
	for (int i = 0; i < 5; i++)
	{
		test_warp(dtypes[i], false);
		test_warp(dtypes[i], true);
	}
	test_turn();
	test_window();
	return done_testing();
}
