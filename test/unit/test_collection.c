/* frames that share a JPEG 2000 codestream, as its components */

#include "dicom/collection.h"
#include "dicom_fixture.h"
#include "tap.h"

#define HEADER 43

/* The head of a codestream of so many components, and its end. */
static size_t
codestream(uint8_t *out, unsigned components)
{
	static const char siz[] =
		"\xff\x4f\xff\x51\0\x29\0\0\0\0\0\2\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\2"
		"\0\0\0\2\0\0\0\0\0\0\0\0\0\1\7";

	memcpy(out, siz, HEADER);
	out[41] = (uint8_t)components;
	memcpy(out + HEADER, "\xff\xd9", 2);
	return HEADER + 2;
}

static mmn_dicom *dicom;
static mmn_pixel_description pixels;

static void
begin(const char *frames, unsigned samples)
{
	fx_begin("1.2.840.10008.1.2.4.92");
	fx_us(0x00280002, samples);
	fx_text(0x00280008, "IS", frames);
	fx_us(0x00280010, 2);
	fx_us(0x00280011, 2);
	fx_us(0x00280100, 8);
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_item(0);
}

static void
put(unsigned components)
{
	uint8_t bytes[64];
	size_t n = codestream(bytes, components);

	bytes[n++] = (uint8_t)components; /* padding, to tell them apart by */
	fx_fragment(bytes, n);
}

static void
end(void)
{
	fx_sequence_end();
	mmn_dicom_close(dicom);
	dicom = fx_open();
	ok(dicom && mmn_dicom_describe_pixels(dicom, &pixels, &fx_error) == MMN_OK,
	   "an image: %s", fx_error.text);
}

/* Whether a frame is at this component of the codestream with so many. */
static bool
is_at(uint32_t frame, unsigned components, uint32_t component)
{
	const uint8_t *bytes;
	uint32_t found = 99;
	size_t length;
	bool owned, right;

	if (mmn_dicom_collection_bytes(&mmn_env_default, dicom, &pixels, frame,
								   &bytes, &length, &owned, &found,
								   &fx_error) != MMN_OK)
		return false;
	right = bytes[41] == components && bytes[length - 1] == components &&
			found == component;
	if (owned)
		free((void *)(uintptr_t)bytes);
	return right;
}

static void
is_refused(uint32_t frame, const char *text)
{
	ok(!is_at(frame, 1, 0), "frame %u is refused", frame);
	is_str(fx_error.text, text, "says why");
}

int
main(void)
{
	uint8_t bytes[64];
	size_t n;

	begin("6", 1);
	put(4);
	put(2);
	end();
	ok(is_at(1, 4, 0) && is_at(4, 4, 3) && is_at(5, 2, 0) && is_at(6, 2, 1),
	   "frames of two codestreams");
	is_refused(0, "frame 0 does not exist: the image has 6");
	is_refused(7, "frame 7 does not exist: the image has 6");

	begin("3", 3);
	put(6);
	put(3);
	end();
	ok(is_at(1, 6, 0) && is_at(2, 6, 3) && is_at(3, 3, 0), "in colour");

	/* in pieces, of which one looks like a beginning */
	begin("3", 1);
	n = codestream(bytes, 2);
	fx_fragment(bytes, n - 2);
	fx_fragment(bytes, n - 2);
	fx_fragment("\xff\xd9\2", 3);
	put(1);
	end();
	ok(is_at(2, 2, 1) && is_at(3, 1, 0), "a codestream of several fragments");

	begin("5", 1);
	put(4);
	end();
	is_refused(5, "pixel data end after 4 of 5 frames");
	begin("5", 3);
	put(4);
	end();
	is_refused(1, "a compressed frame of 4 components, the data set says 3");
	begin("5", 1);
	put(0);
	end();
	is_refused(1, "a compressed frame of 0 components, the data set says 1");
	begin("5", 1);
	fx_fragment("abcdef", 6);
	end();
	is_refused(
		1, "the compressed frame is no JPEG, JPEG-LS, JPEG 2000 or JPEG XL");
	begin("1", 1);
	put(1);
	fx_item(100);
	mmn_buffer_text(&fx, "0123456789");
	mmn_dicom_close(dicom);
	dicom = fx_open();
	mmn_dicom_describe_pixels(dicom, &pixels, &fx_error);
	is_refused(1, "pixel data of frame 1 are cut off: 90 bytes are missing");
	mmn_dicom_close(dicom);
	return done_testing();
}
