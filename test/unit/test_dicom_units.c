/*
 * What turns stored values into quantities, one attribute wrong at a time: SUV
 * of PET, units, spacing, and which frames a supplemental palette is for.
 */

#include <math.h>

#include "dicom/suv.h"
#include "dicom_fixture.h"
#include "tap.h"

/* A PET image; NULL leaves an attribute out. */
typedef struct pet
{
	const char *modality, *units, *correction, *corrected, *weight, *dose;
	const char *half_life, *injected, *when, *zone, *series_date, *series_time;
	const char *date, *time, *creator, *suv, *activity, *slope;
	const char *ge_creator, *ge_time, *mapped;
	unsigned drugs;
} pet;

static const pet good = {
	.modality = "PT",
	.units = "BQML",
	.correction = "START",
	.corrected = "DECY\\ATTN\\SCAT",
	.weight = "80",
	.dose = "1e8",
	.half_life = "3600",
	.injected = "10",
	.series_date = "20240301",
	.series_time = "11",
	.date = "20240301",
	.time = "1105",
	.slope = "1",
	.drugs = 1,
};

#define FACTOR (80000 / 1e8)

static void
text(uint32_t tag, const char *vr, const char *value)
{
	if (value)
		fx_text(tag, vr, value);
}

static void
put_drugs(const pet *p)
{
	fx_head(0x00540016, "SQ", UNDEFINED_LENGTH);
	for (unsigned i = 0; i < p->drugs; i++)
	{
		fx_item(UNDEFINED_LENGTH);
		text(0x00181072, "TM", p->injected);
		text(0x00181074, "DS", p->dose);
		text(0x00181075, "DS", p->half_life);
		text(0x00181078, "DT", p->when);
		fx_item_end();
	}
	fx_sequence_end();
}

/* The factor to SUV; 0: there is none. */
static double
suv_with(const pet *p, const mmn_pixel_description *as)
{
	mmn_pixel_description pixels;
	mmn_dicom *dicom;
	double slope = 0, intercept = 0;

	fx_begin(EXPLICIT_LITTLE);
	text(0x00080021, "DA", p->series_date);
	text(0x00080022, "DA", p->date);
	text(0x00080031, "TM", p->series_time);
	text(0x00080032, "TM", p->time);
	text(0x00080060, "CS", p->modality);
	text(0x00080201, "SH", p->zone);
	text(0x00090010, "LO", "GEMS_IDEN_01");
	text(0x00090011, "LO", p->ge_creator);
	if (p->ge_time)
		fx_bytes(0x0009110D, p->ge_time[0] == '3' ? "OB" : "UN", p->ge_time,
				 strlen(p->ge_time));
	text(0x00101030, "DS", p->weight);
	fx_image(1, 1, 16, NULL);
	text(0x00280051, "CS", p->corrected);
	text(0x00281052, "DS", "0");
	text(0x00281053, "DS", p->slope);
	if (p->mapped)
	{
		fx_head(0x00409096, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
		fx_head(0x004008EA, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
		text(0x00080100, "SH", p->mapped);
		text(0x00080102, "SH", "UCUM");
		fx_item_end();
		fx_sequence_end();
		fx_item_end();
		fx_sequence_end();
	}
	put_drugs(p);
	text(0x00541001, "CS", p->units);
	text(0x00541102, "CS", p->correction);
	text(0x70530010, "LO", p->creator);
	text(0x70531000, "DS", p->suv);
	text(0x70531009, "UN", p->activity);
	fx_bytes(PIXEL_DATA, "OW", "\0\0", 2);
	dicom = fx_open();
	if (!dicom || mmn_dicom_describe_pixels(dicom, &pixels, NULL) != MMN_OK ||
		!mmn_dicom_suv(dicom, as ? as : &pixels, &slope, &intercept))
		slope = 0;
	mmn_dicom_close(dicom);
	return slope;
}

static void
is_suv(pet p, double want, const char *name)
{
	double got = suv_with(&p, NULL);

	is_near(got, want, 1e-12 * want, "%s", name);
}

#define BUT(...)                                                               \
	({                                                                         \
		pet p_ = good;                                                         \
		__VA_ARGS__;                                                           \
		p_;                                                                    \
	})

static void
test_activity(void)
{
	mmn_pixel_description other = {.samples_per_pixel = 1, .bits_stored = 16};

	is_suv(good, FACTOR * 2, "an hour is a half-life");
	is_suv(BUT(p_.correction = "ADMIN"), FACTOR, "corrected to the injection");
	is_suv(BUT(p_.correction = "ADMIN", p_.half_life = NULL), FACTOR,
		   "which needs no half-life");
	is_suv(BUT(p_.slope = "2.5"), FACTOR * 5, "after the rescale");
	is_suv(BUT(p_.injected = "100000.25"), FACTOR * exp2(3599.75 / 3600),
		   "fractions of a second");
	is_suv(BUT(p_.zone = "+0100", p_.when = "20240301100000+0100"), FACTOR * 2,
		   "the scan's own zone");
	is_suv(BUT(p_.zone = "+0100", p_.when = "20240301100000+0200"), 0,
		   "another zone");
	is_suv(BUT(p_.when = "202403xx10"), 0, "a day that is none");
	is_suv(BUT(p_.when = "20240301aa"), 0, "an hour that is none");
	is_suv(BUT(p_.when = "20240301120000"), 0, "injected after the scan");
	is_suv(BUT(p_.injected = NULL), 0, "never injected");
	is_suv(BUT(p_.injected = "noon"), 0, "at no time");
	is_suv(BUT(p_.modality = "CT"), 0, "no PET");
	is_suv(BUT(p_.modality = NULL), 0, "of no modality");
	is_suv(BUT(p_.units = NULL), 0, "in no unit");
	is_suv(BUT(p_.units = "PROPCPS"), 0, "in a unit that is none of activity");
	is_suv(BUT(p_.correction = "NONE"), 0, "decay that nobody corrected");
	is_suv(BUT(p_.correction = NULL), 0, "or does not say");
	is_suv(BUT(p_.corrected = "ATTN"), 0, "without DECY");
	is_suv(BUT(p_.corrected = "DECY"), 0, "without ATTN");
	is_suv(BUT(p_.corrected = NULL), 0, "without either");
	is_suv(BUT(p_.slope = "2,5,0"), 0, "a slope that is no number");
	is_suv(BUT(p_.weight = "0"), 0, "no weight");
	is_suv(BUT(p_.weight = "80000"), 0, "80 tons");
	is_suv(BUT(p_.weight = NULL), 0, "a weight that is not known");
	is_suv(BUT(p_.dose = "370"), 0, "a dose in MBq");
	is_suv(BUT(p_.dose = "1e13"), 0, "a dose beyond belief");
	is_suv(BUT(p_.half_life = "0"), 0, "no half-life");
	is_suv(BUT(p_.half_life = NULL), 0, "or an unknown one");
	is_suv(BUT(p_.half_life = "60"), 0, "of which too many went by");
	is_suv(BUT(p_.drugs = 0), 0, "nothing was given");
	is_suv(BUT(p_.drugs = 2), 0, "two things were");
	is_suv(BUT(p_.series_date = NULL), 0, "no date of the series");
	is_suv(BUT(p_.series_time = NULL), 0, "no time of it");
	is_suv(BUT(p_.time = "1059"), 0, "a series after its acquisition");
	is_suv(BUT(p_.date = NULL), 0, "no date of the acquisition");
	is_suv(BUT(p_.slope = "-1"), 0, "a slope downwards");
	is_suv(BUT(p_.slope = "1e308", p_.weight = "1000", p_.dose = "1e5"), 0,
		   "a slope beyond numbers");
	other.samples_per_pixel = 3;
	is_near(suv_with(&good, &other), 0, 0, "in colour");
	other.samples_per_pixel = 1;
	other.bits_stored = 32;
	is_near(suv_with(&good, &other), 0, 0, "of 32 bits");
	other.bits_stored = 16;
	other.kind = MMN_PIXELS_FLOAT;
	is_near(suv_with(&good, &other), 0, 0, "of floating point");
}

/* GE's own time is taken where the others contradict each other. */
static void
test_ge(void)
{
	pet p = good;

	p.time = "1059";
	p.ge_creator = "GEMS_PETD_01";
	p.ge_time = "20240301103000.00 ";
	is_suv(p, FACTOR * exp2(0.5), "a series made of another, by GE");
	p.time = "1105";
	is_suv(p, FACTOR * 2, "an original one");
	p.time = NULL;
	is_suv(p, FACTOR * exp2(0.5), "one without a time");
	p.ge_time = "20240301xx";
	is_suv(p, 0, "a time that is none");
	p.ge_time = "2024030x1030";
	is_suv(p, 0, "a day that is none");
	p.ge_time = "30240301103000";
	is_suv(p, 0, "of another VR");
	p.ge_time = "20240301103000.0000000000000000000";
	is_suv(p, 0, "longer than one can be");
	p.ge_time = NULL;
	is_suv(p, 0, "none");
	p.ge_time = "20240301103000";
	p.ge_creator = "GEMS_PETD_02";
	is_suv(p, 0, "in another's group");
	p.ge_creator = NULL;
	is_suv(p, 0, "in nobody's");

	is_suv(BUT(p_.mapped = "Bq/ml"), FACTOR * 2, "a mapping into Bq/ml");
	is_suv(BUT(p_.mapped = "g/ml{SUVbw}"), 0, "a mapping into SUV goes first");
}

static void
test_counts(void)
{
	pet p = good;

	p.units = "CNTS";
	is_suv(p, 0, "counts of an unknown scanner");
	p.suv = "0.5 ";
	is_suv(p, 0, "whoever wrote this");
	p.creator = "Some PET Private Group";
	is_suv(p, 0, "is not known to have meant it");
	p.creator = "Philips";
	is_suv(p, 0, "nor by half a name");
	p.creator = "Philips PET Private Group";
	is_suv(p, 0.5, "Philips did");
	p.suv = "0 ";
	is_suv(p, 0, "a factor of zero is none");
	p.activity = " 3.0 ";
	is_suv(p, FACTOR * 2 * 3, "then by way of the activity");
	p.activity = "    ";
	is_suv(p, 0, "unless that is empty");
	p.activity = "x ";
	is_suv(p, 0, "or no number");
	p.activity = "3.0 ";
	p.dose = NULL;
	is_suv(p, 0, "or the dose is not known");
}

static void
test_units(void)
{
	static const struct
	{
		uint32_t tag;
		const char *vr, *value;
		uint8_t unit;
	} cases[] = {
		{0x00281054, "LO", "HU", MMN_UNIT_HU},
		{0x00281054, "LO", "OD", MMN_UNIT_OD},
		{0x00281054, "LO", "US", MMN_UNIT_US},
		{0x00281054, "LO", "??", MMN_UNIT_RAW},
		{0x00541001, "CS", "BQML", MMN_UNIT_BQML},
		{0x00541001, "CS", "GML", MMN_UNIT_SUV},
		{0x00541001, "CS", "CNTS", MMN_UNIT_RAW},
	};
	double slope, intercept;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		mmn_dicom *dicom;
		uint8_t unit;

		fx_begin(EXPLICIT_LITTLE);
		text(0x00281052, "DS", "0");
		text(0x00281053, "DS", "2");
		text(cases[i].tag, cases[i].vr, cases[i].value);
		dicom = fx_open();
		mmn_dicom_rescale(dicom, 1, &slope, &intercept, &unit);
		is_int(unit, cases[i].unit, "unit of %s", cases[i].value);
		mmn_dicom_close(dicom);
	}
}

/* Numbers that are none: no scale is better than half of one. */
static void
test_garbled(void)
{
	static const struct
	{
		const char *slope, *intercept;
		double want[2];
		bool good;
	} cases[] = {
		{"2", "-1024", {2, -1024}, true},
		{"1,5", "-1024,0", {1.5, -1024}, true},
		{NULL, "-1024", {1, -1024}, true},
		{"2", NULL, {2, 0}, true},
		{"", "-1024", {1, 0}, false},
		{"2", " ", {1, 0}, false},
		{"2", "-1O24", {1, 0}, false},
		{"one", "-1024", {1, 0}, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		double slope, intercept;
		mmn_dicom *dicom;
		uint8_t unit;

		fx_begin(EXPLICIT_LITTLE);
		text(0x00280030, "DS", "1");
		text(0x00281052, "DS", cases[i].intercept);
		text(0x00281053, "DS", cases[i].slope);
		text(0x00281054, "LO", "HU");
		dicom = fx_open();
		is_int(mmn_dicom_rescale(dicom, 1, &slope, &intercept, &unit),
			   cases[i].good, "\"%s\" and \"%s\"",
			   cases[i].slope ? cases[i].slope : "-",
			   cases[i].intercept ? cases[i].intercept : "-");
		ok(slope == cases[i].want[0] && intercept == cases[i].want[1],
		   "scale by %g and %g", slope, intercept);
		is_int(unit, cases[i].good ? MMN_UNIT_HU : MMN_UNIT_RAW, "the unit");
		mmn_dicom_close(dicom);
	}
	{
		double slope, intercept;
		mmn_dicom *dicom;
		uint8_t unit;

		fx_begin(EXPLICIT_LITTLE);
		fx_bytes(0x00281053, "FD", "\0\0\0\0\0\0\xF8\x7F", 8);
		dicom = fx_open();
		ok(!mmn_dicom_rescale(dicom, 1, &slope, &intercept, &unit),
		   "nor by a slope that is not a number");
		mmn_dicom_close(dicom);
	}
}

/* Spacing in one attribute; 0: not taken. */
static void
is_spacing(uint32_t tag, const char *value, double want)
{
	mmn_dicom *dicom;
	double row, column;

	fx_begin(EXPLICIT_LITTLE);
	text(tag, "DS", value);
	dicom = fx_open();
	mmn_dicom_spacing(dicom, 1, &row, &column);
	ok(row == want && (column > 0) == (want > 0), "spacing of %08x: %s",
	   (unsigned)tag, value);
	mmn_dicom_close(dicom);
}

static void
test_spacing(void)
{
	static const uint32_t tags[] = {0x00280030, 0x00181164, 0x00182010};
	static const char *const none[] = {"0.5",	 "0\\1",	  "1\\0", "-1\\1",
									   "1\\-1", "20000\\1", "1\\20000", "a\\b"};

	for (size_t i = 0; i < 3; i++)
	{
		is_spacing(tags[i], "0.5\\0.25", 0.5);
		for (size_t k = 0; k < sizeof none / sizeof *none; k++)
			is_spacing(tags[i], none[k], 0);
	}
}

/* Whether frame 1 is for a palette, of an image that is one but for "as". */
static bool
has_palette(const char *presentation, bool in_group, bool with_table,
			const mmn_pixel_description *as, bool *mixed)
{
	mmn_dicom *dicom;
	bool has;

	fx_begin(EXPLICIT_LITTLE);
	text(0x00080060, "CS", "MR");
	if (presentation && !in_group)
		text(0x00089205, "CS", presentation);
	if (with_table)
		fx_bytes(0x00281101, "US", "\2\0\0\0\x10\0", 6);
	if (presentation && in_group)
	{
		fx_head(0x52009229, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
		fx_head(0x00189226, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
		text(0x00089205, "CS", presentation);
		fx_item_end();
		fx_sequence_end();
		fx_item_end();
		fx_sequence_end();
	}
	dicom = fx_open();
	has = mmn_dicom_has_palette(dicom, as, 1, mixed);
	mmn_dicom_close(dicom);
	return has;
}

static void
test_palette(void)
{
	mmn_pixel_description p = {.photometric = MMN_MONOCHROME2,
							   .bits_allocated = 16};
	bool mixed;

	ok(has_palette("COLOR", true, true, &p, &mixed) && !mixed,
	   "a frame in colour");
	ok(has_palette("MIXED", false, true, &p, &mixed) && mixed,
	   "a frame in grey and colour");
	ok(!has_palette("MONOCHROME", true, true, &p, &mixed), "a grey one");
	ok(!has_palette(NULL, true, true, &p, &mixed), "one that does not say");
	ok(!has_palette("COLOR", true, false, &p, &mixed), "without a palette");
	p.bits_allocated = 32;
	ok(!has_palette("COLOR", true, true, &p, &mixed), "of 32 bits");
	p.bits_allocated = 16;
	p.kind = MMN_PIXELS_FLOAT;
	ok(!has_palette("COLOR", true, true, &p, &mixed), "of floating point");
	p.kind = MMN_PIXELS_INTEGER;
	p.photometric = MMN_MONOCHROME1;
	ok(!has_palette("COLOR", true, true, &p, &mixed), "of the other sense");
	p.photometric = MMN_PALETTE_COLOR;
	ok(has_palette(NULL, false, false, &p, &mixed) && !mixed, "PALETTE COLOR");
}

int
main(void)
{
	test_activity();
	test_ge();
	test_counts();
	test_units();
	test_garbled();
	test_spacing();
	test_palette();
	return done_testing();
}
