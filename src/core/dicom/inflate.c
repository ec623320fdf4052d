#include "dicom/inflate.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"

/* Output grows by doubling from here; each step is also a chance to stop. */
#define FIRST_CAPACITY ((size_t)256 * 1024)

/* zlib's allocations come from the caller's memory as well. */
static void *
z_alloc(void *opaque, unsigned count, unsigned size)
{
	return mmn_alloc_array(opaque, count, size);
}

static void
z_free(void *opaque, void *p)
{
	mmn_free(opaque, p);
}

/*
 * Some writers put RFC 1950's header in front, and its checksum behind.  What
 * looks like one would be a stored block, which begins with its length twice.
 */
static int
window_bits(const uint8_t *bytes, size_t length)
{
	bool zlib =
		length >= 6 && bytes[0] == 0x78 && mmn_load_u16be(bytes) % 31 == 0 &&
		(mmn_load_u16le(bytes + 1) ^ mmn_load_u16le(bytes + 3)) != 0xFFFF;

	return zlib ? MAX_WBITS : -MAX_WBITS;
}

/* Doubles the buffer, within max_bytes + 1 (the byte that is too many). */
static uint8_t *
enlarge(const mmn_env *env, uint8_t *old, size_t used, size_t *capacity,
		size_t max_bytes)
{
	size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	uint8_t *larger;

	if (wanted > max_bytes)
		wanted = max_bytes + 1;
	larger = mmn_alloc(env, wanted);
	if (!larger)
		return NULL;
	if (used)
		memcpy(larger, old, used);
	mmn_free(env, old);
	*capacity = wanted;
	return larger;
}

mmn_status
mmn_inflate_raw(const mmn_env *env, const uint8_t *bytes, size_t length,
				size_t max_bytes, uint8_t **out, size_t *out_length,
				mmn_error *err)
{
	z_stream z = {0};
	uint8_t *buffer = NULL;
	size_t used = 0, capacity = 0, eaten = 0;
	mmn_status status = MMN_OK;
	int result = Z_OK;

	if (max_bytes > SIZE_MAX / 4)
		max_bytes = SIZE_MAX / 4;
	z.zalloc = z_alloc;
	z.zfree = z_free;
	z.opaque = (void *)env;
	if (inflateInit2(&z, window_bits(bytes, length)) != Z_OK)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");

	while (result != Z_STREAM_END)
	{
		size_t in = length - eaten, space;

		if (used == capacity)
		{
			uint8_t *larger = enlarge(env, buffer, used, &capacity, max_bytes);

			if (!larger)
			{
				status = mmn_fail(err, MMN_NO_MEMORY, "out of memory");
				goto done;
			}
			buffer = larger;
		}
		space = capacity - used;
		if (space > FIRST_CAPACITY)
			space = FIRST_CAPACITY;
		if (in > UINT32_MAX / 2)
			in = UINT32_MAX / 2;
		z.next_in = (uint8_t *)bytes + eaten;
		z.avail_in = (unsigned)in;
		z.next_out = buffer + used;
		z.avail_out = (unsigned)space;
		result = inflate(&z, Z_NO_FLUSH);
		eaten += in - z.avail_in;
		used += space - z.avail_out;
		if (used > max_bytes)
		{
			status = mmn_fail(err, MMN_LIMIT,
							  "deflated data set inflates to more than %zu "
							  "bytes",
							  max_bytes);
			goto done;
		}
		if (result == Z_MEM_ERROR)
		{
			status = mmn_fail(err, MMN_NO_MEMORY, "out of memory");
			goto done;
		}
		if (result != Z_OK && result != Z_STREAM_END)
		{
			status = mmn_fail(err, MMN_BAD_DATA,
							  "deflated data set is damaged at offset %zu of "
							  "it",
							  eaten);
			goto done;
		}
		status = mmn_poll(env, err);
		if (status != MMN_OK)
			goto done;
	}
	*out = buffer;
	*out_length = used;
	buffer = NULL;
done:
	inflateEnd(&z);
	mmn_free(env, buffer);
	return status;
}

mmn_status
mmn_inflate_exact(const mmn_env *env, const uint8_t *bytes, size_t length,
				  uint8_t *out, size_t size, mmn_error *err)
{
	z_stream z = {.zalloc = z_alloc, .zfree = z_free, .opaque = (void *)env};
	size_t eaten = 0, used = 0;
	mmn_status status = MMN_OK;
	int result = Z_OK;

	if (inflateInit2(&z, window_bits(bytes, length)) != Z_OK)
		return mmn_fail(err, MMN_NO_MEMORY, "out of memory");
	while (status == MMN_OK && used < size)
	{
		size_t in = length - eaten, space = size - used;

		if (in > UINT32_MAX / 2)
			in = UINT32_MAX / 2;
		if (space > FIRST_CAPACITY)
			space = FIRST_CAPACITY;
		z.next_in = (uint8_t *)bytes + eaten;
		z.avail_in = (unsigned)in;
		z.next_out = out + used;
		z.avail_out = (unsigned)space;
		result = inflate(&z, Z_NO_FLUSH);
		eaten += in - z.avail_in;
		used += space - z.avail_out;
		if (result == Z_MEM_ERROR)
			status = mmn_fail(err, MMN_NO_MEMORY, "out of memory");
		else if (used < size && result != Z_OK)
			status =
				mmn_fail(err, MMN_BAD_DATA,
						 result == Z_STREAM_END || result == Z_BUF_ERROR
							 ? "a deflated frame ends after %zu of %zu bytes"
							 : "a deflated frame is damaged after %zu of %zu "
							   "bytes",
						 used, size);
		else
			status = mmn_poll(env, err);
	}
	inflateEnd(&z);
	return status;
}
