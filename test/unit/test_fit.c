/* fit: any image as the tensor that a loader wants */

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "sample/fit.h"
#include "tap.h"

/* A 2x1 image of the given samples. */
static mmn_image
image_of(uint8_t sample_type, uint8_t channels, void *samples)
{
	return (mmn_image){.width = 2,
					   .height = 1,
					   .channels = channels,
					   .sample_type = sample_type,
					   .unit = channels == 3 ? MMN_UNIT_RGB : MMN_UNIT_RAW,
					   .samples = samples};
}

static mmn_status
fit_as(const mmn_image *image, uint32_t width, uint8_t channels, uint8_t dtype,
	   void *out, mmn_error *err)
{
	mmn_fit fit = {.width = width, .height = 1, .channels = channels, .dtype = dtype};

	return mmn_fit_image(&mmn_env_default, image, &fit, out, err);
}

static int
never(void *ctx)
{
	(void)ctx;
	return 1;
}

/* crop and pad of a 4x2 and of a 2x4 image, MONOCHROME1 too */
static void
test_shapes(void)
{
	int16_t samples[] = {-3, 1, 2, 9, -3, 5, 6, 9};
	mmn_image wide = {.width = 4,
					  .height = 2,
					  .channels = 1,
					  .sample_type = MMN_I16,
					  .samples = samples};
	mmn_image high = wide;
	mmn_fit fit = {.width = 2,
				   .height = 2,
				   .channels = 1,
				   .dtype = MMN_DTYPE_FLOAT32,
				   .shape = MMN_FIT_CROP};
	mmn_error err = {0};
	float f[16];

	mmn_fit_image(&mmn_env_default, &wide, &fit, f, &err);
	ok(f[0] == 1 && f[1] == 2 && f[2] == 5 && f[3] == 6,
	   "crop takes the middle of what is too wide");
	high.width = 2;
	high.height = 4;
	mmn_fit_image(&mmn_env_default, &high, &fit, f, &err);
	ok(f[0] == 2 && f[1] == 9 && f[2] == -3 && f[3] == 5,
	   "and of what is too high");
	fit.shape = MMN_FIT_PAD;
	fit.width = fit.height = 4;
	mmn_fit_image(&mmn_env_default, &wide, &fit, f, &err);
	ok(f[0] == -3 && f[3] == -3 && f[4] == -3 && f[5] == 1 && f[11] == 9 &&
		   f[12] == -3,
	   "pad centres it on its least value");
	high.flags = MMN_IMAGE_INVERTED;
	mmn_fit_image(&mmn_env_default, &high, &fit, f, &err);
	ok(f[0] == 9 && f[1] == -3 && f[2] == 1 && f[3] == 9 && f[13] == 6,
	   "that of MONOCHROME1 on its greatest");
	fit.dtype = MMN_DTYPE_UINT8;
	mmn_fit_image(&mmn_env_default, &high, &fit, f, &err);
	ok(((uint8_t *)f)[0] == 0 && ((uint8_t *)f)[1] == 255,
	   "rendered, both are black");
	ok(mmn_fit_image(&mmn_env_default,
					 &(mmn_image){.width = 65535,
								  .height = 1,
								  .channels = 1,
								  .sample_type = MMN_U8,
								  .samples = calloc(65535, 1)},
					 &fit, f, &err) == MMN_OK,
	   "a line has a row in what it is padded to");
}

static void
test_windows(const mmn_image *ct, const mmn_image *rgb)
{
	mmn_fit fit = {.width = 2,
				   .height = 1,
				   .channels = 3,
				   .dtype = MMN_DTYPE_UINT8,
				   .windows = 3};
	mmn_fit_window window;
	mmn_image hu = *ct;
	mmn_error err = {0};
	uint8_t out[8];

	ok(mmn_fit_window_parse("lung", &window) && window.preset[0],
	   "a window is a preset");
	ok(mmn_fit_window_parse("-600/1500.5", &window) && !window.preset[0] &&
		   window.center == -600 && window.width == 1500.5,
	   "or two numbers");
	ok(!mmn_fit_window_parse("lun", &window) &&
		   !mmn_fit_window_parse("", &window) &&
		   !mmn_fit_window_parse("auto, percentile", &window) &&
		   !mmn_fit_window_parse("40/0", &window) &&
		   !mmn_fit_window_parse("40/inf", &window) &&
		   !mmn_fit_window_parse("40/1x", &window) &&
		   !mmn_fit_window_parse("40", &window),
	   "and nothing else");

	hu.unit = MMN_UNIT_HU;
	mmn_fit_window_parse("full", &fit.window[0]);
	mmn_fit_window_parse("lung", &fit.window[1]);
	mmn_fit_window_parse("3071/2", &fit.window[2]);
	mmn_fit_image(&mmn_env_default, &hu, &fit, out, &err);
	ok(memcmp(out, "\0\377\67\377\0\377", 6) == 0,
	   "each window has its channel");
	fit.channels_last = true;
	mmn_fit_image(&mmn_env_default, &hu, &fit, out, &err);
	ok(memcmp(out, "\0\67\0\377\377\377", 6) == 0, "last, if wanted");
	fit.windows = 0;
	mmn_fit_image(&mmn_env_default, rgb, &fit, out, &err);
	ok(memcmp(out, "\377\0\0\0\377\0", 6) == 0, "colours too");
	fit.windows = 3;
	is_int(mmn_fit_image(&mmn_env_default, rgb, &fit, out, &err),
		   MMN_BAD_ARGUMENT, "a lung window is not for photographs");
}

/* no value, in a NIfTI file or outside a DICOM mapping's range */
static void
test_missing(void)
{
	float samples[] = {NAN, 3, -2, NAN, 7, 5}, f[6];
	uint16_t halves[6];
	int16_t whole[6];
	mmn_image image = {.width = 6,
					   .height = 1,
					   .channels = 1,
					   .sample_type = MMN_F32,
					   .samples = samples};
	mmn_error err = {0};

	fit_as(&image, 6, 1, MMN_DTYPE_FLOAT32, f, &err);
	ok(f[0] == -2 && f[1] == 3 && f[2] == -2 && f[3] == -2 && f[4] == 7,
	   "NaN becomes the least value that is there");
	ok(isnan(samples[0]), "in the tensor only");
	ok(fit_as(&image, 6, 1, MMN_DTYPE_INT16, whole, &err) == MMN_OK &&
		   whole[0] == -2 && whole[5] == 5,
	   "where the type has no NaN as well");
	fit_as(&image, 3, 1, MMN_DTYPE_FLOAT32, f, &err);
	ok(!isnan(f[0]) && !isnan(f[1]) && !isnan(f[2]),
	   "and does not spread when resized");
	image.flags = MMN_IMAGE_INVERTED;
	fit_as(&image, 6, 1, MMN_DTYPE_FLOAT16, halves, &err);
	ok(halves[0] == mmn_half_from_double(7) && halves[3] == halves[0],
	   "of MONOCHROME1 the greatest");
	for (int i = 0; i < 6; i++)
		samples[i] = NAN;
	fit_as(&image, 6, 1, MMN_DTYPE_FLOAT32, f, &err);
	ok(f[0] == 0 && f[5] == 0, "zero where there are no values at all");
}

int
main(void)
{
	int16_t hu[] = {-1024, 3071};
	uint16_t deep[] = {0, 65535};
	uint8_t gray[] = {7, 200};
	uint8_t colour[] = {255, 0, 0, 0, 255, 0};
	float pet[] = {0.25f, 70000.0f};
	mmn_image ct = image_of(MMN_I16, 1, hu);
	mmn_image dx = image_of(MMN_U16, 1, deep);
	mmn_image photo = image_of(MMN_U8, 1, gray);
	mmn_image rgb = image_of(MMN_U8, 3, colour);
	mmn_image suv = image_of(MMN_F32, 1, pet);
	uint8_t out[64];
	float f[16];
	mmn_error err = {0};
	mmn_env stopping = mmn_env_default;
	mmn_fit fit = {.width = 1, .height = 1, .channels = 1, .dtype = MMN_DTYPE_FLOAT32};

	test_missing();
	fit_as(&ct, 2, 1, MMN_DTYPE_INT16, out, &err);
	ok((int16_t)mmn_load_u16le(out) == -1024 && mmn_load_u16le(out + 2) == 3071,
	   "Hounsfield units stay what they are as int16");
	fit_as(&ct, 2, 1, MMN_DTYPE_FLOAT32, f, &err);
	ok(f[0] == -1024 && f[1] == 3071, "and as float32");
	fit_as(&ct, 2, 1, MMN_DTYPE_FLOAT16, out, &err);
	ok(mmn_half_to_double(mmn_load_u16le(out)) == -1024,
	   "and as float16, where it is exact");
	is_int(fit_as(&ct, 2, 1, MMN_DTYPE_UINT16, out, &err), MMN_BAD_DATA,
		   "air does not fit into uint16");
	is_str(err.text, "the value -1024 is outside the range of uint16",
		   "which is said, not clipped");
	is_int(fit_as(&dx, 2, 1, MMN_DTYPE_INT16, out, &err), MMN_BAD_DATA,
		   "65535 does not fit into int16");
	is_int(fit_as(&dx, 2, 1, MMN_DTYPE_UINT16, out, &err), MMN_OK,
		   "but into uint16");
	is_int(mmn_load_u16le(out + 2), 65535, "in full");
	is_int(fit_as(&suv, 2, 1, MMN_DTYPE_FLOAT16, out, &err), MMN_BAD_DATA,
		   "70000 does not fit into float16");
	is_int(fit_as(&suv, 2, 1, MMN_DTYPE_FLOAT32, f, &err), MMN_OK,
		   "but into float32");
	ok(f[0] == 0.25f && f[1] == 70000.0f, "exactly");

	fit_as(&dx, 1, 1, MMN_DTYPE_FLOAT32, f, &err);
	is_near(f[0], 32767.5, 1e-2, "a mean is not rounded as float32");
	fit_as(&dx, 1, 1, MMN_DTYPE_UINT16, out, &err);
	is_int(mmn_load_u16le(out), 32768, "as uint16 it is, halves up");

	fit_as(&photo, 2, 1, MMN_DTYPE_UINT8, out, &err);
	ok(out[0] == 7 && out[1] == 200, "8 bits are served as they are");
	fit_as(&photo, 2, 3, MMN_DTYPE_UINT8, out, &err);
	ok(memcmp(out, "\7\310\7\310\7\310", 6) == 0, "gray is repeated as colour");
	fit_as(&rgb, 2, 3, MMN_DTYPE_UINT8, out, &err);
	ok(memcmp(out, "\377\0\0\377\0\0", 6) == 0, "channels come as planes");
	fit_as(&rgb, 2, 1, MMN_DTYPE_UINT8, out, &err);
	ok(out[0] == 76 && out[1] == 150, "colour becomes gray by BT.601");
	fit_as(&rgb, 2, 1, MMN_DTYPE_FLOAT32, f, &err);
	is_near(f[0], 76.245, 1e-4, "not rounded as float32");
	fit_as(&ct, 2, 1, MMN_DTYPE_UINT8, out, &err);
	ok(out[0] == 0 && out[1] == 255, "uint8 is rendered for the eye");

	test_shapes();
	test_windows(&ct, &rgb);

	is_int(fit_as(&ct, 2, 1, MMN_DTYPE_FLOAT64, out, &err), MMN_BAD_ARGUMENT,
		   "float64 is not made");
	stopping.poll = never;
	is_int(mmn_fit_image(&stopping, &ct, &fit, f, &err), MMN_CANCELED,
		   "it can be stopped");
	return done_testing();
}
