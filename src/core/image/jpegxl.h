#ifndef MMN_IMAGE_JPEGXL_H
#define MMN_IMAGE_JPEGXL_H

#include "image/codestream.h"

/*
 * The headers of JPEG XL data (ISO/IEC 18181-1, boxes: -2).  Nothing in them is
 * coded by entropy but an ICC profile, so they can be read, and the data of
 * layers be passed over, without a decoder.
 */

/* A box of a container; "at" is where it begins. */
typedef struct mmn_jxl_box
{
	size_t at;
	size_t header; /* bytes */
	size_t size;   /* with the header */
} mmn_jxl_box;

/*
 * Reads bits, least significant first, of a codestream that lies bare or in
 * parts in a container's boxes.
 */
typedef struct mmn_jxl_reader
{
	const uint8_t *bytes;
	size_t length;
	size_t at;	 /* the byte with the next bit */
	size_t end;	 /* of the part at hand */
	size_t next; /* box behind it; length: none */
	uint32_t parts;
	unsigned bit;
	bool ended; /* more was read than there is; bits were zeros */
} mmn_jxl_reader;

/* What an image of our kind, without animation and further channels, says. */
typedef struct mmn_jxl_image
{
	uint32_t width;
	uint32_t height;
	uint8_t channels;
	uint8_t bits;
	bool xyb;
	bool icc; /* follows, and layers behind it cannot be found */
} mmn_jxl_image;

/* A layer, or what layers refer to: the standard calls all of them frames. */
typedef struct mmn_jxl_layer
{
	bool ycbcr;
	bool last;
	size_t name_bits; /* the reader stands where they begin */
	bool modular;
	bool has_filter; /* and extensions, behind the name */
	uint32_t sections;
} mmn_jxl_layer;

bool mmn_is_jpegxl(const uint8_t *bytes, size_t length);
bool mmn_jxl_is_container(const uint8_t *bytes, size_t length);
bool mmn_jxl_box_read(const uint8_t *bytes, size_t length, size_t at,
					  mmn_jxl_box *out);

/* MMN_BAD_DATA: there is no codestream. */
mmn_status mmn_jxl_open(const uint8_t *bytes, size_t length,
						mmn_jxl_reader *out, mmn_error *err);
uint32_t mmn_jxl_bits(mmn_jxl_reader *r, unsigned n);

/* Goes to where the next bit of "bytes" is; false: nowhere. */
bool mmn_jxl_seek_bit(mmn_jxl_reader *r);

/*
 * From the start up to the ICC profile, or else to the first layer.
 * MMN_UNSUPPORTED: what DICOM has no place for.
 */
mmn_status mmn_jxl_read_image(mmn_jxl_reader *r, mmn_jxl_image *out,
							  mmn_error *err);

/*
 * The header of a layer in two halves, with its name between them; the second
 * one also passes over its data.
 */
mmn_status mmn_jxl_read_layer(mmn_jxl_reader *r, const mmn_jxl_image *image,
							  mmn_jxl_layer *out, mmn_error *err);
mmn_status mmn_jxl_skip_layer(mmn_jxl_reader *r, const mmn_jxl_layer *layer,
							  mmn_error *err);

/* For mmn_codestream_peek() and mmn_codestream_scrub(). */
mmn_status mmn_jxl_peek(const uint8_t *bytes, size_t length,
						mmn_codestream *out, mmn_error *err);
mmn_status mmn_jxl_scrub(uint8_t *bytes, size_t length, mmn_error *err);

#endif
