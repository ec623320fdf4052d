#include "tap.h"

#include "dicom_fixture.h"

#include "dicom/frames.h"

static mmn_dicom *dicom;
static mmn_pixel_description pixels;
static size_t frame_length; /* of the last one asked for */

/* Parses and describes what the fixture holds. */
static mmn_status
describe(void)
{
	mmn_dicom_close(dicom);
	dicom = fx_open();
	if (!dicom)
		return fx_error.code;
	return mmn_dicom_describe_pixels(dicom, &pixels, &fx_error);
}

/* The bytes of a frame as text, or the error's text. */
static const char *
frame(uint32_t number, unsigned *bit)
{
	static char text[64];
	const uint8_t *bytes;
	size_t length;
	unsigned offset;
	bool owned;

	if (mmn_dicom_frame_bytes(&mmn_env_default, dicom, &pixels, number, &bytes,
							  &length, &offset, &owned, &fx_error) != MMN_OK)
		return fx_error.text;
	frame_length = length;
	if (bit)
		*bit = offset;
	snprintf(text, sizeof text, "%.*s", (int)length, (const char *)bytes);
	if (owned)
		free((void *)bytes);
	return text;
}

static void
test_native(void)
{
	unsigned bit;

	fx_begin(EXPLICIT_LITTLE);
	fx_image(2, 3, 8, "2");
	fx_bytes(PIXEL_DATA, "OB", "abcdefghijk", 11);
	is_int(describe(), MMN_OK, "describes: %s", fx_error.text);
	is_int(pixels.rows, 2, "rows");
	is_int(pixels.columns, 3, "columns");
	is_int(pixels.frames, 2, "frames");
	is_str(frame(1, NULL), "abcdef", "first frame");
	is_str(frame(2, NULL),
		   "pixel data end after 1 of 2 frames (11 bytes, frame 2 needs them "
		   "up to byte 12)",
		   "second frame is cut off");
	is_str(frame(3, NULL), "frame 3 does not exist: the image has 2",
		   "no third frame");
	is_str(frame(0, NULL), "frame 0 does not exist: the image has 2",
		   "frames count from 1");

	fx_begin(EXPLICIT_LITTLE);
	fx_image(3, 3, 1, "3");
	fx_bytes(PIXEL_DATA, "OB", "ABCD", 4);
	is_int(describe(), MMN_OK, "one bit");
	is_str(frame(2, &bit), "BC", "frame 2 of 9 bits");
	is_int(bit, 1, "begins in bit 1");
	is_str(frame(3, &bit), "CD", "frame 3");
	is_int(bit, 2, "begins in bit 2");

	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280002, 3);
	fx_text(0x00280004, "CS", "YBR_FULL_422");
	fx_us(0x00280010, 2);
	fx_us(0x00280011, 2);
	fx_us(0x00280100, 8);
	fx_bytes(PIXEL_DATA, "OB", "abcdefgh", 8);
	is_int(describe(), MMN_OK, "4:2:2");
	is_str(frame(1, NULL), "abcdefgh", "takes two bytes a pixel");
	is_int(pixels.bits_stored, 8, "bits stored by default");
}

static void
begin_encapsulated(const char *frames, const void *table, size_t length)
{
	fx_begin(JPEG_BASELINE);
	fx_image(2, 2, 8, frames);
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_fragment(table, length);
}

static void
test_encapsulated(void)
{
	begin_encapsulated("2", "", 0);
	fx_fragment("one_", 4);
	fx_fragment("two_", 4);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "encapsulated: %s", fx_error.text);
	ok(pixels.encapsulated, "is told");
	is_str(frame(1, NULL), "one_", "one fragment a frame");
	is_str(frame(2, NULL), "two_", "the second");

	begin_encapsulated("1", "", 0);
	fx_fragment("one_", 4);
	fx_fragment("two_", 4);
	is_int(describe(), MMN_OK, "without the delimiter");
	is_str(frame(1, NULL), "one_two_", "all fragments are the only frame");

	begin_encapsulated("2", "\0\0\0\0\x18\0\0\0", 8);
	fx_fragment("a_", 2);
	fx_fragment("bcd_", 4); /* at 10, ends at 22 */
	fx_fragment("e_", 2);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "a wrong offset table");
	is_str(frame(2, NULL),
		   "cannot tell which of 3 fragments make which of 2 frames",
		   "and no markers either");

	begin_encapsulated("2", "\0\0\0\0\x16\0\0\0", 8);
	fx_fragment("a_", 2);
	fx_fragment("bcd_", 4);
	fx_fragment("e_", 2);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "an offset table");
	is_str(frame(1, NULL), "a_bcd_", "first frame by the table");
	is_str(frame(2, NULL), "e_", "second frame by the table");

	begin_encapsulated("2", "", 0);
	fx_fragment("\xFF\xD8\xFFq", 4);
	fx_fragment("rs\xFF\xD9", 4);
	fx_fragment("\xFF\xD8\xFFt", 4);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "no offset table");
	is_str(frame(1, NULL), "\xFF\xD8\xFFqrs\xFF\xD9", "frame by its markers");
	is_str(frame(2, NULL), "\xFF\xD8\xFFt", "and the next");

	begin_encapsulated("2", "", 0);
	fx_fragment("\xFF\xD8\xFFq", 4);
	fx_fragment("\xFF\xD8\xFFx", 4); /* by chance: the image goes on */
	fx_fragment("rs\xFF\xD9", 4);
	fx_fragment("\xFF\xD8\xFFt", 4);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "a marker by chance");
	is_str(frame(2, NULL), "\xFF\xD8\xFFt", "is not taken for a frame");

	begin_encapsulated("3", "", 0);
	fx_fragment("a_", 2);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "too few fragments");
	is_str(frame(1, NULL), "pixel data end after 1 of 3 frames", "are told");

	begin_encapsulated("1", "", 0);
	fx_item(100);
	mmn_buffer_text(&fx, "cut off");
	is_int(describe(), MMN_OK, "a fragment that is cut off");
	is_str(frame(1, NULL),
		   "pixel data of frame 1 are cut off: 93 bytes are missing",
		   "is told");
}

/* Fragments that are counted, cut or listed in other ways than they should. */
static void
test_strange_fragments(void)
{
	uint8_t rle[70] = {1, 0, 0, 0, 64};
	static const uint8_t same[8] = {0};

	begin_encapsulated("2", same, 8);
	fx_fragment("\xFF\xD8\xFFq", 4);
	fx_fragment("rs\xFF\xD9", 4);
	fx_fragment("\xFF\xD8\xFFt", 4);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "an offset table of zeros");
	is_str(frame(1, NULL), "\xFF\xD8\xFFqrs\xFF\xD9", "is none: frame 1");
	is_str(frame(2, NULL), "\xFF\xD8\xFFt", "frame 2");

	begin_encapsulated("2", "", 0);
	fx_fragment("a_", 2);
	fx_fragment("b_", 2);
	fx_fragment("", 0);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "an empty fragment at the end");
	is_str(frame(2, NULL), "b_", "is none");

	begin_encapsulated("2", "", 0);
	fx_fragment(rle, 66);
	fx_fragment("xy", 2);
	fx_fragment(rle, 68);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "RLE in pieces");
	frame(1, NULL);
	is_int((long long)frame_length, 68, "begins where its headers are");
	frame(2, NULL);
	is_int((long long)frame_length, 68, "twice");
	rle[8] = 1;
	begin_encapsulated("2", "", 0);
	fx_fragment(rle, 66);
	fx_fragment("xy", 2);
	fx_fragment(rle, 68);
	fx_sequence_end();
	describe();
	is_str(frame(1, NULL),
		   "cannot tell which of 3 fragments make which of 2 frames",
		   "a header with more segments than it counts is none");

	begin_encapsulated("3", "", 0);
	fx_fragment("\xFF\xD8\xFFq\xFF\xD9", 6);
	fx_fragment("\xFF\xD8\xFFr\xFF\xD9", 6);
	is_int(describe(), MMN_OK, "two of three frames");
	is_str(frame(2, NULL), "\xFF\xD8\xFFr\xFF\xD9", "the second is there");
	is_str(frame(3, NULL), "pixel data end after 2 of 3 frames",
		   "the third is not");

	begin_encapsulated("5", "", 0);
	fx_fragment("\xFF\xD8\xFFq", 4);
	fx_fragment("rs\xFF\xD9", 4);
	describe();
	is_str(frame(1, NULL), "pixel data end after 2 of 5 frames",
		   "a fragment that is the beginning of a frame is no frame");

	begin_encapsulated("3", "", 0);
	rle[8] = 0;
	fx_fragment(rle, 68);
	describe();
	frame(1, NULL);
	is_int((long long)frame_length, 68, "RLE has no end to be seen");

	begin_encapsulated("2", "", 0);
	fx_fragment("\xFF\xD8\xFF"
				"a\xFF\xD9",
				6);
	fx_fragment("\xFF\xD8\xFF"
				"b\xFF\xD9",
				6);
	fx_fragment("\xFF\xD8\xFF"
				"c\xFF\xD9",
				6);
	fx_sequence_end();
	describe();
	is_str(frame(2, NULL),
		   "\xFF\xD8\xFF"
		   "b\xFF\xD9",
		   "of more images than are counted, those that are");
}

/* Fragments in pixel data of defined length. */
static void
test_defined_length(void)
{
	fx_begin(JPEG_BASELINE);
	fx_image(2, 2, 8, "2");
	fx_head(PIXEL_DATA, "OB", 8 + 12 + 10);
	fx_fragment("", 0);
	fx_fragment("one_", 4);
	fx_fragment("2_", 2);
	fx_us(0x7FE10010, 1);
	is_int(describe(), MMN_OK, "fragments in defined length");
	ok(pixels.encapsulated, "are fragments");
	is_str(frame(1, NULL), "one_", "frame 1");
	is_str(frame(2, NULL), "2_", "frame 2");
	ok(mmn_dicom_find(dicom, 0x7FE10010) != NULL, "and what follows");

	fx.length -= 10 + 2;
	is_int(describe(), MMN_OK, "cut off, they still are");
	ok(pixels.encapsulated, "no native pixels");

	fx_begin(EXPLICIT_LITTLE);
	fx_image(2, 2, 16, NULL);
	fx_head(PIXEL_DATA, "OW", 8);
	fx_fragment("", 0);
	is_int(describe(), MMN_OK, "not of a native transfer syntax");
	ok(!pixels.encapsulated, "whose pixels may look like an item");
}

static void
test_extended_table(void)
{
	static const uint8_t offsets[16] = {0, 0, 0, 0, 0, 0, 0, 0, 20};
	static const uint8_t lengths[16] = {2, 0, 0, 0, 0, 0, 0, 0, 2};

	fx_begin(JPEG_BASELINE);
	fx_image(2, 2, 8, "2");
	fx_bytes(0x7FE00001, "OV", offsets, sizeof offsets);
	fx_bytes(0x7FE00002, "OV", lengths, sizeof lengths);
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_fragment("", 0);
	fx_fragment("a_", 2);
	fx_fragment("??", 2); /* that no entry names */
	fx_fragment("b_", 2);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "an extended offset table");
	is_str(frame(1, NULL), "a_", "first frame by it");
	is_str(frame(2, NULL), "b_", "second frame by it");
}

static void
not_image(const char *sop_class, const char *what)
{
	char want[128];

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080016, "UI", sop_class);
	is_int(describe(), MMN_NOT_IMAGE, "%s", what);
	snprintf(want, sizeof want, "the file holds no image: it is %s", what);
	is_str(fx_error.text, want, "says so");
}

static void
bad_image(mmn_status code, const char *text)
{
	is_int(describe(), code, "refused: %s", text);
	is_str(fx_error.text, text, "says so");
}

static void
test_descriptions(void)
{
	not_image("1.2.840.10008.5.1.4.1.1.88.11", "a structured report");
	not_image("1.2.840.10008.5.1.4.1.1.88.59", "a selection of key objects");
	not_image("1.2.840.10008.5.1.4.1.1.9.1.1", "a waveform");
	not_image("1.2.840.10008.5.1.4.1.1.11.1", "a presentation state");
	not_image("1.2.840.10008.5.1.4.1.1.481.3", "a radiotherapy structure set");
	not_image("1.2.840.10008.5.1.4.1.1.104.1", "an encapsulated document");
	not_image("1.2.840.10008.1.3.10", "a DICOM directory (DICOMDIR)");
	not_image("1.2.840.10008.5.1.4.1.1.2", "a DICOM object without pixel data");

	fx_begin(EXPLICIT_LITTLE);
	fx_image(0, 2, 8, NULL);
	fx_bytes(PIXEL_DATA, "OB", "ab", 2);
	bad_image(MMN_BAD_DATA, "rows (0028,0010) or columns (0028,0011) are "
							"missing or zero");
	fx_begin(EXPLICIT_LITTLE);
	fx_image(2, 2, 24, NULL);
	fx_bytes(PIXEL_DATA, "OB", "ab", 2);
	bad_image(MMN_UNSUPPORTED, "unsupported number of bits allocated: 24");
	fx_begin(EXPLICIT_LITTLE);
	fx_image(2, 2, 8, "-1");
	fx_bytes(PIXEL_DATA, "OB", "ab", 2);
	bad_image(MMN_BAD_DATA, "number of frames (0028,0008) is out of range");
	fx_begin(EXPLICIT_LITTLE);
	fx_image(2, 2, 8, NULL);
	fx_bytes(PIXEL_DATA, "OB", "", 0);
	bad_image(MMN_BAD_DATA, "pixel data are empty");
}

/* An image of 2 by 2 bytes but for one attribute. */
static void
but_for(uint32_t tag, const char *vr, const void *value, size_t length)
{
	static const uint32_t tags[] = {0x00280010, 0x00280011, 0x00280100};
	static const unsigned values[] = {2, 2, 8};
	size_t i = 0;

	fx_begin(EXPLICIT_LITTLE);
	if (tag < tags[0])
		fx_bytes(tag, vr, value, length);
	for (; i < 3; i++)
	{
		if (tag != tags[i])
			fx_us(tags[i], values[i]);
		else
			fx_bytes(tag, vr, value, length);
	}
	if (tag > tags[2])
		fx_bytes(tag, vr, value, length);
	fx_bytes(PIXEL_DATA, "OB", "abcd", 4);
}

/* Two pixels of 8 bits allocated, of which "stored" are stored. */
static void
wrong_bits(unsigned stored, size_t length)
{
	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280010, 1);
	fx_us(0x00280011, 2);
	fx_us(0x00280100, 8);
	fx_us(0x00280101, stored);
	fx_bytes(PIXEL_DATA, "OB", "abcd", length);
}

/* Four pixels in "length" bytes; 0 samples, or no term or planes: missing. */
static void
colour(unsigned samples, const char *term, const char *vr, const void *planes,
	   size_t planes_length, size_t length)
{
	fx_begin(EXPLICIT_LITTLE);
	if (samples)
		fx_us(0x00280002, samples);
	if (term)
		fx_text(0x00280004, "CS", term);
	if (planes)
		fx_bytes(0x00280006, vr, planes, planes_length);
	fx_us(0x00280010, 2);
	fx_us(0x00280011, 2);
	fx_us(0x00280100, 8);
	fx_bytes(PIXEL_DATA, "OB", "abcdefghijklmnop", length);
}

/* Of samples and their interpretation, what the pixel data have is right. */
static void
test_contradictions(void)
{
	static const struct
	{
		unsigned samples;
		const char *term;
		size_t length;
		unsigned want; /* 0: refused */
		mmn_photometric as;
		const char *text;
	} cases[] = {
		{0, "RGB", 12, 3, MMN_RGB, NULL},
		{0, "YBR_FULL", 12, 3, MMN_YBR_FULL, NULL},
		{0, "MONOCHROME1", 4, 1, MMN_MONOCHROME1, NULL},
		{0, NULL, 4, 1, MMN_MONOCHROME2, NULL},
		{3, NULL, 12, 3, MMN_RGB, NULL},
		{3, "MONOCHROME2", 12, 3, MMN_RGB, NULL},
		{1, "RGB", 4, 1, MMN_MONOCHROME2, NULL},
		{3, "MONOCHROME2", 4, 0, MMN_RGB,
		 "photometric interpretation MONOCHROME2 with 3 samples per pixel"},
		{1, "RGB", 12, 0, MMN_RGB,
		 "photometric interpretation RGB with 1 samples per pixel"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		colour(cases[i].samples, cases[i].term, NULL, NULL, 0, cases[i].length);
		if (cases[i].text)
			bad_image(MMN_BAD_DATA, cases[i].text);
		else
			ok(describe() == MMN_OK &&
				   pixels.samples_per_pixel == cases[i].want &&
				   pixels.photometric == cases[i].as,
			   "%u samples, %s", cases[i].samples,
			   cases[i].term ? cases[i].term : "no term");
	}
}

static void
test_odd_descriptions(void)
{
	static const char size[] = "rows (0028,0010) or columns (0028,0011) are "
							   "missing or zero";
	static const char bits[] = "bits allocated or stored are out of range";

	but_for(0x00280010, "UL", "\0\0\1\0", 4);
	bad_image(MMN_BAD_DATA, size);
	but_for(0x00280011, "SS", "\xFF\xFF", 2);
	bad_image(MMN_BAD_DATA, size);
	but_for(0x00280011, "US", "", 0);
	bad_image(MMN_BAD_DATA, size);
	but_for(0x00280002, "US", "\2\0", 2);
	bad_image(MMN_UNSUPPORTED, "unsupported number of samples per pixel: 2");
	but_for(0x00280002, "UL", "\3\0\1\0", 4);
	is_int(describe(), MMN_UNSUPPORTED, "65,539 samples per pixel");
	but_for(0x00280006, "US", "\2\0", 2);
	ok(describe() == MMN_OK && pixels.planar == 0,
	   "a planar configuration of one sample says nothing");
	colour(3, "RGB", "US", "\2\0", 2, 12);
	bad_image(MMN_BAD_DATA, "planar configuration is not 0 or 1");
	colour(3, "RGB", "IS", "-1", 2, 12);
	bad_image(MMN_BAD_DATA, "planar configuration is not 0 or 1");
	but_for(0x00280008, "IS", "2147483648", 10);
	bad_image(MMN_BAD_DATA, "number of frames (0028,0008) is out of range");
	but_for(0x00280008, "IS", "0 ", 2);
	ok(describe() == MMN_OK && pixels.frames == 1, "no frames is one");
	but_for(0x00280004, "CS", "CMYK", 4);
	bad_image(MMN_UNSUPPORTED, "unsupported photometric interpretation");
	but_for(0x00280004, "CS", "Monochrome 1", 12);
	ok(describe() == MMN_OK && pixels.photometric == MMN_MONOCHROME1,
	   "as a person may write it");
	but_for(0x00280004, "CS", "PALETTECOLOR", 12);
	ok(describe() == MMN_OK && pixels.photometric == MMN_PALETTE_COLOR,
	   "without its blank");
	but_for(0x00280004, "CS", "MONOCHROME", 10);
	bad_image(MMN_UNSUPPORTED, "unsupported photometric interpretation");
	but_for(0x00280004, "CS", "MONOCHROME22", 12);
	bad_image(MMN_UNSUPPORTED, "unsupported photometric interpretation");
	test_contradictions();
	but_for(0x00280100, "US", "", 0);
	bad_image(MMN_BAD_DATA, "bits allocated (0028,0100) are missing");
	but_for(0x00280100, "UL", "\x08\0\1\0", 4);
	bad_image(MMN_BAD_DATA, bits);
	but_for(0x00280101, "UL", "\x08\0\1\0", 4);
	bad_image(MMN_BAD_DATA, bits);
	but_for(0x00280102, "SS", "\xFE\xFF", 2);
	bad_image(MMN_BAD_DATA, bits);
	but_for(0x00280103, "UL", "\1\0\1\0", 4);
	bad_image(MMN_BAD_DATA, bits);
	but_for(0x00280101, "US", "\x09\0", 2);
	ok(describe() == MMN_OK && pixels.bits_stored == 8,
	   "more bits stored than allocated are all");
	but_for(0x00280101, "US", "\0\0", 2);
	ok(describe() == MMN_OK && pixels.bits_stored == 8 && pixels.high_bit == 7,
	   "and so are none");
	wrong_bits(16, 4);
	bad_image(MMN_BAD_DATA, "16 bits stored of 8 allocated");
	wrong_bits(0, 4);
	bad_image(MMN_BAD_DATA, "0 bits stored of 8 allocated");
	wrong_bits(16, 2);
	is_int(describe(), MMN_OK, "unless the pixel data fit those allocated");
	but_for(0x00280102, "US", "\x3F\0", 2);
	ok(describe() == MMN_OK && pixels.high_bit == 7,
	   "a high bit that cannot be is the usual one");

	fx_begin(EXPLICIT_LITTLE);
	fx_image(1, 1, 16, NULL);
	fx_bytes(0x7FE00008, "OF", "\0\0\x80\x3F", 4);
	bad_image(MMN_BAD_DATA, "floating-point pixel data with 16 bits allocated "
							"and 1 samples per pixel");
	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280002, 3);
	fx_text(0x00280004, "CS", "RGB");
	fx_us(0x00280010, 1);
	fx_us(0x00280011, 1);
	fx_us(0x00280100, 64);
	fx_bytes(0x7FE00009, "OD", "\0\0\0\0\0\0\xF0\x3F", 8);
	bad_image(MMN_BAD_DATA, "floating-point pixel data with 64 bits allocated "
							"and 3 samples per pixel");

	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280002, 3);
	fx_text(0x00280004, "CS", "YBR_PARTIAL_420");
	fx_us(0x00280010, 2);
	fx_us(0x00280011, 2);
	fx_us(0x00280100, 8);
	fx_bytes(PIXEL_DATA, "OB", "abcdef", 6);
	is_int(describe(), MMN_OK, "4:2:0");
	is_str(frame(1, NULL), "uncompressed YBR_PARTIAL_420 is not supported",
		   "is for video");
}

/* Where frames begin, told by what JPEG 2000 images begin with. */
static void
test_jpeg2000_markers(void)
{
	begin_encapsulated("2", "", 0);
	fx_fragment("\xFF\x4F\xFF\x51", 4);
	fx_fragment("rs\xFF\xD9\1\1", 6);
	fx_fragment("\xFF\x4F\xFF\x51", 4);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "codestreams");
	is_str(frame(2, NULL), "\xFF\x4F\xFF\x51", "the second");

	begin_encapsulated("2", "", 0);
	fx_fragment("\xFF\x4F\xFF\x51", 4);
	fx_fragment("\xFF\x4F\xFF\x52", 4); /* not how one begins */
	fx_fragment("xy\xFF\xD9", 4);
	fx_fragment("\xFF\x4F\xFF\x51", 4);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "a piece that looks like one");
	is_str(frame(2, NULL), "\xFF\x4F\xFF\x51", "is none");

	begin_encapsulated("2", "", 0);
	fx_fragment("\0\0\0\x0cjP  \r\n\x87\n", 12);
	fx_fragment("xy\xFF\xD9", 4);
	fx_fragment("\0\0\0\x0cjP  \r\n\x87\n", 12);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "boxes");
	ok(strncmp(frame(2, NULL), "", 1) == 0, "the second");

	begin_encapsulated("2", "\x0c\0\0\0\0\0\0\0", 8);
	fx_fragment("a_", 2);
	fx_fragment("b_", 2);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "an offset table in no order");
	is_str(frame(1, NULL), "a_", "is not followed");

	begin_encapsulated("2", "\0\0\0\0\0\0\0\0", 8);
	fx_fragment("a_", 2);
	fx_fragment("b_", 2);
	fx_sequence_end();
	is_int(describe(), MMN_OK, "an offset table of zeros");
	is_str(frame(1, NULL), "a_", "is not followed");

	begin_encapsulated("1", "", 0);
	fx_fragment("", 0);
	fx_sequence_end();
	describe();
	is_str(frame(1, NULL), "pixel data of frame 1 are empty",
		   "a fragment without bytes");
}

/* Pixel Measures, Pixel Value Transformation and VOI LUT in one item. */
static void
put_groups(uint32_t sequence, const char *spacing, const char *slope,
		   const char *center)
{
	const uint32_t u = UNDEFINED_LENGTH;

	fx_head(sequence, "SQ", u);
	for (int frame_number = 1; frame_number <= 2; frame_number++)
	{
		fx_item(u);
		if (frame_number == 2)
		{
			fx_head(0x00289110, "SQ", u);
			fx_item(u);
			fx_text(0x00280030, "DS", spacing);
			fx_item_end();
			fx_sequence_end();
			fx_head(0x00289132, "SQ", u);
			fx_item(u);
			fx_text(0x00281050, "DS", center);
			fx_text(0x00281051, "DS", "400");
			fx_item_end();
			fx_sequence_end();
			fx_head(0x00289145, "SQ", u);
			fx_item(u);
			fx_text(0x00281052, "DS", "-1024");
			fx_text(0x00281053, "DS", slope);
			fx_text(0x00281054, "LO", "HU");
			fx_item_end();
			fx_sequence_end();
		}
		fx_item_end();
	}
	fx_sequence_end();
}

static void
test_attributes(void)
{
	double a, b;
	uint8_t unit;

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080060, "CS", "CT");
	fx_text(0x00280030, "DS", "0.7\\0.6");
	fx_text(0x00281050, "DS", "40\\600");
	fx_text(0x00281051, "DS", "400\\1500");
	put_groups(0x52009230, "0.5\\0.4", "2", "50");
	describe();
	mmn_dicom_spacing(dicom, 1, &a, &b);
	ok(a == 0.7 && b == 0.6, "spacing of the top level");
	mmn_dicom_spacing(dicom, 2, &a, &b);
	ok(a == 0.5 && b == 0.4, "spacing of the frame");
	ok(mmn_dicom_window(dicom, 1, &a, &b) && a == 40 && b == 400,
	   "first window");
	ok(mmn_dicom_window(dicom, 2, &a, &b) && a == 50, "window of the frame");
	mmn_dicom_rescale(dicom, 1, &a, &b, &unit);
	ok(a == 1 && b == 0 && unit == MMN_UNIT_RAW,
	   "CT without a rescale has no unit");
	mmn_dicom_rescale(dicom, 2, &a, &b, &unit);
	ok(a == 2 && b == -1024 && unit == MMN_UNIT_HU, "rescale of the frame");

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080060, "CS", "PT");
	fx_text(0x00181164, "DS", "0.2\\0.1");
	fx_text(0x00281050, "DS", "40");
	fx_text(0x00281051, "DS", "0");
	fx_text(0x00281052, "DS", "0");
	fx_text(0x00281053, "DS", "0.5");
	fx_text(0x00541001, "CS", "BQML");
	describe();
	mmn_dicom_spacing(dicom, 1, &a, &b);
	ok(a == 0.2 && b == 0.1, "imager spacing");
	ok(!mmn_dicom_window(dicom, 1, &a, &b) && b == 0, "no usable window");
	mmn_dicom_rescale(dicom, 1, &a, &b, &unit);
	ok(a == 0.5 && unit == MMN_UNIT_BQML, "activity");
}

static void
put_region(unsigned unit, double delta)
{
	uint64_t bits;

	fx_item(UNDEFINED_LENGTH);
	fx_us(0x00186012, 1);
	fx_us(0x00186024, unit);
	fx_us(0x00186026, unit);
	memcpy(&bits, &delta, 8);
	for (uint32_t tag = 0x0018602C; tag <= 0x0018602E; tag += 2)
	{
		fx_head(tag, "FD", 8);
		fx_u32((uint32_t)bits);
		fx_u32((uint32_t)(bits >> 32));
	}
	fx_item_end();
}

/* Which bytes swap together. */
static void
test_pixel_unit(void)
{
	static const struct
	{
		const char *bytes, *vr;
		size_t length;
		unsigned bits, want;
		const char *name;
	} cases[] = {
		{"\0\1\x12\x34\0\2\x01\x02\0\3\xFF\0", "OW", 12, 32, 4, "32 bits"},
		{"\x12\x34\0\1\x01\x02\0\2\xFF\0\0\3", "OW", 12, 32, 2,
		 "32 bits, the lower half first"},
		{"\0\1\0\0\0\1\0\0", "OW", 8, 32, 4, "32 bits that do not tell"},
		{"\x12\x34\0\1", "OW", 4, 32, 4, "one cell"},
		{"abcd", "OW", 4, 16, 2, "16 bits"},
		{"abcd", "OW", 4, 8, 2, "8 bits in words"},
		{"abcd", "OB", 4, 8, 1, "bytes"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		mmn_dicom *d;

		fx_begin(EXPLICIT_BIG);
		fx_bytes(PIXEL_DATA, cases[i].vr, cases[i].bytes, cases[i].length);
		d = fx_open();
		is_int(
			mmn_dicom_pixel_unit(mmn_dicom_find(d, PIXEL_DATA), cases[i].bits),
			cases[i].want, "%s", cases[i].name);
		mmn_dicom_close(d);
	}
	fx_begin(EXPLICIT_LITTLE);
	fx_bytes(PIXEL_DATA, "OW", "\x12\x34\0\1\x01\x02\0\2", 8);
	mmn_dicom_close(dicom);
	dicom = fx_open();
	is_int(mmn_dicom_pixel_unit(mmn_dicom_find(dicom, PIXEL_DATA), 32), 4,
		   "of the other byte order, none to tell");
}

static void
test_ultrasound(void)
{
	double a, b;

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00186011, "SQ", UNDEFINED_LENGTH);
	put_region(4, 1.0);
	put_region(3, 0.0125);
	fx_sequence_end();
	describe();
	mmn_dicom_spacing(dicom, 1, &a, &b);
	is_near(a, 0.125, 1e-12, "ultrasound region in cm");
	is_near(b, 0.125, 1e-12, "both ways");

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00186011, "SQ", UNDEFINED_LENGTH);
	put_region(3, 0.02);
	put_region(3, 0.0125);
	fx_sequence_end();
	describe();
	mmn_dicom_spacing(dicom, 1, &a, &b);
	ok(a == 0 && b == 0, "regions that disagree");
}

int
main(void)
{
	test_native();
	test_encapsulated();
	test_strange_fragments();
	test_defined_length();
	test_extended_table();
	test_descriptions();
	test_odd_descriptions();
	test_jpeg2000_markers();
	test_attributes();
	test_pixel_unit();
	test_ultrasound();
	mmn_dicom_close(dicom);
	free(fx_copy);
	mmn_buffer_reset(&fx);
	return done_testing();
}
