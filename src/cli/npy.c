/*
 * The NPY format, version 1.0: magic "\x93NUMPY", version, length of the
 * header (2 bytes, little-endian), a Python dict as text, the elements.
 */
#include "npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_SIZE 10

static const struct
{
	const char *descr;
	const char *name;
	size_t size;
} kinds[] = {
	{"|u1", "uint8", 1},   {"|i1", "int8", 1},	  {"<u2", "uint16", 2},
	{"<i2", "int16", 2},   {"<i4", "int32", 4},	  {"<i8", "int64", 8},
	{"<f2", "float16", 2}, {"<f4", "float32", 4}, {"<f8", "float64", 8},
};

/* The text after the dict's key and colon, or NULL. */
static const char *
find_value(const char *header, const char *key)
{
	const char *at = strstr(header, key);

	if (at == NULL)
		return NULL;
	at += strlen(key);
	at += strspn(at, " ");
	if (*at++ != ':')
		return NULL;
	return at + strspn(at, " ");
}

static const char *
parse_shape(npy *array, const char *at, uint64_t *count)
{
	static const char wrong[] = "the NPY header has no valid shape";

	*count = 1;
	if (at == NULL || *at++ != '(')
		return wrong;
	while (*at != ')')
	{
		char *end;
		uint64_t n = strtoull(at, &end, 10);

		if (end == at || *at == '-' || array->dims == NPY_MAX_DIMS ||
			__builtin_mul_overflow(*count, n, count))
			return wrong;
		array->shape[array->dims++] = n;
		at = end + strspn(end, ", ");
	}
	return NULL;
}

const char *
npy_parse(npy *array, const uint8_t *bytes, size_t size)
{
	char header[4096];
	size_t length;
	const char *descr;
	const char *order;
	const char *wrong;
	uint64_t total;

	*array = (npy){0};
	if (size < PREFIX_SIZE || memcmp(bytes, "\x93NUMPY\x01\x00", 8) != 0)
		return "this is not an NPY 1.0 file";
	length = bytes[8] | (size_t)bytes[9] << 8;
	if (length > size - PREFIX_SIZE || length >= sizeof(header))
		return "the NPY header is longer than it should be";
	memcpy(header, bytes + PREFIX_SIZE, length);
	header[length] = '\0';

	descr = find_value(header, "'descr'");
	for (size_t i = 0; descr != NULL && i < sizeof(kinds) / sizeof(*kinds); i++)
	{
		if (descr[0] == '\'' && strncmp(descr + 1, kinds[i].descr, 3) == 0 &&
			descr[4] == '\'')
		{
			strcpy(array->dtype, kinds[i].name);
			array->item_size = kinds[i].size;
		}
	}
	if (array->item_size == 0)
		return "the NPY header has no known element type";
	order = find_value(header, "'fortran_order'");
	if (order == NULL || strncmp(order, "False", 5) != 0)
		return "the array is not in C order";
	wrong = parse_shape(array, find_value(header, "'shape'"), &total);
	if (wrong != NULL)
		return wrong;
	if (__builtin_mul_overflow(total, array->item_size, &total) ||
		total != size - PREFIX_SIZE - length)
		return "the NPY file's length does not fit its shape";
	array->data = bytes + PREFIX_SIZE + length;
	return NULL;
}

void
npy_shape_text(const npy *array, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < array->dims && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64,
								 i > 0 ? "x" : "", array->shape[i]);
}

bool
npy_write(const char *path, const char *descr, size_t item_size,
		  const void *data, uint64_t count)
{
	FILE *file = fopen(path, "wb");
	char header[128];
	int length;
	bool sound;

	if (file == NULL)
		return false;
	length = snprintf(
		header, sizeof(header),
		"{'descr': '%s', 'fortran_order': False, 'shape': (%" PRIu64 ",), }",
		descr, count);
	/* padded so that the elements are aligned, and ended by a line feed */
	while ((PREFIX_SIZE + length + 1) % 64 != 0)
		header[length++] = ' ';
	header[length++] = '\n';
	sound = fwrite("\x93NUMPY\x01\x00", 1, 8, file) == 8 &&
			fputc(length & 0xff, file) != EOF &&
			fputc(length >> 8, file) != EOF &&
			fwrite(header, 1, (size_t)length, file) == (size_t)length &&
			fwrite(data, item_size, count, file) == count;
	return fclose(file) == 0 && sound;
}
