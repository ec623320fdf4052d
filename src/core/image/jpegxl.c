#include "image/jpegxl.h"

#include <string.h>

#include "base/bytes.h"

/* ---- boxes (part 2) ---- */

static const uint8_t container[12] = {0,   0,	0,	  12,	'J',  'X',
									  'L', ' ', '\r', '\n', 0x87, '\n'};

bool
mmn_jxl_is_container(const uint8_t *bytes, size_t length)
{
	return length >= sizeof container &&
		   memcmp(bytes, container, sizeof container) == 0;
}

bool
mmn_is_jpegxl(const uint8_t *bytes, size_t length)
{
	return (length >= 2 && bytes[0] == 0xFF && bytes[1] == 0x0A) ||
		   mmn_jxl_is_container(bytes, length);
}

bool
mmn_jxl_box_read(const uint8_t *bytes, size_t length, size_t at,
				 mmn_jxl_box *out)
{
	uint64_t size;

	if (at > length || length - at < 8)
		return false;
	*out = (mmn_jxl_box){at, 8, 0};
	size = mmn_load_u32be(bytes + at);
	if (size == 1)
	{
		if (length - at < 16)
			return false;
		size = (uint64_t)mmn_load_u32be(bytes + at + 8) << 32 |
			   mmn_load_u32be(bytes + at + 12);
		out->header = 16;
	}
	if (size == 0)
		size = length - at;
	out->size = (size_t)size;
	return size >= out->header && size <= length - at;
}

/* ---- bits (part 1, Annex B) ---- */

/* Boxes "jxlc" and "jxlp", which are numbered; the last one has bit 31 set. */
static bool
next_part(mmn_jxl_reader *r)
{
	mmn_jxl_box box;

	while (mmn_jxl_box_read(r->bytes, r->length, r->next, &box))
	{
		const uint8_t *type = r->bytes + box.at + 4;
		size_t start = box.at + box.header;
		uint32_t number = 1u << 31;

		r->next = box.at + box.size;
		if (memcmp(type, "jxlp", 4) == 0)
		{
			if (box.size - box.header < 4)
				break;
			number = mmn_load_u32be(r->bytes + start);
			start += 4;
			if ((number & 0x7FFFFFFF) != r->parts)
				break;
		}
		else if (memcmp(type, "jxlc", 4) != 0)
			continue;
		else if (r->parts > 0)
			break;
		r->parts++;
		r->at = start;
		r->end = r->next;
		if (number >> 31)
			r->next = r->length;
		return true;
	}
	r->next = r->length;
	return false;
}

bool
mmn_jxl_seek_bit(mmn_jxl_reader *r)
{
	while (r->at == r->end)
		if (!next_part(r))
		{
			r->ended = true;
			return false;
		}
	return true;
}

uint32_t
mmn_jxl_bits(mmn_jxl_reader *r, unsigned n)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < n && mmn_jxl_seek_bit(r); i++)
	{
		v |= (uint32_t)(r->bytes[r->at] >> r->bit & 1) << i;
		r->bit = (r->bit + 1) % 8;
		r->at += r->bit == 0;
	}
	return v;
}

static void
skip_bits(mmn_jxl_reader *r, unsigned n)
{
	for (; n > 32; n -= 32)
		mmn_jxl_bits(r, 32);
	mmn_jxl_bits(r, n);
}

/* The standard wants zeros there, and decoders look. */
static bool
skip_to_byte(mmn_jxl_reader *r)
{
	return r->bit == 0 || mmn_jxl_bits(r, 8 - r->bit) == 0;
}

static bool
skip_bytes(mmn_jxl_reader *r, uint64_t n)
{
	while (n > 0 && mmn_jxl_seek_bit(r))
	{
		size_t here = n < r->end - r->at ? (size_t)n : r->end - r->at;

		r->at += here;
		n -= here;
	}
	return n == 0;
}

/* One of four ranges, that begin at "from" and have so many bits. */
typedef struct ranges
{
	uint32_t from[4];
	uint8_t bits[4];
} ranges;

static uint32_t
read_u32(mmn_jxl_reader *r, const ranges *u)
{
	unsigned i = mmn_jxl_bits(r, 2);

	return u->from[i] + mmn_jxl_bits(r, u->bits[i]);
}

static uint64_t
read_u64(mmn_jxl_reader *r)
{
	uint64_t v;

	switch (mmn_jxl_bits(r, 2))
	{
		case 0:
			return 0;
		case 1:
			return 1 + mmn_jxl_bits(r, 4);
		case 2:
			return 17 + mmn_jxl_bits(r, 8);
	}
	v = mmn_jxl_bits(r, 12);
	for (unsigned shift = 12; mmn_jxl_bits(r, 1); shift += 8)
	{
		if (shift == 60)
			return v | (uint64_t)mmn_jxl_bits(r, 4) << 60;
		v |= (uint64_t)mmn_jxl_bits(r, 8) << shift;
	}
	return v;
}

static uint32_t
read_enum(mmn_jxl_reader *r)
{
	return read_u32(r, &(ranges){{0, 1, 2, 18}, {0, 0, 4, 6}});
}

/* ---- the image (Annex D) ---- */

static mmn_status
damaged(mmn_error *err)
{
	return mmn_fail(err, MMN_BAD_DATA, "the JPEG XL data are damaged");
}

static mmn_status
unsupported(mmn_error *err, const char *what)
{
	return mmn_fail(err, MMN_UNSUPPORTED, "unsupported JPEG XL data with %s",
					what);
}

static void
read_size(mmn_jxl_reader *r, uint32_t *width, uint32_t *height)
{
	static const ranges side = {{1, 1, 1, 1}, {9, 13, 18, 30}};
	static const uint8_t ratios[8][2] = {{0, 0}, {1, 1},  {12, 10}, {4, 3},
										 {3, 2}, {16, 9}, {5, 4},	{2, 1}};
	bool eighths = mmn_jxl_bits(r, 1);
	unsigned ratio;

	*height = eighths ? 8 * (1 + mmn_jxl_bits(r, 5)) : read_u32(r, &side);
	ratio = mmn_jxl_bits(r, 3);
	if (ratio)
		*width =
			(uint32_t)((uint64_t)*height * ratios[ratio][0] / ratios[ratio][1]);
	else
		*width = eighths ? 8 * (1 + mmn_jxl_bits(r, 5)) : read_u32(r, &side);
}

/* Where a colour is: two coordinates. */
static void
skip_chromaticity(mmn_jxl_reader *r)
{
	static const ranges coordinate = {{0, 524288, 1048576, 2097152},
									  {19, 19, 20, 21}};

	read_u32(r, &coordinate);
	read_u32(r, &coordinate);
}

static mmn_status
read_colour(mmn_jxl_reader *r, mmn_jxl_image *out, mmn_error *err)
{
	uint32_t space;

	out->channels = 3;
	if (mmn_jxl_bits(r, 1))
		return MMN_OK;
	out->icc = mmn_jxl_bits(r, 1);
	space = read_enum(r);
	if (space > 1)
		return unsupported(err, "a colour space other than RGB and gray");
	if (space == 1)
		out->channels = 1;
	if (out->icc)
		return MMN_OK;
	/* white point, primaries, transfer function, rendering intent */
	if (read_enum(r) == 2)
		skip_chromaticity(r);
	if (space == 0 && read_enum(r) == 2)
		for (int i = 0; i < 3; i++)
			skip_chromaticity(r);
	if (mmn_jxl_bits(r, 1))
		skip_bits(r, 24);
	else
		read_enum(r);
	read_enum(r);
	return MMN_OK;
}

static mmn_status
check_extensions(mmn_jxl_reader *r, mmn_error *err)
{
	return read_u64(r) == 0 ? MMN_OK : unsupported(err, "extensions");
}

static mmn_status
read_metadata(mmn_jxl_reader *r, mmn_jxl_image *out, mmn_error *err)
{
	bool extra;
	uint32_t width, height;
	mmn_status status;

	out->channels = 3;
	out->bits = 8;
	out->xyb = true;
	if (mmn_jxl_bits(r, 1))
		return MMN_OK;
	extra = mmn_jxl_bits(r, 1);
	if (extra)
	{
		if (mmn_jxl_bits(r, 3) != 0)
			return unsupported(err, "an orientation");
		if (mmn_jxl_bits(r, 1))
			read_size(r, &width, &height); /* as it is to be shown */
		if (mmn_jxl_bits(r, 1))
			return unsupported(err, "a preview");
		if (mmn_jxl_bits(r, 1))
			return unsupported(err, "an animation");
	}
	if (mmn_jxl_bits(r, 1))
		return unsupported(err, "floating-point samples");
	out->bits = (uint8_t)read_u32(r, &(ranges){{8, 10, 12, 1}, {0, 0, 0, 6}});
	mmn_jxl_bits(r, 1); /* whether 16 bits hold what it computes with */
	if (read_u32(r, &(ranges){{0, 1, 2, 1}, {0, 0, 4, 12}}) != 0)
		return unsupported(err, "transparency or other further channels");
	out->xyb = mmn_jxl_bits(r, 1);
	status = read_colour(r, out, err);
	if (status != MMN_OK)
		return status;
	/* tone mapping */
	if (extra && !mmn_jxl_bits(r, 1))
		skip_bits(r, 16 + 16 + 1 + 16);
	return check_extensions(r, err);
}

/* Numbers that a decoder may be given instead of its own. */
static void
skip_weights(mmn_jxl_reader *r, const mmn_jxl_image *image)
{
	static const uint16_t count[3] = {15, 55, 210};
	uint32_t mask;

	if (mmn_jxl_bits(r, 1))
		return;
	if (image->xyb && !mmn_jxl_bits(r, 1))
		skip_bits(r, 16 * 16);
	mask = mmn_jxl_bits(r, 3);
	for (int i = 0; i < 3; i++)
		if (mask >> i & 1)
			skip_bits(r, 16u * count[i]);
}

mmn_status
mmn_jxl_open(const uint8_t *bytes, size_t length, mmn_jxl_reader *out,
			 mmn_error *err)
{
	*out = (mmn_jxl_reader){.bytes = bytes, .length = length};
	if (mmn_jxl_is_container(bytes, length))
		out->next = sizeof container;
	else
		out->end = out->next = length;
	if (mmn_jxl_bits(out, 16) != 0x0AFF)
		return damaged(err);
	return MMN_OK;
}

mmn_status
mmn_jxl_read_image(mmn_jxl_reader *r, mmn_jxl_image *out, mmn_error *err)
{
	mmn_status status;

	memset(out, 0, sizeof *out);
	read_size(r, &out->width, &out->height);
	status = read_metadata(r, out, err);
	if (status != MMN_OK)
		return status;
	skip_weights(r, out);
	if (r->ended || (!out->icc && !skip_to_byte(r)))
		return damaged(err);
	return MMN_OK;
}

/* ---- layers (Annexes C and F) ---- */

enum
{
	LAYER_REGULAR,
	LAYER_LOW_FREQUENCIES,
	LAYER_REFERENCE,
	LAYER_UNSHOWN
};

#define FLAG_LOW_FREQUENCIES 32 /* they come from a layer before */

typedef struct geometry
{
	uint32_t width;
	uint32_t height;
	uint32_t upsampling;
	uint32_t group; /* side, in samples */
	unsigned subsampled_x;
	unsigned subsampled_y;
	unsigned low_level;
	uint32_t passes;
} geometry;

static uint64_t
divide_up(uint64_t n, uint64_t by)
{
	return (n + by - 1) / by;
}

/* How many parts its data are in, each of which can be decoded by itself. */
static bool
count_sections(const geometry *g, uint32_t *out)
{
	uint64_t shrunk = (uint64_t)1 << 3 * g->low_level;
	uint64_t width = divide_up(divide_up(g->width, shrunk), g->upsampling);
	uint64_t height = divide_up(divide_up(g->height, shrunk), g->upsampling);
	uint64_t groups = divide_up(width, g->group) * divide_up(height, g->group);
	/* low frequencies: by blocks of 8x8, or of several such */
	uint64_t across = divide_up(width, 8u << g->subsampled_x)
					  << g->subsampled_x;
	uint64_t down = divide_up(height, 8u << g->subsampled_y) << g->subsampled_y;
	uint64_t low = divide_up(across, g->group) * divide_up(down, g->group);
	uint64_t n =
		groups == 1 && g->passes == 1 ? 1 : 2 + low + groups * g->passes;

	*out = (uint32_t)n;
	return n <= UINT32_MAX;
}

static uint32_t
read_passes(mmn_jxl_reader *r)
{
	uint32_t n = read_u32(r, &(ranges){{1, 2, 3, 4}, {0, 0, 0, 3}}), smaller;

	if (n == 1)
		return n;
	smaller = read_u32(r, &(ranges){{0, 1, 2, 3}, {0, 0, 0, 1}});
	skip_bits(r, 2 * (n - 1));
	skip_bits(r, 2 * smaller);
	for (uint32_t i = 0; i < smaller; i++)
		read_u32(r, &(ranges){{0, 1, 2, 0}, {0, 0, 0, 3}});
	return n;
}

/* Returns whether the layer covers less than the image. */
static bool
read_crop(mmn_jxl_reader *r, const mmn_jxl_image *image, bool shown,
		  geometry *g)
{
	static const ranges u = {{0, 256, 2304, 18688}, {8, 11, 14, 30}};
	int64_t corner[2] = {0, 0};

	if (!mmn_jxl_bits(r, 1))
		return false;
	for (int i = 0; i < 2 && shown; i++)
	{
		uint32_t v = read_u32(r, &u);

		corner[i] = v & 1 ? -(int64_t)(v / 2) - 1 : v / 2;
	}
	g->width = read_u32(r, &u);
	g->height = read_u32(r, &u);
	return shown && (corner[0] > 0 || corner[1] > 0 ||
					 corner[0] + g->width < image->width ||
					 corner[1] + g->height < image->height);
}

static void
read_subsampling(mmn_jxl_reader *r, geometry *g)
{
	for (int i = 0; i < 3; i++)
	{
		/* none, both ways, across, down */
		unsigned mode = mmn_jxl_bits(r, 2);

		g->subsampled_x |= mode == 1 || mode == 2;
		g->subsampled_y |= mode == 1 || mode == 3;
	}
}

/* Of a header that is not all as usual, what stands before the name. */
static void
read_layer(mmn_jxl_reader *r, const mmn_jxl_image *image, mmn_jxl_layer *out,
		   geometry *g)
{
	unsigned kind = mmn_jxl_bits(r, 2);
	bool shown = kind == LAYER_REGULAR || kind == LAYER_UNSHOWN;
	bool partial = false;
	uint32_t blending = 0;
	uint64_t flags;

	out->modular = mmn_jxl_bits(r, 1);
	flags = read_u64(r);
	out->ycbcr = !image->xyb && mmn_jxl_bits(r, 1);
	if (!(flags & FLAG_LOW_FREQUENCIES))
	{
		if (out->ycbcr)
			read_subsampling(r, g);
		g->upsampling = 1u << mmn_jxl_bits(r, 2);
	}
	if (out->modular)
		g->group = 128u << mmn_jxl_bits(r, 2);
	else if (image->xyb)
		skip_bits(r, 3 + 3);
	if (kind != LAYER_REFERENCE)
		g->passes = read_passes(r);
	if (kind == LAYER_LOW_FREQUENCIES)
		g->low_level = 1 + mmn_jxl_bits(r, 2);
	else
		partial = read_crop(r, image, shown, g);
	out->last = false;
	if (shown)
	{
		blending = read_u32(r, &(ranges){{0, 1, 2, 3}, {0, 0, 0, 2}});
		if (blending == 4) /* multiplies: whether it clamps */
			mmn_jxl_bits(r, 1);
		if (blending != 0 || partial)
			skip_bits(r, 2);
		out->last = mmn_jxl_bits(r, 1);
	}
	if (kind == LAYER_LOW_FREQUENCIES || out->last)
		return;
	skip_bits(r, 2); /* the number that others know it by */
	if (kind == LAYER_REFERENCE || (blending == 0 && !partial))
		skip_bits(r, 1);
}

mmn_status
mmn_jxl_read_layer(mmn_jxl_reader *r, const mmn_jxl_image *image,
				   mmn_jxl_layer *out, mmn_error *err)
{
	geometry g = {
		.width = image->width,
		.height = image->height,
		.upsampling = 1,
		.group = 256,
		.passes = 1,
	};

	*out = (mmn_jxl_layer){.last = true};
	if (!mmn_jxl_bits(r, 1))
	{
		read_layer(r, image, out, &g);
		out->name_bits =
			8 * (size_t)read_u32(r, &(ranges){{0, 0, 16, 48}, {0, 4, 5, 10}});
		out->has_filter = true;
	}
	if (r->ended || g.width == 0 || g.height == 0 ||
		!count_sections(&g, &out->sections))
		return damaged(err);
	return MMN_OK;
}

/* Smoothing between and behind blocks. */
static mmn_status
skip_filter(mmn_jxl_reader *r, bool modular, mmn_error *err)
{
	if (mmn_jxl_bits(r, 1))
		return MMN_OK;
	if (mmn_jxl_bits(r, 1) && mmn_jxl_bits(r, 1))
		skip_bits(r, 6 * 16);
	if (mmn_jxl_bits(r, 2) != 0)
	{
		if (!modular && mmn_jxl_bits(r, 1))
			skip_bits(r, 8 * 16);
		if (mmn_jxl_bits(r, 1))
			skip_bits(r, 5 * 16);
		if (mmn_jxl_bits(r, 1))
			skip_bits(r, modular ? 3 * 16 : 4 * 16);
		if (modular)
			skip_bits(r, 16);
	}
	return check_extensions(r, err);
}

/* F.3: their lengths stand before them. */
static mmn_status
skip_sections(mmn_jxl_reader *r, uint32_t count, mmn_error *err)
{
	static const ranges length = {{0, 1024, 17408, 4211712}, {10, 14, 22, 30}};
	uint64_t total = 0;

	if (mmn_jxl_bits(r, 1))
		return unsupported(err, "groups in an order of their own");
	if (!skip_to_byte(r))
		return damaged(err);
	for (uint32_t i = 0; i < count && !r->ended; i++)
		total += read_u32(r, &length);
	if (!skip_to_byte(r) || r->ended || !skip_bytes(r, total))
		return damaged(err);
	return MMN_OK;
}

mmn_status
mmn_jxl_skip_layer(mmn_jxl_reader *r, const mmn_jxl_layer *layer,
				   mmn_error *err)
{
	mmn_status status = MMN_OK;

	if (layer->has_filter)
	{
		status = skip_filter(r, layer->modular, err);
		if (status == MMN_OK)
			status = check_extensions(r, err);
	}
	return status != MMN_OK ? status : skip_sections(r, layer->sections, err);
}

/* ---- */

mmn_status
mmn_jxl_peek(const uint8_t *bytes, size_t length, mmn_codestream *out,
			 mmn_error *err)
{
	mmn_jxl_reader r;
	mmn_jxl_image image;
	mmn_jxl_layer layer = {.modular = true};
	mmn_status status = mmn_jxl_open(bytes, length, &r, err);

	if (status == MMN_OK)
		status = mmn_jxl_read_image(&r, &image, err);
	if (status == MMN_OK && !image.icc)
		status = mmn_jxl_read_layer(&r, &image, &layer, err);
	if (status != MMN_OK)
		return status;
	if (image.bits < 1 || image.bits > 16)
		return mmn_fail(err, MMN_UNSUPPORTED,
						"unsupported JPEG XL data with %u bits a sample",
						image.bits);
	out->kind = MMN_CODESTREAM_JPEG_XL;
	out->width = image.width;
	out->height = image.height;
	out->components = image.channels;
	out->precision = image.bits;
	out->lossy = image.xyb || !layer.modular;
	out->transformed = image.xyb || image.icc || layer.ycbcr;
	return MMN_OK;
}
