/* the headers of JPEG XL data, and what must not be kept of them */

#include <string.h>

#include "image/jpegxl.h"
#include "image/strip.h"
#include "tap.h"

/* ---- a codestream, bit by bit ---- */

static uint8_t file[4096];
static size_t bits; /* written, of file */
static mmn_error err;
static mmn_codestream c;

static void
put(unsigned n, uint32_t v)
{
	for (unsigned i = 0; i < n; i++, bits++)
	{
		if (bits % 8 == 0)
			file[bits / 8] = 0;
		file[bits / 8] |= (uint8_t)((v >> i & 1) << bits % 8);
	}
}

static void
align(void)
{
	while (bits % 8)
		put(1, 0);
}

static void
put_bytes(const void *bytes, size_t n)
{
	align();
	for (size_t i = 0; i < n; i++)
		put(8, ((const uint8_t *)bytes)[i]);
}

/* A side as a number of 9 bits. */
static void
put_side(uint32_t v)
{
	put(2, 0);
	put(9, v - 1);
}

static void
begin(uint32_t width, uint32_t height)
{
	bits = 0;
	put_bytes("\xFF\x0A", 2);
	put(1, 0);
	put_side(height);
	put(3, 0);
	put_side(width);
}

/* Metadata of this many bits a sample, 8 + (0..63) ones by the last range. */
static void
put_metadata(unsigned precision, bool xyb, bool gray)
{
	put(1, 0); /* not as usual */
	put(1, 0); /* no extra fields */
	put(1, 0); /* integers */
	put(2, 3);
	put(6, precision - 1);
	put(1, 1);
	put(2, 0); /* no further channels */
	put(1, xyb);
	put(1, !gray); /* sRGB */
	if (gray)
	{
		put(1, 0); /* no ICC profile */
		put(2, 1); /* gray */
		put(2, 1); /* D65 */
		put(1, 0); /* no gamma, but sRGB: 2 + 11 */
		put(2, 2);
		put(4, 11);
		put(2, 0);
	}
	put(2, 0); /* no extensions */
	put(1, 1); /* the usual weights */
	align();
}

typedef struct layer
{
	const char *name;
	const char *data; /* NULL: "pixels" */
	bool ycbcr;
	bool modular;
	bool reference;
	bool more; /* layers come */
	bool permuted;
	bool extended;
} layer;

/* A layer of an image that is not XYB, and of one group. */
static void
put_layer(layer l)
{
	const char *data = l.data ? l.data : "pixels";
	size_t length = strlen(data), name = l.name ? strlen(l.name) : 0;

	put(1, 0); /* not as usual */
	put(2, l.reference ? 2 : 0);
	put(1, l.modular);
	put(2, 0); /* no flags */
	put(1, l.ycbcr);
	if (l.ycbcr)
		put(6, 1); /* one component in half size both ways */
	put(2, 0);	   /* as large as it is */
	if (l.modular)
		put(2, 1); /* groups of 256x256 */
	if (!l.reference)
		put(2, 0); /* one pass */
	put(1, 0);	   /* all of the image */
	if (!l.reference)
	{
		put(2, 0); /* replaces */
		put(1, !l.more);
	}
	if (l.more)
	{
		put(2, 1);
		put(1, 0);
	}
	put(2, name == 0 ? 0 : name < 16 ? 1 : 2);
	if (name)
		put(name < 16 ? 4 : 5, (uint32_t)(name < 16 ? name : name - 16));
	for (size_t i = 0; i < name; i++)
		put(8, (uint8_t)l.name[i]);
	put(1, 1); /* the usual filter */
	put(2, l.extended);
	if (l.extended)
		put(4, 0);
	put(1, l.permuted);
	align();
	put(2, 0);
	put(10, (uint32_t)length);
	put_bytes(data, length);
}

#define LAYER(...) put_layer((layer){__VA_ARGS__})

static size_t
length(void)
{
	return (bits + 7) / 8;
}

static mmn_status
peek(void)
{
	err.text[0] = '\0';
	return mmn_codestream_peek(file, length(), &c, &err);
}

static mmn_status
scrub(void)
{
	err.text[0] = '\0';
	return mmn_codestream_scrub(file, length(), &err);
}

static bool
holds(const char *bytes, size_t n)
{
	for (size_t i = 0; i + n <= length(); i++)
		if (memcmp(file + i, bytes, n) == 0)
			return true;
	return false;
}

/* A name starts at any bit. */
static bool
holds_bits(const char *text)
{
	size_t n = strlen(text) * 8;

	for (size_t at = 0; at + n <= bits; at++)
	{
		size_t i = 0;

		while (i < n && (file[(at + i) / 8] >> (at + i) % 8 & 1) ==
							((uint8_t)text[i / 8] >> i % 8 & 1))
			i++;
		if (i == n)
			return true;
	}
	return false;
}

/* ---- */

static void
test_sizes(void)
{
	bits = 0;
	put_bytes("\xFF\x0A", 2);
	put(1, 1); /* in eighths */
	put(5, 3);
	put(3, 0);
	put(5, 7);
	put(1, 1); /* metadata as usual */
	put(1, 1);
	align();
	put(1, 1);
	is_int(peek(), MMN_OK, "the shortest header: %s", err.text);
	ok(c.kind == MMN_CODESTREAM_JPEG_XL && c.width == 64 && c.height == 32 &&
		   c.components == 3 && c.precision == 8 && c.transformed && c.lossy,
	   "is an XYB image of 8 bits");

	bits = 0;
	put_bytes("\xFF\x0A", 2);
	put(1, 0);
	put(2, 1);
	put(13, 2159);
	put(3, 5); /* 16:9 */
	put_metadata(12, false, true);
	LAYER(.modular = true);
	is_int(peek(), MMN_OK, "a ratio of sides, gray: %s", err.text);
	ok(c.width == 3840 && c.height == 2160 && c.components == 1 &&
		   c.precision == 12 && !c.transformed && !c.lossy,
	   "is found");

	begin(20, 10);
	put_metadata(16, false, false);
	LAYER(.ycbcr = true);
	is_int(peek(), MMN_OK, "YCbCr: %s", err.text);
	ok(c.width == 20 && c.height == 10 && c.components == 3 &&
		   c.precision == 16 && c.transformed && c.lossy,
	   "is a transform, too");
	for (size_t n = 0; n < 11; n++)
		ok(mmn_codestream_peek(file, n, &c, NULL) == MMN_BAD_DATA,
		   "not when cut off after %zu bytes", n);
}

/* One field of the metadata out of the ordinary; n bits after "extra fields". */
static void
is_refused(const char *what, bool extra, unsigned n, uint32_t v)
{
	begin(16, 16);
	put(1, 0);
	put(1, extra);
	put(n, v);
	put(32, 0);
	put(32, 0);
	is_int(peek(), MMN_UNSUPPORTED, "%s", what);
	ok(strstr(err.text, what) != NULL, "is named: %s", err.text);
}

static void
test_refusals(void)
{
	is_refused("an orientation", true, 3, 5);
	is_refused("a preview", true, 5, 1 << 4);
	is_refused("an animation", true, 6, 1 << 5);
	is_refused("floating-point samples", false, 1, 1);
	/* 8 bits, then one channel more */
	is_refused("further channels", false, 6, 1 << 4);
	/* XYB as a colour space: U32 of 2 + 0 */
	is_refused("a colour space", false, 11, 2 << 9);

	begin(16, 16);
	put_metadata(17, false, true);
	LAYER(NULL);
	is_int(peek(), MMN_UNSUPPORTED, "17 bits: %s", err.text);
}

static void
test_scrub(void)
{
	begin(16, 16);
	put_metadata(8, false, false);
	LAYER(.reference = true, .more = true, .name = "Doe^John",
		  .data = "patches");
	LAYER(.more = true, .name = "Jane Doe, born in 1970", .ycbcr = true);
	LAYER(.data = "the last");
	put_bytes("Doe behind", 10);
	ok(holds_bits("Doe^John") && holds_bits("Doe, born"), "layers have names");
	is_int(scrub(), MMN_OK, "layers: %s", err.text);
	ok(!holds_bits("Doe") && !holds_bits("born"),
	   "lose their names, and what is behind the last");
	ok(holds("patches", 7) && holds("pixels", 6) && holds("the last\0\0\0", 11),
	   "and keep their data");
	is_int(scrub(), MMN_OK, "names of zeros are names: %s", err.text);

	begin(16, 16);
	put_metadata(8, false, false);
	LAYER(NULL);
	bits -= 8;
	is_int(scrub(), MMN_BAD_DATA, "data that are cut off");

	begin(16, 16);
	put_metadata(8, false, false);
	LAYER(.permuted = true);
	is_int(scrub(), MMN_UNSUPPORTED, "groups in another order: %s", err.text);

	begin(16, 16);
	put_metadata(8, false, false);
	LAYER(.extended = true);
	is_int(scrub(), MMN_UNSUPPORTED, "extensions: %s", err.text);

	begin(16, 16);
	put(1, 0);
	put(1, 0);
	put(9, 1 << 8); /* 8 bits, not XYB, an ICC profile */
	put(2, 0);
	put(2, 0);
	put(1, 1);
	put_bytes("profile", 7);
	is_int(peek(), MMN_OK, "a profile can be decoded: %s", err.text);
	ok(c.transformed, "whatever comes behind it");
	is_int(scrub(), MMN_UNSUPPORTED, "but not be taken out: %s", err.text);
}

/* ---- boxes ---- */

static void
put_box(const char *type, const void *bytes, size_t n)
{
	uint8_t size[4] = {0, 0, (uint8_t)((n + 8) >> 8), (uint8_t)(n + 8)};

	put_bytes(size, 4);
	put_bytes(type, 4);
	put_bytes(bytes, n);
}

static void
put_part(uint32_t number, bool last, const uint8_t *bytes, size_t n)
{
	uint8_t part[512] = {(uint8_t)(last << 7), 0, 0, (uint8_t)number};

	memcpy(part + 4, bytes, n);
	put_box("jxlp", part, n + 4);
}

static void
begin_boxes(void)
{
	bits = 0;
	put_bytes("\0\0\0\x0CJXL \r\n\x87\n", 12);
	put_box("ftyp", "jxl \0\0\0\0jxl Doe1", 16);
}

static void
test_boxes(void)
{
	uint8_t whole[512];
	size_t n, good = 0;

	begin(16, 24);
	put_metadata(8, false, false);
	LAYER(.more = true, .name = "Doe^John");
	LAYER(.name = "Doe^Jane");
	put_bytes("Doe", 3);
	n = length();
	memcpy(whole, file, n);

	begin_boxes();
	put_box("Exif", "\0\0\0\0MM Doe", 10);
	put_box("jxlc", whole, n);
	put_box("xml ", "<name>Doe</name>", 16);
	put_box("Doe1", "", 0);
	put_bytes("Doe", 3);
	is_int(peek(), MMN_OK, "inside boxes: %s", err.text);
	ok(c.width == 16 && c.height == 24, "it is found");
	is_int(scrub(), MMN_OK, "boxes: %s", err.text);
	ok(!holds_bits("Doe") && !holds("Exif", 4) && holds("free\0\0\0\0", 8),
	   "become free space");
	ok(holds("jxl \0\0\0\0jxl \0\0\0\0", 16) && holds("pixels", 6),
	   "but for what decoding needs");
	is_int(peek(), MMN_OK, "which is still there");

	/* wherever it is cut in two */
	for (size_t i = 0; i <= n; i++)
	{
		begin_boxes();
		put_part(0, false, whole, i);
		put_box("jbrd", "Doe", 3);
		put_part(1, true, whole + i, n - i);
		put_part(2, false, (const uint8_t *)"Doe", 3);
		good += scrub() == MMN_OK && !holds_bits("Doe") && peek() == MMN_OK;
	}
	is_int((long long)good, (long long)n + 1, "parts are read as one");

	begin_boxes();
	put_part(1, true, whole, n);
	is_int(scrub(), MMN_BAD_DATA, "a part that is not the first");
	begin_boxes();
	put_part(0, false, whole, 8);
	put_box("jxlc", whole + 8, n - 8);
	is_int(scrub(), MMN_BAD_DATA, "parts of both kinds");
	begin_boxes();
	put_box("free", "", 0);
	is_int(peek(), MMN_BAD_DATA, "boxes without an image");
	begin_boxes();
	put_bytes("\0\0\0\7jxlc", 8);
	is_int(scrub(), MMN_BAD_DATA, "a box shorter than its header");
	begin_boxes();
	put_bytes("\0\0\0\1jxlc\0\0\0\0\0\0\2\0", 16);
	is_int(scrub(), MMN_BAD_DATA, "a box beyond the end");
	begin_boxes();
	put_bytes("\0\0\0\0jxlc", 8);
	put_bytes(whole, n);
	is_int(scrub(), MMN_OK, "a box up to the end: %s", err.text);
	ok(!holds_bits("Doe") && holds("pixels\0\0\0", 9), "is cleaned, too");
}

/* ---- fields that are seldom there ---- */

static void
put_side_of_crop(uint32_t v)
{
	put(2, 1);
	put(11, v - 256);
}

/* Everything in the header of an XYB image that can be something else. */
static void
put_rich_metadata(void)
{
	put(1, 0);
	put(1, 1); /* extra fields: */
	put(3, 0);
	put(1, 1); /* a size to be shown at, */
	put(1, 1);
	put(5, 1);
	put(3, 1);
	put(2, 0); /* neither preview nor animation */
	put(1, 0);
	put(2, 0); /* 8 bits */
	put(1, 1);
	put(2, 0);
	put(1, 1); /* XYB */
	put(1, 0); /* colours: */
	put(1, 0);
	put(2, 0); /* RGB, */
	put(2, 2);
	put(4, 0); /* a white point, */
	for (int i = 0; i < 2; i++)
	{
		put(2, i);
		put(19, 300000);
	}
	put(2, 2);
	put(4, 0); /* primaries, */
	for (int i = 0; i < 6; i++)
	{
		put(2, 2 + i % 2);
		put(20 + i % 2, 1);
	}
	put(1, 1); /* a gamma, */
	put(24, 4500000);
	put(2, 1);
	put(1, 0); /* tone mapping: four fields */
	put(32, 0xFFFFFFFF);
	put(17, 0);
	put(2, 0);
	put(1, 0); /* and weights: a matrix, and all three tables */
	put(1, 0);
	for (int i = 0; i < 16; i++)
		put(16, 0x3C00);
	put(3, 7);
	for (int i = 0; i < 15 + 55 + 210; i++)
		put(16, 0x3C00);
	align();
}

static void
put_name(const char *name)
{
	size_t n = strlen(name);

	put(2, 3); /* of 48 bytes and more */
	put(10, (uint32_t)n - 48);
	for (size_t i = 0; i < n; i++)
		put(8, (uint8_t)name[i]);
}

/* All of a filter's fields but that of the other kind of layer. */
static void
put_rich_filter(bool modular)
{
	put(1, 0);
	put(2, 3); /* gaborish, with weights */
	for (int i = 0; i < 6; i++)
		put(16, 0x3C00);
	put(2, 2); /* edge-preserving, */
	if (!modular)
	{
		put(1, 1);
		for (int i = 0; i < 8; i++)
			put(16, 0x3C00);
	}
	put(1, 1); /* with weights */
	for (int i = 0; i < 5; i++)
		put(16, 0x3C00);
	put(1, 1); /* and strength */
	for (int i = 0; i < (modular ? 3 : 4); i++)
		put(16, 0x3C00);
	if (modular)
		put(16, 0x3C00);
	put(2, 0);
	put(2, 0); /* extensions of the filter, of the layer */
}

static void
put_sections(size_t count, const char *data)
{
	put(1, 0);
	align();
	put(2, 0);
	put(10, (uint32_t)strlen(data));
	for (size_t i = 1; i < count; i++)
		put(12, 0);
	align();
	put_bytes(data, strlen(data));
}

#define LONG_NAME "Doe^John, who was born in 1970, and his name goes on and on"

/* An image of 600x500, so 3x2 groups of 256x256, and one for low frequencies. */
static void
test_rare_fields(void)
{
	begin(500, 500);
	bits = 16;
	put(1, 0);
	put_side(500);
	put(3, 2); /* 6:5 */
	put_rich_metadata();

	/* low frequencies, of an eighth: one group, but several passes */
	put(1, 0);
	put(2, 1);
	put(1, 0);
	put(2, 1); /* flags: 1 + 4 bits */
	put(4, 0);
	put(2, 0);
	put(6, 0); /* quantisation of X and B */
	put(2, 2); /* three passes, */
	put(2, 3); /* of which four are of less resolution, or as good */
	put(1, 1);
	put(4, 0);
	put(8, 0);
	put(2, 0);
	put(2, 3);
	put(3, 5);
	put(4, 0);
	put(2, 0); /* the first level */
	put_name(LONG_NAME);
	put_rich_filter(false);
	put_sections(2 + 1 + 3, "low frequencies");

	/* less than the image, which it multiplies; low frequencies from before */
	put(1, 0);
	put(2, 0);
	put(1, 1); /* modular */
	put(2, 2); /* flags: 17 + 15 = 32 */
	put(8, 15);
	put(2, 3); /* groups of 1024 */
	put(2, 0);
	put(1, 1);
	put(2, 0);
	put(8, 3); /* two to the left, */
	put(2, 0);
	put(8, 10);
	put_side_of_crop(300);
	put_side_of_crop(400);
	put(2, 3); /* 3 + 1: multiplies, */
	put(2, 1);
	put(1, 1);
	put(2, 1);
	put(1, 0);
	put(2, 1); /* and is referred to; no choice when */
	put_name(LONG_NAME);
	put_rich_filter(true);
	put_sections(1, "a part");

	/* all of it, at half its size; flags of 12 + 8 + … + 4 bits */
	put(1, 0);
	put(2, 3);
	put(1, 0);
	put(2, 3);
	put(12, 1);
	for (int i = 0; i < 6; i++)
		put(9, 1);
	put(1, 1);
	put(4, 0);
	put(2, 1);
	put(6, 0);
	put(2, 0);
	put(1, 0);
	put(2, 0);
	put(1, 1); /* the last */
	put_name(LONG_NAME);
	put_rich_filter(false);
	put_sections(2 + 1 + 2, "half");
	put_bytes("Doe", 3);

	is_int(peek(), MMN_OK, "an image with all there can be: %s", err.text);
	ok(c.width == 600 && c.height == 500 && c.components == 3, "has a size");
	is_int(scrub(), MMN_OK, "is cleaned: %s", err.text);
	ok(!holds_bits("Doe") && !holds_bits("1970"), "of names");
	ok(holds("low frequencies", 15) && holds("a part", 6) &&
		   holds("half\0\0\0", 7),
	   "and of nothing else");
}

int
main(void)
{
	test_sizes();
	test_refusals();
	test_scrub();
	test_boxes();
	test_rare_fields();
	return done_testing();
}
