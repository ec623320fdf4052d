#include "nifti/source.h"

#include <string.h>

/* Between two looks at whether to stop; and the size of the scratch buffer. */
#define STEP ((size_t)256 * 1024)

bool
mmn_is_gzip(const void *bytes, size_t length)
{
	/* RFC 1952 2.3: the signature, and the only method there is */
	return length >= 18 && memcmp(bytes, "\x1f\x8b\x08", 3) == 0;
}

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

z_stream
mmn_z_stream(const mmn_env *env)
{
	return (z_stream){
		.zalloc = z_alloc, .zfree = z_free, .opaque = (void *)(uintptr_t)env};
}

mmn_status
mmn_source_open(mmn_source *s, const mmn_env *env, const uint8_t *bytes,
				size_t length, mmn_error *err)
{
	*s = (mmn_source){
		.env = env,
		.bytes = bytes,
		.left = length,
		.gzip = mmn_is_gzip(bytes, length),
		.z = mmn_z_stream(env),
	};
	if (!s->gzip)
		return MMN_OK;
	if (inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to inflate a volume");
	s->open = true;
	return MMN_OK;
}

void
mmn_source_close(mmn_source *s)
{
	if (s->open)
		inflateEnd(&s->z);
	s->open = false;
	mmn_free(s->env, s->scratch);
	s->scratch = NULL;
}

/* Up to size bytes, at least one unless the data are over. */
static mmn_status
inflate_some(mmn_source *s, uint8_t *out, size_t size, size_t *got,
			 mmn_error *err)
{
	*got = 0;
	while (*got == 0 && !s->ended)
	{
		size_t in = s->left < UINT32_MAX / 2 ? s->left : UINT32_MAX / 2;
		int result;

		s->z.next_in = (uint8_t *)(uintptr_t)s->bytes;
		s->z.avail_in = (unsigned)in;
		s->z.next_out = out;
		s->z.avail_out = (unsigned)size;
		result = inflate(&s->z, Z_NO_FLUSH);
		s->bytes += in - s->z.avail_in;
		s->left -= in - s->z.avail_in;
		*got = size - s->z.avail_out;
		if (result == Z_STREAM_END)
		{
			if (mmn_is_gzip(s->bytes, s->left))
				inflateReset(&s->z);
			else
				s->ended = true; /* zero padding, as tar leaves it */
		}
		else if (result == Z_BUF_ERROR)
			return mmn_fail(err, MMN_BAD_DATA, "the gzip data end early");
		else if (result == Z_MEM_ERROR)
			return mmn_fail(err, MMN_NO_MEMORY,
							"no memory to inflate a volume");
		else if (result != Z_OK)
			return mmn_fail(err, MMN_BAD_DATA, "the gzip data are damaged");
	}
	return MMN_OK;
}

static mmn_status
read_some(mmn_source *s, uint8_t *out, size_t size, size_t *got, mmn_error *err)
{
	mmn_status status = mmn_poll(s->env, err);

	if (status != MMN_OK)
		return status;
	if (size > STEP)
		size = STEP;
	if (s->gzip)
		return inflate_some(s, out, size, got, err);
	*got = size < s->left ? size : s->left;
	memcpy(out, s->bytes, *got);
	s->bytes += *got;
	s->left -= *got;
	return MMN_OK;
}

mmn_status
mmn_source_read(mmn_source *s, uint8_t *out, size_t size, mmn_error *err)
{
	while (size > 0)
	{
		size_t got;
		mmn_status status = read_some(s, out, size, &got, err);

		if (status == MMN_OK && got == 0)
			status = mmn_fail(err, MMN_BAD_DATA,
							  "the file ends before its volume does");
		if (status != MMN_OK)
			return status;
		out += got;
		size -= got;
	}
	return MMN_OK;
}

/* Throws away up to count bytes; *passed of them were there. */
static mmn_status
pass(mmn_source *s, uint64_t count, uint64_t *passed, mmn_error *err)
{
	*passed = 0;
	if (!s->scratch)
		s->scratch = mmn_alloc(s->env, STEP);
	if (!s->scratch)
		return mmn_fail(err, MMN_NO_MEMORY, "no memory to inflate a volume");
	while (*passed < count)
	{
		uint64_t rest = count - *passed;
		size_t got;
		mmn_status status = read_some(
			s, s->scratch, rest < STEP ? (size_t)rest : STEP, &got, err);

		if (status != MMN_OK)
			return status;
		if (got == 0)
			break;
		*passed += got;
	}
	return MMN_OK;
}

mmn_status
mmn_source_skip(mmn_source *s, uint64_t count, mmn_error *err)
{
	uint64_t passed;
	mmn_status status = pass(s, count, &passed, err);

	if (status == MMN_OK && passed < count)
		status =
			mmn_fail(err, MMN_BAD_DATA, "the file ends before its volume does");
	return status;
}

mmn_status
mmn_source_drain(mmn_source *s, uint64_t limit, mmn_error *err)
{
	uint64_t passed;

	return pass(s, limit, &passed, err);
}
