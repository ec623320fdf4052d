#define _GNU_SOURCE /* memmem */

#include "tap.h"

#include "dicom_fixture.h"

#include "dicom/deid.h"
#include "dicom/deid_rules.h"
#include "dicom/receive.h"

#define KEY "a key of the server"
#define KEY_LENGTH (sizeof(KEY) - 1)

static mmn_buffer out;
static mmn_dicom *original, *copy;

/* De-identifies the fixture and parses the result. */
static mmn_status
deidentify(void)
{
	mmn_status status;

	mmn_dicom_close(original);
	mmn_dicom_close(copy);
	copy = NULL;
	original = fx_open();
	if (!original)
		return fx_error.code;
	mmn_buffer_reset(&out);
	status = mmn_dicom_deidentify(&mmn_env_default, original, KEY, KEY_LENGTH,
								  &out, &fx_error);
	if (status == MMN_OK)
		status = mmn_dicom_open(&mmn_env_default, out.bytes, out.length,
								(size_t)1 << 24, &copy, &fx_error);
	return status;
}

/* The text of a top-level element of the copy; "-" when it is not there. */
static const char *
kept(uint32_t tag)
{
	static char text[2][100];
	static int turn;
	const mmn_dicom_element *e = mmn_dicom_find(copy, tag);

	turn = !turn;
	if (!e)
		return "-";
	snprintf(text[turn], sizeof text[turn], "%.*s", (int)e->length,
			 (const char *)e->value);
	return text[turn];
}

static bool
holds(const char *word)
{
	return memmem(out.bytes, out.length, word, strlen(word)) != NULL;
}

static void
test_uids(void)
{
	char a[MMN_UID_SIZE], b[MMN_UID_SIZE];

	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.3", a);
	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.3", b);
	is_str(a, b, "the same UID gets the same");
	ok(strncmp(a, "2.25.", 5) == 0 && strlen(a) <= 44, "of UUID form: %s", a);
	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.4", b);
	ok(strcmp(a, b) != 0, "another one gets another");
	mmn_deid_uid("other", 5, "1.2.3", b);
	ok(strcmp(a, b) != 0, "another key as well");
	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.840.10008.1.2", a);
	is_str(a, "1.2.840.10008.1.2", "registered UIDs stay");
	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.840.10008.Doe", a);
	ok(strncmp(a, "2.25.", 5) == 0, "but not what only begins like one");
}

static const char *
subject(const char *id, const char *issuer, const char *study)
{
	static char hash[4][MMN_SUBJECT_HASH_SIZE];
	static int turn;
	mmn_dicom *d;
	bool found;

	turn = (turn + 1) % 4;
	fx_begin(EXPLICIT_LITTLE);
	if (id)
		fx_text(0x00100020, "LO", id);
	if (issuer)
		fx_text(0x00100021, "LO", issuer);
	if (study)
		fx_text(0x0020000D, "UI", study);
	d = fx_open();
	found = mmn_dicom_subject_hash(d, KEY, KEY_LENGTH, hash[turn]);
	mmn_dicom_close(d);
	return found ? hash[turn] : "none";
}

static void
test_subjects(void)
{
	static const char *const nobody[] = {"Anonymous", "ANON", "unknown",
										 "0000",	  "N/A",  "--",
										 "xxx",		  "None", " "};

	is_str(subject("123", "A", "1.2"), subject("123 ", "A", "1.3"),
		   "one patient in two studies is one subject");
	ok(strcmp(subject("123", "A", NULL), subject("123", "B", NULL)) != 0,
	   "the same number of two issuers is two");
	ok(strcmp(subject("123", "", NULL), subject("12", "3", NULL)) != 0,
	   "number and issuer are told apart");
	for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++)
		is_str(subject(nobody[i], NULL, "1.2"), subject(NULL, NULL, "1.2"),
			   "\"%s\" is nobody: the study stands in", nobody[i]);
	is_str(subject("anon", NULL, NULL), "none", "no study either");
}

static void
test_attributes(void)
{
	const mmn_dicom_element *e;
	char uid[MMN_UID_SIZE], text[65];
	const uint32_t u = UNDEFINED_LENGTH;

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080005, "CS", "ISO_IR 100");
	fx_text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\Doe~1");
	fx_text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
	fx_text(0x00080018, "UI", "1.2.3.4");
	fx_text(0x00080020, "DA", "20200102");
	fx_text(0x00080050, "SH", "ACC4711");
	fx_text(0x00080060, "CS", "CT");
	fx_text(0x00080070, "LO", "ACME");
	fx_text(0x00080080, "LO", "St. Elsewhere");
	fx_text(0x00081030, "LO", "Study of Doe");
	fx_head(0x00081140, "SQ", u);
	fx_item(u);
	fx_text(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2");
	fx_text(0x00081155, "UI", "1.2.3.4");
	fx_text(0x00204000, "LT", "private words");
	fx_item_end();
	fx_sequence_end();
	fx_head(0x00082218, "SQ", u);
	fx_item(u);
	fx_text(0x00080100, "SH", "T-D3000");
	fx_text(0x00080102, "SH", "SRT");
	fx_text(0x00080104, "LO", "Chest");
	fx_item_end();
	fx_item(u);
	fx_text(0x00080100, "SH", "DRDOE");
	fx_text(0x00080102, "SH", "99CLINIC");
	fx_text(0x00080104, "LO", "Dr. Doe");
	fx_item_end();
	fx_sequence_end();
	fx_text(0x00090010, "LO", "ACME 1.0");
	fx_text(0x00091001, "LO", "Doe again");
	fx_text(0x00100010, "PN", "Elsewhither^John");
	fx_text(0x00100020, "LO", "4711471");
	fx_text(0x00101010, "AS", "042Y");
	fx_text(0x00180015, "CS", "CHEST");
	fx_text(0x00180050, "DS", "2.5");
	fx_text(0x00180060, "DS", "120,5");
	fx_text(0x00180088, "DS", "2.50000000000000000000000000000000000");
	fx_text(0x00181100, "DS", "0,1");
	fx_text(0x00181110, "DS", "\t1000\r\n");
	fx_text(0x00181111, "DS", "far away");
	fx_text(0x00181114, "LO", "1.5 ");
	fx_text(0x00181210, "SH", "B30f");
	fx_text(0x00185100, "CS", "ELSEWHITHER");
	fx_text(0x0020000D, "UI", "1.2.3");
	fx_text(0x00200011, "IS", "4711471");
	fx_text(0x00200013, "IS", "7");
	fx_text(0x00204000, "LT", "comments");
	fx_image(1, 2, 8, NULL);
	fx_text(0x00281054, "LO", "HU");
	fx_bytes(0x00281201, "OW", "\1\2", 2);
	fx_bytes(0x60003000, "OW", "\1\2", 2);
	fx_bytes(PIXEL_DATA, "OB", "ab", 2);
	fx_us(0x00280010, 9); /* a second one, out of order */
	is_int(deidentify(), MMN_OK, "de-identifies: %s", fx_error.text);
	if (!copy)
		return;

	ok(memcmp(out.bytes, (uint8_t[128]){0}, 128) == 0, "no preamble");
	is_str(kept(0x00100010), "", "name");
	is_str(kept(0x00100020), subject("4711471", NULL, NULL), "patient ID");
	is_str(kept(0x00101010), "-", "age");
	is_str(kept(0x00080020), "", "date");
	is_str(kept(0x00080050), "", "accession number");
	is_str(kept(0x00080080), "", "institution");
	is_str(kept(0x00081030), "-", "free text of the table");
	is_str(kept(0x00204000), "-", "comments");
	is_str(kept(0x00090010), "-", "private creator");
	is_str(kept(0x60003000), "-", "overlay");
	is_str(kept(0x00080008), "ORIGINAL\\PRIMARY\\ ", "a code that is none");
	is_str(kept(0x00080060), "CT", "modality");
	is_str(kept(0x00080070), "ACME", "manufacturer");
	is_str(kept(0x00180015), "CHEST ", "body part");
	is_str(kept(0x00180050), "2.5 ", "a number");
	is_str(kept(0x00180060), "120.5 ", "one with a comma");
	is_str(kept(0x00180088), "2.5 ", "a long one");
	is_str(kept(0x00181100), "0.1 ", "in as many digits as it had");
	is_str(kept(0x00181110), "1000", "one between other blanks");
	is_str(kept(0x00181111), "", "one that is none");
	is_str(kept(0x00181114), "1.5 ", "one that is called text");
	is_str(mmn_dicom_find(copy, 0x00181114)->vr, "DS",
		   "and is called a number");
	is_str(kept(0x00181210), "B30f", "technical text");
	is_str(kept(0x00185100), "", "the name in a code");
	is_str(kept(0x00200011), "", "the patient ID in a number");
	is_str(kept(0x00200013), "7 ", "another number");
	is_str(kept(0x00281054), "HU", "rescale type");
	is_str(kept(0x00281201), "\1\2", "palette");
	is_str(kept(PIXEL_DATA), "ab", "pixels");
	is_str(kept(0x00120062), "YES ", "says that it was done");
	e = mmn_dicom_find(copy, 0x00120064);
	ok(mmn_dicom_string(copy, mmn_dicom_find_in(copy, e, 0, 0x00080100), 0,
						text, sizeof text) &&
		   strcmp(text, "113100") == 0,
	   "and by what method");
	is_int(mmn_dicom_find(copy, 0x00280010)->value[0], 1,
		   "of two elements, the first");

	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.3.4", uid);
	mmn_dicom_string(copy, mmn_dicom_find(copy, 0x00080018), 0, text,
					 sizeof text);
	is_str(text, uid, "instance UID");
	mmn_dicom_string(copy, mmn_dicom_find(copy, 0x00020003), 0, text,
					 sizeof text);
	is_str(text, uid, "in the file meta information");
	e = mmn_dicom_find(copy, 0x00081140);
	mmn_dicom_string(copy, mmn_dicom_find_in(copy, e, 0, 0x00081155), 0, text,
					 sizeof text);
	is_str(text, uid, "in a reference");
	ok(!mmn_dicom_find_in(copy, e, 0, 0x00204000), "text in an item");
	e = mmn_dicom_find(copy, 0x00082218);
	is_int(e->items, 2, "items keep their number");
	ok(mmn_dicom_find_in(copy, e, 0, 0x00080104), "a public code's meaning");
	ok(!mmn_dicom_find_in(copy, e, 1, 0x00080104), "not a clinic's own");

	ok(!holds("Elsewhither") && !holds("ELSEWHITHER") && !holds("Doe") &&
		   !holds("DOE") && !holds("4711") && !holds("Elsewhere"),
	   "no name, no number");
	for (size_t i = 1; i < mmn_dicom_count(copy); i++)
	{
		const mmn_dicom_element *b = mmn_dicom_at(copy, i);

		if (b->parent < 0 && b->tag <= mmn_dicom_at(copy, 0)->tag)
			ok(false, "order");
	}
}

static void
test_encodings(void)
{
	static const char *const syntaxes[] = {IMPLICIT_LITTLE, EXPLICIT_BIG};

	for (int i = 0; i < 2; i++)
	{
		fx_begin(syntaxes[i]);
		fx_image(1, 2, 16, NULL);
		fx_head(0x00281101, "US", 6);
		fx_u16(256);
		fx_u16(0);
		fx_u16(16);
		fx_head(PIXEL_DATA, "OW", 4);
		fx_u16(258);
		fx_u16(772);
		is_int(deidentify(), MMN_OK, "from %s", syntaxes[i]);
		is_str(mmn_dicom_transfer_syntax(copy), EXPLICIT_LITTLE, "to");
		is_str(kept(PIXEL_DATA), "\2\1\4\3", "words in little endian");
		is_str(mmn_dicom_find(copy, PIXEL_DATA)->vr, "OW", "VR");
		is_int(mmn_dicom_find(copy, 0x00281101)->value[1], 1,
			   "numbers in little endian");
	}

	fx_begin(EXPLICIT_BIG);
	fx_image(1, 1, 32, NULL);
	fx_bytes(PIXEL_DATA, "OW", "abcd", 4);
	is_int(deidentify(), MMN_OK, "32 bits");
	is_str(kept(PIXEL_DATA), "dcba", "are turned as a whole");

	fx_begin(JPEG_BASELINE);
	fx_image(1, 2, 8, NULL);
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_fragment("\0\0\0\0", 4);
	fx_fragment("\xFF\xD8\xFF\xFE\0\5Doe\xFF", 10);
	fx_fragment("\xDA\0\2\1\2\xFF\xD9"
				"Doe\0",
				11);
	fx_fragment("\xFF\xD8\xFF\xDA\0\2\3\xFF\xD9", 9);
	is_int(deidentify(), MMN_OK, "encapsulated: %s", fx_error.text);
	is_str(mmn_dicom_transfer_syntax(copy), JPEG_BASELINE, "stays so");
	is_int((long long)mmn_dicom_fragment_count(copy), 4, "fragments");
	is_int((long long)mmn_dicom_fragment_at(copy, 3)->length, 10,
		   "of odd length are padded");
	ok(memcmp(mmn_dicom_fragment_at(copy, 1)->bytes,
			  "\xFF\xD8\xFF\xFE\0\5\0\0\0\xFF", 10) == 0 &&
		   memcmp(mmn_dicom_fragment_at(copy, 2)->bytes,
				  "\xDA\0\2\1\2\xFF\xD9\0\0\0\0", 11) == 0,
	   "a comment, and what follows the image, are blanked");

	fx_begin(JPEG_BASELINE);
	fx_image(1, 2, 8, NULL);
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_fragment("", 0);
	fx_fragment("Doe^John", 8);
	is_int(deidentify(), MMN_BAD_DATA, "a frame that cannot be looked through");

	fx_begin("1.2.840.10008.1.2.4.102");
	fx_image(1, 2, 8, NULL);
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_fragment("", 0);
	fx_fragment("....ftypmp42", 12);
	is_int(deidentify(), MMN_UNSUPPORTED, "video, which has metadata too");

	fx_begin(EXPLICIT_LITTLE);
	fx_image(1, 2, 8, NULL);
	fx_bytes(PIXEL_DATA, "OB", "\1\2Doe^John", 10);
	is_int(deidentify(), MMN_OK, "more bytes than frames");
	is_int((long long)mmn_dicom_find(copy, PIXEL_DATA)->length, 2,
		   "are cut off");

	fx_begin(EXPLICIT_LITTLE);
	fx_image(1, 2, 8, NULL);
	fx_head(PIXEL_DATA, "OB", UNDEFINED_LENGTH);
	fx_fragment("", 0);
	is_int(deidentify(), MMN_BAD_DATA,
		   "encapsulated in a native transfer syntax");

	fx_begin(EXPLICIT_LITTLE);
	fx_head(0x00041220, "SQ", 0);
	is_int(deidentify(), MMN_NOT_IMAGE, "a directory");
}

static mmn_deid_action
rule(uint32_t tag, const char *vr, bool nested)
{
	mmn_dicom_element e = {.tag = tag};

	memcpy(e.vr, vr, 3);
	return mmn_deid_rule(&e, nested);
}

static void
test_rules(void)
{
	is_int(rule(0x00100010, "PN", false), MMN_DEID_EMPTY, "Z");
	is_int(rule(0x00081030, "LO", false), MMN_DEID_REMOVE, "X");
	is_int(rule(0x0020000D, "UI", false), MMN_DEID_UID, "U");
	is_int(rule(0x0040A121, "DA", false), MMN_DEID_DUMMY, "D");
	is_int(rule(0x00081140, "SQ", false), MMN_DEID_ITEMS, "X/Z/U*");
	is_int(rule(0x0040A730, "SQ", false), MMN_DEID_ITEMS, "D of a sequence");
	is_int(rule(0x00100010, "CS", false), MMN_DEID_EMPTY,
		   "the table goes before the VR");
	is_int(rule(0x00080060, "LT", false), MMN_DEID_REMOVE,
		   "a code that says it is text");
	is_int(rule(0x00104000, "CS", false), MMN_DEID_REMOVE,
		   "text that says it is a code");
	is_int(rule(0x00091001, "US", false), MMN_DEID_REMOVE, "private");
	is_int(rule(0x00100011, "US", false), MMN_DEID_REMOVE, "unknown");
	is_int(rule(0x50000005, "US", false), MMN_DEID_REMOVE, "curve");
	is_int(rule(0x60000010, "US", false), MMN_DEID_REMOVE, "overlay");
	is_int(rule(0x00880200, "SQ", false), MMN_DEID_REMOVE, "icon");
	is_int(rule(PIXEL_DATA, "OB", false), MMN_DEID_KEEP, "pixels");
	is_int(rule(PIXEL_DATA, "OB", true), MMN_DEID_REMOVE, "pixels of an icon");
	is_int(rule(0x00281201, "OW", true), MMN_DEID_KEEP, "a table in an item");
	is_int(rule(0x00420011, "OB", false), MMN_DEID_DUMMY, "a document");
	ok(!mmn_deid_dummy("OB"), "of which there is no dummy");
	ok(mmn_deid_value_passes("DS", "-1.5e3", 6), "a number passes");
	ok(!mmn_deid_value_passes("DS", "12 Doe", 6), "a name in it does not");
	ok(mmn_deid_value_passes("AS", "042Y", 4), "an age");
	ok(!mmn_deid_value_passes("CS", "19700101", 8), "a date in a code");
	ok(!mmn_deid_value_passes("LO", "M\xFCller", 6), "only ASCII passes");
}

static const char *
quarantine(const char *sop_class, const char *modality, const char *burned)
{
	const char *why;
	mmn_dicom *d;

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080016, "UI", sop_class);
	fx_text(0x00080060, "CS", modality);
	if (burned)
		fx_text(0x00280301, "CS", burned);
	d = fx_open();
	why = mmn_dicom_quarantine(d);
	mmn_dicom_close(d);
	return why;
}

static void
test_quarantine(void)
{
	ok(!quarantine("1.2.840.10008.5.1.4.1.1.2", "CT", NULL), "CT");
	ok(quarantine("1.2.840.10008.5.1.4.1.1.2", "CT", "YES"), "CT burned in");
	ok(quarantine("1.2.840.10008.5.1.4.1.1.6.1", "US", NULL), "ultrasound");
	ok(!quarantine("1.2.840.10008.5.1.4.1.1.6.1", "US", "NO"), "clean one");
	ok(quarantine("1.2.840.10008.5.1.4.1.1.7.2", "OT", NULL), "capture");
	ok(quarantine("1.2.3", "XA", NULL), "angiography by its modality");
	ok(!quarantine("1.2.840.10008.5.1.4.1.1.66.4", "SEG", NULL),
	   "a class whose number begins alike");
}

/* A copy that says something else of its pixels is no copy. */
static void
test_copies(void)
{
	static const struct
	{
		const char *rows, *unit;
		bool palette;
		uint32_t frame;
		mmn_status want;
		const char *name;
	} cases[] = {
		{NULL, "[hnsf'U]", false, 1, MMN_OK, "a usual image"},
		{"1 ", "[hnsf'U]", false, 1, MMN_BAD_DATA, "rows in words"},
		{NULL, "g/ml{SUVbw}", false, 1, MMN_BAD_DATA,
		 "the unit is the patient's name"},
		{NULL, "g/ml{SUVbw}", false, 0, MMN_OK, "of no frame"},
		{NULL, "g/ml{SUVbw}", true, 1, MMN_OK, "of a palette's indices"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		fx_begin(EXPLICIT_LITTLE);
		fx_text(0x00100010, "PN", "Suvbw^Jane");
		fx_us(0x00280002, 1);
		fx_text(0x00280004, "CS",
				cases[i].palette ? "PALETTE COLOR" : "MONOCHROME2");
		if (cases[i].rows)
			fx_text(0x00280010, "LO", cases[i].rows);
		else
			fx_us(0x00280010, 1);
		fx_us(0x00280011, 1);
		fx_us(0x00280100, 8);
		fx_head(0x00409096, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
		fx_head(0x004008EA, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
		fx_text(0x00080100, "SH", cases[i].unit);
		fx_text(0x00080102, "SH", "UCUM");
		fx_item_end();
		fx_sequence_end();
		fx_bytes(0x00409224, "FD", "\0\0\0\0\0\0\0\0", 8);
		fx_bytes(0x00409225, "FD", "\0\0\0\0\0\0\xF0\x3F", 8);
		fx_item_end();
		fx_sequence_end();
		fx_bytes(PIXEL_DATA, "OB", "a", 2);
		is_int(deidentify(), MMN_OK, "%s: %s", cases[i].name, fx_error.text);
		is_int(mmn_dicom_check_copy(&mmn_env_default, original, copy,
									cases[i].frame, &fx_error),
			   cases[i].want, "is %s",
			   cases[i].want == MMN_OK ? "kept" : "not kept");
	}
	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080060, "CS", "CT");
	is_int(deidentify(), MMN_OK, "no image");
	is_int(mmn_dicom_check_copy(&mmn_env_default, original, copy, 1, &fx_error),
		   MMN_NOT_IMAGE, "is none after either");
}

/* The position of frame f in the copy; -1: none. */
static double
position_of(uint32_t f)
{
	const mmn_dicom_element *groups = mmn_dicom_find(copy, 0x52009230);
	const mmn_dicom_element *plane =
		mmn_dicom_find_in(copy, groups, f - 1, 0x00209113);
	double z = -1;

	mmn_dicom_double(copy, mmn_dicom_find_in(copy, plane, 0, 0x00200032), 2,
					 &z);
	return z;
}

static void
put_position(const char *z, bool defined)
{
	char position[16] = "1\\2\\";

	strcat(position, z);
	fx_head(0x00209113, "SQ",
			defined ? 8 + 8 + (uint32_t)strlen(position) : UNDEFINED_LENGTH);
	fx_item(8 + (uint32_t)strlen(position));
	fx_text(0x00200032, "DS", position);
	if (!defined)
		fx_sequence_end();
}

/*
 * Functional groups are gone through frame by frame, also of those frames that
 * were not asked for, and as tolerantly as all the rest.
 */
static void
test_frames(void)
{
	const uint32_t u = UNDEFINED_LENGTH;
	mmn_dicom *some;

	for (int i = 0; i < 3; i++)
	{
		bool implicit = i == 1;

		fx_begin(implicit ? IMPLICIT_LITTLE : EXPLICIT_LITTLE);
		fx_text(0x00100010, "PN", "Elsewhither^John");
		fx_image(1, 1, 8, "5");
		/* items: with a length, without, empty, none of its own end, twice */
		fx_head(0x52009230, i == 2 ? "UN" : "SQ", u);
		fx_implicit = implicit || i == 2;
		fx_item(fx_implicit ? 30 : 34);
		put_position("34", true);
		fx_item(u);
		put_position("35", false);
		fx_head(0x00209158, "LT", 12);
		mmn_buffer_text(&fx, "elsewhither ");
		put_position("99", false);
		fx_item_end();
		fx_item(0);
		fx_item(u);
		put_position("37", true);
		fx_item_end();
		fx_item(u);
		put_position("38", true);
		fx_sequence_end();
		fx_implicit = implicit;
		fx_bytes(PIXEL_DATA, implicit ? "OW" : "OB", "abcdef", 6);
		is_int(deidentify(), MMN_OK, "functional groups, %d: %s", i,
			   fx_error.text);
		if (!copy)
			continue;
		is_int(mmn_dicom_find(copy, 0x52009230)->items, 5, "all of them");
		ok(position_of(1) == 34 && position_of(2) == 35 &&
			   position_of(3) == -1 && position_of(4) == 37 &&
			   position_of(5) == 38,
		   "each has its own, of two the first");
		ok(!holds("lsewhither") && !holds("99"), "and nothing else");

		ok(mmn_dicom_open_frames(&mmn_env_default, fx_copy, fx.length,
								 (size_t)1 << 24, 4, 4, &some,
								 &fx_error) == MMN_OK,
		   "opened for one frame");
		mmn_buffer_reset(&out);
		mmn_dicom_deidentify(&mmn_env_default, some, KEY, KEY_LENGTH, &out,
							 &fx_error);
		mmn_dicom_close(some);
		mmn_dicom_close(copy);
		mmn_dicom_open(&mmn_env_default, out.bytes, out.length, (size_t)1 << 24,
					   &copy, &fx_error);
		ok(position_of(1) == 34 && position_of(5) == 38, "all are kept");
	}

	fx_begin(EXPLICIT_LITTLE);
	fx_image(1, 1, 8, "2");
	fx_head(0x52009230, "SQ", u);
	fx_item(34);
	put_position("34", true);
	fx_item(8);
	fx_head(0x00200032, "DS", 100);
	fx_sequence_end();
	fx_bytes(PIXEL_DATA, "OB", "ab", 2);
	is_int(deidentify(), MMN_BAD_DATA, "groups that are damaged");
	ok(mmn_dicom_open_frames(&mmn_env_default, fx_copy, fx.length,
							 (size_t)1 << 24, 1, 1, &some, &fx_error) == MMN_OK,
	   "of a frame that nobody asked for");
	mmn_buffer_reset(&out);
	is_int(mmn_dicom_deidentify(&mmn_env_default, some, KEY, KEY_LENGTH, &out,
								&fx_error),
		   MMN_BAD_DATA, "are found in the end");
	mmn_dicom_close(some);
}

static void
test_receive(void)
{
	mmn_received_frame frame = {1, 2, 1, 1, 0.5, 0.25, "c0ffee", "01"};
	mmn_pixel_description pixels;
	mmn_charsets *charsets;
	mmn_buffer json;
	char want[1024], *text, uid[MMN_UID_SIZE], study[MMN_UID_SIZE];

	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
	fx_text(0x00080018, "UI", "1.2.3.4");
	fx_text(0x00080060, "CS", "CT");
	fx_text(0x00180015, "CS", "CHEST");
	fx_text(0x0020000D, "UI", "1.2.3");
	fx_image(1, 2, 8, "1");
	fx_bytes(PIXEL_DATA, "OB", "ab", 2);
	is_int(deidentify(), MMN_OK, "to receive");
	mmn_dicom_describe_pixels(original, &pixels, &fx_error);
	mmn_charsets_open(&mmn_env_default, &charsets, &fx_error);
	mmn_buffer_init(&json, &mmn_env_default, 1 << 20);
	is_int(mmn_dicom_receive_json(charsets, original, copy, &pixels, &frame,
								  KEY, KEY_LENGTH, &json, &fx_error),
		   MMN_OK, "receive");
	mmn_buffer_byte(&json, '\0');
	text = (char *)json.bytes;
	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.3.4", uid);
	mmn_deid_uid(KEY, KEY_LENGTH, "1.2.3", study);
	snprintf(want, sizeof want,
			 "{\"media_type\":\"application/dicom\",\"subject_hash\":\"%s\","
			 "\"study_uid\":\"%s\",\"sop_instance_uid\":\"%s\","
			 "\"sop_class_uid\":\"1.2.840.10008.5.1.4.1.1.2\","
			 "\"transfer_syntax_uid\":\"1.2.840.10008.1.2.1\","
			 "\"photometric\":\"MONOCHROME2\",\"bits_stored\":8,"
			 "\"modality\":\"CT\",\"body_part\":\"CHEST\","
			 "\"width\":2,\"height\":1,\"channels\":1,\"frames\":1,\"key_frame\":1,"
			 "\"spacing_row\":0.5,\"spacing_column\":0.25,"
			 "\"content_hash\":\"c0ffee\",\"phash\":\"01\",\"attributes\":{",
			 subject(NULL, NULL, "1.2.3"), study, uid);
	text[strlen(want)] = '\0';
	is_str(text, want, "its keys");
	mmn_buffer_reset(&json);
	is_int(mmn_image_receive_json("image/png", &frame, 1, NULL, &json,
								  &fx_error),
		   MMN_OK, "of a PNG");
	mmn_buffer_byte(&json, '\0');
	is_str((char *)json.bytes,
		   "{\"media_type\":\"image/png\",\"width\":2,\"height\":1,"
		   "\"channels\":1,\"frames\":1,\"key_frame\":1,\"spacing_row\":0.5,"
		   "\"spacing_column\":0.25,\"content_hash\":\"c0ffee\","
		   "\"phash\":\"01\"}",
		   "its keys");
	mmn_buffer_reset(&json);
	mmn_charsets_close(charsets);
}

/* Numbers that a file calls bytes are kept as numbers, nothing else is. */
static void
test_bytes(void)
{
	mmn_pixel_description pixels;

	fx_begin(EXPLICIT_LITTLE);
	fx_bytes(0x00080018, "UI", "1.2.3.4", 8);
	fx_bytes(0x00080050, "OB", "ACC98765", 8);
	fx_bytes(0x00100010, "OW", "DOE^JANE", 8);
	fx_us(0x00280002, 1);
	fx_bytes(0x00280010, "OW", "\1\0", 2);
	fx_bytes(0x00280011, "OB", "\2\0", 2);
	fx_us(0x00280100, 8);
	fx_bytes(PIXEL_DATA, "OB", "ab", 2);
	is_int(deidentify(), MMN_OK, "rows and columns as bytes");
	ok(mmn_dicom_describe_pixels(copy, &pixels, &fx_error) == MMN_OK &&
		   pixels.rows == 1 && pixels.columns == 2,
	   "are kept");
	ok(!holds("ACC98765") && !holds("DOE^JANE"), "names as bytes are not");
}

/* Elements whose VR is none are judged by what their tags say they are. */
static void
test_no_vr(void)
{
	static const struct
	{
		uint32_t tag;
		const char *text;
	} elements[] = {
		{0x00080050, "ACC98765"},		{0x00090010, "ACME SECRET1"},
		{0x00091001, "Doe private1"},	{0x00100010, "DOE^JANE"},
		{0x00100020, "12345678"},		{0x00104000, "call Jane Doe!"},
		{0x00204000, "Jane Doe here "},
	};

	for (int wide = 0; wide < 2; wide++)
	{
		fx_begin(EXPLICIT_LITTLE);
		fx_text(0x00080018, "UI", "1.2.3.4");
		for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
		{
			size_t n = strlen(elements[i].text);

			fx_u16(elements[i].tag >> 16);
			fx_u16(elements[i].tag & 0xFFFF);
			mmn_buffer_append(&fx, "\0\0\0\0", wide ? 4 : 2);
			if (wide)
				fx_u32((uint32_t)n);
			else
				fx_u16((unsigned)n);
			mmn_buffer_text(&fx, elements[i].text);
		}
		fx_image(1, 2, 8, "1");
		fx_bytes(PIXEL_DATA, "OB", "ab", 2);
		is_int(deidentify(), MMN_OK, "without VR, %s", wide ? "wide" : "short");
		for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
			ok(!holds(elements[i].text), "no \"%s\"", elements[i].text);
		ok(!holds("DOE") && !holds("Doe") && !holds("1234"), "nor part of one");
		is_str(kept(PIXEL_DATA), "ab", "but the pixels");
	}
}

int
main(void)
{
	mmn_buffer_init(&out, &mmn_env_default, (size_t)1 << 24);
	test_uids();
	test_subjects();
	test_attributes();
	test_encodings();
	test_rules();
	test_quarantine();
	test_copies();
	test_frames();
	test_receive();
	test_no_vr();
	test_bytes();
	mmn_dicom_close(original);
	mmn_dicom_close(copy);
	mmn_buffer_reset(&out);
	free(fx_copy);
	mmn_buffer_reset(&fx);
	return done_testing();
}
