#define _GNU_SOURCE /* memmem */

#include "tap.h"

#include <unistd.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "dicom/deid.h"
#include "dicom/frames.h"
#include "dicom/json.h"

/*
 * Every file of two public collections: those in shared/data/conformance and
 * Debian's python3-pydicom.  What dcmdump reads must be read here (by the
 * former's manifest); what is de-identified must parse, keep its pixels and
 * hold neither the patient's name nor number.
 */

#define KEY "a key of the server"
#define PYDICOM "/usr/lib/python3/dist-packages/pydicom/data/test_files"

static mmn_charsets *charsets;
static char *manifest;
static size_t root_length;
static int files, opened, images, copies, dcmdump_only;

static char *
read_file(const char *path, size_t *length)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	char *bytes;

	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode))
	{
		if (f)
			fclose(f);
		return NULL;
	}
	bytes = malloc((size_t)st.st_size + 1);
	*length = fread(bytes, 1, (size_t)st.st_size, f);
	bytes[*length] = '\0';
	fclose(f);
	return bytes;
}

/* Whether the manifest has "ok" for dcmdump (column 21) of this path. */
static bool
dcmdump_reads(const char *path)
{
	char line[512], *at;

	snprintf(line, sizeof line, "\n%s\t", path);
	at = manifest ? strstr(manifest, line) : NULL;
	for (int column = 1; at && column < 21; column++)
		at = strchr(at + 1, '\t');
	return at && strncmp(at, "\tok\t", 4) == 0;
}

/* A box of JPEG XL that was needed for nothing. */
static bool
is_free(const uint8_t *b, size_t length, size_t at)
{
	for (size_t k = 0; k < 4 && k <= at; k++)
		if (at - k + 4 <= length && memcmp(b + at - k, "free", 4) == 0)
			return true;
	return false;
}

/* A codec's own metadata are blanked. */
static bool
same_or_blanked(const uint8_t *a, const uint8_t *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (a[i] != b[i] && b[i] != 0 && !is_free(b, length, i))
			return false;
	}
	return true;
}

static bool
same_pixels(const mmn_dicom *a, const mmn_dicom *b)
{
	const mmn_dicom_element *p = mmn_dicom_find(a, 0x7FE00010);
	const mmn_dicom_element *q = mmn_dicom_find(b, 0x7FE00010);

	if (!p || !q)
		return !p && !q;
	if (p->encapsulated != q->encapsulated)
		return false;
	if (!p->encapsulated)
	{
		mmn_pixel_description d;
		size_t length = p->length;

		/* bytes behind the last frame go */
		if (q->length < length)
			length = mmn_dicom_describe_pixels(a, &d, NULL) == MMN_OK
						 ? mmn_dicom_native_length(&d)
						 : 0;
		return length > 0 && q->length - length <= 1 &&
			   (p->big_endian || memcmp(p->value, q->value, length) == 0);
	}
	if (mmn_dicom_fragment_count(a) != mmn_dicom_fragment_count(b))
		return false;
	for (size_t i = 1; i < mmn_dicom_fragment_count(a); i++)
	{
		const mmn_dicom_fragment *f = mmn_dicom_fragment_at(a, i);
		const mmn_dicom_fragment *g = mmn_dicom_fragment_at(b, i);

		if (f->length > g->length ||
			!same_or_blanked(f->bytes, g->bytes, f->length))
			return false;
	}
	return true;
}

static bool
holds(const mmn_dicom *original, uint32_t tag, const mmn_buffer *bytes)
{
	char text[128];

	return mmn_dicom_string(original, mmn_dicom_find(original, tag), 0, text,
							sizeof text) &&
		   strlen(text) >= 5 &&
		   memmem(bytes->bytes, bytes->length, text, strlen(text));
}

/* Returns what is wrong with the copy; NULL: nothing. */
static const char *
check_copy(const mmn_dicom *original, const mmn_buffer *file)
{
	const char *wrong = NULL;
	mmn_pixel_description p;
	mmn_dicom *copy;
	mmn_error error;
	mmn_buffer json;

	if (mmn_dicom_open(&mmn_env_default, file->bytes, file->length,
					   (size_t)1 << 30, &copy, &error) != MMN_OK)
		return "does not parse";
	mmn_buffer_init(&json, &mmn_env_default, (size_t)1 << 28);
	if (mmn_dicom_json(charsets, copy, &json, &error) != MMN_OK)
		wrong = "has no JSON";
	else if (!same_pixels(original, copy))
		wrong = "has other pixels";
	else if (mmn_dicom_describe_pixels(original, &p, &error) == MMN_OK &&
			 mmn_dicom_describe_pixels(copy, &p, &error) != MMN_OK)
		wrong = "is no image any more";
	else if (holds(original, 0x00100010, file) ||
			 holds(original, 0x00100010, &json))
		wrong = "holds the name";
	else if (holds(original, 0x00100020, file) ||
			 holds(original, 0x00100020, &json))
		wrong = "holds the number";
	for (size_t i = 0; i < mmn_dicom_count(copy) && !wrong; i++)
	{
		if (mmn_dicom_at(copy, i)->tag & 0x10000)
			wrong = "holds private attributes";
	}
	mmn_buffer_reset(&json);
	mmn_dicom_close(copy);
	return wrong;
}

static int
check_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + root_length + 1, *wrong = NULL;
	mmn_pixel_description p;
	mmn_dicom *d = NULL;
	mmn_buffer out;
	mmn_error error = {0};
	size_t length;
	char *bytes = type == FTW_F ? read_file(path, &length) : NULL;

	(void)st;
	(void)ftw;
	if (!bytes)
		return 0;
	files++;
	mmn_buffer_init(&out, &mmn_env_default, (size_t)1 << 30);
	if (mmn_dicom_open(&mmn_env_default, bytes, length, (size_t)1 << 30, &d,
					   &error) != MMN_OK)
	{
		if (dcmdump_reads(name))
		{
			printf("# %s: %s\n", name, error.text);
			dcmdump_only++;
		}
	}
	else
	{
		opened++;
		images += mmn_dicom_describe_pixels(d, &p, &error) == MMN_OK;
		if (mmn_dicom_json(charsets, d, &out, &error) != MMN_OK)
			wrong = "original has no JSON";
		mmn_buffer_reset(&out);
		if (mmn_dicom_deidentify(&mmn_env_default, d, KEY, strlen(KEY), &out,
								 &error) == MMN_OK)
		{
			copies++;
			wrong = check_copy(d, &out);
		}
		else if (error.code != MMN_NOT_IMAGE && !strstr(error.text, "frame"))
			wrong = error.text;
	}
	if (wrong)
		ok(false, "%s: %s", name, wrong);
	mmn_buffer_reset(&out);
	mmn_dicom_close(d);
	free(bytes);
	return 0;
}

static void
check_folder(const char *root, int expect_opened, int expect_images,
			 int expect_copies, int expect_dcmdump_only)
{
	files = opened = images = copies = dcmdump_only = 0;
	root_length = strlen(root);
	if (access(root, R_OK) != 0)
	{
		ok(true, "%s # SKIP not there", root);
		return;
	}
	nftw(root, check_file, 16, 0);
	printf("# %s: %d files, %d parsed, %d images, %d de-identified\n", root,
		   files, opened, images, copies);
	ok(copies >= expect_copies, "%d de-identified", copies);
	ok(opened >= expect_opened, "%d parsed", opened);
	ok(images >= expect_images, "%d images", images);
	is_int(dcmdump_only, expect_dcmdump_only, "that only dcmdump reads");
}

int
main(void)
{
	const char *shared = getenv("MEDIMNET_SHARED");
	char path[512];
	size_t length;
	mmn_error error;

	mmn_charsets_open(&mmn_env_default, &charsets, &error);
	snprintf(path, sizeof path, "%s/data/conformance/manifest.tsv",
			 shared && *shared ? shared : "../shared");
	manifest = read_file(path, &length);
	*strrchr(path, '/') = '\0';
	/* one directory, with an item that is longer than its sequence */
	check_folder(path, 317, 282, 305, 1);
	check_folder(PYDICOM, 140, 60, 140, 0);
	mmn_charsets_close(charsets);
	free(manifest);
	return done_testing();
}
