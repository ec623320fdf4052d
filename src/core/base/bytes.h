#ifndef MMN_BASE_BYTES_H
#define MMN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Unaligned loads and stores of either byte order, and arithmetic on sizes
 * that says when it overflows.
 */

static inline uint16_t
mmn_load_u16le(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint16_t
mmn_load_u16be(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t
mmn_load_u32le(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
		   (uint32_t)b[3] << 24;
}

static inline uint32_t
mmn_load_u32be(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[3] | (uint32_t)b[2] << 8 | (uint32_t)b[1] << 16 |
		   (uint32_t)b[0] << 24;
}

static inline uint64_t
mmn_load_u64le(const void *p)
{
	return mmn_load_u32le(p) |
		   (uint64_t)mmn_load_u32le((const uint8_t *)p + 4) << 32;
}

static inline void
mmn_store_u16le(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void
mmn_store_u32le(void *p, uint32_t v)
{
	mmn_store_u16le(p, (uint16_t)v);
	mmn_store_u16le((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void
mmn_store_u64le(void *p, uint64_t v)
{
	mmn_store_u32le(p, (uint32_t)v);
	mmn_store_u32le((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

/* false, and *out untouched, on overflow */
static inline bool
mmn_mul_size(size_t a, size_t b, size_t *out)
{
	size_t r;

	if (__builtin_mul_overflow(a, b, &r))
		return false;
	*out = r;
	return true;
}

static inline bool
mmn_add_size(size_t a, size_t b, size_t *out)
{
	size_t r;

	if (__builtin_add_overflow(a, b, &r))
		return false;
	*out = r;
	return true;
}

#endif
