#ifndef MMN_IMAGE_CONTACT_SHEET_H
#define MMN_IMAGE_CONTACT_SHEET_H

#include "image/image.h"

/*
 * Many images on one page: square tiles in rows, each image scaled to fit its
 * tile in its true proportions (pixel spacing counts), in the order given.
 */
typedef struct mmn_contact_sheet
{
	uint32_t count; /* tiles */
	uint32_t columns;
	uint32_t tile;	 /* side of a tile, pixels */
	bool has_colour; /* was any tile in colour? */
	mmn_image page;	 /* 3 channels u8, owned until finish */
} mmn_contact_sheet;

/* Pixels between two tiles and around all. */
#define MMN_CONTACT_SHEET_GAP 4

/* An empty page; fewer tiles than columns make it narrower. */
mmn_status mmn_contact_sheet_create(const mmn_env *env, uint32_t count,
									uint32_t columns, uint32_t tile,
									mmn_contact_sheet *out, mmn_error *err);

/* Puts a u8 image (see render.h) into tile 0..count-1. */
mmn_status mmn_contact_sheet_place(const mmn_env *env, mmn_contact_sheet *sheet,
								   uint32_t index, const mmn_image *image,
								   mmn_error *err);

/*
 * Hands over the page, gray when all tiles are; the caller frees its samples.
 */
void mmn_contact_sheet_finish(mmn_contact_sheet *sheet, mmn_image *out);

/* Frees the page of a sheet that will not be finished. */
void mmn_contact_sheet_destroy(const mmn_env *env, mmn_contact_sheet *sheet);

#endif
