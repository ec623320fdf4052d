/* NIfTI volumes: headers of both versions and byte orders, frames, stripping */

#include <stdlib.h>
#include <zlib.h>

#include "image/sniff.h"
#include "nifti/nifti.h"
#include "nifti/source.h"
#include "tap.h"

#define LIMIT ((size_t)1 << 20)

static const mmn_env *env = &mmn_env_default;
static mmn_error err;

/* A file in the making; numbers go in by their byte order. */
static uint8_t file[4096];
static size_t length;
static bool big;

static void
put(size_t at, unsigned width, int64_t v)
{
	for (unsigned i = 0; i < width; i++)
		file[big ? at + width - 1 - i : at + i] = (uint8_t)(v >> 8 * i);
}

static void
put_f32(size_t at, float v)
{
	int32_t bits;

	memcpy(&bits, &v, 4);
	put(at, 4, bits);
}

static void
put_f64(size_t at, double v)
{
	int64_t bits;

	memcpy(&bits, &v, 8);
	put(at, 8, bits);
}

/* 3x2 pixels, 2 slices, 2 volumes; millimetres 0.5, 0.75, 2 */
static void
make_1(int datatype, int bits)
{
	static const int dim[8] = {4, 3, 2, 2, 2, 1, 1, 1};
	static const float pixdim[8] = {1, 0.5f, 0.75f, 2, 1.5f, 0, 0, 0};

	memset(file, 0, sizeof file);
	put(0, 4, 348);
	memcpy(file + 14, "DOE^JANE", 8); /* db_name */
	for (int i = 0; i < 8; i++)
		put(40 + 2 * i, 2, dim[i]);
	put(70, 2, datatype);
	put(72, 2, bits);
	for (int i = 0; i < 8; i++)
		put_f32(76 + 4 * i, pixdim[i]);
	put_f32(108, 352);
	put(123, 1, 2 | 8); /* millimetres, seconds */
	memcpy(file + 148, "JANE DOE 1950-01-01", 19);
	memcpy(file + 228, "/home/doe", 9);
	memcpy(file + 328, "DOE", 3);
	memcpy(file + 344, "n+1", 4);
	length = 352 + (size_t)bits / 8 * 24;
}

static void
make_2(int datatype, int bits)
{
	static const int dim[8] = {4, 3, 2, 2, 2, 1, 1, 1};
	static const double pixdim[8] = {1, 0.5, 0.75, 2, 1.5, 0, 0, 0};

	memset(file, 0, sizeof file);
	put(0, 4, 540);
	memcpy(file + 4, "n+2\0\r\n\x1a\n", 8);
	put(12, 2, datatype);
	put(14, 2, bits);
	for (int i = 0; i < 8; i++)
	{
		put(16 + 8 * i, 8, dim[i]);
		put_f64(104 + 8 * i, pixdim[i]);
	}
	put(168, 8, 544);
	memcpy(file + 240, "JANE DOE 1950-01-01", 19);
	memcpy(file + 320, "DOE", 3);
	memcpy(file + 508, "DOE", 3);
	put(500, 4, 2);
	length = 544 + (size_t)bits / 8 * 24;
}

/* Makes room for a header extension that tells a name. */
static void
insert_extension(size_t header)
{
	memmove(file + header + 36, file + header + 4, length - header - 4);
	memset(file + header + 4, 0, 32);
	file[header] = 1;
	put(header + 4, 4, 32);
	memcpy(file + header + 12, "DOE^JANE", 8);
	length += 32;
	if (header == 348)
		put_f32(108, 384);
	else
		put(168, 8, 576);
}

static mmn_buffer packed;

static void
gzip(const uint8_t *bytes, size_t n)
{
	z_stream z = {0};
	gz_header head = {.name = (Bytef *)"DOE^JANE.nii", .os = 3};

	mmn_buffer_reset(&packed);
	mmn_buffer_init(&packed, env, LIMIT);
	deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	deflateSetHeader(&z, &head);
	z.next_in = (uint8_t *)bytes;
	z.avail_in = (unsigned)n;
	z.next_out = mmn_buffer_extend(&packed, n + 1000);
	z.avail_out = (unsigned)n + 1000;
	deflate(&z, Z_FINISH);
	packed.length = n + 1000 - z.avail_out;
	deflateEnd(&z);
}

static mmn_nifti nifti;

static mmn_status
reopen(void)
{
	return mmn_nifti_open(env, file, length, LIMIT, &nifti, &err);
}

static void
refused(mmn_status want, const char *text, const char *name)
{
	is_int(reopen(), want, "%s is refused", name);
	is_str(err.text, text, "and said to be");
}

/* The samples of a frame of the file, or of its packed form, as text. */
static const char *
samples_of(const uint8_t *bytes, size_t n, uint32_t frame)
{
	static char text[400];
	mmn_image image;
	size_t used;

	if (mmn_nifti_open(env, bytes, n, LIMIT, &nifti, &err) != MMN_OK ||
		mmn_nifti_frame(env, &nifti, bytes, n, frame, LIMIT, &image, &err) !=
			MMN_OK)
		return err.text;
	used = (size_t)snprintf(text, sizeof text, "%s %ux%ux%d:",
							mmn_sample_type_name(image.sample_type),
							image.width, image.height, image.channels);
	for (unsigned i = 0; i < image.width * image.height * image.channels; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, " %g",
								 mmn_image_sample(&image, i));
	free(image.samples);
	return text;
}

#define FRAME(n) samples_of(file, length, n)

static void
test_types(void)
{
	make_1(2, 8);
	for (unsigned i = 0; i < 24; i++)
		file[352 + i] = (uint8_t)(100 + i);
	is_str(mmn_media_type(file, length), "application/nifti", "is recognized");
	is_int(reopen(), MMN_OK, "opens");
	is_int(nifti.frames, 4, "slices times volumes");
	is_str(FRAME(1), "u8 3x2x1: 100 101 102 103 104 105", "u8");
	is_str(FRAME(4), "u8 3x2x1: 118 119 120 121 122 123", "the last frame");
	is_str(FRAME(5), "frame 5 does not exist: the image has 4", "none behind");
	is_str(FRAME(0), "frame 0 does not exist: the image has 4", "none before");
	put_f32(112, 0.5f);
	put_f32(116, -3);
	is_str(FRAME(1), "f32 3x2x1: 47 47.5 48 48.5 49 49.5", "scaled");
	put_f32(112, NAN);
	is_str(FRAME(1), "u8 3x2x1: 100 101 102 103 104 105",
		   "a scale that is none is left alone");
	make_1(256, 8);
	memset(file + 352, 0xFE, 24);
	is_str(FRAME(2), "i16 3x2x1: -2 -2 -2 -2 -2 -2", "i8");
	make_1(128, 24);
	for (unsigned i = 0; i < 72; i++)
		file[352 + i] = (uint8_t)i;
	put_f32(112, 2);
	is_str(FRAME(2),
		   "u8 3x2x3: 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35",
		   "rgb24, never scaled");
}

static void
test_widths(void)
{
	for (int order = 0; order < 2; order++)
	{
		const char *name = order ? "big endian" : "little endian";

		big = order;
		make_1(4, 16);
		for (int i = 0; i < 24; i++)
			put(352 + 2 * i, 2, i - 300);
		is_str(FRAME(2), "i16 3x2x1: -294 -293 -292 -291 -290 -289", "i16, %s",
			   name);
		make_1(512, 16);
		for (int i = 0; i < 24; i++)
			put(352 + 2 * i, 2, 65000 + i);
		is_str(FRAME(1), "u16 3x2x1: 65000 65001 65002 65003 65004 65005",
			   "u16, %s", name);
		make_1(8, 32);
		for (int i = 0; i < 24; i++)
			put(352 + 4 * i, 4, -100000 * i);
		is_str(FRAME(1), "f32 3x2x1: 0 -100000 -200000 -300000 -400000 -500000",
			   "i32, %s", name);
		make_1(768, 32);
		for (int i = 0; i < 24; i++)
			put(352 + 4 * i, 4, 4000000000 + 1000192 * i);
		is_str(FRAME(1),
			   "f32 3x2x1: 4e+09 4.001e+09 4.002e+09 4.003e+09 "
			   "4.004e+09 4.005e+09",
			   "u32, %s", name);
		make_1(16, 32);
		for (int i = 0; i < 24; i++)
			put_f32(352 + 4 * (size_t)i, (float)i / 4);
		is_str(FRAME(1), "f32 3x2x1: 0 0.25 0.5 0.75 1 1.25", "f32, %s", name);
		make_2(64, 64);
		for (int i = 0; i < 24; i++)
			put_f64(544 + 8 * (size_t)i, -i / 4.0);
		is_str(FRAME(2), "f32 3x2x1: -1.5 -1.75 -2 -2.25 -2.5 -2.75",
			   "f64 in version 2, %s", name);
		is_str(mmn_media_type(file, length), "application/nifti",
			   "which is recognized");
		gzip(file, length);
		is_str(mmn_media_type(packed.bytes, packed.length), "application/nifti",
			   "also when compressed");
		is_str(samples_of(packed.bytes, packed.length, 2), FRAME(2),
			   "and has the same samples");
	}
	big = false;
}

static const char *
described(void)
{
	static mmn_buffer json;

	mmn_buffer_reset(&json);
	mmn_buffer_init(&json, env, 10000);
	if (reopen() != MMN_OK)
		return err.text;
	mmn_nifti_json(&nifti, &json);
	mmn_buffer_byte(&json, '\0');
	return (const char *)json.bytes;
}

static void
test_geometry(void)
{
	mmn_image image;

	make_1(2, 8);
	is_str(described(),
		   "{\"nifti\":{\"version\":1,\"data_type\":\"u8\",\"dimensions\":[3,2,"
		   "2,2],\"slices\":2,\"volumes\":2,\"spacing_slice\":2}}",
		   "no orientation");
	put(252, 2, 1); /* qform: half a turn about z, and left-handed */
	put_f32(76, -1);
	put_f32(264, 1);
	put_f32(268, 10);
	is_str(described(),
		   "{\"nifti\":{\"version\":1,\"data_type\":\"u8\",\"dimensions\":[3,2,"
		   "2,2],\"slices\":2,\"volumes\":2,\"spacing_slice\":2,"
		   "\"orientation_from\":\"qform\",\"orientation\":\"LPI\",\"affine\":["
		   "[-0.5,0,0,10],[0,-0.75,0,0],[0,0,-2,0]]}}",
		   "qform");
	put(254, 2, 2); /* sform goes first: columns to the front, rows down */
	put_f32(112, 2);
	put_f32(280 + 8, 3);
	put_f32(296, 1);
	put_f32(312 + 4, -2);
	put_f32(312 + 12, 7);
	is_str(described(),
		   "{\"nifti\":{\"version\":1,\"data_type\":\"u8\",\"dimensions\":[3,2,"
		   "2,2],\"slices\":2,\"volumes\":2,\"slope\":2,\"intercept\":0,"
		   "\"spacing_slice\":2,"
		   "\"orientation_from\":\"sform\",\"orientation\":\"AIR\",\"affine\":["
		   "[0,0,3,0],[1,0,0,0],[0,-2,0,7]]}}",
		   "sform");
	put_f32(280, INFINITY);
	ok(!strstr(described(), "affine"), "one that is not finite is none");

	put(123, 1, 3); /* micrometres */
	reopen();
	is_int(mmn_nifti_frame(env, &nifti, file, length, 1, LIMIT, &image, &err),
		   MMN_OK, "a frame");
	is_near(image.spacing_column, 0.0005, 1e-12, "columns in micrometres");
	is_near(image.spacing_row, 0.00075, 1e-12, "and rows");
	free(image.samples);
}

static void
test_refusals(void)
{
	make_1(2, 8);
	length--;
	refused(MMN_BAD_DATA, "the file ends after 375 of 376 bytes",
			"a cut-off file");
	make_1(32, 64);
	refused(MMN_UNSUPPORTED, "unsupported data type 32 of a NIfTI volume",
			"complex numbers");
	make_1(4, 8);
	refused(MMN_BAD_DATA, "a NIfTI volume of i16 with 8 bits a voxel",
			"a contradiction");
	make_1(2, 8);
	put(40, 2, 8);
	refused(MMN_BAD_DATA, "a NIfTI volume has 1 to 7 dimensions",
			"an eighth dimension");
	make_1(2, 8);
	put(46, 2, 0);
	refused(MMN_BAD_DATA, "dimension 3 of the volume is less than 1", "zero");
	make_1(2, 8);
	for (int i = 3; i < 8; i++)
		put(40 + 2 * i, 2, 30000);
	put(40, 2, 7);
	refused(MMN_LIMIT, "the volume has more than 2147483647 slices",
			"an overflow");
	make_1(2, 8);
	put_f32(108, 351);
	refused(MMN_BAD_DATA, "the volume's offset lies outside the file",
			"a volume in the header");
	put_f32(108, NAN);
	refused(MMN_BAD_DATA, "the volume's offset lies outside the file",
			"a volume nowhere");
	put_f32(108, 1e30f);
	refused(MMN_BAD_DATA, "the volume's offset lies outside the file",
			"a volume far away");
	put_f32(108, 0);
	is_int(reopen(), MMN_OK, "an offset of zero is the usual one");
	put(42, 2, 30000);
	put(44, 2, 30000);
	refused(MMN_LIMIT,
			"a volume of 3600000352 bytes exceeds the limit of "
			"1048576",
			"a large volume");
	make_2(2, 8);
	put(24, 8, 65536);
	refused(MMN_LIMIT,
			"a slice of 65536x2 pixels exceeds the limit of 65535 "
			"pixels a side",
			"a wide slice");
	make_1(2, 8);
	put(0, 4, 349);
	refused(MMN_BAD_DATA, "not a NIfTI header", "a wrong size of header");
	is_str(mmn_media_type(file, length), NULL, "nor is it recognized");
	make_1(2, 8);
	file[345] = 'i';
	is_str(mmn_media_type(file, length), NULL,
		   "nor is a header whose volume is in another file");
	make_1(2, 8);
	is_str(mmn_media_type(file, 347), NULL, "nor a cut-off header");
}

static void
test_gzip(void)
{
	mmn_buffer both;
	mmn_image image;

	make_1(2, 8);
	for (unsigned i = 0; i < 24; i++)
		file[352 + i] = (uint8_t)i;
	gzip(file, length - 1);
	is_str(samples_of(packed.bytes, packed.length, 4),
		   "the file ends before its volume does", "a short volume");
	gzip(file, length);
	is_str(samples_of(packed.bytes, packed.length - 12, 4),
		   "the gzip data end early", "a cut-off file");
	packed.bytes[packed.length - 30] ^= 0xFF;
	is_int(mmn_nifti_open(env, packed.bytes, packed.length, LIMIT, &nifti,
						  &err) == MMN_OK &&
			   mmn_nifti_frame(env, &nifti, packed.bytes, packed.length, 4,
							   LIMIT, &image, &err) == MMN_OK &&
			   mmn_nifti_strip(&nifti, packed.bytes, packed.length, &both,
							   &err) == MMN_OK,
		   0, "a damaged one");
	/* two members, the second behind the header */
	mmn_buffer_init(&both, env, LIMIT);
	gzip(file, 360);
	mmn_buffer_append(&both, packed.bytes, packed.length);
	gzip(file + 360, length - 360);
	mmn_buffer_append(&both, packed.bytes, packed.length);
	is_str(samples_of(both.bytes, both.length, 2), "u8 3x2x1: 6 7 8 9 10 11",
		   "members that follow one another");
	mmn_buffer_reset(&both);
	put(46, 2, 20000);
	gzip(file, length);
	is_int(
		mmn_nifti_open(env, packed.bytes, packed.length, LIMIT, &nifti, &err),
		MMN_LIMIT, "a header that promises more than gzip can hold");
	gzip((const uint8_t *)"no volume, but text of some length", 34);
	is_str(mmn_media_type(packed.bytes, packed.length), NULL,
		   "other compressed files are none of ours");
}

static bool
contains(const mmn_buffer *b, const char *word)
{
	for (size_t i = 0; i + strlen(word) <= b->length; i++)
		if (memcmp(b->bytes + i, word, strlen(word)) == 0)
			return true;
	return false;
}

static void
test_strip(int version)
{
	mmn_buffer once, twice, thrice, plain;
	mmn_source source;
	size_t clean = version == 1 ? 352 : 544;

	if (version == 1)
		make_1(4, 16);
	else
		make_2(4, 16);
	for (int i = 0; i < 24; i++)
		put(clean + 2 * (size_t)i, 2, i - 12);
	insert_extension(clean - 4);
	memcpy(file + length, "DOE", 3);
	length += 3;

	mmn_buffer_init(&once, env, LIMIT);
	mmn_buffer_init(&twice, env, LIMIT);
	mmn_buffer_init(&thrice, env, LIMIT);
	mmn_buffer_init(&plain, env, LIMIT);
	is_int(reopen(), MMN_OK, "version %d with an extension", version);
	is_int(mmn_nifti_strip(&nifti, file, length, &once, &err), MMN_OK,
		   "is stripped");
	is_int((long long)once.length, (long long)clean + 48,
		   "to header and volume");
	ok(!contains(&once, "DOE"), "no text is left");
	is_str(samples_of(once.bytes, once.length, 3), "i16 3x2x1: 0 1 2 3 4 5",
		   "but the samples");
	is_str(described(),
		   version == 1 ? "{\"nifti\":{\"version\":1,\"data_type\":\"i16\","
						  "\"dimensions\":[3,2,2,2],\"slices\":2,\"volumes\":2,"
						  "\"spacing_slice\":2}}"
						: "{\"nifti\":{\"version\":2,\"data_type\":\"i16\","
						  "\"dimensions\":[3,2,2,2],\"slices\":2,\"volumes\":2,"
						  "\"spacing_slice\":2}}",
		   "and the geometry");

	gzip(file, length);
	mmn_nifti_open(env, packed.bytes, packed.length, LIMIT, &nifti, &err);
	is_int(mmn_nifti_strip(&nifti, packed.bytes, packed.length, &twice, &err),
		   MMN_OK, "compressed, it is stripped as well");
	ok(!contains(&twice, "DOE"), "of the name in gzip's header too");
	mmn_source_open(&source, env, twice.bytes, twice.length, &err);
	mmn_source_read(&source, mmn_buffer_extend(&plain, once.length),
					once.length, &err);
	mmn_source_close(&source);
	ok(memcmp(plain.bytes, once.bytes, once.length) == 0,
	   "and holds the same bytes");
	mmn_nifti_open(env, twice.bytes, twice.length, LIMIT, &nifti, &err);
	mmn_nifti_strip(&nifti, twice.bytes, twice.length, &thrice, &err);
	ok(thrice.length == twice.length &&
		   memcmp(thrice.bytes, twice.bytes, twice.length) == 0,
	   "stripped again, it is the same file");

	packed.bytes[packed.length - 6] ^= 1; /* of the checksum */
	mmn_buffer_reset(&once);
	mmn_nifti_open(env, packed.bytes, packed.length, LIMIT, &nifti, &err);
	is_int(mmn_nifti_strip(&nifti, packed.bytes, packed.length, &once, &err),
		   MMN_BAD_DATA, "a wrong checksum is noticed");
	mmn_buffer_reset(&once);
	mmn_buffer_reset(&twice);
	mmn_buffer_reset(&thrice);
	mmn_buffer_reset(&plain);
}

int
main(void)
{
	mmn_buffer_init(&packed, env, LIMIT);
	test_types();
	test_widths();
	test_geometry();
	test_refusals();
	test_gzip();
	test_strip(1);
	test_strip(2);
	mmn_buffer_reset(&packed);
	return done_testing();
}
