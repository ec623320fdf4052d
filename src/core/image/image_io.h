#ifndef MMN_IMAGE_IMAGE_IO_H
#define MMN_IMAGE_IMAGE_IO_H

#include "image/image.h"

/*
 * The two forms in which an image (SQL type pixels) travels.
 *
 * Binary, all numbers little-endian (also in doc/pixels.md):
 *
 *  offset size
 *   0     1   version, 1
 *   1     1   sample type (mmn_sample_type)
 *   2     1   channels, 1 or 3
 *   3     1   unit (mmn_unit)
 *   4     4   width
 *   8     4   height
 *  12     4   flags (MMN_IMAGE_*)
 *  16     8   spacing between rows, mm, 0 = unknown
 *  24     8   spacing between columns, mm, 0 = unknown
 *  32     8   window center
 *  40     8   window width, 0 = none
 *  48     …   samples, top row first, channels interleaved
 *
 * and right behind them, if flags say so, the VOI table:
 *
 *         4   value of its first entry, signed
 *         4   entries
 *         …   entries, 2 bytes each
 *
 * Text: width x height x channels, sample type, unit, then what is known of
 * spacing (row,column), window (center,width) and flags, then the samples in
 * hexadecimal, little-endian; a VOI table has the same digits before them:
 *
 *  2x1x1 i16 HU spacing=0.5,0.5 window=40,400 inverted \x18fc2800
 *  2x1x1 u8 raw voi=7,0000ff7fffff \x0708
 */

#define MMN_IMAGE_BINARY_VERSION 1
#define MMN_IMAGE_BINARY_HEADER 48

/* The flags that are words of the text form. */
#define MMN_IMAGE_FLAGS 4

typedef struct mmn_image_flag
{
	uint32_t flag;
	const char *word;
} mmn_image_flag;

extern const mmn_image_flag mmn_image_flags[MMN_IMAGE_FLAGS];

/* Bytes of the table behind the samples, with its two numbers; 0: none. */
size_t mmn_image_binary_table_size(const mmn_image *image);

/* Writes the table behind the samples. */
void mmn_image_binary_table(const mmn_image *image, uint8_t *out);

/* Writes the binary form's header; the samples follow it. */
void mmn_image_binary_header(const mmn_image *image,
							 uint8_t out[MMN_IMAGE_BINARY_HEADER]);

/*
 * Reads and checks a binary form.  out->samples is set to NULL: *samples
 * points into data (unaligned, little-endian), *sample_bytes says how many.
 * Of a VOI table its size is in out, its entries follow the samples:
 * mmn_image_binary_entries() copies them.
 */
mmn_status mmn_image_binary_parse(const void *data, size_t length,
								  size_t max_bytes, mmn_image *out,
								  const uint8_t **samples, size_t *sample_bytes,
								  mmn_error *err);

void mmn_image_binary_entries(const mmn_image *image, const uint8_t *samples,
							  size_t sample_bytes, uint16_t *out);

/*
 * Reads and checks a text form up to its samples.  out->samples is set to
 * NULL; *hex points at the digits in text, which mmn_image_text_samples
 * reads into memory of *sample_bytes.  Of a VOI table out has the size:
 * mmn_image_text_entries reads the same text for its entries.
 */
mmn_status mmn_image_text_parse(const char *text, size_t max_bytes,
								mmn_image *out, const char **hex,
								size_t *sample_bytes, mmn_error *err);

void mmn_image_text_entries(const char *text, const mmn_image *image,
							uint16_t *out);

/* Fails when hex is not exactly sample_bytes long, or holds other text. */
mmn_status mmn_image_text_samples(const mmn_env *env, const mmn_image *image,
								  const char *hex, size_t sample_bytes,
								  void *samples, mmn_error *err);

/*
 * Writes 2 * bytes lower case digits, no terminator.  data may be the second
 * half of out.
 */
void mmn_hex_encode(const void *data, size_t bytes, char *out);

/*
 * Copies samples between the machine's byte order and little-endian, either
 * way.  dst may be src.
 */
void mmn_copy_little_endian(void *dst, const void *src, size_t bytes,
							size_t sample_size);

#endif
