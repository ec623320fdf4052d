#include "image/npy.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

/* Magic, two bytes of version, two of header length. */
#define PREFIX 10

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* NumPy's names of our types: byte order, kind, size. */
static const char *const descr[] = {
	[MMN_DTYPE_UINT8] = "|u1",	 [MMN_DTYPE_INT8] = "|i1",
	[MMN_DTYPE_UINT16] = "<u2",	 [MMN_DTYPE_INT16] = "<i2",
	[MMN_DTYPE_INT32] = "<i4",	 [MMN_DTYPE_INT64] = "<i8",
	[MMN_DTYPE_FLOAT16] = "<f2", [MMN_DTYPE_FLOAT32] = "<f4",
	[MMN_DTYPE_FLOAT64] = "<f8",
};

size_t
mmn_npy_header(const mmn_tensor *tensor, uint8_t out[MMN_NPY_HEADER_MAX])
{
	char *text = (char *)out;
	size_t n = PREFIX, total;

	n += (size_t)snprintf(text + n, MMN_NPY_HEADER_MAX - n,
						  "{'descr': '%s', 'fortran_order': False, "
						  "'shape': (",
						  descr[tensor->dtype]);
	for (int i = 0; i < tensor->ndim; i++)
		/* a tuple of one is written (3,) */
		n += (size_t)snprintf(text + n, MMN_NPY_HEADER_MAX - n, "%s%d%s",
							  i > 0 ? ", " : "", tensor->dims[i],
							  tensor->ndim == 1 ? "," : "");
	n += (size_t)snprintf(text + n, MMN_NPY_HEADER_MAX - n, "), }");
	total = (n + 1 + 63) / 64 * 64;
	memset(text + n, ' ', total - n);
	text[total - 1] = '\n';
	memcpy(out, magic, sizeof magic);
	out[6] = 1;
	out[7] = 0;
	mmn_store_u16le(out + 8, (uint16_t)(total - PREFIX));
	return total;
}

/*
 * The header, read as far as a dictionary of three known keys needs it: no
 * general Python.
 */
typedef struct reader
{
	const char *p;
	const char *end;
} reader;

static char
peek(reader *r)
{
	while (r->p < r->end &&
		   (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
	return r->p < r->end ? *r->p : '\0';
}

static bool
accept(reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->p++;
	return true;
}

/* A quoted string without escapes, at most 15 characters. */
static bool
read_string(reader *r, char out[16])
{
	char quote = peek(r);
	const char *start = r->p + 1;
	const char *stop;

	if (quote != '\'' && quote != '"')
		return false;
	stop = memchr(start, quote, (size_t)(r->end - start));
	if (!stop || stop - start > 15)
		return false;
	memcpy(out, start, (size_t)(stop - start));
	out[stop - start] = '\0';
	r->p = stop + 1;
	return true;
}

static bool
read_literal(reader *r, const char *word)
{
	size_t n = strlen(word);

	peek(r);
	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
		return false;
	r->p += n;
	return true;
}

static mmn_status
read_shape(reader *r, mmn_tensor *out, mmn_error *err)
{
	bool comma = true; /* may another dimension follow? */

	if (!accept(r, '('))
		return mmn_fail(err, MMN_BAD_DATA, "NPY shape is not a tuple");
	while (!accept(r, ')'))
	{
		int64_t v = 0;
		char c = peek(r);

		if (!comma || c < '0' || c > '9')
			return mmn_fail(err, MMN_BAD_DATA,
							"NPY shape is not a tuple of integers");
		if (out->ndim == MMN_TENSOR_MAX_DIMS)
			return mmn_fail(err, MMN_LIMIT,
							"more dimensions than the limit of %d",
							MMN_TENSOR_MAX_DIMS);
		while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && v <= INT32_MAX)
			v = v * 10 + (*r->p++ - '0');
		if (v > INT32_MAX)
			return mmn_fail(err, MMN_LIMIT, "dimension %d is too large",
							out->ndim + 1);
		out->dims[out->ndim++] = (int32_t)v;
		comma = accept(r, ',');
	}
	/* (3) would be an integer in parentheses */
	if (out->ndim == 1 && !comma)
		return mmn_fail(err, MMN_BAD_DATA, "NPY shape is not a tuple");
	return MMN_OK;
}

static mmn_status
read_descr(reader *r, mmn_tensor *out, mmn_error *err)
{
	char name[16];

	/* structured types are lists */
	if (peek(r) == '[')
		return mmn_fail(err, MMN_UNSUPPORTED,
						"NPY array has a structured element type");
	if (!read_string(r, name))
		return mmn_fail(err, MMN_BAD_DATA, "NPY element type is not a string");
	if (name[0] == '>' && strcmp(name + 1, "u1") != 0 &&
		strcmp(name + 1, "i1") != 0)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"NPY array is big-endian, must be little-endian");
	for (uint8_t i = MMN_DTYPE_UINT8; i <= MMN_DTYPE_FLOAT64; i++)
		if (strcmp(name + (name[0] != '\0'), descr[i] + 1) == 0 &&
			(name[0] == descr[i][0] || descr[i][0] == '|') &&
			strchr("<>|", name[0]))
			out->dtype = i;
	if (out->dtype == 0)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"NPY element type is none of uint8, int8, uint16, "
						"int16, int32, int64, float16, float32, float64");
	return MMN_OK;
}

static mmn_status
read_header(reader *r, mmn_tensor *out, mmn_error *err)
{
	bool has_descr = false, has_order = false, has_shape = false;
	bool comma = true;

	if (!accept(r, '{'))
		return mmn_fail(err, MMN_BAD_DATA, "NPY header is not a dictionary");
	while (!accept(r, '}'))
	{
		char key[16];
		bool *seen;
		mmn_status status = MMN_OK;

		if (!comma || !read_string(r, key) || !accept(r, ':'))
			return mmn_fail(err, MMN_BAD_DATA,
							"NPY header is not a dictionary");
		seen = strcmp(key, "descr") == 0		   ? &has_descr
			   : strcmp(key, "fortran_order") == 0 ? &has_order
			   : strcmp(key, "shape") == 0		   ? &has_shape
												   : NULL;
		if (!seen || *seen)
			return mmn_fail(err, MMN_BAD_DATA,
							"NPY header has an unknown or repeated key");
		*seen = true;
		if (seen == &has_descr)
			status = read_descr(r, out, err);
		else if (seen == &has_shape)
			status = read_shape(r, out, err);
		else if (read_literal(r, "True"))
			status = mmn_fail(err, MMN_UNSUPPORTED,
							  "NPY array is in Fortran order, must be in C "
							  "order");
		else if (!read_literal(r, "False"))
			status = mmn_fail(err, MMN_BAD_DATA,
							  "NPY fortran_order is neither True nor False");
		if (status != MMN_OK)
			return status;
		comma = accept(r, ',');
	}
	if (!has_descr || !has_order || !has_shape)
		return mmn_fail(err, MMN_BAD_DATA,
						"NPY header lacks descr, fortran_order or shape");
	if (peek(r) != '\0' || r->p < r->end)
		return mmn_fail(err, MMN_BAD_DATA,
						"NPY header goes on after its dictionary");
	return MMN_OK;
}

mmn_status
mmn_npy_parse(const void *file, size_t length, size_t max_bytes,
			  mmn_tensor *out, const uint8_t **data, size_t *data_bytes,
			  mmn_error *err)
{
	const uint8_t *in = file;
	size_t header;
	mmn_status status;
	reader r;

	memset(out, 0, sizeof *out);
	if (length < PREFIX || memcmp(in, magic, sizeof magic) != 0)
		return mmn_fail(err, MMN_BAD_DATA, "not an NPY file");
	if (in[6] != 1 || in[7] != 0)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"NPY version %d.%d is not supported, only 1.0", in[6],
						in[7]);
	header = mmn_load_u16le(in + 8);
	if (header > length - PREFIX)
		return mmn_fail(err, MMN_BAD_DATA,
						"NPY header of %zu bytes is cut short", header);
	r.p = (const char *)in + PREFIX;
	r.end = r.p + header;
	status = read_header(&r, out, err);
	if (status == MMN_OK)
		status = mmn_tensor_check(out, max_bytes, data_bytes, err);
	if (status != MMN_OK)
		return status;
	if (length - PREFIX - header != *data_bytes)
		return mmn_fail(err, MMN_BAD_DATA,
						"NPY header announces %zu bytes of elements, %zu "
						"follow",
						*data_bytes, length - PREFIX - header);
	*data = in + PREFIX + header;
	return MMN_OK;
}
