#include "dicom/cells.h"

#include <string.h>

#include "base/bytes.h"

mmn_cells
mmn_cells_of(const mmn_stored *stored)
{
	const mmn_pixel_description *p = &stored->pixels;

	return (mmn_cells){
		.bytes = stored->bytes,
		.stride = 1,
		.bit_offset = stored->bit_offset,
		.allocated = p->bits_allocated,
		.stored = p->bits_stored,
		.shift = (uint16_t)(p->high_bit + 1 - p->bits_stored),
		.is_signed = p->is_signed,
		.big_endian = stored->big_endian,
		.kind = p->kind,
	};
}

void
mmn_cells_load_raw(const mmn_cells *c, size_t at, size_t n,
				   uint16_t raw[MMN_BLOCK])
{
	size_t first = c->offset + at * c->stride;

	if (c->allocated == 16 && c->stride == 1 && !c->big_endian)
		memcpy(raw, c->bytes + 2 * first, 2 * n);
	else if (c->allocated == 16)
		for (size_t i = 0; i < n; i++)
		{
			const uint8_t *p = c->bytes + 2 * (first + i * c->stride);

			raw[i] = c->big_endian ? mmn_load_u16be(p) : mmn_load_u16le(p);
		}
	else if (c->allocated == 8)
		for (size_t i = 0; i < n; i++)
			raw[i] = c->bytes[first + i * c->stride];
	else if (c->allocated == 12)
		/* PS3.5 8.1.1: cells follow one another from the lowest bit up */
		for (size_t i = 0; i < n; i++)
		{
			size_t bit = c->bit_offset + 12 * (first + i * c->stride);
			const uint8_t *p = c->bytes + bit / 8;

			raw[i] = (p[0] | p[1] << 8) >> bit % 8 & 0xFFF;
		}
	else /* and so do 1-bit pixels */
		for (size_t i = 0; i < n; i++)
		{
			size_t bit = c->bit_offset + first + i * c->stride;

			raw[i] = c->bytes[bit / 8] >> bit % 8 & 1;
		}
}

void
mmn_cells_load_narrow(const mmn_cells *c, size_t at, size_t n,
					  int32_t v[MMN_BLOCK])
{
	uint16_t raw[MMN_BLOCK] = {0};
	int32_t mask = (int32_t)((1u << c->stored) - 1);
	int32_t sign = c->is_signed ? (int32_t)(1u << (c->stored - 1)) : 0;
	int shift = c->shift;

	mmn_cells_load_raw(c, at, n, raw);
	for (size_t i = 0; i < MMN_BLOCK; i++)
		v[i] = (((raw[i] >> shift) & mask) ^ sign) - sign;
}

static uint64_t
load_cell(const mmn_cells *c, size_t i)
{
	const uint8_t *p = c->bytes + i * (c->allocated / 8);

	if (c->allocated == 32)
		return c->big_endian ? mmn_load_u32be(p) : mmn_load_u32le(p);
	return c->big_endian
			   ? (uint64_t)mmn_load_u32be(p) << 32 | mmn_load_u32be(p + 4)
			   : mmn_load_u64le(p);
}

void
mmn_cells_load_wide(const mmn_cells *c, size_t at, size_t n,
					double v[MMN_BLOCK])
{
	for (size_t i = 0; i < n; i++)
	{
		uint64_t raw = load_cell(c, c->offset + (at + i) * c->stride);

		if (c->kind == MMN_PIXELS_DOUBLE)
			memcpy(&v[i], &raw, sizeof raw);
		else if (c->kind == MMN_PIXELS_FLOAT)
		{
			uint32_t bits = (uint32_t)raw;
			float f;

			memcpy(&f, &bits, sizeof f);
			v[i] = f;
		}
		else
		{
			int unused = 64 - c->stored;

			raw = raw >> c->shift << unused;
			v[i] = c->is_signed ? (double)((int64_t)raw >> unused)
								: (double)(raw >> unused);
		}
	}
	for (size_t i = n; i < MMN_BLOCK; i++)
		v[i] = 0;
}

void
mmn_block_store_narrow(const int32_t v[MMN_BLOCK], size_t n, uint8_t type,
					   void *out, size_t at)
{
	union
	{
		uint8_t u8[MMN_BLOCK];
		uint16_t u16[MMN_BLOCK];
		float f32[MMN_BLOCK];
	} t;
	size_t size = mmn_sample_size(type);

	switch (type)
	{
		case MMN_U8:
			for (size_t i = 0; i < MMN_BLOCK; i++)
				t.u8[i] = (uint8_t)v[i];
			break;
		case MMN_F32:
			for (size_t i = 0; i < MMN_BLOCK; i++)
				t.f32[i] = (float)v[i];
			break;
		default: /* two's complement: the same bits, signed or not */
			for (size_t i = 0; i < MMN_BLOCK; i++)
				t.u16[i] = (uint16_t)v[i];
			break;
	}
	memcpy((uint8_t *)out + at * size, &t, n * size);
}

void
mmn_block_store_wide(const double v[MMN_BLOCK], size_t n, uint8_t type,
					 void *out, size_t at)
{
	int32_t t[MMN_BLOCK];
	float f[MMN_BLOCK];

	if (type == MMN_F32)
	{
		for (size_t i = 0; i < MMN_BLOCK; i++)
			f[i] = (float)v[i];
		memcpy((float *)out + at, f, n * sizeof *f);
		return;
	}
	for (size_t i = 0; i < MMN_BLOCK; i++)
		t[i] = (int32_t)v[i];
	mmn_block_store_narrow(t, n, type, out, at);
}
