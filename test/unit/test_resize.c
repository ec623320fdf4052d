/* image/resize: against Pillow's BILINEAR, and the properties that it must have */

#include <stdint.h>
#include <stdlib.h>

#include "image/resize.h"
#include "tap.h"

/*
 * Random images, and what Pillow 9.4 makes of them in mode F, which does not
 * round: name_WxH.
 */
static const uint8_t gray_7x5[] = {
	171, 206, 5, 206, 120, 131, 161, 73, 250, 13, 71, 98, 146, 104, 33, 11,
	0, 12, 38, 255, 48, 167, 192, 60, 72, 111, 67, 249, 45, 229, 204, 216, 29,
	100, 160};
static const float gray_3x2[] = {
	114.28571f, 85.40909f, 130.73701f, 123.50325f, 97.00802f, 127.72403f};
static const float gray_10x9[] = {
	171.00000f, 190.25000f, 155.75000f, 15.05000f, 135.64999f, 175.89999f,
	120.55000f, 128.25000f, 144.50000f, 161.00000f, 138.33333f, 183.61667f,
	167.41667f, 18.31667f, 107.33333f, 144.08333f, 113.83334f, 130.16667f,
	138.70000f, 142.00000f, 83.88889f, 172.56111f, 186.86111f, 23.76111f,
	60.13889f, 91.05555f, 102.63889f, 133.36111f, 129.03333f, 110.33334f,
	55.22222f, 103.92778f, 109.63889f, 14.05000f, 31.63333f, 54.07222f,
	77.48889f, 163.66667f, 142.54445f, 79.11111f, 33.00000f, 20.90000f,
	8.25000f, 0.55000f, 7.80000f, 21.10000f, 48.85000f, 200.75000f, 161.85001f,
	48.00000f, 107.44444f, 109.70556f, 92.00000f, 37.24444f, 41.13334f,
	56.96111f, 82.15556f, 132.55556f, 154.65555f, 159.66667f, 153.44444f,
	176.91112f, 166.08333f, 82.00555f, 83.80000f, 92.86111f, 100.32778f,
	78.47222f, 146.46666f, 239.11111f, 85.66666f, 157.71666f, 201.50000f,
	159.03334f, 163.80000f, 128.91667f, 57.96667f, 80.83334f, 134.30000f,
	189.66667f, 45.00000f, 146.20000f, 222.75000f, 205.25000f, 211.80000f,
	150.55000f, 32.55000f, 82.25000f, 127.00000f, 160.00000f};
static const float gray_4x1[] = {
	121.73935f, 86.04842f, 97.96842f, 139.39348f};
static const int16_t hu_5x6[] = {
	1707, -757, 1222, 86, 2519, -743, 1717, 2480, -91, 2582, 2489, -926,
	1830, -995, 1013, 747, -187, 300, 2225, 266, -404, 1794, 794, 2196, -58,
	279, 2200, 1028, 1026, -55};
static const float hu_2x3[] = {
	772.2272f, 1115.2987f, 656.7614f, 824.8522f, 970.6494f, 955.4091f};
static const float hu_8x4[] = {
	788.2500f, 518.0938f, 265.9375f, 1217.8125f, 1170.5859f, 124.2578f,
	1438.8125f, 2542.6250f, 1218.1111f, 701.4236f, 152.0833f, 1301.8055f,
	1185.2430f, -197.6042f, 670.3611f, 1453.0000f, 556.8889f, 484.4097f,
	406.4375f, 558.5903f, 1016.8195f, 1781.1250f, 948.2430f, 241.0000f,
	22.8750f, 908.7578f, 1978.5312f, 1286.3438f, 1104.1562f, 1431.9688f,
	609.2578f, -56.1250f};
static const uint8_t colour_3x4[] = {
	126, 196, 3, 80, 238, 223, 21, 215, 216, 116, 94, 250, 243, 173, 102, 53,
	239, 68, 142, 172, 61, 80, 189, 50, 172, 241, 175, 165, 118, 247, 56, 91,
	164, 167, 27, 41};
static const float colour_2x2[] = {
	133.69643f, 169.21428f, 128.12500f, 91.37500f, 219.30357f, 146.60715f,
	127.46429f, 140.33928f, 144.67857f, 130.41072f, 147.39285f, 103.78571f};

static mmn_image
image_of(uint32_t width, uint32_t height, uint8_t channels,
		 uint8_t sample_type, const void *samples)
{
	mmn_image image = {.width = width,
					   .height = height,
					   .channels = channels,
					   .sample_type = sample_type,
					   .samples = (void *)(uintptr_t)samples};

	return image;
}

/* Resizes and compares with want, exactly but for float rounding. */
static void
against(const mmn_image *in, uint32_t width, uint32_t height,
		const float *want, const char *name)
{
	mmn_image out;
	mmn_error err;
	size_t n = (size_t)width * height * in->channels;
	double worst = 0;

	if (!ok(mmn_image_resize_f32(&mmn_env_default, in, width, height, &out,
								 &err) == MMN_OK,
			"%s to %ux%u", name, width, height))
		return;
	for (size_t i = 0; i < n; i++)
		worst = fmax(worst, fabs(mmn_image_sample(&out, i) - want[i]));
	is_near(worst, 0, 5e-4, "%s to %ux%u equals Pillow's", name, width, height);
	free(out.samples);

	if (!ok(mmn_image_resize(&mmn_env_default, in, width, height, &out,
							 &err) == MMN_OK,
			"%s to %ux%u in its own type", name, width, height))
		return;
	worst = 0;
	for (size_t i = 0; i < n; i++)
		worst = fmax(worst, fabs(mmn_image_sample(&out, i) - want[i]));
	ok(out.sample_type == in->sample_type && worst <= 0.5001,
	   "%s to %ux%u is rounded to the nearest", name, width, height);
	free(out.samples);
}

static int polls, allocations, allocations_left;

static int
stop_at_once(void *ctx)
{
	(void)ctx;
	polls++;
	return 1;
}

static void *
limited_alloc(void *ctx, size_t size)
{
	(void)ctx;
	if (allocations_left-- <= 0)
		return NULL;
	allocations++;
	return malloc(size);
}

static void
counted_free(void *ctx, void *p)
{
	(void)ctx;
	allocations -= p != NULL;
	free(p);
}

static void
test_failures(void)
{
	mmn_image in = image_of(7, 5, 1, MMN_U8, gray_7x5), out;
	mmn_env limited = {limited_alloc, counted_free, NULL, NULL};
	mmn_env stopping = {limited_alloc, counted_free, stop_at_once, NULL};
	mmn_error err;
	int failures = 0;

	is_int(mmn_image_resize(&mmn_env_default, &in, 0, 4, &out, &err),
		   MMN_BAD_ARGUMENT, "width 0 is refused");
	is_int(mmn_image_resize(&mmn_env_default, &in, 4, 65536, &out, &err),
		   MMN_BAD_ARGUMENT, "height 65536 is refused");
	for (int room = 0;; room++)
	{
		allocations_left = room;
		if (mmn_image_resize(&limited, &in, 3, 2, &out, &err) == MMN_OK)
			break;
		failures += err.code == MMN_NO_MEMORY && allocations == 0;
		if (room > 50)
			break;
	}
	is_int(failures, 9, "each allocation that fails is reported, none leaks");
	counted_free(NULL, out.samples);

	in = image_of(3000, 3000, 1, MMN_U8, calloc(3000, 3000));
	allocations_left = 100;
	is_int(mmn_image_resize(&stopping, &in, 1500, 1500, &out, &err),
		   MMN_CANCELED, "a large image is interruptible");
	is_int(polls, 1, "at the first poll");
	is_int(allocations, 0, "and nothing leaks");
	free(in.samples);
}

static void
test_properties(void)
{
	static const uint32_t sizes[][2] = {{1, 1},	  {1, 50}, {50, 1},
										{16, 16}, {37, 3}, {200, 131}};
	uint16_t *even = malloc(64 * 48 * sizeof *even);
	mmn_image in = image_of(64, 48, 1, MMN_U16, even), out;
	mmn_error err;
	int wrong = 0;

	for (int i = 0; i < 64 * 48; i++)
		even[i] = 65535;
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
	{
		mmn_image_resize(&mmn_env_default, &in, sizes[k][0], sizes[k][1], &out,
						 &err);
		for (size_t i = 0; i < (size_t)out.width * out.height; i++)
			wrong += mmn_image_sample(&out, i) != 65535;
		free(out.samples);
	}
	is_int(wrong, 0, "an even image stays even, up to the largest value");

	in.spacing_row = 0.5;
	in.spacing_column = 0.25;
	in.unit = MMN_UNIT_HU;
	in.flags = MMN_IMAGE_INVERTED;
	in.window_width = 7;
	mmn_image_resize(&mmn_env_default, &in, 32, 96, &out, &err);
	ok(out.spacing_row == 0.25 && out.spacing_column == 0.5,
	   "the spacing follows the size");
	ok(out.unit == MMN_UNIT_HU && out.flags == MMN_IMAGE_INVERTED &&
		   out.window_width == 7,
	   "the rest of the header stays");
	free(out.samples);

	for (int i = 0; i < 64 * 48; i++)
		even[i] = (uint16_t)(i * 7);
	mmn_image_resize(&mmn_env_default, &in, 64, 48, &out, &err);
	ok(memcmp(out.samples, even, 64 * 48 * 2) == 0,
	   "the same size is the same image");
	free(out.samples);
	free(even);
}

static void
test_range(void)
{
	/* results must not leave the type's range by rounding */
	int16_t low[9] = {-32768, -32768, -32768, -32768, -32768,
					  -32768, -32768, 32767,  32767};
	mmn_image in = image_of(3, 3, 1, MMN_I16, low), out;
	mmn_error err;

	mmn_image_resize(&mmn_env_default, &in, 11, 11, &out, &err);
	is_int(((int16_t *)out.samples)[0], -32768, "least i16 stays");
	is_int(((int16_t *)out.samples)[120], 32767, "greatest i16 stays");
	free(out.samples);
}

int
main(void)
{
	mmn_image gray = image_of(7, 5, 1, MMN_U8, gray_7x5);
	mmn_image hu = image_of(5, 6, 1, MMN_I16, hu_5x6);
	mmn_image colour = image_of(3, 4, 3, MMN_U8, colour_3x4);

	against(&gray, 3, 2, gray_3x2, "u8");
	against(&gray, 10, 9, gray_10x9, "u8");
	against(&gray, 4, 1, gray_4x1, "u8");
	against(&hu, 2, 3, hu_2x3, "i16");
	against(&hu, 8, 4, hu_8x4, "i16");
	against(&colour, 2, 2, colour_2x2, "colour");
	test_properties();
	test_range();
	test_failures();
	return done_testing();
}
