#ifndef MMN_TEST_DICOM_FIXTURE_H
#define MMN_TEST_DICOM_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "dicom/dicom.h"
#include "dicom/dictionary.h"

/*
 * Writes DICOM bytes by hand, right or wrong as a test wants them.  One file
 * at a time: fx_begin(), elements, and the bytes are in fx.bytes.
 */

#define UNDEFINED_LENGTH 0xFFFFFFFFu
#define ITEM MMN_TAG(0xFFFE, 0xE000)
#define ITEM_END MMN_TAG(0xFFFE, 0xE00D)
#define SEQUENCE_END MMN_TAG(0xFFFE, 0xE0DD)
#define PIXEL_DATA MMN_TAG(0x7FE0, 0x0010)

static mmn_buffer fx;
static int fx_implicit, fx_big;

static inline void
fx_u16(unsigned v)
{
	mmn_buffer_byte(&fx, (uint8_t)(fx_big ? v >> 8 : v));
	mmn_buffer_byte(&fx, (uint8_t)(fx_big ? v : v >> 8));
}

static inline void
fx_u32(uint32_t v)
{
	fx_u16(fx_big ? v >> 16 : v & 0xFFFF);
	fx_u16(fx_big ? v & 0xFFFF : v >> 16);
}

/* The header of an element; the value is to follow. */
static inline void
fx_head(uint32_t tag, const char *vr, uint32_t length)
{
	const mmn_vr *known = mmn_vr_find(vr);

	fx_u16(tag >> 16);
	fx_u16(tag & 0xFFFF);
	if (fx_implicit || tag >> 16 == 0xFFFE)
	{
		fx_u32(length);
		return;
	}
	mmn_buffer_append(&fx, vr, 2);
	if (known && known->wide)
	{
		fx_u16(0);
		fx_u32(length);
	}
	else
		fx_u16(length);
}

static inline void
fx_bytes(uint32_t tag, const char *vr, const void *value, size_t length)
{
	fx_head(tag, vr, (uint32_t)length);
	mmn_buffer_append(&fx, value, length);
}

/* Text, padded as it should be. */
static inline void
fx_text(uint32_t tag, const char *vr, const char *text)
{
	size_t n = strlen(text);

	fx_head(tag, vr, (uint32_t)(n + n % 2));
	mmn_buffer_text(&fx, text);
	if (n % 2)
		mmn_buffer_byte(&fx, strcmp(vr, "UI") == 0 ? 0 : ' ');
}

static inline void
fx_us(uint32_t tag, unsigned v)
{
	fx_head(tag, "US", 2);
	fx_u16(v);
}

static inline void
fx_item(uint32_t length)
{
	fx_head(ITEM, "", length);
}

static inline void
fx_item_end(void)
{
	fx_head(ITEM_END, "", 0);
}

static inline void
fx_sequence_end(void)
{
	fx_head(SEQUENCE_END, "", 0);
}

/* A fragment of encapsulated pixel data. */
static inline void
fx_fragment(const void *bytes, size_t length)
{
	fx_item((uint32_t)length);
	mmn_buffer_append(&fx, bytes, length);
}

/* An empty file: only what follows is in it. */
static inline void
fx_empty(void)
{
	if (fx.env)
		mmn_buffer_reset(&fx);
	mmn_buffer_init(&fx, &mmn_env_default, (size_t)1 << 28);
	fx_implicit = fx_big = 0;
}

/* Preamble and file meta information. */
static inline void
fx_begin(const char *transfer_syntax)
{
	static const uint8_t preamble[128] = "II*";

	fx_empty();
	mmn_buffer_append(&fx, preamble, sizeof preamble);
	mmn_buffer_text(&fx, "DICM");
	fx_text(0x00020010, "UI", transfer_syntax);
	fx_implicit = strcmp(transfer_syntax, "1.2.840.10008.1.2") == 0;
	fx_big = strcmp(transfer_syntax, "1.2.840.10008.1.2.2") == 0;
}

#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define IMPLICIT_LITTLE "1.2.840.10008.1.2"
#define EXPLICIT_BIG "1.2.840.10008.1.2.2"
#define JPEG_BASELINE "1.2.840.10008.1.2.4.50"

/* The image pixel module of a little grey image. */
static inline void
fx_image(unsigned rows, unsigned columns, unsigned bits, const char *frames)
{
	fx_us(0x00280002, 1);
	fx_text(0x00280004, "CS", "MONOCHROME2");
	if (frames)
		fx_text(0x00280008, "IS", frames);
	fx_us(0x00280010, rows);
	fx_us(0x00280011, columns);
	fx_us(0x00280100, bits);
	fx_us(0x00280101, bits);
	fx_us(0x00280102, bits - 1);
	fx_us(0x00280103, 0);
}

/* Parses a copy of exactly the file's size, so that sanitizers see its end. */
static mmn_error fx_error;
static uint8_t *fx_copy;

static inline mmn_dicom *
fx_open(void)
{
	mmn_dicom *dicom = NULL;

	free(fx_copy);
	fx_copy = malloc(fx.length ? fx.length : 1);
	if (fx.length)
		memcpy(fx_copy, fx.bytes, fx.length);
	fx_error.code = MMN_OK;
	fx_error.text[0] = '\0';
	mmn_dicom_open(&mmn_env_default, fx_copy, fx.length, (size_t)1 << 24,
				   &dicom, &fx_error);
	return dicom;
}

#endif
