#ifndef MMN_DICOM_WRITE_H
#define MMN_DICOM_WRITE_H

#include "base/buffer.h"
#include "dicom/dicom.h"

/*
 * Data elements in explicit VR little endian (PS3.5 7.1.2), appended to a
 * buffer, whose own status tells at the end whether all went well.
 */

void mmn_write_u16(mmn_buffer *out, uint32_t v);
void mmn_write_u32(mmn_buffer *out, uint32_t v);
void mmn_write_f64(mmn_buffer *out, double v);
void mmn_write_tag(mmn_buffer *out, uint32_t tag);

/* false, and nothing written, when the length does not fit the VR. */
bool mmn_write_header(mmn_buffer *out, uint32_t tag, const char *vr,
					  uint64_t length);

/* Text, padded to even length as PS3.5 6.2 wants. */
void mmn_write_text(mmn_buffer *out, uint32_t tag, const char *vr,
					const char *text, size_t length);
void mmn_write_string(mmn_buffer *out, uint32_t tag, const char *vr,
					  const char *text);

/* One value of VR FD. */
void mmn_write_double(mmn_buffer *out, uint32_t tag, double value);

/* An element's binary values; unit: bytes of it to reverse together. */
void mmn_write_binary(mmn_buffer *out, const mmn_dicom_element *e,
					  const char *vr, unsigned unit);

/* Sequences and items of undefined length, each with its end. */
void mmn_write_sequence(mmn_buffer *out, uint32_t tag);
void mmn_write_item(mmn_buffer *out);
void mmn_write_item_end(mmn_buffer *out);
void mmn_write_sequence_end(mmn_buffer *out);

/* A sequence of one code (PS3.3 8.8). */
void mmn_write_code(mmn_buffer *out, uint32_t tag, const char *value,
					const char *scheme, const char *meaning);

#endif
