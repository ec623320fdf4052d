/* dicom/frame_part: one frame by a file's head and the frame's own bytes */

#include "dicom/frame_part.h"
#include "dicom_fixture.h"
#include "tap.h"

static mmn_dicom *dicom;
static mmn_pixel_description pixels;
static uint64_t start, length;

/* The first "head" bytes of the file in fx, opened for the frame. */
static bool
open_head(size_t head, uint32_t frame)
{
	mmn_dicom_close(dicom);
	dicom = NULL;
	free(fx_copy);
	fx_copy = malloc(head);
	memcpy(fx_copy, fx.bytes, head);
	return mmn_dicom_open_frames(&mmn_env_default, fx_copy, head, 1 << 20,
								 frame, frame, &dicom, &fx_error) == MMN_OK &&
		   mmn_dicom_describe_pixels(dicom, &pixels, &fx_error) == MMN_OK;
}

static bool
locate(size_t head, uint32_t frame)
{
	return open_head(head, frame) &&
		   mmn_dicom_locate_frame(dicom, fx_copy, &pixels, frame, fx.length,
								  &start, &length);
}

/* The frame, by the bytes that were located; NULL: they are not its own. */
static const char *
part(uint32_t frame, bool codestreams)
{
	static char text[64];
	const uint8_t *bytes;
	size_t n;
	unsigned bit;
	bool owned;

	if (mmn_dicom_use_part(dicom, &pixels, frame, fx.bytes + start,
						   (size_t)length, codestreams, &fx_error) != MMN_OK ||
		mmn_dicom_frame_bytes(&mmn_env_default, dicom, &pixels, frame, &bytes,
							  &n, &bit, &owned, &fx_error) != MMN_OK)
		return NULL;
	snprintf(text, sizeof text, "%.*s %u", (int)n, (const char *)bytes, bit);
	if (owned)
		free((void *)(uintptr_t)bytes);
	return text;
}

static size_t
native(unsigned bits, const char *data)
{
	fx_begin(EXPLICIT_LITTLE);
	fx_image(1, 3, bits, "4");
	fx_head(PIXEL_DATA, "OB", (uint32_t)strlen(data));
	mmn_buffer_text(&fx, data);
	/* what follows is no frame, though it is in the file */
	fx_text(0xFFFCFFFC, "OB", "padding, a lot of it");
	return fx.length;
}

static void
test_native(void)
{
	size_t head;

	native(8, "abcdefghijkl");
	head = fx.length - 12 - 32;
	ok(locate(head + 1, 3), "a frame behind the head");
	is_str(part(3, false), "ghi 0", "is that one");
	ok(mmn_dicom_frame_bytes(&mmn_env_default, dicom, &pixels, 2,
							 &(const uint8_t *){NULL}, &(size_t){0},
							 &(unsigned){0}, &(bool){false},
							 &fx_error) == MMN_BAD_ARGUMENT,
	   "another is not at hand");
	ok(!locate(head + 1, 5), "a frame that is not there");
	ok(!locate(head + 1, 0), "nor is the one before the first");
	native(8, "abcdefghij");
	ok(!locate(fx.length - 32 - 4, 4), "a frame that the data end before");
	native(1, "ab");
	ok(locate(fx.length - 32, 4), "bits");
	is_str(part(4, false), "b 1", "from inside a byte");

	fx_begin(EXPLICIT_BIG);
	fx_image(1, 3, 8, "4");
	fx_bytes(PIXEL_DATA, "OB", "abcdefghijkl", 12);
	ok(!locate(fx.length, 1), "big endian is left alone");
	fx_begin(EXPLICIT_LITTLE);
	fx_image(1, 3, 8, "4");
	ok(!locate(fx.length - 4, 1), "a head without pixels");
}

/* Three frames, the second in two fragments; offsets as given. */
static size_t
encapsulated(const uint32_t *offsets, int count)
{
	size_t head;

	fx_begin(JPEG_BASELINE);
	fx_image(1, 1, 8, "3");
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_item((uint32_t)(4 * count));
	for (int i = 0; i < count; i++)
		fx_u32(offsets[i]);
	head = fx.length;
	fx_fragment("\xFF\xD8\xFF"
				"a\xFF\xD9",
				6);
	fx_fragment("\xFF\xD8\xFF"
				"b",
				4);
	fx_fragment("bb\xFF\xD9", 4);
	fx_fragment("\xFF\xD8\xFF"
				"c\xFF\xD9",
				6);
	fx_sequence_end();
	return head;
}

static void
test_basic_table(void)
{
	static const uint32_t right[] = {0, 14, 38}, backward[] = {0, 38, 14};
	static const uint32_t late[] = {14, 26, 38}, between[] = {0, 15, 38};
	static const uint32_t skip[] = {0, 38, 52}, beyond[] = {0, 14, 9999};
	size_t head = encapsulated(right, 3);

	ok(locate(head, 1), "the first frame");
	is_str(part(1, true),
		   "\xFF\xD8\xFF"
		   "a\xFF\xD9 0",
		   "is that");
	ok(locate(head + 3, 2), "of two fragments");
	is_str(part(2, true),
		   "\xFF\xD8\xFF"
		   "bbb\xFF\xD9 0",
		   "joined");
	ok(locate(head + 20, 3), "the last");
	is_str(part(3, true),
		   "\xFF\xD8\xFF"
		   "c\xFF\xD9 0",
		   "ends with the sequence");
	ok(locate(head, 2) && !part(2, false), "without markers it is not one");
	ok(!locate(head - 1, 1), "a table that is cut off");
	ok(!locate(encapsulated(right, 2), 1), "one that is too short");
	ok(!locate(encapsulated(backward, 3), 1), "one that goes back");
	ok(!locate(encapsulated(late, 3), 1), "one that begins late");
	ok(!locate(encapsulated(beyond, 3), 3), "one that goes beyond the file");
	ok(locate(encapsulated(between, 3), 2) && !part(2, true),
	   "an offset between items");
	ok(locate(encapsulated(skip, 3), 1) && !part(1, true),
	   "more than one frame in a range");
	ok(locate(encapsulated(skip, 3), 3) && !part(3, true), "none in it");
}

static void
test_extended_table(void)
{
	for (int odd = 0; odd < 2; odd++)
	{
		fx_begin(JPEG_BASELINE);
		fx_image(1, 1, 8, "2");
		fx_head(0x7FE00001, "OV", 16);
		fx_u32(0);
		fx_u32(0);
		fx_u32(14);
		fx_u32(0);
		fx_head(0x7FE00002, "OV", 16);
		fx_u32(6);
		fx_u32(0);
		fx_u32(odd ? 5 : 6);
		fx_u32(0);
		fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
		fx_item(0);
		fx_fragment("\xFF\xD8\xFF"
					"a\xFF\xD9",
					6);
		fx_fragment("\xFF\xD8\xFF"
					"b\xFF\xD9",
					6);
		fx_sequence_end();
		ok(locate(fx.length - 8, 2), "by the extended table");
		is_str(part(2, true),
			   "\xFF\xD8\xFF"
			   "b\xFF\xD9 0",
			   "the frame");
	}
}

int
main(void)
{
	test_native();
	test_basic_table();
	test_extended_table();
	mmn_dicom_close(dicom);
	free(fx_copy);
	mmn_buffer_reset(&fx);
	return done_testing();
}
