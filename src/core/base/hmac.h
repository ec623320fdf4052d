#ifndef MMN_BASE_HMAC_H
#define MMN_BASE_HMAC_H

#include <stddef.h>
#include <stdint.h>

#define MMN_SHA256_SIZE 32

/* HMAC-SHA-256 (RFC 2104) of the concatenation of "count" parts. */
typedef struct mmn_part
{
	const void *bytes;
	size_t length;
} mmn_part;

void mmn_hmac_sha256(const void *key, size_t key_length, const mmn_part *parts,
					 size_t count, uint8_t out[MMN_SHA256_SIZE]);

/* Lower-case hexadecimal; out has room for 2 * length + 1 characters. */
void mmn_hex(const uint8_t *bytes, size_t length, char *out);

#endif
