/*
 * Memory that runs out: whatever is done to a file is done again and again,
 * each time with one more allocation granted before one is refused.  Each must
 * say that memory was lacking, and hold none afterwards.  The files are those
 * that fuzzing starts from (test/fuzz/corpus).
 */

#include "tap.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>

#include "dicom/json.h"
#include "dicom/receive.h"
#include "dicom/rle.h"
#include "dicom/stored.h"
#include "image/contact_sheet.h"
#include "image/hash.h"
#include "image/image_io.h"
#include "image/jpeg_lossless.h"
#include "image/png_write.h"
#include "image/render.h"
#include "image/resize.h"
#include "image/strip.h"
#include "nifti/nifti.h"
#include "nn/network.h"

#define MAX_BYTES ((size_t)1 << 22)
#define KEY "key"

/* Refusals tried for one file; some take thousands of small pieces. */
#define MOST_REFUSALS 150

typedef struct ration
{
	long left; /* the one after these is refused; negative: none is */
	long taken;
	long held;
	bool refused;
} ration;

static void *
ration_alloc(void *ctx, size_t size)
{
	ration *r = ctx;
	void *p;

	r->taken++;
	if (r->left >= 0 && r->left-- == 0)
	{
		r->refused = true;
		return NULL;
	}
	p = malloc(size ? size : 1);
	if (p)
		r->held++;
	return p;
}

static void
ration_free(void *ctx, void *p)
{
	ration *r = ctx;

	if (p)
		r->held--;
	free(p);
}

typedef mmn_status (*operation)(const mmn_env *env, const uint8_t *bytes,
								size_t length, mmn_error *err);

/* ---- what is done ---- */

static mmn_status
use_image(const mmn_env *env, mmn_image *image, mmn_error *err)
{
	mmn_image shown = {.samples = NULL}, small = {.samples = NULL};
	mmn_contact_sheet sheet;
	uint8_t hash[32], *png = NULL;
	uint64_t bits;
	size_t length;
	mmn_status status = mmn_image_content_hash_env(env, image, hash, err);

	if (status == MMN_OK)
		status = mmn_image_phash(env, image, &bits, err);
	if (status == MMN_OK)
		status = mmn_image_render(env, image, "auto", &shown, err);
	if (status == MMN_OK)
		status = mmn_image_resize(env, &shown, 7, 5, &small, err);
	if (status == MMN_OK)
		status = mmn_png_write(env, &small, &png, &length, err);
	if (status == MMN_OK)
	{
		status = mmn_contact_sheet_create(env, 2, 2, 32, &sheet, err);
		if (status == MMN_OK)
		{
			status = mmn_contact_sheet_place(env, &sheet, 0, image, err);
			mmn_contact_sheet_destroy(env, &sheet);
		}
	}
	mmn_free(env, png);
	mmn_free(env, small.samples);
	mmn_free(env, shown.samples);
	mmn_free(env, image->samples);
	return status;
}

/* The frame as stored, or as run-length coding unfolds to. */
static mmn_status
convert(const mmn_env *env, const mmn_dicom *d, mmn_stored *stored,
		mmn_error *err)
{
	mmn_lut palette = {.values = NULL}, lut = {.values = NULL};
	mmn_modality_transform t = {.lut = NULL};
	mmn_image image = {.samples = NULL};
	mmn_status status = MMN_OK;

	mmn_dicom_rescale(d, 1, &t.slope, &t.intercept, &t.unit);
	if (stored->pixels.photometric == MMN_PALETTE_COLOR)
		status = mmn_lut_read_palette(env, d, stored->pixels.is_signed,
									  &palette, err);
	if (status == MMN_OK)
		status =
			mmn_lut_read_modality(env, d, stored->pixels.is_signed, &lut, err);
	if (lut.values)
		t.lut = &lut;
	if (status == MMN_OK)
		status = mmn_stored_image(env, stored, &t,
								  palette.values ? &palette : NULL, MAX_BYTES,
								  &image, err);
	if (status == MMN_OK)
		status = use_image(env, &image, err);
	mmn_lut_free(env, &palette);
	mmn_lut_free(env, &lut);
	return status;
}

static mmn_status
frame(const mmn_env *env, const mmn_dicom *d, mmn_error *err)
{
	mmn_stored stored = {0};
	const uint8_t *bytes;
	uint8_t *unfolded = NULL;
	size_t length, size;
	bool owned;
	mmn_status status = mmn_dicom_describe_pixels(d, &stored.pixels, err);

	if (status == MMN_OK)
		status = mmn_stored_size(&stored.pixels, &size, err);
	if (status == MMN_OK && size > MAX_BYTES)
		status = MMN_LIMIT;
	if (status == MMN_OK)
		status = mmn_dicom_frame_bytes(env, d, &stored.pixels, 1, &bytes,
									   &length, &stored.bit_offset, &owned,
									   err);
	if (status != MMN_OK)
		return status;
	stored.bytes = bytes;
	stored.length = length;
	stored.big_endian = stored.pixels.data->big_endian;
	if (stored.pixels.encapsulated && stored.pixels.bits_allocated >= 8)
	{
		unfolded = malloc(size + 1);
		status = mmn_rle_decode(
			bytes, length, (size_t)stored.pixels.rows * stored.pixels.columns,
			stored.pixels.samples_per_pixel, stored.pixels.bits_allocated / 8,
			stored.pixels.planar, unfolded, err);
		stored.bytes = unfolded;
		stored.length = size;
		stored.big_endian = false;
	}
	if (status == MMN_OK)
		status = convert(env, d, &stored, err);
	free(unfolded);
	if (owned)
		mmn_free(env, (void *)(uintptr_t)bytes);
	return status;
}

static mmn_status
receive(const mmn_env *env, mmn_charsets *charsets, const mmn_dicom *d,
		const mmn_buffer *file, mmn_error *err)
{
	mmn_received_frame shape = {1, 1, 1, 1, 0, 0, "", ""};
	mmn_pixel_description p;
	mmn_dicom *copy = NULL;
	mmn_buffer json;
	mmn_status status = mmn_dicom_open(env, file->bytes, file->length,
									   2 * MAX_BYTES, &copy, err);

	mmn_buffer_init(&json, env, MAX_BYTES);
	if (status == MMN_OK)
		status = mmn_dicom_describe_pixels(d, &p, err);
	if (status == MMN_OK)
		status = mmn_dicom_receive_json(charsets, d, copy, &p, &shape, KEY, 3,
										&json, err);
	mmn_buffer_reset(&json);
	mmn_dicom_close(copy);
	return status;
}

static mmn_status
on_dicom(const mmn_env *env, const uint8_t *bytes, size_t length,
		 mmn_error *err)
{
	mmn_charsets *charsets = NULL;
	mmn_dicom *d = NULL;
	mmn_buffer json, file;
	mmn_status status = mmn_charsets_open(env, &charsets, err);

	mmn_buffer_init(&json, env, MAX_BYTES);
	mmn_buffer_init(&file, env, MAX_BYTES);
	if (status == MMN_OK)
		status = mmn_dicom_open(env, bytes, length, MAX_BYTES, &d, err);
	if (status == MMN_OK)
		status = mmn_dicom_json(charsets, d, &json, err);
	if (status == MMN_OK)
		status = mmn_dicom_deidentify(env, d, KEY, 3, &file, err);
	if (status == MMN_OK)
		status = receive(env, charsets, d, &file, err);
	if (status == MMN_OK)
		status = frame(env, d, err);
	mmn_buffer_reset(&file);
	mmn_buffer_reset(&json);
	mmn_dicom_close(d);
	mmn_charsets_close(charsets);
	return status;
}

static mmn_status
on_nifti(const mmn_env *env, const uint8_t *bytes, size_t length,
		 mmn_error *err)
{
	mmn_nifti nifti;
	mmn_image image = {.samples = NULL};
	mmn_buffer copy, json;
	mmn_status status =
		mmn_nifti_open(env, bytes, length, MAX_BYTES, &nifti, err);

	mmn_buffer_init(&copy, env, MAX_BYTES);
	mmn_buffer_init(&json, env, MAX_BYTES);
	if (status == MMN_OK)
		status = mmn_nifti_strip(&nifti, bytes, length, &copy, err);
	if (status == MMN_OK)
	{
		mmn_nifti_json(&nifti, &json);
		status = mmn_buffer_status(&json, err);
	}
	if (status == MMN_OK)
		status = mmn_nifti_frame(env, &nifti, bytes, length, nifti.frames,
								 MAX_BYTES, &image, err);
	if (status == MMN_OK)
		status = use_image(env, &image, err);
	mmn_buffer_reset(&copy);
	mmn_buffer_reset(&json);
	return status;
}

/* As fuzz_jpeg_lossless.c reads its files. */
static mmn_status
on_jpeg_lossless(const mmn_env *env, const uint8_t *bytes, size_t length,
				 mmn_error *err)
{
	uint32_t width = bytes[0] % 64 + 1u, height = bytes[1] % 64 + 1u;
	unsigned components = bytes[1] >> 7 ? 3 : 1, cell = bytes[0] >> 7 ? 1 : 2;
	uint8_t *out = malloc((size_t)width * height * components * cell);
	mmn_status status =
		mmn_jpeg_lossless_decode(env, bytes + 2, length - 2, width, height,
								 components, cell, out, err);

	free(out);
	return status;
}

static mmn_status
on_strip(const mmn_env *env, const uint8_t *bytes, size_t length,
		 mmn_error *err)
{
	mmn_buffer copy;
	mmn_status status;

	mmn_buffer_init(&copy, env, MAX_BYTES);
	status = (bytes[0] == 0x89 ? mmn_png_strip : mmn_jpeg_strip)(bytes, length,
																 &copy, err);
	mmn_buffer_reset(&copy);
	return status;
}

static mmn_status
on_onnx(const mmn_env *env, const uint8_t *bytes, size_t length, mmn_error *err)
{
	mmn_network *net = NULL;
	mmn_status status =
		mmn_network_load(env, bytes, length, MAX_BYTES, &net, err);

	mmn_network_destroy(net);
	return status;
}

static mmn_status
on_pixels(const mmn_env *env, const uint8_t *bytes, size_t length,
		  mmn_error *err)
{
	mmn_image image;
	const uint8_t *samples;
	size_t size;
	mmn_status status = mmn_image_binary_parse(bytes, length, MAX_BYTES, &image,
											   &samples, &size, err);

	if (status != MMN_OK)
		return status;
	image.samples = mmn_alloc(env, size);
	if (!image.samples)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory");
	mmn_copy_little_endian(image.samples, samples, size,
						   mmn_sample_size(image.sample_type));
	return use_image(env, &image, err);
}

/* ---- and what is to come of it ---- */

static void
starve(const char *name, operation f, const uint8_t *bytes, size_t length)
{
	ration r = {.left = -1};
	mmn_env env = {ration_alloc, ration_free, NULL, &r};
	mmn_error err;
	mmn_status all = f(&env, bytes, length, &err);
	long taken = r.taken, wrong = 0, kept = 0, first = -1;
	/* all of the first, then ever fewer: loops come again and again */
	long step = 1;

	is_int(r.held, 0, "%s: holds nothing when done (status %d, %ld taken)",
		   name, (int)all, taken);
	for (long left = 0; left < taken; left += step)
	{
		mmn_status status;

		r = (ration){.left = left};
		status = f(&env, bytes, length, &err);
		if (r.refused && (status != MMN_NO_MEMORY || err.code != status))
		{
			wrong++;
			if (first < 0)
				first = left;
		}
		kept += r.held;
		if (left >= MOST_REFUSALS / 2)
			step = 1 + taken / (MOST_REFUSALS / 2);
	}
	is_int(wrong, 0, "%s: says that memory is lacking (first not: %ld)", name,
		   first);
	is_int(kept, 0, "%s: holds nothing then", name);
}

static void
starve_all(const char *theme, operation f)
{
	const char *top = getenv("MEDIMNET_TOP");
	char path[2048];
	struct dirent **names;
	int count, used = 0;

	snprintf(path, sizeof path, "%s/test/fuzz/corpus/%s", top ? top : ".",
			 theme);
	count = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < count; i++)
	{
		static uint8_t bytes[1 << 20];
		char name[300];
		size_t length;
		FILE *file;

		snprintf(path, sizeof path, "%s/test/fuzz/corpus/%s/%s",
				 top ? top : ".", theme, names[i]->d_name);
		file = names[i]->d_name[0] == '.' ? NULL : fopen(path, "rb");
		if (file)
		{
			length = fread(bytes, 1, sizeof bytes, file);
			fclose(file);
			snprintf(name, sizeof name, "%s/%s", theme, names[i]->d_name);
			if (length > 8)
			{
				starve(name, f, bytes, length);
				used++;
			}
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	ok(used >= 2, "%d files of %s", used, theme);
}

int
main(void)
{
	starve_all("dicom", on_dicom);
	starve_all("native", on_dicom);
	starve_all("nifti", on_nifti);
	starve_all("jpeg_lossless", on_jpeg_lossless);
	starve_all("strip", on_strip);
	starve_all("onnx", on_onnx);
	starve_all("pixels", on_pixels);
	return done_testing();
}
