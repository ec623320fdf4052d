#define _GNU_SOURCE /* memmem */

/* dicom/transform and dicom/suv: which values an image has, and in which unit */

#include <math.h>

#include "dicom/deid.h"
#include "dicom/real_world.h"
#include "dicom/receive.h"
#include "dicom/suv.h"
#include "dicom/transform.h"
#include "dicom_fixture.h"
#include "tap.h"

static mmn_transform t;
static mmn_pixel_description pixels;

static void
fx_double(uint32_t tag, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	fx_head(tag, "FD", 8);
	fx_u32((uint32_t)bits);
	fx_u32((uint32_t)(bits >> 32));
}

static void
begin(const char *modality)
{
	fx_begin(EXPLICIT_LITTLE);
	fx_text(0x00080060, "CS", modality);
	fx_image(1, 1, 16, NULL);
}

/* The transform of frame 1 of the file in fx. */
static mmn_status
read(const mmn_env *env)
{
	mmn_dicom *dicom;
	mmn_status status;

	mmn_transform_free(&mmn_env_default, &t);
	fx_bytes(PIXEL_DATA, "OW", "\0\0", 2);
	dicom = fx_open();
	status = mmn_dicom_describe_pixels(dicom, &pixels, &fx_error);
	if (status == MMN_OK)
		status = mmn_dicom_transform(env, dicom, &pixels, 1, &t, &fx_error);
	mmn_dicom_close(dicom);
	return status;
}

static bool
is(double slope, double intercept, uint8_t unit)
{
	return read(&mmn_env_default) == MMN_OK && !t.modality.table &&
		   fabs(t.modality.slope - slope) <= 1e-12 * slope &&
		   t.modality.intercept == intercept && t.modality.unit == unit;
}

/* What a stored value becomes. */
static double
value(int stored)
{
	const mmn_modality_transform *m = &t.modality;
	int last = (int)m->table_entries - 1, k = stored - m->table_first;

	if (!m->table)
		return stored * m->slope + m->intercept;
	return m->table[k < 0 ? 0 : k > last ? last : k];
}

static void
unit(const char *code)
{
	fx_head(0x004008EA, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	fx_text(0x00080100, "SH", code);
	fx_text(0x00080102, "SH", "UCUM");
	fx_item_end();
	fx_sequence_end();
}

/* A mapping, to be followed by its end; without code when NULL. */
static void
mapping(const char *code)
{
	fx_head(0x00409096, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	if (code)
		unit(code);
}

static void
end_mapping(void)
{
	fx_item_end();
	fx_sequence_end();
}

static void
test_mappings(void)
{
	begin("MR");
	mapping("ms");
	fx_double(0x00409224, 5);
	fx_double(0x00409225, 0.5);
	end_mapping();
	ok(is(0.5, 5, MMN_UNIT_MS) && t.gain == 0.5 && t.offset == 5,
	   "a linear mapping");
	begin("MR");
	mapping(NULL);
	fx_double(0x00409224, 5);
	fx_double(0x00409225, 0.5);
	end_mapping();
	ok(is(1, 0, MMN_UNIT_RAW) && t.gain == 1, "without a unit");
	begin("MR");
	mapping("ms");
	fx_double(0x00409225, 0.5);
	end_mapping();
	ok(is(1, 0, MMN_UNIT_RAW), "without an intercept");
	begin("MR");
	mapping("ms");
	fx_double(0x00409224, 5);
	fx_double(0x00409225, 0);
	end_mapping();
	ok(is(1, 0, MMN_UNIT_RAW), "of slope 0");
	begin("MR");
	mapping("ms");
	fx_double(0x00409212, NAN);
	fx_us(0x00409216, 3);
	end_mapping();
	ok(is(1, 0, MMN_UNIT_RAW), "a table that holds no number");
	begin("MR");
	mapping("ms");
	fx_double(0x00409212, 1);
	end_mapping();
	ok(is(1, 0, MMN_UNIT_RAW), "a table from nowhere");
	begin("MR");
	mapping("ms");
	fx_double(0x00409212, 42);
	fx_us(0x00409216, 3);
	end_mapping();
	is_int(read(&mmn_env_default), MMN_OK, "a table");
	ok(value(3) == 42 && isnan(value(2)) && isnan(value(4)) && t.gain == 0,
	   "is there, and only there");
}

/* The unit and range of another mapping, to be followed by what it does. */
static void
piece(const char *code, int first, int last)
{
	unit(code);
	if (last >= first)
	{
		fx_us(0x00409211, (unsigned)last);
		fx_us(0x00409216, (unsigned)first);
	}
}

static void
linear(double slope, double intercept)
{
	fx_double(0x00409224, intercept);
	fx_double(0x00409225, slope);
}

/* Stored values have a value where a mapping is for them. */
static void
test_ranges(void)
{
	static const struct
	{
		const char *unit;
		int first, last;
		double at[6]; /* of 9, 10, 99, 100, 200, 201 */
		const char *name;
	} second[] = {
		{"ms", 100, 200, {NAN, 10, 54.5, 200, 400, NAN}, "a range beside it"},
		{"ms", 0, 65535, {18, 10, 54.5, 200, 400, 402}, "one around it"},
		{"ms", 50, 100, {NAN, 10, 54.5, 200, NAN, NAN}, "one that overlaps"},
		{"s", 100, 200, {NAN, 10, 54.5, NAN, NAN, NAN}, "one in another unit"},
		{"ms", 1, 0, {18, 10, 54.5, 200, 400, 402}, "one without limits"},
	};
	static const int stored[6] = {9, 10, 99, 100, 200, 201};

	for (size_t i = 0; i < sizeof second / sizeof second[0]; i++)
	{
		bool same;

		begin("MR");
		mapping(NULL);
		piece("ms", 10, 99);
		linear(0.5, 5);
		fx_item_end();
		fx_item(UNDEFINED_LENGTH);
		piece(second[i].unit, second[i].first, second[i].last);
		linear(2, 0);
		end_mapping();
		same = read(&mmn_env_default) == MMN_OK && t.modality.table &&
			   t.modality.unit == MMN_UNIT_MS;
		for (int k = 0; same && k < 6; k++)
			same = value(stored[k]) == second[i].at[k] ||
				   (isnan(value(stored[k])) && isnan(second[i].at[k]));
		ok(same, "%s", second[i].name);
		ok((t.gain == 0) == (strcmp(second[i].unit, "ms") == 0),
		   "windows move along one mapping only");
	}
	begin("MR");
	mapping(NULL);
	piece("ms", 0, 65535);
	linear(0.5, 5);
	end_mapping();
	ok(is(0.5, 5, MMN_UNIT_MS), "all values that there can be");
	begin("MR");
	mapping(NULL);
	unit("ms");
	fx_us(0x00409211, 3);
	fx_us(0x00409216, 9);
	linear(0.5, 5);
	end_mapping();
	ok(is(0.5, 5, MMN_UNIT_MS), "a range that ends before it begins is none");
	begin("MR");
	mapping(NULL);
	unit("ms");
	fx_double(0x00409213, 10.5);
	fx_double(0x00409214, 0);
	linear(0.5, 5);
	end_mapping();
	ok(read(&mmn_env_default) == MMN_OK && value(10) == 10 && isnan(value(11)),
	   "a range in floating point");
}

/* A PET image of 80 kg and 100 MBq, scanned at "scan". */
static void
pet(const char *date, const char *scan, const char *injected,
	const char *date_time)
{
	begin("PT");
	fx_text(0x00080021, "DA", date);
	fx_text(0x00080022, "DA", date);
	fx_text(0x00080031, "TM", scan);
	fx_text(0x00080032, "TM", scan);
	fx_text(0x00101030, "DS", "80");
	fx_text(0x00280051, "CS", "ATTN\\DECY");
	fx_head(0x00540016, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	if (injected)
		fx_text(0x00181072, "TM", injected);
	fx_text(0x00181074, "DS", "1e8");
	fx_text(0x00181075, "DS", "3600");
	if (date_time)
		fx_text(0x00181078, "DT", date_time);
	fx_item_end();
	fx_sequence_end();
	fx_text(0x00541001, "CS", "BQML");
	fx_text(0x00541102, "CS", "START");
}

#define FACTOR (80000 / 1e8)

/* A mapping into SUV behind so many others. */
static bool
maps_behind(int others)
{
	mmn_dicom *dicom;
	bool found;

	begin("PT");
	fx_head(0x00409096, "SQ", UNDEFINED_LENGTH);
	for (int i = 0; i <= others; i++)
	{
		fx_item(UNDEFINED_LENGTH);
		unit(i < others ? "ms" : "g/ml{SUVbw}");
		fx_item_end();
	}
	fx_sequence_end();
	dicom = fx_open();
	found = mmn_dicom_maps_into(
		dicom, mmn_dicom_find(dicom, MMN_REAL_WORLD_VALUES), MMN_UNIT_SUV);
	mmn_dicom_close(dicom);
	return found;
}

/* What hostile files would have looked up over and over. */
static void
test_many(void)
{
	char digits[64];

	memset(digits, '1', sizeof digits);
	for (size_t i = 1; i < sizeof digits; i += 2)
		digits[i] = '\\';
	begin("MR");
	mapping("ms");
	fx_bytes(0x00409212, "DS", digits, sizeof digits);
	fx_us(0x00409216, 0);
	end_mapping();
	ok(is(1, 0, MMN_UNIT_RAW), "a table is of doubles");
	ok(maps_behind(MMN_MAX_MAPPINGS - 1), "so many mappings are looked at");
	ok(!maps_behind(MMN_MAX_MAPPINGS), "and no more");
}

static void
test_suv(void)
{
	static const char *const no_times[] = {"1", "24", "1060", "110060a", "x"};
	static const char *const no_dates[] = {"2024030", "20241301", "20240132",
										   "18991231", "2024010a"};

	pet("20240301", "11", "1030", NULL);
	ok(is(FACTOR * exp2(0.5), 0, MMN_UNIT_SUV), "hours and minutes");
	ok(t.gain == t.modality.slope && t.offset == 0, "and what windows need");
	pet("20240301", "000000.5", "235959.5", NULL);
	ok(is(FACTOR * exp2(1 / 3600.), 0, MMN_UNIT_SUV), "across midnight");
	pet("20240301", "00", NULL, "20240229230000");
	ok(is(FACTOR * 2, 0, MMN_UNIT_SUV), "across a leap day");
	pet("20000301", "00", NULL, "20000228230000");
	ok(is(FACTOR * exp2(25), 0, MMN_UNIT_SUV) == false, "too long ago");
	pet("21000301", "00", NULL, "21000228230000");
	ok(is(FACTOR * 2, 0, MMN_UNIT_SUV), "2100 has none");
	pet("20240301", "11", NULL, NULL);
	ok(is(1, 0, MMN_UNIT_BQML), "no injection");
	for (int i = 0; i < 5; i++)
	{
		pet("20240301", no_times[i], "10", NULL);
		ok(is(1, 0, MMN_UNIT_BQML), "\"%s\" is no time", no_times[i]);
		pet(no_dates[i], "11", "10", NULL);
		ok(is(1, 0, MMN_UNIT_BQML), "\"%s\" is no date", no_dates[i]);
	}
	pet("20240301", "11", NULL, "20240301100000-0500");
	ok(is(1, 0, MMN_UNIT_BQML), "a zone that the scan's is not known to be");
	pet("20240301", "11", "10", NULL);
	fx_head(0x00409096, "SQ", 0);
	ok(is(FACTOR * 2, 0, MMN_UNIT_SUV), "mappings, but none");

	/* written, and read again */
	pet("20240301", "11", "10", NULL);
	read(&mmn_env_default);
	{
		double slope = t.modality.slope;
		mmn_buffer out;

		begin("PT");
		fx_text(0x00541001, "CS", "BQML");
		mmn_buffer_init(&out, &mmn_env_default, 4096);
		mmn_dicom_write_suv(&out, &pixels, slope, -1.5);
		mmn_buffer_append(&fx, out.bytes, out.length);
		mmn_buffer_reset(&out);
		ok(is(slope, -1.5, MMN_UNIT_SUV) && t.modality.slope == slope,
		   "as it was written, in every bit");
	}
}

/* An enhanced PET object of 80 kg and 100 MBq, one half-life ago. */
typedef struct enhanced
{
	const char *sop_class, *modality, *decay, *attenuation, *weight, *dose;
	const char *half_life, *corrected, *injected, *zone, *unit;
	int drugs;
	bool shared;
} enhanced;

static const enhanced good = {
	.sop_class = "1.2.840.10008.5.1.4.1.1.130",
	.modality = "PT",
	.decay = "YES",
	.attenuation = "YES",
	.weight = "80",
	.dose = "100",
	.half_life = "3600",
	.corrected = "20240301110000",
	.injected = "20240301100000.0",
	.unit = "Bq/ml",
	.drugs = 1,
};

static void
maybe(uint32_t tag, const char *vr, const char *text)
{
	if (text)
		fx_text(tag, vr, text);
}

static void
write_enhanced(const enhanced *p)
{
	fx_begin(EXPLICIT_LITTLE);
	maybe(0x00080016, "UI", p->sop_class);
	maybe(0x00080060, "CS", p->modality);
	maybe(0x00080201, "SH", p->zone);
	maybe(0x00101030, "DS", p->weight);
	maybe(0x00189701, "DT", p->corrected);
	maybe(0x00189758, "CS", p->decay);
	maybe(0x00189759, "CS", p->attenuation);
	fx_image(1, 1, 16, NULL);
	fx_head(0x00540016, "SQ", UNDEFINED_LENGTH);
	for (int i = 0; i < p->drugs; i++)
	{
		fx_item(UNDEFINED_LENGTH);
		maybe(0x00181074, "DS", p->dose);
		maybe(0x00181075, "DS", p->half_life);
		maybe(0x00181078, "DT", p->injected);
		fx_item_end();
	}
	fx_sequence_end();
	fx_head(p->shared ? 0x52009229 : 0x52009230, "SQ", UNDEFINED_LENGTH);
	fx_item(UNDEFINED_LENGTH);
	mapping(NULL);
	piece(p->unit, 0, 1000);
	linear(2.5, 1);
	end_mapping();
	end_mapping();
}

/* What a stored value of 1000 becomes, in which unit; and of 1001, nothing. */
static void
becomes(enhanced p, double factor, uint8_t as, const char *name)
{
	write_enhanced(&p);
	ok(read(&mmn_env_default) == MMN_OK && t.modality.unit == as &&
		   fabs(value(1000) / (2501 * factor) - 1) < 1e-12 &&
		   isnan(value(1001)),
	   "%s", name);
}

#define BUT(...)                                                               \
	({                                                                         \
		enhanced p_ = good;                                                    \
		__VA_ARGS__;                                                           \
		p_;                                                                    \
	})
#define IS_SUV(factor, name, ...)                                              \
	becomes(BUT(__VA_ARGS__), factor, MMN_UNIT_SUV, name)
#define NO_SUV(name, ...) becomes(BUT(__VA_ARGS__), 1, MMN_UNIT_BQML, name)

static void
test_enhanced_suv(void)
{
	IS_SUV(2 * FACTOR, "a half-life after the injection", );
	IS_SUV(2 * FACTOR, "of shared groups", p_.shared = true);
	IS_SUV(FACTOR, "corrected to the injection",
		   p_.corrected = "20240301100000");
	IS_SUV(2 * FACTOR, "across midnight", p_.corrected = "20240301003000",
		   p_.injected = "20240229233000");
	IS_SUV(2 * FACTOR, "in the same zone", p_.corrected = "20240301110000+0100",
		   p_.injected = "20240301100000+0100");
	IS_SUV(2 * FACTOR, "in that of the file", p_.zone = "+0100",
		   p_.injected = "20240301100000+0100");
	IS_SUV(1, "by a mapping of its own", p_.unit = "g/ml{SUVbw}");
	IS_SUV(1, "as earlier editions spell it", p_.unit = "{SUVbw}g/ml");
	NO_SUV("one in an unknown zone", p_.injected = "20240301100000+0100");
	NO_SUV("in two zones", p_.corrected = "20240301110000+0000",
		   p_.injected = "20240301100000+0100");
	NO_SUV("corrected to before", p_.corrected = "20240301090000");
	NO_SUV("too long ago", p_.injected = "20240228100000");
	NO_SUV("a dose in Bq", p_.dose = "1e8");
	NO_SUV("none", p_.dose = "0");
	NO_SUV("an unknown dose", p_.dose = NULL);
	NO_SUV("an unknown weight", p_.weight = NULL);
	NO_SUV("a weight in grams", p_.weight = "80000");
	NO_SUV("an unknown half-life", p_.half_life = NULL);
	NO_SUV("not corrected for decay", p_.decay = "NO");
	NO_SUV("nor for attenuation", p_.attenuation = "NO");
	NO_SUV("or nobody knows", p_.decay = NULL);
	NO_SUV("to an unknown time", p_.corrected = NULL);
	NO_SUV("to a day", p_.corrected = "20240301");
	NO_SUV("injected at an unknown time", p_.injected = NULL);
	NO_SUV("two drugs", p_.drugs = 2);
	NO_SUV("no drug", p_.drugs = 0);
	NO_SUV("another class", p_.sop_class = "1.2.840.10008.5.1.4.1.1.128.1");
	NO_SUV("no class", p_.sop_class = NULL);
	NO_SUV("another modality", p_.modality = "NM");
}

/*
 * De-identified, frames have the SUV that they had; of dates and weight nothing
 * is left.
 */
static void
test_enhanced_copy(void)
{
	for (int shared = 0; shared < 2; shared++)
	{
		mmn_dicom *original, *copy = NULL;
		double before, after;
		mmn_buffer out;

		{
			enhanced p = good;

			p.shared = shared;
			write_enhanced(&p);
		}
		read(&mmn_env_default);
		before = value(777);
		original = fx_open();
		mmn_buffer_init(&out, &mmn_env_default, 1 << 16);
		is_int(mmn_dicom_deidentify(&mmn_env_default, original, "key", 3, &out,
									&fx_error),
			   MMN_OK, "a copy");
		mmn_dicom_open(&mmn_env_default, out.bytes, out.length, 1 << 16, &copy,
					   &fx_error);
		is_int(mmn_dicom_check_copy(&mmn_env_default, original, copy, 1,
									&fx_error),
			   MMN_OK, "says the same");
		ok(!mmn_dicom_find(copy, 0x00101030) &&
			   !memmem(out.bytes, out.length, "202403", 6),
		   "without weight and dates");
		mmn_transform_free(&mmn_env_default, &t);
		mmn_dicom_transform(&mmn_env_default, copy, &pixels, 1, &t, &fx_error);
		after = value(777);
		ok(t.modality.unit == MMN_UNIT_SUV && before == after &&
			   isnan(value(1001)),
		   "in SUV, in every bit");
		mmn_dicom_close(copy);
		mmn_dicom_close(original);
		mmn_buffer_reset(&out);
	}
}

/* The same with an attribute before, which so is the one that counts. */
static void
pet_with(uint32_t tag, const char *vr, const char *value)
{
	mmn_buffer rest;
	size_t head;

	pet("20240301", "11", "10", NULL);
	head = 128 + 4 + 8 + strlen(EXPLICIT_LITTLE) + 1;
	mmn_buffer_init(&rest, &mmn_env_default, 1 << 16);
	mmn_buffer_append(&rest, fx.bytes + head, fx.length - head);
	fx.length = head;
	fx_text(0x00080005, "CS", "ISO_IR 100"); /* files begin low */
	fx_text(tag, vr, value);
	mmn_buffer_append(&fx, rest.bytes, rest.length);
	mmn_buffer_reset(&rest);
}

static void
test_suv_needs(void)
{
	static const struct
	{
		uint32_t tag;
		const char *vr;
		const char *value;
		double slope;
		uint8_t unit;
	} cases[] = {
		{0x00101030, "DS", "0", 1, MMN_UNIT_BQML},
		{0x00101030, "DS", "2000", 1, MMN_UNIT_BQML},
		{0x00101030, "DS", "x", 1, MMN_UNIT_BQML},
		{0x00101030, "DS", "40", FACTOR, MMN_UNIT_SUV},
		{0x00280051, "CS", "ATTN", 1, MMN_UNIT_BQML},
		{0x00280051, "CS", "DECY", 1, MMN_UNIT_BQML},
		{0x00280051, "CS", "SCAT\\DECY\\ATTN", 2 * FACTOR, MMN_UNIT_SUV},
		{0x00541102, "CS", "NONE", 1, MMN_UNIT_BQML},
		{0x00541102, "CS", "ADMIN", FACTOR, MMN_UNIT_SUV},
		{0x00541102, "CS", "", 1, MMN_UNIT_BQML},
		{0x00541001, "CS", "GML", 1, MMN_UNIT_SUV},
		{0x00541001, "CS", "CNTS", 1, MMN_UNIT_RAW},
		{0x00541001, "CS", "", 1, MMN_UNIT_RAW},
		{0x00080031, "TM", "12", 1, MMN_UNIT_BQML},
		{0x00080031, "TM", "", 1, MMN_UNIT_BQML},
		{0x00080032, "TM", "x", 1, MMN_UNIT_BQML},
		{0x00080021, "DA", "", 1, MMN_UNIT_BQML},
		{0x00080021, "DA", "2024030112", 1, MMN_UNIT_BQML},
		{0x00080022, "DA", "20240229", 1, MMN_UNIT_BQML},
		{0x00080060, "CS", "NM", 1, MMN_UNIT_BQML},
		{0x52009230, "SQ", "", 1, MMN_UNIT_BQML},
		{0x00540016, "SQ", "", 1, MMN_UNIT_BQML},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		pet_with(cases[i].tag, cases[i].vr, cases[i].value);
		ok(is(cases[i].slope, 0, cases[i].unit), "(%08X) \"%s\"",
		   (unsigned)cases[i].tag, cases[i].value);
	}
}

static void
philips(const char *creator, const char *vr, const char *suv,
		const char *activity)
{
	pet_with(0x00541001, "CS", "CNTS");
	if (creator)
		fx_text(0x70530010, "LO", creator);
	if (suv)
		fx_bytes(0x70531000, vr, suv, strlen(suv));
	if (activity)
		fx_bytes(0x70531009, vr, activity, strlen(activity));
}

static void
test_philips(void)
{
	static const char name[] = "Philips PET Private Group";

	philips(name, "DS", "0.5 ", NULL);
	ok(is(0.5, 0, MMN_UNIT_SUV), "Philips's factor");
	philips(name, "UN", "  0.5 ", "2 ");
	ok(is(0.5, 0, MMN_UNIT_SUV), "of unknown VR");
	philips(name, "DS", "0 ", "2 ");
	ok(is(4 * FACTOR, 0, MMN_UNIT_SUV), "that of activity when it is 0");
	philips(name, "LO", "0.5 ", NULL);
	ok(is(1, 0, MMN_UNIT_RAW), "another VR");
	philips(name, "DS", "x ", NULL);
	ok(is(1, 0, MMN_UNIT_RAW), "no number");
	philips(name, "DS", NULL, NULL);
	ok(is(1, 0, MMN_UNIT_RAW), "no factor");
	philips("Another Private Group, as long", "DS", "0.5 ", NULL);
	ok(is(1, 0, MMN_UNIT_RAW), "another's group");
	philips("short", "DS", "0.5 ", NULL);
	ok(is(1, 0, MMN_UNIT_RAW), "with a short name");
	philips(NULL, "DS", "0.5 ", NULL);
	ok(is(1, 0, MMN_UNIT_RAW), "nobody's group");
}

/* Whether gray values go through a palette. */
static bool
has_palette(const char *term, uint32_t group, const char *frame_term,
			bool *mixed)
{
	mmn_dicom *dicom;
	bool has;

	begin("CT");
	if (term)
		fx_text(0x00089205, "CS", term);
	fx_head(0x00281101, "US", 6);
	fx_u16(1);
	fx_u16(0);
	fx_u16(8);
	if (group)
	{
		fx_head(group, "SQ", UNDEFINED_LENGTH);
		fx_item(UNDEFINED_LENGTH);
		fx_text(0x00089205, "CS", frame_term);
		fx_item_end();
		fx_sequence_end();
	}
	fx_bytes(PIXEL_DATA, "OW", "\0\0", 2);
	dicom = fx_open();
	mmn_dicom_describe_pixels(dicom, &pixels, &fx_error);
	has = mmn_dicom_has_palette(dicom, &pixels, 1, mixed);
	mmn_dicom_close(dicom);
	return has;
}

static void
test_presentation(void)
{
	bool mixed;

	ok(has_palette("COLOR", 0, NULL, &mixed) && !mixed, "COLOR");
	ok(has_palette("MIXED", 0, NULL, &mixed) && mixed, "MIXED");
	ok(!has_palette("MONOCHROME", 0, NULL, &mixed), "MONOCHROME");
	ok(!has_palette(NULL, 0, NULL, &mixed), "not said");
	ok(has_palette("MONOCHROME", 0x00189329, "COLOR", &mixed), "of CT frames");
	ok(has_palette(NULL, 0x00189226, "MIXED", &mixed) && mixed, "MR frames");
	ok(!has_palette("COLOR", 0x00189751, "MONOCHROME", &mixed),
	   "of PET frames it goes before the image's");
}

static void
test_display(void)
{
	mmn_image image = {.window_center = 100, .window_width = 51};
	uint16_t *table = malloc(2);

	t = (mmn_transform){.gain = 2, .offset = 10};
	image.voi = table;
	image.voi_entries = 1;
	image.flags = MMN_IMAGE_VOI_TABLE | MMN_IMAGE_INVERTED;
	mmn_transform_display(&mmn_env_default, &t, &image);
	ok(image.window_center == 209 && image.window_width == 100 && !image.voi &&
		   image.voi_entries == 0 &&
		   image.flags == (MMN_IMAGE_INVERTED | MMN_IMAGE_LINEAR_EXACT),
	   "LINEAR moves as LINEAR_EXACT; a table cannot");
	mmn_transform_display(&mmn_env_default, &t, &image);
	ok(image.window_center == 428 && image.window_width == 200, "once more");
	t.gain = 1;
	t.offset = 0;
	mmn_transform_display(&mmn_env_default, &t, &image);
	ok(image.window_center == 428 && image.window_width == 200, "or stays");
	t.gain = 0;
	mmn_transform_display(&mmn_env_default, &t, &image);
	ok(image.window_center == 0 && image.window_width == 0 &&
		   image.flags == MMN_IMAGE_INVERTED,
	   "or goes");
}

static void *
no_memory(void *ctx, size_t size)
{
	(void)ctx;
	(void)size;
	return NULL;
}

int
main(void)
{
	mmn_env poor = mmn_env_default;

	test_mappings();
	test_ranges();
	test_many();
	test_suv();
	test_enhanced_suv();
	test_enhanced_copy();
	test_suv_needs();
	test_philips();
	test_presentation();
	begin("MR");
	mapping("ms");
	fx_double(0x00409212, 42);
	fx_us(0x00409216, 3);
	end_mapping();
	poor.alloc = no_memory;
	is_int(read(&poor), MMN_NO_MEMORY, "no memory for a table");
	test_display();
	return done_testing();
}
