/* deflated data sets and frames: RFC 1951, as in PS3.5 A.4 and A.5 */

#include <stdlib.h>
#include <zlib.h>

#include "dicom/inflate.h"
#include "tap.h"

static size_t
deflate_all(const uint8_t *in, size_t n, int bits, int level, uint8_t *out,
			size_t room)
{
	z_stream z = {0};

	deflateInit2(&z, level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (uint8_t *)in;
	z.avail_in = (unsigned)n;
	z.next_out = out;
	z.avail_out = (unsigned)room;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return room - z.avail_out;
}

int
main(void)
{
	enum
	{
		SIZE = 600000 /* more than one step of the output */
	};
	const mmn_env *env = &mmn_env_default;
	uint8_t *plain = malloc(SIZE), *packed = malloc(SIZE), *out;
	uint8_t *exact = calloc(SIZE + 1, 1);
	size_t n, length;
	mmn_error err;

	for (size_t i = 0; i < SIZE; i++)
		plain[i] = (uint8_t)(i * i >> 7);
	n = deflate_all(plain, SIZE, -MAX_WBITS, 9, packed, SIZE);

	is_int(mmn_inflate_raw(env, packed, n, SIZE, &out, &length, &err), MMN_OK,
		   "a data set up to the limit");
	ok(length == SIZE && memcmp(out, plain, SIZE) == 0, "is as it was");
	free(out);
	is_int(mmn_inflate_raw(env, packed, n, SIZE - 1, &out, &length, &err),
		   MMN_LIMIT, "one byte more than the limit is too many");
	is_int(mmn_inflate_raw(env, packed, n - 1, SIZE, &out, &length, &err),
		   MMN_BAD_DATA, "a cut-off one is refused");

	is_int(mmn_inflate_exact(env, packed, n, exact, SIZE, &err), MMN_OK,
		   "a frame of a known size");
	ok(memcmp(exact, plain, SIZE) == 0 && exact[SIZE] == 0,
	   "fills its room, no more");
	memset(exact, 0, SIZE);
	is_int(mmn_inflate_exact(env, packed, n, exact, 5, &err), MMN_OK,
		   "more bytes than the frame has");
	ok(memcmp(exact, plain, 5) == 0 && exact[5] == 0, "are not looked at");
	is_int(mmn_inflate_exact(env, packed, n, exact, SIZE + 1, &err),
		   MMN_BAD_DATA, "fewer are");
	is_str(err.text, "a deflated frame ends after 600000 of 600001 bytes",
		   "refused");
	is_int(mmn_inflate_exact(env, packed, n / 2, exact, SIZE, &err),
		   MMN_BAD_DATA, "a cut-off frame is refused");
	n = deflate_all(plain, SIZE, MAX_WBITS, 9, packed, SIZE);
	is_int(mmn_inflate_raw(env, packed, n, SIZE, &out, &length, &err), MMN_OK,
		   "a data set with zlib's header and checksum");
	ok(length == SIZE && memcmp(out, plain, SIZE) == 0, "is as it was, too");
	free(out);
	is_int(mmn_inflate_exact(env, packed, n, exact, SIZE, &err), MMN_OK,
		   "so is a frame");
	/* the unused bits of a stored block's first byte may be anything */
	n = deflate_all(plain, 0xDA, -MAX_WBITS, 0, packed, SIZE);
	ok(packed[0] == 1 && packed[1] == 0xDA, "a stored block");
	packed[0] = 0x79; /* no header: the last block */
	is_int(mmn_inflate_raw(env, packed, n, SIZE, &out, &length, &err), MMN_OK,
		   "with odd bits");
	is_int((long long)length, 0xDA, "is read");
	free(out);
	memmove(packed + n, packed, n);
	packed[0] = 0x78; /* as zlib's header would be, but not the last */
	is_int(mmn_inflate_raw(env, packed, 2 * n, SIZE, &out, &length, &err),
		   MMN_OK, "that begin like zlib's header");
	is_int((long long)length, 2 * 0xDA, "also");
	free(out);
	n = deflate_all(plain, SIZE, -MAX_WBITS, 9, packed, SIZE);
	packed[0] = 0xFF;
	is_int(mmn_inflate_exact(env, packed, n, exact, SIZE, &err), MMN_BAD_DATA,
		   "a damaged one too");
	is_str(err.text, "a deflated frame is damaged after 0 of 600000 bytes",
		   "and said to be");
	is_int(mmn_inflate_exact(env, packed, 0, exact, 1, &err), MMN_BAD_DATA,
		   "as is none at all");
	free(plain);
	free(packed);
	free(exact);
	return done_testing();
}
