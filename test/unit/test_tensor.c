/* image/tensor, image/npy: element types, text, and NPY files */

#include <stdint.h>
#include <stdlib.h>

#include "image/npy.h"
#include "tap.h"

#define LIMIT 100000

static mmn_error err;

static mmn_status
read_text(const char *text, mmn_tensor *out, uint8_t *data)
{
	const char *elements;
	size_t bytes;
	mmn_status status =
		mmn_tensor_text_parse(text, LIMIT, out, &elements, &bytes, &err);

	out->data = data;
	return status != MMN_OK ? status
							: mmn_tensor_text_elements(&mmn_env_default, out,
													   elements, &err);
}

static void
reads_text(const char *text, double last)
{
	static uint8_t data[LIMIT];
	mmn_tensor t;
	size_t n = 1;

	if (!ok(read_text(text, &t, data) == MMN_OK, "%.60s", text))
	{
		printf("#   %s\n", err.text);
		return;
	}
	for (int i = 0; i < t.ndim; i++)
		n *= (size_t)t.dims[i];
	if (n > 0)
		is_near(mmn_tensor_element(&t, n - 1), last, 0, "its last element");
}

static void
refuses_text(const char *text, mmn_status status, const char *part)
{
	static uint8_t data[LIMIT];
	mmn_tensor t;
	mmn_status got = read_text(text, &t, data);

	if (!ok(got == status && strstr(err.text, part), "\"%.50s\" is refused",
			text))
		printf("#   status %d: %s\n", got, err.text);
}

static void
test_text(void)
{
	uint8_t data[64];
	mmn_tensor t;

	reads_text("float32[2,3]{1,2,3,4,5,6.5}", 6.5);
	reads_text("float32[]{-1e-3}", -1e-3f);
	reads_text(" uint8 [ 2 , 1 ] { 0 , 255 } ", 255);
	reads_text("int8[2]{127,-128}", -128);
	reads_text("uint16[1]{65535}", 65535);
	reads_text("int16[1]{-32768}", -32768);
	reads_text("int32[1]{-2147483648}", -2147483648.0);
	reads_text("int64[1]{-9223372036854775808}", -9223372036854775808.0);
	reads_text("float16[1]{65504}", 65504);
	reads_text("float64[1]{1e308}", 1e308);
	reads_text("float32[0,3]{}", 0);
	reads_text("float32[0,3]{ }", 0);
	reads_text("float64[1,1,1,1,1,1,1,1]{5}", 5);
	read_text("float32[4]{NaN,Infinity,-inf,NaN(0xff800001)}", &t, data);
	ok(isnan(mmn_tensor_element(&t, 0)) &&
		   mmn_tensor_element(&t, 1) == INFINITY &&
		   mmn_tensor_element(&t, 2) == -INFINITY &&
		   isnan(mmn_tensor_element(&t, 3)),
	   "what is not a finite number");
	ok(memcmp(data + 12, "\x01\x00\x80\xff", 4) == 0,
	   "a NaN keeps its bits");
	/* by way of double this would round up: just below a half */
	read_text("float32[1]{1.00000005960464477}", &t, data);
	ok(mmn_tensor_element(&t, 0) == 1, "float32 is rounded once");

	refuses_text("", MMN_SYNTAX, "element type");
	refuses_text("float33[1]{1}", MMN_SYNTAX, "element type");
	refuses_text("float32{1}", MMN_SYNTAX, "expected \"[\"");
	refuses_text("float32[1", MMN_SYNTAX, "after a dimension");
	refuses_text("float32[1,]{1}", MMN_SYNTAX, "after \",\"");
	refuses_text("float32[-1]{1}", MMN_SYNTAX, "dimension");
	refuses_text("float32[2147483648]{1}", MMN_LIMIT, "too large");
	refuses_text("float32[1,1,1,1,1,1,1,1,1]{1}", MMN_LIMIT, "limit of 8");
	refuses_text("float32[2147483647,2147483647,2147483647]{1}", MMN_LIMIT,
				 "limit");
	refuses_text("uint8[0,2147483647]{}", MMN_LIMIT, "limit");
	refuses_text("float32[1]", MMN_SYNTAX, "expected \"{\"");
	refuses_text("float32[1]{}", MMN_SYNTAX, "expected a number");
	refuses_text("float32[1]{x}", MMN_SYNTAX, "expected a number");
	refuses_text("float32[1]{nan}", MMN_SYNTAX, "expected a number");
	refuses_text("float32[2]{1}", MMN_SYNTAX, "2 elements are needed");
	refuses_text("float32[2]{1 2}", MMN_SYNTAX, "expected \",\"");
	refuses_text("float32[1]{1,2}", MMN_SYNTAX, "expected \"}\"");
	refuses_text("float32[1]{1", MMN_SYNTAX, "expected \"}\"");
	refuses_text("float32[1]{1}x", MMN_SYNTAX, "goes on");
	refuses_text("float32[1]{1e39}", MMN_SYNTAX, "out of range");
	refuses_text("float64[1]{-1e309}", MMN_SYNTAX, "out of range");
	refuses_text("float16[1]{65520}", MMN_SYNTAX, "out of range");
	refuses_text("float32[1]{NaN(0x7f800000)}", MMN_SYNTAX, "bits of a NaN");
	refuses_text("float32[1]{NaN(0x17fc00001)}", MMN_SYNTAX, "bits of a NaN");
	refuses_text("float16[1]{NaN(}", MMN_SYNTAX, "bits of a NaN");
	refuses_text("uint8[1]{256}", MMN_SYNTAX, "out of range for uint8");
	refuses_text("uint8[1]{-1}", MMN_SYNTAX, "out of range for uint8");
	refuses_text("int64[1]{9223372036854775808}", MMN_SYNTAX, "out of range");
	refuses_text("int32[1]{1.5}", MMN_SYNTAX, "expected \"}\"");
	refuses_text("int32[1]{one}", MMN_SYNTAX, "expected an integer");
}

static void
test_half(void)
{
	static const struct
	{
		double value;
		uint16_t half;
	} cases[] = {
		{0, 0},				 {-0.0, 0x8000},	 {1, 0x3c00},
		{-2, 0xc000},		 {65504, 0x7bff},	 {65519.9, 0x7bff},
		{65520, 0x7c00},	 {0x1p-14, 0x0400},	 {0x1p-24, 0x0001},
		{0x1p-25, 0x0000},	 {0x1.8p-25, 0x0001}, {1 + 0x1p-11, 0x3c00},
		{1 + 0x3p-11, 0x3c02}, {2 - 0x1p-12, 0x4000}, {0x1.ff8p-15, 0x03ff},
		{0x1.ffcp-15, 0x0400},
	};
	int wrong = 0;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_int(mmn_half_from_double(cases[i].value), cases[i].half,
			   "%a to float16", cases[i].value);
	for (unsigned h = 0; h < 65536; h++)
	{
		double v = mmn_half_to_double((uint16_t)h);

		if (!isnan(v))
			wrong += mmn_half_from_double(v) != h;
	}
	is_int(wrong, 0, "every float16 survives the way there and back");
}

/* A file with a given dictionary and so many bytes of elements. */
static mmn_status
parse_with(const char *dict, size_t elements, mmn_tensor *out)
{
	static uint8_t file[1024];
	const uint8_t *data;
	size_t n = strlen(dict), bytes;

	memcpy(file, "\x93NUMPY\x01\x00", 8);
	file[8] = (uint8_t)n;
	file[9] = (uint8_t)(n >> 8);
	memcpy(file + 10, dict, n);
	return mmn_npy_parse(file, 10 + n + elements, LIMIT, out, &data, &bytes,
						 &err);
}

static void
refuses_npy(const char *dict, size_t elements, mmn_status status,
			const char *part)
{
	mmn_tensor t;
	mmn_status got = parse_with(dict, elements, &t);

	if (!ok(got == status && strstr(err.text, part), "NPY %s is refused", dict))
		printf("#   status %d: %s\n", got, err.text);
}

#define DICT(descr, order, shape) \
	"{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"

static void
test_npy(void)
{
	mmn_tensor t = {.dtype = MMN_DTYPE_FLOAT32, .ndim = 2, .dims = {2, 3}};
	uint8_t file[MMN_NPY_HEADER_MAX + 24] = {0};
	size_t header = mmn_npy_header(&t, file), bytes;
	const uint8_t *data;
	mmn_tensor read;

	is_int(header, 128, "a header as NumPy writes it");
	ok(memcmp(file, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', "
					"'fortran_order': False, 'shape': (2, 3), } ",
			  70) == 0 &&
		   file[127] == '\n',
	   "letter by letter");
	is_int(mmn_npy_parse(file, header + 24, LIMIT, &read, &data, &bytes, &err),
		   MMN_OK, "is read back");
	ok(read.dtype == t.dtype && read.ndim == 2 && read.dims[0] == 2 &&
		   read.dims[1] == 3 && data == file + header && bytes == 24,
	   "as what it was");
	for (size_t cut = 0; cut < header + 24; cut++)
		if (mmn_npy_parse(file, cut, LIMIT, &read, &data, &bytes, &err) !=
			MMN_BAD_DATA)
			ok(0, "cut to %zu bytes is refused", cut);
	file[6] = 2;
	is_int(mmn_npy_parse(file, header + 24, LIMIT, &read, &data, &bytes, &err),
		   MMN_UNSUPPORTED, "version 2.0 is refused");

	for (uint8_t dtype = MMN_DTYPE_UINT8; dtype <= MMN_DTYPE_FLOAT64; dtype++)
	{
		mmn_tensor any = {.dtype = dtype, .ndim = MMN_TENSOR_MAX_DIMS};

		for (int i = 0; i < MMN_TENSOR_MAX_DIMS; i++)
			any.dims[i] = i ? INT32_MAX : 0;
		header = mmn_npy_header(&any, file);
		ok(header % 64 == 0 && header <= MMN_NPY_HEADER_MAX,
		   "the longest header of %s fits", mmn_dtype_name(dtype));
		for (int i = 1; i < MMN_TENSOR_MAX_DIMS; i++)
			any.dims[i] = 1;
		header = mmn_npy_header(&any, file);
		ok(mmn_npy_parse(file, header, LIMIT, &read, &data, &bytes, &err) ==
				   MMN_OK &&
			   read.dtype == dtype && read.ndim == MMN_TENSOR_MAX_DIMS,
		   "%s is read back", mmn_dtype_name(dtype));
	}

	ok(parse_with("{\"shape\":(3,),\"fortran_order\":False,\"descr\":\"<i2\"}",
				  6, &t) == MMN_OK &&
		   t.ndim == 1 && t.dims[0] == 3 && t.dtype == MMN_DTYPE_INT16,
	   "keys in any order, other quotes");
	ok(parse_with(DICT("<u1", "False", "()"), 1, &t) == MMN_OK && t.ndim == 0,
	   "no dimensions, one element");
	refuses_npy("", 0, MMN_BAD_DATA, "dictionary");
	refuses_npy("{}", 0, MMN_BAD_DATA, "lacks");
	refuses_npy("{'descr': '<f4', 'shape': (1,)}", 4, MMN_BAD_DATA, "lacks");
	refuses_npy(DICT("<f4", "True", "(1, 2)"), 8, MMN_UNSUPPORTED, "Fortran");
	refuses_npy(DICT(">f4", "False", "(1,)"), 4, MMN_UNSUPPORTED, "big-endian");
	refuses_npy(DICT("<c8", "False", "(1,)"), 8, MMN_UNSUPPORTED, "none of");
	refuses_npy(DICT("|b1", "False", "(1,)"), 1, MMN_UNSUPPORTED, "none of");
	refuses_npy(DICT("|O", "False", "(1,)"), 8, MMN_UNSUPPORTED, "none of");
	refuses_npy(DICT("", "False", "(1,)"), 8, MMN_UNSUPPORTED, "none of");
	refuses_npy("{'descr': [('a', '<f4')], 'fortran_order': False, "
				"'shape': (1,)}",
				4, MMN_UNSUPPORTED, "structured");
	refuses_npy(DICT("<f4", "None", "(1,)"), 4, MMN_BAD_DATA, "neither");
	refuses_npy(DICT("<f4", "False", "(1)"), 4, MMN_BAD_DATA, "tuple");
	refuses_npy(DICT("<f4", "False", "[1]"), 4, MMN_BAD_DATA, "tuple");
	refuses_npy(DICT("<f4", "False", "(,)"), 4, MMN_BAD_DATA, "tuple");
	refuses_npy(DICT("<f4", "False", "(-1,)"), 4, MMN_BAD_DATA, "tuple");
	refuses_npy(DICT("<f4", "False", "(1 1)"), 4, MMN_BAD_DATA, "tuple");
	refuses_npy(DICT("<f4", "False", "(4294967297,)"), 4, MMN_LIMIT, "large");
	refuses_npy(DICT("<f4", "False", "(1,1,1,1,1,1,1,1,1)"), 4, MMN_LIMIT,
				"limit of 8");
	refuses_npy(DICT("<f4", "False", "(2147483647, 2147483647, 2147483647)"),
				4, MMN_LIMIT, "limit");
	refuses_npy(DICT("<f4", "False", "(2,)"), 7, MMN_BAD_DATA, "7 follow");
	refuses_npy(DICT("<f4", "False", "(2,)"), 9, MMN_BAD_DATA, "9 follow");
	refuses_npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, "
				"'shape': (1,)}",
				4, MMN_BAD_DATA, "repeated");
	refuses_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), "
				"'x': 1}",
				4, MMN_BAD_DATA, "unknown");
	refuses_npy("{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 4,
				MMN_BAD_DATA, "dictionary");
	refuses_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4,
				MMN_BAD_DATA, "goes on");
	refuses_npy("{'descr", 0, MMN_BAD_DATA, "dictionary");
	refuses_npy("{'a key of many letters': 1}", 0, MMN_BAD_DATA, "dictionary");
	refuses_npy("{'descr' '<f4'}", 0, MMN_BAD_DATA, "dictionary");
	refuses_npy("{descr: '<f4'}", 0, MMN_BAD_DATA, "dictionary");
	refuses_npy("{'descr': 4}", 0, MMN_BAD_DATA, "not a string");
	refuses_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,",
				4, MMN_BAD_DATA, "tuple");
	refuses_npy("{'descr': '<f4', 'shape': (1,), 'fortran_order': F", 4,
				MMN_BAD_DATA, "neither");
	refuses_npy("{'fortran_order': False, 'shape': (1,)}", 4, MMN_BAD_DATA,
				"lacks");
	refuses_npy("{'descr': '<f4', 'fortran_order': False}", 4, MMN_BAD_DATA,
				"lacks");
	ok(parse_with("{ 'descr'\t:\n'>u1',\r'fortran_order' : False, 'shape': (1,)}",
				  1, &t) == MMN_OK &&
		   t.dtype == MMN_DTYPE_UINT8,
	   "blanks of all kinds; a byte has no order");
}

/* What no reader lets through, but a caller could make. */
static void
test_check(void)
{
	mmn_tensor t = {.dtype = MMN_DTYPE_FLOAT64, .ndim = 2, .dims = {0, 3}};
	size_t bytes;

	ok(mmn_tensor_check(&t, 100, &bytes, &err) == MMN_OK && bytes == 0,
	   "no elements");
	t.dims[0] = 4;
	ok(mmn_tensor_check(&t, 96, &bytes, &err) == MMN_OK && bytes == 96,
	   "as many bytes as may be");
	is_int(mmn_tensor_check(&t, 95, &bytes, &err), MMN_LIMIT, "one too many");
	t.dims[1] = -1;
	is_int(mmn_tensor_check(&t, 100, &bytes, &err), MMN_BAD_DATA,
		   "a negative dimension");
	t.ndim = MMN_TENSOR_MAX_DIMS + 1;
	is_int(mmn_tensor_check(&t, 100, &bytes, &err), MMN_LIMIT,
		   "too many dimensions");
	t.dtype = 0;
	is_int(mmn_tensor_check(&t, 100, &bytes, &err), MMN_BAD_DATA,
		   "no element type");
	ok(mmn_dtype_nan(200) == 0 && mmn_dtype_nan(MMN_DTYPE_FLOAT16) != 0,
	   "only floating point has a NaN");
	is_int(mmn_half_from_double(NAN), 0x7e00, "which float16 has as well");
	is_int(mmn_half_from_double(-NAN), 0xfe00, "with a sign");
}

static int
stop(void *ctx)
{
	(void)ctx;
	return 1;
}

int
main(void)
{
	mmn_env stopping = mmn_env_default;
	uint8_t data[4], dtype;
	mmn_tensor t = {.dtype = MMN_DTYPE_UINT8, .ndim = 1, .dims = {4}};

	ok(mmn_dtype_parse("float16", &dtype) && dtype == MMN_DTYPE_FLOAT16 &&
		   mmn_dtype_size(dtype) == 2,
	   "an element type by its name");
	ok(!mmn_dtype_parse("uint32", &dtype) && mmn_dtype_size(0) == 0 &&
		   mmn_dtype_size(10) == 0 && !mmn_dtype_name(200),
	   "unknown element types");
	test_text();
	test_half();
	test_npy();
	test_check();
	t.data = data;
	stopping.poll = stop;
	is_int(mmn_tensor_text_elements(&stopping, &t, "1,2,3,4}", &err),
		   MMN_CANCELED, "reading text is interruptible");
	return done_testing();
}
