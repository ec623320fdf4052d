/* dicom/display: windows, VOI tables, and what is supposed without them */

#include "dicom/display.h"
#include "dicom_fixture.h"
#include "tap.h"

static mmn_image image;

/* How the file in fx is shown, when its frame decodes to such samples. */
static const mmn_image *
shown(uint32_t frame, uint8_t sample_type, uint8_t channels)
{
	mmn_dicom *dicom;
	mmn_pixel_description pixels;

	mmn_image_release(&mmn_env_default, &image);
	memset(&image, 0, sizeof image);
	image.sample_type = sample_type;
	image.channels = channels;
	fx_bytes(PIXEL_DATA, "OB", "\0\0", 2);
	dicom = fx_open();
	if (!ok(dicom != NULL &&
				mmn_dicom_describe_pixels(dicom, &pixels, &fx_error) == MMN_OK,
			"an image"))
		return &image;
	is_int(mmn_dicom_display(&mmn_env_default, dicom, &pixels, frame, &image,
							 &fx_error),
		   MMN_OK, "is looked at");
	mmn_dicom_close(dicom);
	return &image;
}

static void
begin(const char *modality)
{
	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080060, "CS", modality);
	fx_image(1, 1, 8, NULL);
}

static void
window(const char *center, const char *width, const char *function)
{
	fx_text(0x00281050, "DS", center);
	fx_text(0x00281051, "DS", width);
	if (function)
		fx_text(0x00281056, "CS", function);
}

/* A VOI LUT of two entries. */
static void
table(const char *vr, unsigned first, unsigned bits, unsigned a, unsigned b)
{
	fx_head(0x00283010, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	fx_head(0x00283002, vr, 6);
	fx_u16(2);
	fx_u16(first);
	fx_u16(bits);
	fx_head(0x00283006, "OW", 4);
	fx_u16(a);
	fx_u16(b);
	fx_item_end();
	fx_sequence_end();
}

static bool
has_window(const mmn_image *i, double center, double width, uint32_t flags)
{
	return i->window_center == center && i->window_width == width &&
		   i->flags == flags && !i->voi;
}

static void
test_windows(void)
{
	begin("CT");
	window("40", "400", NULL);
	table("US", 0, 8, 0, 255);
	ok(has_window(shown(1, MMN_I16, 1), 40, 400, 0),
	   "of a CT the window before a table");
	begin("CT");
	table("US", 0, 8, 0, 255);
	ok(shown(1, MMN_I16, 1)->voi_entries == 2, "a table when there is none");
	begin("CR");
	window("40", "0.5", "LINEAR");
	ok(has_window(shown(1, MMN_U16, 1), 0, 0, 0),
	   "LINEAR is not defined below 1");
	begin("CR");
	window("40", "0.5", "LINEAR_EXACT");
	ok(has_window(shown(1, MMN_U16, 1), 40, 0.5, MMN_IMAGE_LINEAR_EXACT),
	   "LINEAR_EXACT is");
	begin("XA");
	window("40", "9", "SIGMOID");
	ok(has_window(shown(1, MMN_U16, 1), 40, 9, MMN_IMAGE_SIGMOID), "SIGMOID");
	begin("MR");
	window("40", "400", NULL);
	table("US", 0, 8, 0, 255);
	ok(has_window(shown(1, MMN_U16, 1), 0, 0, 0), "of an MR nothing");
}

static void
test_tables(void)
{
	const mmn_image *i;

	begin("MG");
	window("40", "400", NULL);
	table("US", 100, 12, 0, 4095);
	i = shown(1, MMN_U16, 1);
	ok(i->window_width == 400 && i->voi_entries == 2 && i->voi_first == 100 &&
		   i->voi[0] == 0 && i->voi[1] == 65535,
	   "of a mammogram the table, and the window with it");
	begin("MG");
	table("US", 65535, 16, 1, 1023);
	i = shown(1, MMN_I16, 1);
	ok(i->voi_first == -1 && i->voi[0] == 64 && i->voi[1] == 65535,
	   "an unsigned first value that can only be signed; 16 bits that are 10");
	begin("MG");
	table("SS", 65535, 10, 511, 512);
	i = shown(1, MMN_I16, 1);
	ok(i->voi_first == -1 && i->voi[0] == 32735 && i->voi[1] == 32800,
	   "10 bits");
	begin("MG");
	table("US", 0, 8, 300, 4095);
	ok(shown(1, MMN_U16, 1)->voi[0] == 4801, "8 bits that are 12");
	begin("MG");
	table("US", 0, 8, 0, 0);
	ok(!shown(1, MMN_U16, 1)->voi, "a table of nothing");
	begin("MG");
	table("US", 0, 17, 0, 1);
	ok(!shown(1, MMN_U16, 1)->voi, "an impossible table");
	begin("MG");
	fx_head(0x00283010, "SQ", 0);
	ok(!shown(1, MMN_U16, 1)->voi, "no table in the sequence");

	/* enhanced: frame 2 has its own */
	begin("MG");
	fx_text(0x00280008, "IS", "2");
	table("US", 1, 8, 0, 255);
	fx_head(0x52009230, "SQ", UNDEFINED_LENGTH);
	fx_item(0);
	fx_item(UNDEFINED_LENGTH);
	fx_head(0x00289132, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	table("US", 2, 8, 0, 255);
	fx_item_end();
	fx_sequence_end();
	fx_item_end();
	fx_sequence_end();
	is_int(shown(2, MMN_U16, 1)->voi_first, 2, "the table of a frame");
}

static void
test_supposed(void)
{
	begin("DX");
	ok(has_window(shown(1, MMN_U8, 1), 0, 0, MMN_IMAGE_MEASURED),
	   "8-bit radiographs are measurements");
	begin("MR");
	ok(has_window(shown(1, MMN_U8, 1), 0, 0, MMN_IMAGE_MEASURED), "and MR");
	begin("US");
	ok(has_window(shown(1, MMN_U8, 1), 0, 0, 0), "ultrasound is not");
	begin("DX");
	ok(has_window(shown(1, MMN_U16, 1), 0, 0, 0), "16 bits need not say");
	begin("XX");
	fx_us(0x00280101, 1); /* the first Bits Stored counts: 8 */
	ok(has_window(shown(1, MMN_U8, 1), 0, 0, 0), "an unknown modality");

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080060, "CS", "US");
	fx_us(0x00280101, 6);
	fx_image(1, 1, 8, NULL);
	ok(has_window(shown(1, MMN_U8, 1), 31.5, 63, MMN_IMAGE_LINEAR_EXACT),
	   "6 bits of 8");
	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280101, 1);
	fx_image(1, 1, 8, NULL);
	ok(has_window(shown(1, MMN_U8, 1), 0.5, 1, 0), "a mask");
	fx_begin(EXPLICIT_LITTLE);
	fx_us(0x00280101, 12);
	fx_us(0x00280002, 3);
	fx_text(0x00280004, "CS", "RGB");
	fx_image(1, 1, 16, NULL);
	ok(has_window(shown(1, MMN_U16, 3), 2047.5, 4095, MMN_IMAGE_LINEAR_EXACT),
	   "12-bit colour");

	begin("SEG");
	fx_us(0x0062000E, 100);
	ok(has_window(shown(1, MMN_U8, 1), 50, 100, MMN_IMAGE_LINEAR_EXACT),
	   "fractions of 100");
	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.66.7");
	fx_image(1, 1, 8, NULL);
	fx_head(0x00620002, "SQ", UNDEFINED_LENGTH);
	for (unsigned n = 1; n <= 3; n++)
	{
		fx_item(UNDEFINED_LENGTH);
		fx_us(0x00620004, n == 2 ? 40 : n);
		fx_item_end();
	}
	fx_sequence_end();
	ok(has_window(shown(1, MMN_U8, 1), 20, 40, MMN_IMAGE_LINEAR_EXACT),
	   "segments up to 40");
	begin("SEG");
	ok(has_window(shown(1, MMN_U8, 1), 0, 0, 0), "a segmentation of nothing");
}

static void *
no_memory(void *ctx, size_t size)
{
	(void)ctx;
	(void)size;
	return NULL;
}

int
main(void)
{
	mmn_env poor = mmn_env_default;
	mmn_pixel_description pixels;
	mmn_dicom *dicom;

	test_windows();
	test_tables();
	test_supposed();
	poor.alloc = no_memory;
	begin("MG");
	table("US", 0, 8, 0, 255);
	fx_bytes(PIXEL_DATA, "OB", "\0\0", 2);
	dicom = fx_open();
	memset(&image, 0, sizeof image);
	image.sample_type = MMN_U8;
	image.channels = 1;
	mmn_dicom_describe_pixels(dicom, &pixels, &fx_error);
	is_int(mmn_dicom_display(&poor, dicom, &pixels, 1, &image, &fx_error),
		   MMN_NO_MEMORY, "no memory for a table");
	mmn_dicom_close(dicom);
	return done_testing();
}
