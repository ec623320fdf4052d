#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bridge.h"
#include "compat.h"
#include "image/image_io.h"
#include "pixels.h"

/*
 * SQL type pixels: input, output, and what can be read off its header.
 */

PG_FUNCTION_INFO_V1(medimnet_pixels_in);
PG_FUNCTION_INFO_V1(medimnet_pixels_out);
PG_FUNCTION_INFO_V1(medimnet_pixels_recv);
PG_FUNCTION_INFO_V1(medimnet_pixels_send);
PG_FUNCTION_INFO_V1(medimnet_pixels_eq);
PG_FUNCTION_INFO_V1(medimnet_pixels_ne);
PG_FUNCTION_INFO_V1(medimnet_width);
PG_FUNCTION_INFO_V1(medimnet_height);
PG_FUNCTION_INFO_V1(medimnet_channels);
PG_FUNCTION_INFO_V1(medimnet_sample_type);
PG_FUNCTION_INFO_V1(medimnet_unit);
PG_FUNCTION_INFO_V1(medimnet_spacing);

/* Bytes of samples written as text between two looks at interrupts. */
#define TEXT_BLOCK ((Size)1048576)

/* The VOI table of a value that has one. */
typedef struct PixelsTable
{
	int32 first;
	uint32 entries;
	uint16 values[FLEXIBLE_ARRAY_MEMBER];
} PixelsTable;

/* Where it begins: offset from the start of the value. */
static Size
TableOffset(Size sample_bytes)
{
	return TYPEALIGN(4, offsetof(Pixels, samples) + sample_bytes);
}

static Size
PixelsSampleBytes(const Pixels *pixels)
{
	return (Size)pixels->width * pixels->height * pixels->channels *
		   mmn_sample_size(pixels->sample_type);
}

Pixels *
PixelsCreate(const mmn_image *image)
{
	mmn_error err;
	size_t bytes, size;
	Pixels *pixels;

	mmn_check(mmn_image_check(image, MMN_PIXELS_MAX_BYTES, &bytes, &err),
			  "invalid pixels", &err);
	size = offsetof(Pixels, samples) + bytes;
	if (image->voi_entries)
		size = TableOffset(bytes) + offsetof(PixelsTable, values) +
			   2 * (Size)image->voi_entries;
	pixels = palloc(size);
	memset(pixels, 0, offsetof(Pixels, samples));
	SET_VARSIZE(pixels, size);
	pixels->version = MMN_PIXELS_VERSION;
	pixels->sample_type = image->sample_type;
	pixels->channels = image->channels;
	pixels->unit = image->unit;
	pixels->width = image->width;
	pixels->height = image->height;
	pixels->flags = image->flags;
	pixels->spacing_row = image->spacing_row;
	pixels->spacing_column = image->spacing_column;
	pixels->window_center = image->window_center;
	pixels->window_width = image->window_width;
	if (image->samples)
		memcpy(pixels->samples, image->samples, bytes);
	if (image->voi_entries)
	{
		Size at = TableOffset(bytes);
		PixelsTable *table = (PixelsTable *)((char *)pixels + at);

		memset(pixels->samples + bytes, 0,
			   at - offsetof(Pixels, samples) - bytes);
		table->first = image->voi_first;
		table->entries = image->voi_entries;
		if (image->voi)
			memcpy(table->values, image->voi, 2 * (Size)table->entries);
	}
	return pixels;
}

mmn_image
PixelsImage(const Pixels *pixels)
{
	mmn_image image;

	image.width = pixels->width;
	image.height = pixels->height;
	image.channels = pixels->channels;
	image.sample_type = pixels->sample_type;
	image.unit = pixels->unit;
	image.flags = pixels->flags;
	image.spacing_row = pixels->spacing_row;
	image.spacing_column = pixels->spacing_column;
	image.window_center = pixels->window_center;
	image.window_width = pixels->window_width;
	image.samples = unconstify(Pixels *, pixels)->samples;
	image.voi_first = 0;
	image.voi_entries = 0;
	image.voi = NULL;
	if (pixels->flags & MMN_IMAGE_VOI_TABLE)
	{
		PixelsTable *table =
			(PixelsTable *)((char *)unconstify(Pixels *, pixels) +
							TableOffset(PixelsSampleBytes(pixels)));

		image.voi_first = table->first;
		image.voi_entries = table->entries;
		image.voi = table->values;
	}
	return image;
}

/*
 * The header alone: for a value stored out of line, one chunk is read rather
 * than all of them.
 */
static Pixels *
PixelsHeader(Datum datum)
{
	return (Pixels *)PG_DETOAST_DATUM_SLICE(
		datum, 0, offsetof(Pixels, samples) - VARHDRSZ);
}

Datum
medimnet_pixels_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	const char *what = "invalid input syntax for type pixels";
	mmn_image image;
	mmn_error err;
	const char *hex;
	size_t bytes;
	Pixels *pixels;

	mmn_check(mmn_image_text_parse(text, MMN_PIXELS_MAX_BYTES, &image, &hex,
								   &bytes, &err),
			  what, &err);
	/* a short text must not make us allocate what its header announces */
	if (strlen(hex) / 2 < bytes)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("%s", what),
				 errdetail("%zu bytes of samples are needed, the text ends "
						   "after %zu.",
						   bytes, strlen(hex) / 2)));
	pixels = PixelsCreate(&image);
	mmn_check(mmn_image_text_samples(&mmn_env_backend, &image, hex, bytes,
									 pixels->samples, &err),
			  what, &err);
	mmn_image_text_entries(text, &image, PixelsImage(pixels).voi);
	PG_RETURN_PIXELS_P(pixels);
}

/* " name=a,b", unless both are +0 */
static void
append_pair(StringInfo buf, const char *name, float8 a, float8 b)
{
	static const float8 zero = 0;
	char number[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (memcmp(&a, &zero, sizeof a) == 0 && memcmp(&b, &zero, sizeof b) == 0)
		return;
	double_to_shortest_decimal_buf(a, number);
	appendStringInfo(buf, " %s=%s", name, number);
	double_to_shortest_decimal_buf(b, number);
	appendStringInfo(buf, ",%s", number);
}

/* " voi=first,entries" */
static void
append_table(StringInfo buf, const mmn_image *image)
{
	Size bytes = 2 * (Size)image->voi_entries;
	char *entries;

	if (bytes == 0)
		return;
	appendStringInfo(buf, " voi=%d,", image->voi_first);
	enlargeStringInfo(buf, 2 * bytes);
	entries = buf->data + buf->len + bytes;
	mmn_copy_little_endian(entries, image->voi, bytes, 2);
	mmn_hex_encode(entries, bytes, buf->data + buf->len);
	buf->len += 2 * bytes;
	buf->data[buf->len] = '\0';
}

Datum
medimnet_pixels_out(PG_FUNCTION_ARGS)
{
	Pixels *pixels = PG_GETARG_PIXELS_P(0);
	mmn_image image = PixelsImage(pixels);
	Size bytes = PixelsSampleBytes(pixels);
	StringInfoData buf;
	char *samples;

	initStringInfo(&buf);
	appendStringInfo(
		&buf, "%ux%ux%d %s %s", pixels->width, pixels->height, pixels->channels,
		mmn_sample_type_name(pixels->sample_type), mmn_unit_name(pixels->unit));
	append_pair(&buf, "spacing", pixels->spacing_row, pixels->spacing_column);
	append_pair(&buf, "window", pixels->window_center, pixels->window_width);
	for (int i = 0; i < MMN_IMAGE_FLAGS; i++)
		if (pixels->flags & mmn_image_flags[i].flag)
			appendStringInfo(&buf, " %s", mmn_image_flags[i].word);
	append_table(&buf, &image);
	appendStringInfoString(&buf, " \\x");
	if (bytes > (MaxAllocSize - buf.len - 1) / 2)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("pixels value is too large for its text form"),
						errhint("Fetch it in binary format, or resize() it.")));
	enlargeStringInfo(&buf, 2 * bytes);
	/* the upper half of the room for the digits holds the samples first */
	samples = buf.data + buf.len + bytes;
	mmn_copy_little_endian(samples, pixels->samples, bytes,
						   mmn_sample_size(pixels->sample_type));
	for (Size at = 0; at < bytes; at += TEXT_BLOCK)
	{
		Size n = Min(bytes - at, TEXT_BLOCK);

		CHECK_FOR_INTERRUPTS();
		mmn_hex_encode(samples + at, n, buf.data + buf.len);
		buf.len += 2 * n;
	}
	buf.data[buf.len] = '\0';
	PG_RETURN_CSTRING(buf.data);
}

Datum
medimnet_pixels_recv(PG_FUNCTION_ARGS)
{
	StringInfo buf = (StringInfo)PG_GETARG_POINTER(0);
	int length = buf->len - buf->cursor;
	mmn_image image;
	mmn_error err;
	const uint8_t *samples;
	size_t bytes;
	Pixels *pixels;

	mmn_check(mmn_image_binary_parse(pq_getmsgbytes(buf, length), length,
									 MMN_PIXELS_MAX_BYTES, &image, &samples,
									 &bytes, &err),
			  "invalid binary form of type pixels", &err);
	pixels = PixelsCreate(&image);
	mmn_copy_little_endian(pixels->samples, samples, bytes,
						   mmn_sample_size(image.sample_type));
	if (image.voi_entries)
		mmn_image_binary_entries(&image, samples, bytes,
								 PixelsImage(pixels).voi);
	PG_RETURN_PIXELS_P(pixels);
}

Datum
medimnet_pixels_send(PG_FUNCTION_ARGS)
{
	Pixels *pixels = PG_GETARG_PIXELS_P(0);
	mmn_image image = PixelsImage(pixels);
	Size bytes = PixelsSampleBytes(pixels);
	Size size = VARHDRSZ + MMN_IMAGE_BINARY_HEADER + bytes +
				mmn_image_binary_table_size(&image);
	bytea *out = palloc(size);

	SET_VARSIZE(out, size);
	mmn_image_binary_header(&image, (uint8 *)VARDATA(out));
	mmn_copy_little_endian(VARDATA(out) + MMN_IMAGE_BINARY_HEADER,
						   pixels->samples, bytes,
						   mmn_sample_size(image.sample_type));
	mmn_image_binary_table(&image, (uint8 *)VARDATA(out) +
									   MMN_IMAGE_BINARY_HEADER + bytes);
	PG_RETURN_BYTEA_P(out);
}

/*
 * Equal means equal in every bit: two values that send() alike.
 */
static bool
pixels_equal(FunctionCallInfo fcinfo)
{
	Pixels *a, *b;

	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) !=
		toast_raw_datum_size(PG_GETARG_DATUM(1)))
		return false;
	a = PG_GETARG_PIXELS_P(0);
	b = PG_GETARG_PIXELS_P(1);
	return memcmp(VARDATA(a), VARDATA(b), VARSIZE(a) - VARHDRSZ) == 0;
}

Datum
medimnet_pixels_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(pixels_equal(fcinfo));
}

Datum
medimnet_pixels_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!pixels_equal(fcinfo));
}

Datum
medimnet_width(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PixelsHeader(PG_GETARG_DATUM(0))->width);
}

Datum
medimnet_height(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PixelsHeader(PG_GETARG_DATUM(0))->height);
}

Datum
medimnet_channels(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PixelsHeader(PG_GETARG_DATUM(0))->channels);
}

Datum
medimnet_sample_type(PG_FUNCTION_ARGS)
{
	Pixels *pixels = PixelsHeader(PG_GETARG_DATUM(0));

	PG_RETURN_TEXT_P(
		cstring_to_text(mmn_sample_type_name(pixels->sample_type)));
}

Datum
medimnet_unit(PG_FUNCTION_ARGS)
{
	Pixels *pixels = PixelsHeader(PG_GETARG_DATUM(0));

	PG_RETURN_TEXT_P(cstring_to_text(mmn_unit_name(pixels->unit)));
}

Datum
medimnet_spacing(PG_FUNCTION_ARGS)
{
	Pixels *pixels = PixelsHeader(PG_GETARG_DATUM(0));
	Datum mm[2];

	if (pixels->spacing_row == 0 || pixels->spacing_column == 0)
		PG_RETURN_NULL();
	mm[0] = Float8GetDatum(pixels->spacing_row);
	mm[1] = Float8GetDatum(pixels->spacing_column);
	PG_RETURN_ARRAYTYPE_P(construct_array(mm, 2, FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
