/* One row of medimnet.batch() in PostgreSQL's binary format. */
#include "batch.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "connect.h"

#define INT4_OID 23
#define INT8_OID 20

static char *
get_text(const PGresult *result, const char *column)
{
	int number = PQfnumber(result, column);

	if (number < 0)
		cli_fail("the server's loader_info() has no column \"%s\": are it and "
				 "this program of one version?",
				 column);
	return cli_copy(PQgetvalue(result, 0, number));
}

static uint64_t
get_number(const PGresult *result, const char *column)
{
	char *text = get_text(result, column);
	uint64_t number = strtoull(text, NULL, 10);

	free(text);
	return number;
}

batch_spec
batch_spec_get(PGconn *conn, const char *loader, int world_size)
{
	const char *values[] = {loader};
	batch_spec spec = {0};
	PGresult *result = connect_query(
		conn, "SELECT * FROM medimnet.loader_info($1)", 1, values);

	if (PQntuples(result) != 1)
		cli_fail("there is no loader \"%s\"", loader);
	spec.images = get_number(result, "batch_size");
	if (spec.images % (uint64_t)world_size != 0)
		cli_fail("a batch of %" PRIu64 " images cannot be shared by %d ranks "
				 "evenly",
				 spec.images, world_size);
	spec.images /= (uint64_t)world_size;
	spec.channels = get_number(result, "channels");
	spec.height = get_number(result, "height");
	spec.width = get_number(result, "width");
	spec.dtype = get_text(result, "dtype");
	spec.samples = get_text(result, "samples");
	spec.steps_per_epoch = get_text(result, "steps_per_epoch");
	PQclear(result);

	result =
		connect_query(conn,
					  "SELECT c FROM medimnet.loader_info($1), unnest(classes) "
					  "WITH ORDINALITY u(c, n) ORDER BY n",
					  1, values);
	spec.class_count = (size_t)PQntuples(result);
	spec.classes = cli_realloc(NULL, spec.class_count, sizeof(char *));
	for (size_t i = 0; i < spec.class_count; i++)
		spec.classes[i] = cli_copy(PQgetvalue(result, (int)i, 0));
	PQclear(result);
	return spec;
}

void
batch_spec_free(batch_spec *spec)
{
	for (size_t i = 0; i < spec->class_count; i++)
		free(spec->classes[i]);
	free(spec->classes);
	free(spec->dtype);
	free(spec->samples);
	free(spec->steps_per_epoch);
	*spec = (batch_spec){0};
}

static uint32_t
get_u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, 4);
	return ntohl(value);
}

/*
 * The elements of a one-dimensional array without NULLs, as array_send()
 * writes it: number of dimensions, flag for NULLs, element type; for each
 * dimension size and lower bound; for each element length and bytes. NULL: it
 * is none, or not of count elements.
 */
static const uint8_t *
array_elements(const uint8_t *bytes, int length, uint32_t type, uint64_t count)
{
	uint32_t size = type == INT8_OID ? 8 : 4;

	if (length < 20 || get_u32(bytes) != 1 || get_u32(bytes + 4) != 0 ||
		get_u32(bytes + 8) != type || get_u32(bytes + 12) != count ||
		(uint64_t)length != 20 + count * (4 + size))
		return NULL;
	for (uint64_t i = 0; i < count; i++)
	{
		if (get_u32(bytes + 20 + i * (4 + size)) != size)
			return NULL;
	}
	return bytes + 20;
}

static char *
check_images(const npy *images, const batch_spec *spec)
{
	const uint64_t wanted[] = {spec->images, spec->channels, spec->height,
							   spec->width};
	char got[200];

	if (strcmp(images->dtype, spec->dtype) != 0)
		return cli_format("the images are %s, the loader says %s",
						  images->dtype, spec->dtype);
	if (images->dims == 4 && memcmp(images->shape, wanted, sizeof(wanted)) == 0)
		return NULL;
	npy_shape_text(images, got, sizeof(got));
	return cli_format("the images are %s, the loader says %" PRIu64 "x%" PRIu64
					  "x%" PRIu64 "x%" PRIu64,
					  got, wanted[0], wanted[1], wanted[2], wanted[3]);
}

char *
batch_parse(batch *out, const PGresult *result, const batch_spec *spec)
{
	const uint8_t *labels;
	const uint8_t *ids;
	const char *wrong;
	char *mismatch;

	*out = (batch){.count = spec->images};
	if (PQntuples(result) != 1 || PQnfields(result) != 3)
		return cli_format("a batch must be one row of three columns");
	for (int i = 0; i < 3; i++)
	{
		if (PQgetisnull(result, 0, i))
			return cli_format("column %s is NULL", PQfname(result, i));
	}
	out->npy_bytes = (const uint8_t *)PQgetvalue(result, 0, 0);
	out->npy_size = (size_t)PQgetlength(result, 0, 0);
	wrong = npy_parse(&out->images, out->npy_bytes, out->npy_size);
	if (wrong != NULL)
		return cli_copy(wrong);
	mismatch = check_images(&out->images, spec);
	if (mismatch != NULL)
		return mismatch;
	labels = array_elements((const uint8_t *)PQgetvalue(result, 0, 1),
							PQgetlength(result, 0, 1), INT4_OID, out->count);
	ids = array_elements((const uint8_t *)PQgetvalue(result, 0, 2),
						 PQgetlength(result, 0, 2), INT8_OID, out->count);
	if (labels == NULL || ids == NULL)
		return cli_format("%s must be an array of %" PRIu64 " %s",
						  labels == NULL ? "labels" : "image_ids", out->count,
						  labels == NULL ? "int" : "bigint");
	out->labels = cli_realloc(NULL, out->count, sizeof(int32_t));
	out->image_ids = cli_realloc(NULL, out->count, sizeof(int64_t));
	for (uint64_t i = 0; i < out->count; i++)
	{
		const uint8_t *id = ids + i * 12 + 4;

		out->labels[i] = (int32_t)get_u32(labels + i * 8 + 4);
		out->image_ids[i] =
			(int64_t)((uint64_t)get_u32(id) << 32 | get_u32(id + 4));
		if (out->labels[i] < 0 || (size_t)out->labels[i] >= spec->class_count)
			return cli_format("label %d is none of the loader's %zu classes",
							  out->labels[i], spec->class_count);
	}
	return NULL;
}

void
batch_free(batch *out)
{
	free(out->labels);
	free(out->image_ids);
	*out = (batch){0};
}
