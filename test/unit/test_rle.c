/* RLE Lossless: PS3.5 Annex G */

#include <stdlib.h>

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

/* ---- against a plain reading of the standard ---- */

#define PIXELS_MAX 9000
#define STREAM_MAX (64 + 15 * 3 * PIXELS_MAX)
#define CANARY 0xa5

typedef struct shape
{
	size_t pixels;
	unsigned samples, bytes;
	bool planar;
} shape;

/* One byte at a time; false: the segment ends early. */
static bool
plain_segment(const uint8_t *in, size_t length, size_t pixels, size_t stride,
			  uint8_t *out)
{
	size_t at = 0, have = 0;

	while (have < pixels)
	{
		bool repeat;
		unsigned run;

		if (at == length)
			return false;
		repeat = in[at] > 128;
		run = repeat ? 257u - in[at] : in[at] + 1u;
		if (in[at++] == 128)
			continue;
		for (unsigned i = 0; i < run && have < pixels; i++)
		{
			if (at == length)
				return false;
			out[stride * have++] = in[at];
			at += !repeat;
		}
		at += repeat;
	}
	return true;
}

/* Decodes what has a good header; text says what is wrong with a segment. */
static void
plain(const uint8_t *in, size_t length, const shape *f, uint8_t *out,
	  char text[128])
{
	unsigned count = f->samples * f->bytes;

	text[0] = '\0';
	for (unsigned s = 0; s < count; s++)
	{
		unsigned sample = s / f->bytes, byte = f->bytes - 1 - s % f->bytes;
		size_t from = mmn_load_u32le(in + 4 + 4 * s);
		size_t to = s + 1 < count ? mmn_load_u32le(in + 8 + 4 * s) : length;
		size_t pixel = f->planar ? f->bytes : count;

		if (from < 64 || from > to || to > length)
			snprintf(text, 128, "RLE segment %u lies outside its frame", s + 1);
		else if (!plain_segment(
					 in + from, to - from, f->pixels, pixel,
					 out + sample * f->bytes * (f->planar ? f->pixels : 1) +
						 byte))
			snprintf(text, 128, "RLE segment %u ends before its plane is full",
					 s + 1);
		if (text[0])
			return;
	}
}

static unsigned
below(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Runs of up to "longest" bytes, for at least so many pixels. */
static size_t
random_segment(uint8_t *out, size_t pixels, unsigned longest)
{
	size_t at = 0;

	for (size_t have = 0; have < pixels;)
	{
		unsigned run = 1 + below(longest);

		if (below(50) == 0)
			out[at++] = 128;
		if (run > 1 && below(2))
		{
			out[at++] = (uint8_t)(257 - run);
			out[at++] = (uint8_t)rand();
		}
		else
		{
			out[at++] = (uint8_t)(run - 1);
			for (unsigned i = 0; i < run; i++)
				out[at++] = (uint8_t)rand();
		}
		have += run;
	}
	return at;
}

/* A frame of that shape; wrong ones now and then, its last bytes missing. */
static size_t
random_frame(uint8_t *out, const shape *f, bool wrong)
{
	static const unsigned longest[] = {1, 3, 16, 17, 40, 128};
	unsigned count = f->samples * f->bytes;
	size_t at = 64;

	memset(out, 0, 64);
	mmn_store_u32le(out, count);
	for (unsigned s = 0; s < count; s++)
	{
		size_t pixels = f->pixels;

		if (wrong && below(2 * count) == 0)
			pixels = below((unsigned)pixels);
		mmn_store_u32le(out + 4 + 4 * s, wrong && below(4 * count) == 0
											 ? below((unsigned)at + 9)
											 : (uint32_t)at);
		at += random_segment(out + at, pixels, longest[below(6)]);
		/* a byte of padding, or not; or a few beyond what is needed */
		for (unsigned i = below(3) ? 0 : below(200); i > 0; i--)
			out[at++] = (uint8_t)rand();
	}
	return wrong && at >= 64 + 8 ? at - below(9) : at;
}

/* Whether both decoders agree, on the frame or on what is wrong with it. */
static bool
agree(const uint8_t *in, size_t length, const shape *f)
{
	size_t size = f->pixels * f->samples * f->bytes;
	uint8_t *read = malloc(length), *out = malloc(size + 1);
	uint8_t *want = malloc(size);
	char text[128];
	mmn_error err = {.text = ""};
	mmn_status status;
	bool same;

	memcpy(read, in, length);
	out[size] = CANARY;
	plain(read, length, f, want, text);
	status = mmn_rle_decode(read, length, f->pixels, f->samples, f->bytes,
							f->planar, out, &err);
	same = out[size] == CANARY &&
		   (text[0] ? status == MMN_BAD_DATA && strcmp(err.text, text) == 0
					: status == MMN_OK && memcmp(out, want, size) == 0);
	free(read);
	free(out);
	free(want);
	return same;
}

static void
test_random_frames(void)
{
	static const uint8_t cells[][2] = {{1, 1}, {1, 2}, {1, 4}, {1, 8}, {3, 1},
									   {3, 2}, {3, 4}, {3, 5}, {2, 1}, {4, 1}};
	static uint8_t in[STREAM_MAX];

	srand(1);
	for (unsigned k = 0; k < sizeof cells / sizeof *cells; k++)
	{
		unsigned disagreed = 0;

		for (unsigned i = 0; i < 400; i++)
		{
			shape f = {1 + below(i % 4 ? 300 : PIXELS_MAX), cells[k][0],
					   cells[k][1], i & 1};
			size_t n = random_frame(in, &f, i % 5 == 0);

			disagreed += !agree(in, n, &f);
		}
		is_int(disagreed, 0,
			   "%u samples of %u bytes: random runs are as the standard says",
			   cells[k][0], cells[k][1]);
	}
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
	test_random_frames();
	return done_testing();
}
