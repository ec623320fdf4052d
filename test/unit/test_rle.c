/* RLE Lossless: PS3.5 Annex G */

#include "base/bytes.h"
#include "dicom/rle.h"
#include "tap.h"

/* A frame of the given segments, each at most 64 bytes. */
static size_t
frame(uint8_t *out, int count, const uint8_t *const *segments,
	  const size_t *lengths)
{
	size_t at = 64;

	memset(out, 0, 64);
	mmn_store_u32le(out, (uint32_t)count);
	for (int i = 0; i < count; i++)
	{
		mmn_store_u32le(out + 4 + 4 * i, (uint32_t)at);
		memcpy(out + at, segments[i], lengths[i]);
		at += lengths[i];
	}
	return at;
}

int
main(void)
{
	/* three literal bytes; one byte four times; a no-op between them */
	static const uint8_t mixed[] = {2, 1, 2, 3, 128, 253, 9};
	static const uint8_t zeros[] = {250, 0};
	static const uint8_t *const one[] = {mixed};
	static const uint8_t *const two[] = {zeros, mixed};
	static const uint8_t *const three[] = {mixed, zeros, mixed};
	static const size_t sizes[] = {sizeof mixed, sizeof zeros, sizeof mixed};
	static const size_t two_sizes[] = {sizeof zeros, sizeof mixed};
	uint8_t in[512], out[64];
	mmn_error err;
	size_t n;

	n = frame(in, 1, one, sizes);
	is_int(mmn_rle_decode(in, n, 7, 1, 1, false, out, &err), MMN_OK,
		   "literal and repeated runs");
	ok(memcmp(out, "\1\2\3\11\11\11\11", 7) == 0, "give their bytes");
	is_int(mmn_rle_decode(in, n, 5, 1, 1, false, out, &err), MMN_OK,
		   "a run may go beyond the plane");
	is_int(mmn_rle_decode(in, n, 8, 1, 1, false, out, &err), MMN_BAD_DATA,
		   "a segment that ends early is refused");
	is_str(err.text, "RLE segment 1 ends before its plane is full",
		   "and named");
	is_int(mmn_rle_decode(in, n - 1, 7, 1, 1, false, out, &err), MMN_BAD_DATA,
		   "a repeat without its byte is refused");

	n = frame(in, 2, two, two_sizes);
	is_int(mmn_rle_decode(in, n, 7, 1, 2, false, out, &err), MMN_OK,
		   "16-bit samples: high bytes first");
	ok(memcmp(out, "\1\0\2\0\3\0\11\0\11\0\11\0\11\0", 14) == 0,
	   "become little-endian cells");
	is_int(mmn_rle_decode(in, n, 7, 1, 1, false, out, &err), MMN_BAD_DATA,
		   "a number of segments that does not fit is refused");

	n = frame(in, 3, three, sizes);
	is_int(mmn_rle_decode(in, n, 7, 3, 1, false, out, &err), MMN_OK,
		   "three planes, interleaved");
	ok(memcmp(out, "\1\0\1\2\0\2\3\0\3", 9) == 0, "sample by sample");
	is_int(mmn_rle_decode(in, n, 7, 3, 1, true, out, &err), MMN_OK,
		   "three planes, kept");
	ok(memcmp(out, "\1\2\3\11\11\11\11\0\0\0\0\0\0\0\1\2", 16) == 0,
	   "plane by plane");

	mmn_store_u32le(in + 8, 3);
	is_int(mmn_rle_decode(in, n, 7, 3, 1, true, out, &err), MMN_BAD_DATA,
		   "a segment inside the header is refused");
	mmn_store_u32le(in + 8, 400);
	is_int(mmn_rle_decode(in, n, 7, 3, 1, true, out, &err), MMN_BAD_DATA,
		   "a segment behind the frame is refused");
	is_int(mmn_rle_decode(in, 63, 7, 1, 1, false, out, &err), MMN_BAD_DATA,
		   "a frame shorter than its header is refused");
	return done_testing();
}
