#ifndef MMN_IMAGE_CODESTREAM_H
#define MMN_IMAGE_CODESTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * What a compressed image says of itself, read from its first markers: so
 * that it can be held against the data set before a large decoder sees it,
 * and the right decoder chosen.
 */

typedef enum mmn_codestream_kind
{
	MMN_CODESTREAM_JPEG,	/* ITU-T T.81: DCT or lossless */
	MMN_CODESTREAM_JPEG_LS, /* ITU-T T.87 */
	MMN_CODESTREAM_J2K,		/* ITU-T T.800, bare or inside JP2 boxes */
	MMN_CODESTREAM_JPEG_XL	/* ISO/IEC 18181, bare or inside boxes */
} mmn_codestream_kind;

typedef struct mmn_codestream
{
	mmn_codestream_kind kind;
	uint32_t width;
	uint32_t height;
	uint16_t components;
	uint8_t precision;	  /* bits, of the first component */
	bool is_signed;		  /* JPEG 2000 only */
	bool transformed;	  /* JPEG XL: colours are coded as others, or may be */
	uint64_t tiles;		  /* JPEG 2000 */
	uint16_t extensions;  /* JPEG 2000: bits of part 2's (T.801 A.2.1) */
	uint8_t mct;		  /* JPEG 2000: 0 none, 1 to RGB, else part 2's */
	size_t offset;		  /* JPEG 2000: of SOC, behind JP2's boxes */
	uint8_t process;	  /* JPEG: n of SOFn; 0 baseline, 1 extended, 2
						* progressive, 3 lossless */
	bool lossy;			  /* its coding process loses; what cannot be told
						   * is taken for lossless */
} mmn_codestream;

/*
 * MMN_BAD_DATA when no frame header can be found; MMN_UNSUPPORTED for JPEG XL
 * data of a kind that DICOM has no place for.
 */
mmn_status mmn_codestream_peek(const uint8_t *bytes, size_t length,
							   mmn_codestream *out, mmn_error *err);

#endif
