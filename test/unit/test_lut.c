/* look-up tables: palettes, plain and segmented, and the modality LUT */

#include "dicom/lut.h"
#include "dicom_fixture.h"
#include "image/image.h"
#include "tap.h"

static mmn_lut lut;
static mmn_error err;

/* A DICOM file's bytes are in fx; reads the palette, or the modality LUT. */
static mmn_status
read(bool palette, bool is_signed)
{
	mmn_dicom *dicom;
	mmn_status status = mmn_dicom_open(&mmn_env_default, fx.bytes, fx.length,
									   1 << 20, &dicom, &err);

	mmn_lut_free(&mmn_env_default, &lut);
	if (status != MMN_OK)
		return status;
	status = palette ? mmn_lut_read_palette(&mmn_env_default, dicom, is_signed,
											&lut, &err)
					 : mmn_lut_read_modality(&mmn_env_default, dicom, is_signed,
											 &lut, &err);
	mmn_dicom_close(dicom);
	return status;
}

static void
words(uint32_t tag, const char *vr, const uint16_t *values, int count)
{
	fx_head(tag, vr, (uint32_t)(2 * count));
	for (int i = 0; i < count; i++)
		fx_u16(values[i]);
}

/* Three equal channels, of plain (1201) or segmented (1221) data. */
static void
palette(uint16_t entries, uint16_t first, uint16_t bits, uint32_t element,
		const uint16_t *data, int count)
{
	const uint16_t descriptor[] = {entries, first, bits};

	fx_begin(EXPLICIT_LITTLE);
	for (uint32_t c = 0; c < 3; c++)
		words(MMN_TAG(0x0028, 0x1101 + c), "US", descriptor, 3);
	for (uint32_t c = 0; c < 3; c++)
		words(MMN_TAG(0x0028, element + c), "OW", data, count);
}

static void
test_palette(void)
{
	static const uint16_t plain[] = {1, 2, 300, 4};
	static const uint16_t packed[] = {0x0201, 0x0403};
	static const uint16_t segments[] = {
		0, 2, 10, 20, /* 10 20 */
		1, 4, 60,	  /* 30 40 50 60 */
		2, 1, 0,  0,  /* the first segment again */
	};
	static const uint16_t loop[] = {2, 1, 0, 0};
	static const uint16_t linear_first[] = {1, 4, 60};

	palette(4, 0, 16, 0x1201, plain, 4);
	is_int(read(true, false), MMN_OK, "a plain palette");
	ok(lut.entries == 4 && lut.bits == 16 && lut.channels == 3 &&
		   lut.values[6] == 300 && lut.values[8] == 300,
	   "its entries are interleaved");
	palette(4, 0, 8, 0x1201, plain, 4);
	read(true, false);
	is_int(lut.bits, 16, "values decide how many bits it has");
	palette(4, 0xFFFE, 8, 0x1201, packed, 2);
	is_int(read(true, true), MMN_OK, "8-bit entries, two to a word");
	ok(lut.first == -2 && lut.bits == 8 && lut.values[0] == 1 &&
		   lut.values[9] == 4,
	   "and a negative first value");
	read(true, false);
	is_int(lut.first, 65534, "which needs signed pixels");
	palette(5, 0, 16, 0x1201, packed, 2);
	is_int(read(true, false), MMN_BAD_DATA, "too little data");
	palette(0, 0, 16, 0x1201, packed, 2);
	is_int(read(true, false), MMN_BAD_DATA, "0 entries are 65,536");
	palette(4, 0, 17, 0x1201, plain, 4);
	is_int(read(true, false), MMN_BAD_DATA, "more than 16 bits");
	fx_begin(EXPLICIT_LITTLE);
	is_int(read(true, false), MMN_BAD_DATA, "no palette");

	palette(8, 0, 16, 0x1221, segments, 11);
	is_int(read(true, false), MMN_OK, "a segmented palette");
	ok(lut.values[0] == 10 && lut.values[3] == 20 && lut.values[6] == 30 &&
		   lut.values[15] == 60 && lut.values[18] == 10 && lut.values[21] == 20,
	   "discrete, linear and indirect segments");
	palette(9, 0, 16, 0x1221, segments, 11);
	is_int(read(true, false), MMN_BAD_DATA, "one with too few entries");
	palette(4, 0, 16, 0x1221, loop, 4);
	is_int(read(true, false), MMN_BAD_DATA, "one that refers to itself");
	palette(4, 0, 16, 0x1221, linear_first, 3);
	is_int(read(true, false), MMN_BAD_DATA, "one that starts from nowhere");
}

static void
test_modality(void)
{
	static const uint16_t descriptor[] = {3, 100, 12};
	static const uint16_t data[] = {5, 6, 4095};

	fx_begin(EXPLICIT_LITTLE);
	fx_head(MMN_TAG(0x0028, 0x3000), "SQ", UNDEFINED_LENGTH);
	fx_head(ITEM, "", UNDEFINED_LENGTH);
	words(MMN_TAG(0x0028, 0x3002), "US", descriptor, 3);
	fx_head(MMN_TAG(0x0028, 0x3004), "LO", 2);
	mmn_buffer_text(&fx, "OD");
	words(MMN_TAG(0x0028, 0x3006), "US", data, 3);
	fx_head(ITEM_END, "", 0);
	fx_head(SEQUENCE_END, "", 0);
	is_int(read(false, false), MMN_OK, "a modality LUT");
	ok(lut.values && lut.entries == 3 && lut.first == 100 && lut.bits == 16 &&
		   lut.unit == MMN_UNIT_OD && lut.values[2] == 4095,
	   "with its unit");
	palette(4, 0, 16, 0x1201, data, 3);
	is_int(read(false, false), MMN_OK, "no modality LUT");
	ok(lut.values == NULL, "is no failure");
}

int
main(void)
{
	test_palette();
	test_modality();
	mmn_lut_free(&mmn_env_default, &lut);
	return done_testing();
}
