/* image/contact_sheet: where tiles go, what is refused */

#include <stdint.h>
#include <stdlib.h>

#include "image/contact_sheet.h"
#include "tap.h"

#define GAP MMN_CONTACT_SHEET_GAP

static mmn_error err;

static int
at(const mmn_image *page, uint32_t x, uint32_t y, int channel)
{
	return ((const uint8_t *)
				page->samples)[(y * page->width + x) * page->channels +
							   channel];
}

static void
test_layout(void)
{
	uint8_t light[8 * 4], red[3] = {200, 0, 0};
	mmn_image gray = {.width = 8,
					  .height = 4,
					  .channels = 1,
					  .sample_type = MMN_U8,
					  .samples = light};
	mmn_image colour = {.width = 1,
						.height = 1,
						.channels = 3,
						.sample_type = MMN_U8,
						.samples = red};
	mmn_contact_sheet sheet;
	mmn_image page;

	memset(light, 240, sizeof light);
	is_int(mmn_contact_sheet_create(&mmn_env_default, 3, 2, 16, &sheet, &err),
		   MMN_OK, "three tiles in two columns");
	ok(sheet.page.width == 2 * 16 + 3 * GAP &&
		   sheet.page.height == 2 * 16 + 3 * GAP,
	   "make two rows");
	mmn_contact_sheet_place(&mmn_env_default, &sheet, 0, &gray, &err);
	/* rows twice as far apart as columns: it is square in truth */
	gray.spacing_row = 2;
	gray.spacing_column = 1;
	mmn_contact_sheet_place(&mmn_env_default, &sheet, 2, &gray, &err);
	mmn_contact_sheet_finish(&sheet, &page);
	is_int(page.channels, 1, "gray tiles make a gray page");
	ok(at(&page, GAP, GAP + 4, 0) == 240 && at(&page, GAP, GAP + 3, 0) == 32 &&
		   at(&page, GAP + 15, GAP + 11, 0) == 240 &&
		   at(&page, GAP, GAP + 12, 0) == 32,
	   "a wide image is fitted and centred");
	ok(at(&page, GAP, 16 + 2 * GAP, 0) == 240 &&
		   at(&page, GAP + 15, 31 + 2 * GAP, 0) == 240,
	   "pixel spacing counts");
	ok(at(&page, 16 + 2 * GAP, GAP, 0) == 32, "an empty tile stays empty");
	free(page.samples);

	mmn_contact_sheet_create(&mmn_env_default, 2, 8, 8, &sheet, &err);
	is_int(sheet.page.width, 2 * 8 + 3 * GAP,
		   "fewer tiles than columns: a narrower page");
	mmn_contact_sheet_place(&mmn_env_default, &sheet, 0, &gray, &err);
	mmn_contact_sheet_place(&mmn_env_default, &sheet, 1, &colour, &err);
	mmn_contact_sheet_finish(&sheet, &page);
	ok(page.channels == 3 && at(&page, 8 + 2 * GAP, GAP, 0) == 200 &&
		   at(&page, 8 + 2 * GAP, GAP, 1) == 0 &&
		   at(&page, GAP, GAP, 2) == 240,
	   "one tile in colour makes the page so");
	free(page.samples);
}

static void
test_refusals(void)
{
	static const struct
	{
		uint32_t count, columns, tile;
		mmn_status status;
	} cases[] = {
		{0, 1, 64, MMN_BAD_ARGUMENT},	 {1, 0, 64, MMN_BAD_ARGUMENT},
		{1, 1, 7, MMN_BAD_ARGUMENT},	 {1, 1, 2049, MMN_BAD_ARGUMENT},
		{100000, 1, 64, MMN_LIMIT},		 {4000000000u, 4000000000u, 64, MMN_LIMIT},
		{100, 10, 2048, MMN_LIMIT},
	};
	mmn_contact_sheet sheet;
	uint16_t deep = 0;
	mmn_image image = {.width = 1,
					   .height = 1,
					   .channels = 1,
					   .sample_type = MMN_U16,
					   .samples = &deep};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_int(mmn_contact_sheet_create(&mmn_env_default, cases[i].count,
										cases[i].columns, cases[i].tile, &sheet,
										&err),
			   cases[i].status, "%u tiles of %u in %u columns are refused",
			   cases[i].count, cases[i].tile, cases[i].columns);
	mmn_contact_sheet_create(&mmn_env_default, 1, 1, 8, &sheet, &err);
	is_int(mmn_contact_sheet_place(&mmn_env_default, &sheet, 0, &image, &err),
		   MMN_INTERNAL, "only 8-bit images can be placed");
	mmn_contact_sheet_destroy(&mmn_env_default, &sheet);
}

int
main(void)
{
	test_layout();
	test_refusals();
	return done_testing();
}
