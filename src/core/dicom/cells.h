#ifndef MMN_DICOM_CELLS_H
#define MMN_DICOM_CELLS_H

#include "dicom/stored.h"

/*
 * Samples are worked on in blocks small enough for the first-level cache.
 * All arithmetic runs over whole blocks, so that its loops have a constant
 * trip count and the compiler turns them into vector code; only loading and
 * storing care about the tail.
 *
 * Cells of up to 16 bits go through int32, which holds them all and any
 * modality transform small enough (see grey_image in stored.c); wider cells and
 * floating point go through double, which holds 32-bit integers exactly.
 */
#define MMN_BLOCK 256

/* PS3.5 8.1.1: where the bits of a sample are in its cell. */
typedef struct mmn_cells
{
	const uint8_t *bytes;
	size_t stride; /* cells from one sample to the next */
	size_t offset; /* of the first sample, in cells */
	unsigned bit_offset;
	uint16_t allocated;
	uint16_t stored;
	uint16_t shift;
	bool is_signed;
	bool big_endian;
	mmn_pixel_kind kind;
} mmn_cells;

mmn_cells mmn_cells_of(const mmn_stored *stored);

/* Cells at..at+n-1, as they are; for cells of up to 16 bits. */
void mmn_cells_load_raw(const mmn_cells *c, size_t at, size_t n,
						uint16_t raw[MMN_BLOCK]);

/* The same as integers, out of their bits; zero behind n. */
void mmn_cells_load_narrow(const mmn_cells *c, size_t at, size_t n,
						   int32_t v[MMN_BLOCK]);

/* The same for cells of 32 and 64 bits. */
void mmn_cells_load_wide(const mmn_cells *c, size_t at, size_t n,
						 double v[MMN_BLOCK]);

/* Stores n samples of an mmn_sample_type that holds them, from sample at. */
void mmn_block_store_narrow(const int32_t v[MMN_BLOCK], size_t n, uint8_t type,
							void *out, size_t at);
void mmn_block_store_wide(const double v[MMN_BLOCK], size_t n, uint8_t type,
						  void *out, size_t at);

#endif
