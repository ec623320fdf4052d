#include "base/hmac.h"

#include <nettle/hmac.h>

void
mmn_hmac_sha256(const void *key, size_t key_length, const mmn_part *parts,
				size_t count, uint8_t out[MMN_SHA256_SIZE])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, key_length, key);
	for (size_t i = 0; i < count; i++)
		hmac_sha256_update(&ctx, parts[i].length, parts[i].bytes);
	hmac_sha256_digest(&ctx, MMN_SHA256_SIZE, out);
}

void
mmn_hex(const uint8_t *bytes, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++)
	{
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}
