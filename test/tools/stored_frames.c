/*
 * stored_frames FILE...: decodes all frames of DICOM files by the decoder's
 * own code, outside its sandbox, and prints for each file
 *
 *   SHA-256 of the stored samples | outcome TAB path
 *
 * The samples are as a data set in explicit VR little endian would hold them:
 * all frames, one after the other, padded to an even length.  An outcome that is not a digest is a
 * status and its text.  Each file is decoded in a child process.
 */

#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/decoder/decode.h"

#define MAX_BYTES ((size_t)1 << 30)

/* Little-endian cells, whatever they were. */
static void
update(struct sha256_ctx *sha, const mmn_stored *stored)
{
	size_t cell = stored->big_endian ? stored->pixels.bits_allocated / 8 : 1;
	uint8_t swapped[8];

	if (cell <= 1)
	{
		sha256_update(sha, stored->length, stored->bytes);
		return;
	}
	for (size_t i = 0; i + cell <= stored->length; i += cell)
	{
		for (size_t k = 0; k < cell; k++)
			swapped[k] = stored->bytes[i + cell - 1 - k];
		sha256_update(sha, cell, swapped);
	}
}

/* Frames of 1-bit pixels follow one another without a gap. */
static mmn_status
update_bits(struct sha256_ctx *sha, const mmn_dicom *dicom,
			const mmn_pixel_description *pixels, mmn_error *err)
{
	uint64_t bits = (uint64_t)pixels->rows * pixels->columns * pixels->frames;
	size_t bytes = (size_t)((bits + 7) / 8);

	(void)dicom;
	if (pixels->data->length < bytes)
		return mmn_fail(err, MMN_BAD_DATA, "too few bytes");
	sha256_update(sha, bytes, pixels->data->value);
	return MMN_OK;
}

static mmn_status
digest(const void *bytes, size_t length, uint8_t out[32], mmn_error *err)
{
	const mmn_env *env = &mmn_env_default;
	mmn_pixel_description pixels;
	struct sha256_ctx sha;
	mmn_dicom *dicom;
	mmn_status status =
		mmn_dicom_open(env, bytes, length, MAX_BYTES, &dicom, err);

	if (status != MMN_OK)
		return status;
	sha256_init(&sha);
	status = mmn_dicom_describe_pixels(dicom, &pixels, err);
	if (status == MMN_OK && pixels.bits_allocated == 1 && !pixels.encapsulated)
		status = update_bits(&sha, dicom, &pixels, err);
	else
		for (uint32_t f = 1; status == MMN_OK && f <= pixels.frames; f++)
		{
			mmn_stored stored;
			void *owned;

			status = mmn_decode_stored(env, env, dicom, &pixels, f, MAX_BYTES,
									   &stored, &owned, err);
			if (status != MMN_OK)
				break;
			update(&sha, &stored);
			mmn_free(env, owned);
		}
	mmn_dicom_close(dicom);
	if (sha.index % 2)
		sha256_update(&sha, 1, (const uint8_t *)"");
	sha256_digest(&sha, 32, out);
	return status;
}

static int
print_one(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t out[32];
	mmn_error err;
	mmn_status status;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		return 1;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return 1;
	status = digest(bytes, (size_t)st.st_size, out, &err);
	if (status == MMN_OK)
		for (int i = 0; i < 32; i++)
			printf("%02x", out[i]);
	else
		printf("%d %s", (int)status, err.text);
	printf("\t%s\n", path);
	fflush(stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
	{
		pid_t child;
		int status;

		fflush(stdout);
		child = fork();
		if (child == 0)
			_exit(print_one(argv[i]));
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 2;
		if (WIFSIGNALED(status))
			printf("signal %d\t%s\n", WTERMSIG(status), argv[i]);
		else
			failed += WEXITSTATUS(status) != 0;
	}
	return failed != 0;
}
