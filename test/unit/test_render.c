/* image/render: windows, presets, quantiles */

#include <stdint.h>
#include <stdlib.h>

#include "image/render.h"
#include "tap.h"

static mmn_error err;

static mmn_image
row_of(uint32_t n, uint8_t sample_type, void *samples)
{
	mmn_image image = {.width = n,
					   .height = 1,
					   .channels = 1,
					   .sample_type = sample_type,
					   .samples = samples};

	return image;
}

static void
renders(const mmn_image *in, const char *preset, const uint8_t *want,
		const char *name)
{
	mmn_image out, exact;
	size_t n = (size_t)in->width * in->height * in->channels;
	mmn_status status =
		mmn_image_render(&mmn_env_default, in, preset, &out, &err);
	int differ = 0;

	if (!ok(status == MMN_OK, "%s is rendered", name))
		return;
	for (size_t i = 0; i < n; i++)
		if (((uint8_t *)out.samples)[i] != want[i])
		{
			printf("# %zu: got %d, want %d\n", i, ((uint8_t *)out.samples)[i],
				   want[i]);
			differ++;
		}
	is_int(differ, 0, "%s: values", name);
	ok(out.sample_type == MMN_U8 && out.window_width == 0 && out.flags == 0 &&
		   out.unit == (in->channels == 3 ? MMN_UNIT_RGB : MMN_UNIT_RAW) &&
		   out.spacing_row == in->spacing_row,
	   "%s: header", name);
	mmn_image_render_f32(&mmn_env_default, in, preset, &exact, &err);
	for (size_t i = 0; i < n; i++)
		differ += fabsf(((float *)exact.samples)[i] - want[i]) > 0.5001f;
	is_int(differ, 0, "%s: not rounded, within a half", name);
	free(out.samples);
	free(exact.samples);
}

/* PS3.3 C.11.2.1.2 as it is written there */
static double
linear(double x, double c, double w)
{
	if (x <= c - 0.5 - (w - 1) / 2)
		return 0;
	if (x > c - 0.5 + (w - 1) / 2)
		return 255;
	return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
}

static void
test_window(void)
{
	static const double windows[][2] = {{40, 400}, {-600, 1500}, {0.5, 1},
										{100, 2},  {0, 65536},	 {2048, 4096}};
	int16_t *all = malloc(65536 * sizeof *all);
	mmn_image in = row_of(1, MMN_I16, all), out;

	for (int i = 0; i < 65536; i++)
		all[i] = (int16_t)(i - 32768);
	in.width = 256;
	in.height = 256;
	for (size_t k = 0; k < sizeof windows / sizeof *windows; k++)
	{
		double c = windows[k][0], w = windows[k][1], worst = 0;

		mmn_image_window(&mmn_env_default, &in, c, w, &out, &err);
		for (int i = 0; i < 65536; i++)
			worst = fmax(worst, fabs(((uint8_t *)out.samples)[i] -
									 linear(all[i], c, w)));
		ok(worst <= 0.501, "window %g,%g is the standard's function", c, w);
		free(out.samples);
	}
	free(all);
	is_int(mmn_image_window(&mmn_env_default, &in, 0, 0, &out, &err),
		   MMN_BAD_ARGUMENT, "width 0 is refused");
	is_int(mmn_image_window(&mmn_env_default, &in, NAN, 1, &out, &err),
		   MMN_BAD_ARGUMENT, "center NaN is refused");
	is_int(mmn_image_window(&mmn_env_default, &in, 0, INFINITY, &out, &err),
		   MMN_BAD_ARGUMENT, "an infinite width is refused");
	{
		float v[5] = {-1, 0.25f, 0.5f, 0.75f, 1};

		in = row_of(5, MMN_F32, v);
		mmn_image_window(&mmn_env_default, &in, 0.5, 0.5, &out, &err);
		ok(memcmp(out.samples, "\x00\x00\x80\xff\xff", 5) == 0,
		   "a width below 1 is LINEAR_EXACT");
		free(out.samples);
	}
}

static void
test_presets(void)
{
	int16_t hu[5] = {-1000, -160, 40, 239, 3000};
	uint8_t gray[4] = {0, 1, 128, 255};
	uint8_t colour[6] = {9, 8, 7, 200, 100, 0};
	uint16_t deep[3] = {1000, 1500, 2000};
	uint16_t same[3] = {7, 7, 7};
	float real[6] = {NAN, -INFINITY, 0, 1, 0.5f, INFINITY};
	mmn_image in = row_of(5, MMN_I16, hu), out;

	in.unit = MMN_UNIT_HU;
	renders(&in, "auto", (uint8_t[]){0, 0, 128, 255, 255}, "HU");
	renders(&in, "lung", (uint8_t[]){60, 202, 236, 255, 255}, "HU as lung");
	renders(&in, "full", (uint8_t[]){0, 54, 66, 79, 255}, "HU in full");
	in.flags = MMN_IMAGE_INVERTED;
	renders(&in, "auto", (uint8_t[]){255, 255, 127, 0, 0}, "MONOCHROME1");
	in.flags = 0;
	in.window_center = 0;
	in.window_width = 2001;
	renders(&in, "auto", (uint8_t[]){0, 107, 133, 158, 255}, "own window");
	renders(&in, "soft_tissue", (uint8_t[]){0, 0, 128, 255, 255},
			"a preset before the own window");

	in = row_of(6, MMN_F32, real);
	in.window_center = 0.5;
	in.window_width = 1;
	renders(&in, "auto", (uint8_t[]){0, 0, 0, 255, 128, 255},
			"float pixels with a window of width 1");

	in = row_of(4, MMN_U8, gray);
	in.spacing_row = 2;
	renders(&in, "auto", gray, "8-bit gray");
	in.flags = MMN_IMAGE_INVERTED;
	renders(&in, "auto", (uint8_t[]){255, 254, 127, 0}, "inverted 8-bit gray");
	in.flags = 0;
	is_int(mmn_image_render(&mmn_env_default, &in, "lung", &out, &err),
		   MMN_BAD_ARGUMENT, "a CT window on gray is refused");
	ok(strstr(err.text, "\"raw\"") != NULL, "with the unit");
	is_int(mmn_image_render(&mmn_env_default, &in, "lun", &out, &err),
		   MMN_BAD_ARGUMENT, "an unknown preset is refused");
	ok(strstr(err.text, "soft_tissue") && strstr(err.text, "angio"),
	   "with the list of valid ones");

	in = row_of(2, MMN_U8, colour);
	in.channels = 3;
	in.unit = MMN_UNIT_RGB;
	renders(&in, "auto", colour, "colour");

	in = row_of(3, MMN_U16, deep);
	renders(&in, "auto", (uint8_t[]){0, 128, 255}, "16-bit gray");
	in = row_of(3, MMN_U16, same);
	renders(&in, "auto", (uint8_t[]){0, 0, 0}, "an even image");

	in = row_of(6, MMN_F32, real);
	renders(&in, "auto", (uint8_t[]){0, 0, 0, 255, 128, 255}, "f32");
	in.flags = MMN_IMAGE_INVERTED;
	renders(&in, "auto", (uint8_t[]){0, 255, 255, 0, 127, 0},
			"inverted f32, NaN stays black");
	in = row_of(1, MMN_F32, real);
	renders(&in, "auto", (uint8_t[]){0}, "nothing finite");
}

/* PS3.3 C.11.2.1.3, and a VOI table */
static void
test_voi(void)
{
	int16_t v[6] = {-400, -1, 0, 1, 2, 400};
	float real[4] = {-0.6f, 0.4f, 1.5f, NAN};
	uint16_t table[3] = {0, 257 * 100, 65535};
	mmn_image in = row_of(6, MMN_I16, v);
	uint8_t want[6];

	in.window_center = 0.5;
	in.window_width = 3;
	in.flags = MMN_IMAGE_LINEAR_EXACT;
	renders(&in, "auto", (uint8_t[]){0, 0, 85, 170, 255, 255}, "LINEAR_EXACT");
	in.flags = MMN_IMAGE_SIGMOID;
	for (int i = 0; i < 6; i++)
		want[i] = (uint8_t)(255 / (1 + exp(-4 * (v[i] - 0.5) / 3)) + 0.5);
	renders(&in, "auto", want, "SIGMOID");
	in.window_width = 1e-300;
	renders(&in, "auto", (uint8_t[]){0, 0, 0, 255, 255, 255},
			"a sigmoid that is a step");
	in.flags |= MMN_IMAGE_INVERTED;
	renders(&in, "auto", (uint8_t[]){255, 255, 255, 0, 0, 0}, "inverted");

	in.window_width = 3;
	in.flags = MMN_IMAGE_VOI_TABLE;
	in.voi = table;
	in.voi_first = -1;
	in.voi_entries = 3;
	renders(&in, "auto", (uint8_t[]){0, 0, 100, 255, 255, 255},
			"a VOI table goes before the window");
	renders(&in, "full", (uint8_t[]){0, 127, 128, 128, 128, 255},
			"a preset before the table");
	in.flags |= MMN_IMAGE_INVERTED;
	renders(&in, "auto", (uint8_t[]){255, 255, 155, 0, 0, 0},
			"the table is inverted for MONOCHROME1");
	in.sample_type = MMN_F32;
	in.samples = real;
	in.width = 4;
	in.flags = MMN_IMAGE_VOI_TABLE;
	renders(&in, "auto", (uint8_t[]){0, 100, 255, 0}, "of the nearest number");
}

/* What 8 bits, and colour, are meant for. */
static void
test_meaning(void)
{
	uint8_t labels[4] = {0, 1, 4, 0}, gray[4] = {0, 1, 32, 0};
	uint8_t nothing[2] = {0, 0}, colour[3] = {1, 2, 3};
	uint16_t deep[3] = {0, 32896, 65535};
	uint8_t narrow[4] = {100, 110, 120, 140};
	mmn_image in = row_of(4, MMN_U8, labels);

	renders(&in, "auto", (uint8_t[]){0, 64, 255, 0}, "a label map");
	in.flags = MMN_IMAGE_INVERTED;
	renders(&in, "auto", (uint8_t[]){255, 191, 0, 255}, "inverted label map");
	in = row_of(4, MMN_U8, gray);
	renders(&in, "auto", gray, "dark, but with more than labels");
	in = row_of(2, MMN_U8, nothing);
	renders(&in, "auto", nothing, "an empty label map");
	in = row_of(3, MMN_U8, colour);
	renders(&in, "auto", colour, "dark gray without a 0");
	in = row_of(1, MMN_U8, colour);
	in.channels = 3;
	renders(&in, "auto", colour, "dark colour");
	in = row_of(1, MMN_U16, deep);
	in.channels = 3;
	renders(&in, "auto", (uint8_t[]){0, 128, 255}, "16-bit colour as it is");
	in = row_of(4, MMN_U8, narrow);
	in.flags = MMN_IMAGE_MEASURED;
	renders(&in, "auto", (uint8_t[]){0, 64, 128, 255}, "8-bit measurements");
}

static void
test_quantiles(void)
{
	int16_t *small = malloc(1000 * sizeof *small);
	float *real = malloc(1000 * sizeof *real);
	mmn_image in = row_of(1000, MMN_I16, small);
	double low, high;

	for (int i = 0; i < 1000; i++)
	{
		int shuffled = i * 387 % 1000;

		small[i] = (int16_t)(shuffled - 500);
		/* many share their upper half */
		real[i] = -1 - (float)shuffled * 1e-6f;
	}
	mmn_image_quantiles(&mmn_env_default, &in, 0.005, 0.995, &low, &high, &err);
	ok(low == -496 && high == 495, "quantiles of integers");
	in = row_of(1000, MMN_F32, real);
	mmn_image_quantiles(&mmn_env_default, &in, 0, 1, &low, &high, &err);
	ok(low == -1 - 999 * 1e-6f && high == -1, "least and greatest float");
	mmn_image_quantiles(&mmn_env_default, &in, 0.5, 0.5, &low, &high, &err);
	ok(low == -1 - 500 * 1e-6f && high == -1 - 499 * 1e-6f,
	   "ranks next to the median");
	free(small);
	free(real);
}

static int
stop(void *ctx)
{
	(void)ctx;
	return 1;
}

static void *
no_memory(void *ctx, size_t size)
{
	(void)ctx;
	(void)size;
	return NULL;
}

int
main(void)
{
	mmn_env stopping = mmn_env_default, poor = mmn_env_default;
	uint16_t v[2] = {1, 2};
	mmn_image in = row_of(2, MMN_U16, v), out;

	test_window();
	test_presets();
	test_voi();
	test_meaning();
	test_quantiles();
	stopping.poll = stop;
	is_int(mmn_image_render(&stopping, &in, "auto", &out, &err), MMN_CANCELED,
		   "counting is interruptible");
	is_int(mmn_image_window(&stopping, &in, 1, 1, &out, &err), MMN_CANCELED,
		   "a window is interruptible");
	poor.alloc = no_memory;
	is_int(mmn_image_render(&poor, &in, "auto", &out, &err), MMN_NO_MEMORY,
		   "no memory to count");
	is_int(mmn_image_window(&poor, &in, 1, 1, &out, &err), MMN_NO_MEMORY,
		   "no memory for the result");
	return done_testing();
}
