#include "image/contact_sheet.h"

#include <math.h>
#include <string.h>

#include "image/resize.h"

/* Largest tile, pixels a side, and largest page, bytes: 16384 x 16384 RGB. */
#define MAX_TILE 2048
#define MAX_PAGE ((size_t)3 << 28)

/* What shows where no image is. */
#define BACKGROUND 32

mmn_status
mmn_contact_sheet_create(const mmn_env *env, uint32_t count, uint32_t columns,
						 uint32_t tile, mmn_contact_sheet *out, mmn_error *err)
{
	uint64_t pitch, width, height;
	uint32_t rows;

	if (count < 1)
		return mmn_fail(err, MMN_BAD_ARGUMENT,
						"a contact sheet needs at least one image");
	if (columns < 1)
		return mmn_fail(err, MMN_BAD_ARGUMENT, "columns must be at least 1");
	if (tile < 8 || tile > MAX_TILE)
		return mmn_fail(err, MMN_BAD_ARGUMENT, "tile must be 8 to %d pixels",
						MAX_TILE);
	if (columns > count)
		columns = count;
	rows = (count - 1) / columns + 1;
	pitch = tile + MMN_CONTACT_SHEET_GAP;
	width = columns * pitch + MMN_CONTACT_SHEET_GAP;
	height = rows * pitch + MMN_CONTACT_SHEET_GAP;
	/* the sides first, so that their product cannot overflow */
	if (width > MMN_IMAGE_MAX_SIDE || height > MMN_IMAGE_MAX_SIDE ||
		width * height * 3 > MAX_PAGE)
		return mmn_fail(err, MMN_LIMIT,
						"a page of %llu x %llu pixels is too large",
						(unsigned long long)width, (unsigned long long)height);
	memset(out, 0, sizeof *out);
	out->count = count;
	out->columns = columns;
	out->tile = tile;
	out->page = (mmn_image){.width = (uint32_t)width,
							.height = (uint32_t)height,
							.channels = 3,
							.sample_type = MMN_U8,
							.unit = MMN_UNIT_RGB};
	out->page.samples = mmn_alloc(env, (size_t)(width * height * 3));
	if (!out->page.samples)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	memset(out->page.samples, BACKGROUND, (size_t)(width * height * 3));
	return MMN_OK;
}

/* The size at which an image fills its tile on one axis. */
static void
fit(const mmn_image *image, uint32_t tile, uint32_t *width, uint32_t *height)
{
	double w = image->width, h = image->height, scale;

	if (image->spacing_row > 0 && image->spacing_column > 0)
	{
		w *= image->spacing_column;
		h *= image->spacing_row;
	}
	scale = tile / (w > h ? w : h);
	*width = (uint32_t)lround(fmax(1, fmin(tile, w * scale)));
	*height = (uint32_t)lround(fmax(1, fmin(tile, h * scale)));
}

mmn_status
mmn_contact_sheet_place(const mmn_env *env, mmn_contact_sheet *sheet,
						uint32_t index, const mmn_image *image, mmn_error *err)
{
	uint32_t pitch = sheet->tile + MMN_CONTACT_SHEET_GAP;
	uint32_t width, height, left, top;
	mmn_image small;
	mmn_status status;

	if (index >= sheet->count || image->sample_type != MMN_U8)
		return mmn_fail(err, MMN_INTERNAL,
						"contact sheet: bad tile or sample type");
	fit(image, sheet->tile, &width, &height);
	status = mmn_image_resize(env, image, width, height, &small, err);
	if (status != MMN_OK)
		return status;
	left = MMN_CONTACT_SHEET_GAP + index % sheet->columns * pitch +
		   (sheet->tile - width) / 2;
	top = MMN_CONTACT_SHEET_GAP + index / sheet->columns * pitch +
		  (sheet->tile - height) / 2;
	for (uint32_t y = 0; y < height; y++)
	{
		const uint8_t *in =
			(const uint8_t *)small.samples + (size_t)y * width * small.channels;
		uint8_t *out = (uint8_t *)sheet->page.samples +
					   ((size_t)(top + y) * sheet->page.width + left) * 3;

		if (small.channels == 3)
			memcpy(out, in, (size_t)width * 3);
		else
			for (uint32_t x = 0; x < width; x++)
				out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = in[x];
	}
	sheet->has_colour |= small.channels == 3;
	mmn_free(env, small.samples);
	return MMN_OK;
}

void
mmn_contact_sheet_finish(mmn_contact_sheet *sheet, mmn_image *out)
{
	*out = sheet->page;
	sheet->page.samples = NULL;
	if (!sheet->has_colour)
	{
		uint8_t *samples = out->samples;
		size_t n = (size_t)out->width * out->height;

		out->channels = 1;
		out->unit = MMN_UNIT_RAW;
		for (size_t i = 0; i < n; i++)
			samples[i] = samples[3 * i];
	}
}

void
mmn_contact_sheet_destroy(const mmn_env *env, mmn_contact_sheet *sheet)
{
	mmn_free(env, sheet->page.samples);
	sheet->page.samples = NULL;
}
