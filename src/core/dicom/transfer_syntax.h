#ifndef MMN_DICOM_TRANSFER_SYNTAX_H
#define MMN_DICOM_TRANSFER_SYNTAX_H

#include <stdbool.h>

/*
 * How a transfer syntax (PS3.6 table A-1) encodes its frames, and what it is
 * called.
 */
typedef enum mmn_frame_coding
{
	MMN_CODING_NATIVE,
	MMN_CODING_RLE,
	MMN_CODING_DEFLATE, /* each frame by itself */
	MMN_CODING_JPEG,	/* DCT or lossless */
	MMN_CODING_JPEG_LS,
	MMN_CODING_J2K,
	MMN_CODING_JPEG_XL,
	MMN_CODING_OTHER /* nothing we decode */
} mmn_frame_coding;

typedef struct mmn_transfer_syntax
{
	const char *uid;
	const char *name;
	mmn_frame_coding coding;
} mmn_transfer_syntax;

/* Whether frames are of mmn_codestream_peek()'s kinds. */
static inline bool
mmn_coding_has_codestreams(mmn_frame_coding coding)
{
	return coding >= MMN_CODING_JPEG && coding <= MMN_CODING_JPEG_XL;
}

/* NULL when the UID is not in the table. */
const mmn_transfer_syntax *mmn_transfer_syntax_find(const char *uid);

#endif
