/*
 * The wire as a backend sees it when its helper is in an attacker's hands: the
 * input is a reply, and behind it the output window.  What passes the checks
 * must be there to be read.
 */

#include <stdlib.h>
#include <string.h>

#include "../../src/decoder/wire_check.h"

/* of a frame; the window itself is never larger than the input */
#define MAX_BYTES ((size_t)256 << 20)

static volatile unsigned sink; /* so that reads are not left out */

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
read_all(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sink += bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	mmn_wire_reply reply;
	mmn_status status;
	mmn_image image;
	size_t window, sample_bytes;
	uint8_t *output;

	if (length < sizeof reply)
		return 0;
	memcpy(&reply, bytes, sizeof reply);
	window = length - sizeof reply;
	/* memory of its own, whose end the sanitizer guards */
	output = malloc(window ? window : 1);
	if (!output)
		return 0;
	memcpy(output, bytes + sizeof reply, window);
	if (mmn_wire_check_status(&reply, &status))
	{
		check(status >= MMN_OK && status <= MMN_INTERNAL);
		check(status != MMN_CANCELED);
		check(memchr(reply.text, '\0', sizeof reply.text) != NULL);
		for (const char *p = reply.text; *p; p++)
			check(*p >= ' ' && *p <= '~');
		if (status == MMN_OK && mmn_wire_check_payload(&reply, window))
		{
			read_all(output, reply.json_length);
			read_all(output + reply.json_length, reply.content_length);
			if (mmn_wire_check_image(&reply, MAX_BYTES, &image, &sample_bytes))
			{
				check(sample_bytes <= window);
				check(image.width >= 1 && image.width <= MMN_IMAGE_MAX_SIDE);
				check(image.height >= 1 && image.height <= MMN_IMAGE_MAX_SIDE);
				image.samples = output;
				for (size_t i = 0;
					 i < sample_bytes / mmn_sample_size(image.sample_type); i++)
					sink += mmn_image_sample(&image, i) > 0;
			}
		}
	}
	free(output);
	return 0;
}
