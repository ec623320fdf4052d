#include "codec.h"

#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <string.h>

#include "image/codestream.h"
#include "image/strip.h"

/* A progressive file with more scans than this is an attack on the clock. */
#define MAX_SCANS 200

typedef struct decoder
{
	struct jpeg_decompress_struct jpeg; /* first: libjpeg hands it back */
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	mmn_error *err;
	bool damaged; /* data ended early: libjpeg would make the rest up */
} decoder;

static void
on_error(j_common_ptr common)
{
	decoder *d = (decoder *)common;
	char text[JMSG_LENGTH_MAX];

	switch (common->err->msg_code)
	{
		case JERR_OUT_OF_MEMORY:
			mmn_fail(d->err, MMN_NO_MEMORY, "no memory to decode JPEG data");
			break;
		case JERR_BAD_PRECISION:
		case JERR_SOF_UNSUPPORTED:
		case JERR_ARITH_NOTIMPL:
		case JERR_CONVERSION_NOTIMPL:
			common->err->format_message(common, text);
			mmn_fail(d->err, MMN_UNSUPPORTED, "unsupported kind of JPEG: %s",
					 text);
			break;
		default:
			common->err->format_message(common, text);
			mmn_fail(d->err, MMN_BAD_DATA, "the JPEG data are damaged: %s",
					 text);
			break;
	}
	longjmp(d->out, 1);
}

static void
on_message(j_common_ptr common, int level)
{
	decoder *d = (decoder *)common;

	if (level < 0 && (common->err->msg_code == JWRN_JPEG_EOF ||
					  common->err->msg_code == JWRN_HIT_MARKER))
		d->damaged = true;
}

static void
no_output(j_common_ptr common)
{
	(void)common;
}

static void
on_progress(j_common_ptr common)
{
	decoder *d = (decoder *)common;

	if (d->jpeg.input_scan_number > MAX_SCANS)
	{
		mmn_fail(d->err, MMN_LIMIT, "JPEG data with more than %d scans",
				 MAX_SCANS);
		longjmp(d->out, 1);
	}
}

static void
set_up(decoder *d, mmn_error *err)
{
	d->err = err;
	d->jpeg.err = jpeg_std_error(&d->errors);
	d->errors.error_exit = on_error;
	d->errors.emit_message = on_message;
	d->errors.output_message = no_output;
	d->progress.progress_monitor = on_progress;
}

/* May longjmp. */
static void
read_rows(decoder *d, uint8_t *samples)
{
	size_t stride =
		(size_t)d->jpeg.output_width * (size_t)d->jpeg.output_components;

	while (d->jpeg.output_scanline < d->jpeg.output_height)
	{
		JSAMPROW row = samples + d->jpeg.output_scanline * stride;

		jpeg_read_scanlines(&d->jpeg, &row, 1);
	}
}

static mmn_status
check_damage(decoder *d)
{
	if (d->damaged)
		return mmn_fail(d->err, MMN_BAD_DATA,
						"the JPEG data are damaged: they end before the image "
						"does");
	return MMN_OK;
}

/* ---- files ---- */

/* What the stripped copy (strip_jpeg.c) will say, too. */
static int
find_orientation(const struct jpeg_decompress_struct *jpeg)
{
	for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
	{
		int orientation = m->marker == JPEG_APP0 + 1
							  ? mmn_exif_orientation(m->data, m->data_length)
							  : 0;

		if (orientation)
			return orientation;
	}
	return 1;
}

/*
 * Moves pixels so that the image stands upright.  Exif counts: 2 mirrored,
 * 3 turned by 180°, 4 flipped, 5..8 the same with rows and columns swapped.
 */
static mmn_status
turn_upright(const mmn_env *env, int orientation, mmn_image *image,
			 mmn_error *err)
{
	uint32_t width = image->width, height = image->height;
	bool swap = orientation >= 5;
	uint8_t *from = image->samples, *to;
	size_t c = image->channels;

	if (orientation == 1)
		return MMN_OK;
	to = mmn_alloc_array(env, (size_t)width * height, c);
	if (!to)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to turn an image");
	image->width = swap ? height : width;
	image->height = swap ? width : height;
	for (uint32_t y = 0; y < image->height; y++)
		for (uint32_t x = 0; x < image->width; x++)
		{
			uint32_t u = swap ? y : x, v = swap ? x : y;

			if (orientation == 2 || orientation == 3 || orientation == 7 ||
				orientation == 8)
				u = width - 1 - u;
			if (orientation == 3 || orientation == 4 || orientation == 6 ||
				orientation == 7)
				v = height - 1 - v;
			memcpy(to + ((size_t)y * image->width + x) * c,
				   from + ((size_t)v * width + u) * c, c);
		}
	image->samples = to;
	mmn_free(env, from);
	return MMN_OK;
}

/* May longjmp; out->samples is then the caller's to free. */
static mmn_status
read_file(decoder *d, const mmn_env *env, const uint8_t *bytes, size_t length,
		  size_t max_bytes, mmn_image *out)
{
	size_t size;
	mmn_status status;

	jpeg_create_decompress(&d->jpeg);
	d->jpeg.progress = &d->progress;
	jpeg_mem_src(&d->jpeg, bytes, length);
	jpeg_save_markers(&d->jpeg, JPEG_APP0 + 1, 0xFFFF);
	jpeg_read_header(&d->jpeg, TRUE);
	if (d->jpeg.num_components != 1 && d->jpeg.num_components != 3)
		return mmn_fail(d->err, MMN_UNSUPPORTED,
						"unsupported JPEG colour with %d components (CMYK?)",
						d->jpeg.num_components);
	out->width = d->jpeg.image_width;
	out->height = d->jpeg.image_height;
	out->channels = (uint8_t)d->jpeg.num_components;
	out->sample_type = MMN_U8;
	out->unit = out->channels == 3 ? MMN_UNIT_RGB : MMN_UNIT_RAW;
	status = mmn_image_check(out, max_bytes, &size, d->err);
	if (status != MMN_OK)
		return status;
	d->jpeg.out_color_space = out->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
	out->samples = mmn_alloc(env, size);
	if (!out->samples)
		return mmn_fail(d->err, MMN_NO_MEMORY,
						"no memory for %zu bytes of samples", size);
	jpeg_start_decompress(&d->jpeg);
	read_rows(d, out->samples);
	status = check_damage(d);
	if (status != MMN_OK)
		return status;
	return turn_upright(env, find_orientation(&d->jpeg), out, d->err);
}

mmn_status
mmn_jpeg_decode(const mmn_env *env, const uint8_t *bytes, size_t length,
				size_t max_bytes, mmn_image *out, mmn_error *err)
{
	decoder d = {0};
	mmn_error local;
	mmn_status status;

	memset(out, 0, sizeof *out);
	set_up(&d, err ? err : &local);
	if (setjmp(d.out))
		status = d.err->code;
	else
		status = read_file(&d, env, bytes, length, max_bytes, out);
	jpeg_destroy_decompress(&d.jpeg);
	if (status != MMN_OK)
	{
		mmn_free(env, out->samples);
		out->samples = NULL;
	}
	return status;
}

/* ---- frames of DICOM files ---- */

/*
 * What the three components are.  Photometric Interpretation says so, but
 * files exist where the JPEG data know better: an Adobe segment that names
 * the transform, a JFIF segment (which means YCbCr), components named R, G
 * and B.
 */
static J_COLOR_SPACE
frame_colour(const struct jpeg_decompress_struct *jpeg,
			 mmn_photometric photometric)
{
	if (jpeg->saw_Adobe_marker)
		return jpeg->Adobe_transform == 0 ? JCS_RGB : JCS_YCbCr;
	if (jpeg->saw_JFIF_marker)
		return JCS_YCbCr;
	if (jpeg->comp_info[0].component_id == 'R' &&
		jpeg->comp_info[1].component_id == 'G' &&
		jpeg->comp_info[2].component_id == 'B')
		return JCS_RGB;
	return photometric == MMN_RGB ? JCS_RGB : JCS_YCbCr;
}

/* May longjmp. */
static mmn_status
read_frame(decoder *d, const uint8_t *bytes, size_t length,
		   mmn_pixel_description *pixels, uint8_t *out)
{
	jpeg_create_decompress(&d->jpeg);
	d->jpeg.progress = &d->progress;
	jpeg_mem_src(&d->jpeg, bytes, length);
	jpeg_read_header(&d->jpeg, TRUE);
	if (d->jpeg.image_width != pixels->columns ||
		d->jpeg.image_height != pixels->rows ||
		d->jpeg.num_components != pixels->samples_per_pixel)
		return mmn_fail(d->err, MMN_BAD_DATA,
						"the JPEG data have another size than the data set "
						"says");
	if (pixels->samples_per_pixel == 3)
	{
		d->jpeg.jpeg_color_space = frame_colour(&d->jpeg, pixels->photometric);
		d->jpeg.out_color_space = JCS_RGB;
		pixels->photometric = MMN_RGB;
	}
	else
		d->jpeg.jpeg_color_space = d->jpeg.out_color_space = JCS_GRAYSCALE;
	jpeg_start_decompress(&d->jpeg);
	read_rows(d, out);
	pixels->planar = 0;
	pixels->bits_allocated = 8;
	if (pixels->bits_stored > 8)
		pixels->bits_stored = 8;
	pixels->high_bit = pixels->bits_stored - 1;
	return check_damage(d);
}

mmn_status
mmn_jpeg_decode_frame(const mmn_env *env, const uint8_t *bytes, size_t length,
					  mmn_pixel_description *pixels, uint8_t *out,
					  mmn_error *err)
{
	decoder d = {0};
	mmn_error local;
	mmn_status status;

	(void)env;
	set_up(&d, err ? err : &local);
	if (setjmp(d.out))
		status = d.err->code;
	else
		status = read_frame(&d, bytes, length, pixels, out);
	jpeg_destroy_decompress(&d.jpeg);
	return status;
}
