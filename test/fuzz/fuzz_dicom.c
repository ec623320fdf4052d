/*
 * Everything that is done to a DICOM file short of decoding its pixels.  What
 * comes out must hold whatever goes in: JSON that a reader of UTF-8 takes, a
 * de-identified file that parses and that holds nothing private.
 */

#include <stdlib.h>
#include <string.h>

#include "dicom/collection.h"
#include "dicom/display.h"
#include "dicom/frame_part.h"
#include "dicom/json.h"
#include "dicom/receive.h"
#include "dicom/transform.h"

#define MAX_BYTES ((size_t)1 << 22)
#define KEY "key"

static mmn_charsets *charsets;

static void
check(bool holds)
{
	if (!holds)
		abort();
}

/* Bytes of the UTF-8 character at p, as RFC 3629 lists them. */
static size_t
utf8(const uint8_t *p, size_t left)
{
	uint8_t a = p[0], b = left > 1 ? p[1] : 0;
	size_t n = a < 0x80 ? 1 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;

	check(a < 0x80 || (a >= 0xC2 && a <= 0xF4));
	check(n <= left);
	for (size_t i = 1; i < n; i++)
		check((p[i] & 0xC0) == 0x80);
	check(!(a == 0xE0 && b < 0xA0) && !(a == 0xED && b > 0x9F) &&
		  !(a == 0xF0 && b < 0x90) && !(a == 0xF4 && b > 0x8F));
	return n;
}

/* Tokens and nesting; the grammar between them is the writer's. */
static void
check_json(const uint8_t *p, size_t length)
{
	char open[256];
	int depth = 0;
	bool text = false;

	for (size_t i = 0; i < length;)
	{
		uint8_t c = p[i];

		if (text)
		{
			check(c >= ' ');
			if (c == '\\')
			{
				check(i + 1 < length && strchr("\"\\u", p[i + 1]));
				i += 2;
				continue;
			}
			text = c != '"';
			i += utf8(p + i, length - i);
			continue;
		}
		if (c == '"')
			text = true;
		else if (c == '{' || c == '[')
		{
			check(depth < 255);
			open[depth++] = (char)(c + 2);
		}
		else if (c == '}' || c == ']')
			check(depth > 0 && open[--depth] == c);
		else
			check(strchr(",:-+.0123456789eEnul", c) != NULL);
		i++;
	}
	check(depth == 0 && !text);
}

/* What a frame of any kind of samples is to be shown as, can be sent on. */
static void
check_display(const mmn_dicom *d, const mmn_pixel_description *p, uint32_t f)
{
	for (uint8_t type = MMN_U8; type <= MMN_F32; type++)
	{
		mmn_image image = {.width = 1,
						   .height = 1,
						   .channels = p->samples_per_pixel == 3 ? 3 : 1,
						   .sample_type = type};
		size_t size;

		check(mmn_dicom_display(&mmn_env_default, d, p, f, &image, NULL) ==
			  MMN_OK);
		check(mmn_image_check(&image, 64, &size, NULL) == MMN_OK);
		check(!image.voi == !image.voi_entries);
		mmn_image_release(&mmn_env_default, &image);
	}
}

/*
 * Where damage is tolerated, what other frames have may matter: in elements
 * behind the pixels, and in sequences that do not say that they are.
 */
static bool
is_strict(const mmn_dicom *d)
{
	bool pixels = false;

	for (size_t i = 0; i < mmn_dicom_count(d); i = mmn_dicom_at(d, i)->end)
	{
		const mmn_dicom_element *e = mmn_dicom_at(d, i);

		pixels |= e->tag >> 16 == 0x7FE0;
		if (e->tag == 0x52009230 && (pixels || strcmp(e->vr, "SQ") != 0))
			return false;
	}
	return true;
}

/* De-identified, it is the same file, whatever frames it was opened for. */
static void
check_same_copy(const mmn_dicom *whole, const mmn_dicom *one)
{
	mmn_buffer a, b;
	mmn_status status;

	mmn_buffer_init(&a, &mmn_env_default, MAX_BYTES);
	mmn_buffer_init(&b, &mmn_env_default, MAX_BYTES);
	status = mmn_dicom_deidentify(&mmn_env_default, whole, KEY, 3, &a, NULL);
	check(mmn_dicom_deidentify(&mmn_env_default, one, KEY, 3, &b, NULL) ==
		  status);
	check(status != MMN_OK ||
		  (a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0));
	mmn_buffer_reset(&a);
	mmn_buffer_reset(&b);
}

/*
 * Parsed for one frame only, a file that parses as a whole says the same of that
 * frame.
 */
static void
check_one_frame(const uint8_t *data, size_t size, const mmn_dicom *whole,
				uint32_t frame)
{
	double a[2], b[2];
	mmn_dicom *one;

	/* what is taken for functional groups may show what it is in another frame */
	if (mmn_dicom_open_frames(&mmn_env_default, data, size, MAX_BYTES, frame,
							  frame, &one, NULL) != MMN_OK)
	{
		check(!is_strict(whole));
		return;
	}
	if (is_strict(whole) && is_strict(one))
	{
		mmn_dicom_spacing(whole, frame, &a[0], &a[1]);
		mmn_dicom_spacing(one, frame, &b[0], &b[1]);
		check(memcmp(a, b, sizeof a) == 0);
		mmn_dicom_window(whole, frame, &a[0], &a[1]);
		mmn_dicom_window(one, frame, &b[0], &b[1]);
		check(memcmp(a, b, sizeof a) == 0);
		check(mmn_dicom_count(one) <= mmn_dicom_count(whole));
		check_same_copy(whole, one);
	}
	mmn_dicom_close(one);
}

/* By the file as its own head, and what it says is the frame's part of it. */
static void
check_part(const uint8_t *data, size_t size, uint32_t frame, bool codestreams)
{
	mmn_pixel_description p;
	mmn_dicom *d;
	uint64_t start, part;
	const uint8_t *bytes;
	size_t length;
	unsigned bit;
	bool owned;

	if (mmn_dicom_open_frames(&mmn_env_default, data, size, MAX_BYTES, frame,
							  frame, &d, NULL) != MMN_OK)
		return;
	if (mmn_dicom_describe_pixels(d, &p, NULL) == MMN_OK &&
		mmn_dicom_locate_frame(d, data, &p, frame, size, &start, &part))
	{
		check(part <= size && start <= size - part);
		if (mmn_dicom_use_part(d, &p, frame, data + start, (size_t)part,
							   codestreams, NULL) == MMN_OK &&
			mmn_dicom_frame_bytes(&mmn_env_default, d, &p, frame, &bytes,
								  &length, &bit, &owned, NULL) == MMN_OK)
		{
			check(length == 0 || bytes[0] + bytes[length - 1] >= 0);
			if (owned)
				free((void *)bytes);
		}
	}
	mmn_dicom_close(d);
}

static void
check_frames(const mmn_dicom *d, const mmn_pixel_description *p)
{
	uint32_t last = p->frames < 5 ? p->frames : 5;

	for (uint32_t f = 1; f <= last; f++)
	{
		const uint8_t *bytes;
		size_t length;
		unsigned bit;
		bool owned;
		double a, b;
		mmn_transform transform;
		uint32_t component;

		if (mmn_dicom_collection_bytes(&mmn_env_default, d, p, f, &bytes,
									   &length, &owned, &component,
									   NULL) == MMN_OK)
		{
			check(length > 0 && bytes[0] + bytes[length - 1] >= 0);
			check(component % p->samples_per_pixel == 0);
			if (owned)
				free((void *)bytes);
		}
		check(mmn_dicom_transform(&mmn_env_default, d, p, f, &transform,
								  NULL) != MMN_NO_MEMORY);
		check(mmn_unit_name(transform.modality.unit) != NULL);
		mmn_transform_free(&mmn_env_default, &transform);
		mmn_dicom_spacing(d, f, &a, &b);
		check(a >= 0 && b >= 0);
		check_display(d, p, f);
		if (mmn_dicom_frame_bytes(&mmn_env_default, d, p, f, &bytes, &length,
								  &bit, &owned, NULL) != MMN_OK)
			continue;
		/* the first and the last byte are there */
		check(bytes[0] + bytes[length - 1] >= 0);
		if (owned)
			free((void *)bytes);
	}
}

static void
check_copy(const mmn_dicom *d, const mmn_buffer *file)
{
	mmn_received_frame frame = {1, 1, 1, 1, 0, 0, "", ""};
	mmn_pixel_description p;
	mmn_dicom *copy = NULL;
	mmn_buffer json;

	/* longer than the original may be too long: nothing else may fail */
	if (mmn_dicom_open(&mmn_env_default, file->bytes, file->length, MAX_BYTES,
					   &copy, NULL) != MMN_OK)
		abort();
	for (size_t i = 0; i < mmn_dicom_count(copy); i++)
	{
		const mmn_dicom_element *e = mmn_dicom_at(copy, i);

		check((e->tag & 0x10000) == 0);
		check(e->length % 2 == 0 || strcmp(e->vr, "SQ") == 0);
		check(e->tag != 0x00100010 || e->length == 0);
		check(e->tag != 0x00081030);
	}
	mmn_buffer_init(&json, &mmn_env_default, MAX_BYTES);
	if (mmn_dicom_describe_pixels(d, &p, NULL) == MMN_OK &&
		mmn_dicom_receive_json(charsets, d, copy, &p, &frame, KEY, 3, &json,
							   NULL) == MMN_OK)
		check_json(json.bytes, json.length);
	mmn_buffer_reset(&json);
	mmn_dicom_close(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	mmn_pixel_description p;
	mmn_dicom *d;
	mmn_buffer out;

	if (!charsets)
		mmn_charsets_open(&mmn_env_default, &charsets, NULL);
	mmn_dicom_probe(bytes, length);
	if (mmn_dicom_open(&mmn_env_default, bytes, length, MAX_BYTES, &d, NULL) !=
		MMN_OK)
		return 0;
	if (mmn_dicom_describe_pixels(d, &p, NULL) == MMN_OK)
		check_frames(d, &p);
	check_one_frame(bytes, length, d, 1);
	check_one_frame(bytes, length, d, 2);
	check_part(bytes, length, 1, false);
	check_part(bytes, length, 2, true);
	mmn_buffer_init(&out, &mmn_env_default, MAX_BYTES);
	if (mmn_dicom_json(charsets, d, &out, NULL) == MMN_OK)
		check_json(out.bytes, out.length);
	mmn_buffer_reset(&out);
	if (mmn_dicom_deidentify(&mmn_env_default, d, KEY, 3, &out, NULL) == MMN_OK)
		check_copy(d, &out);
	mmn_buffer_reset(&out);
	mmn_dicom_close(d);
	return 0;
}
