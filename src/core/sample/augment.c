/*
 * Variations.
 *
 * All movements are one affine map from a pixel of the result to a point of
 * the rendition: crop chooses a rectangle of the result's aspect, rotate turns
 * it around its own centre, flips mirror it.
 *
 * Nothing here depends on the machine: only +, -, *, / and floor of IEEE
 * doubles, never contracted (see the Makefile).  Sine and cosine come from
 * their series, since those of libm may differ in the last bit from one CPU to
 * the next.
 */
#include "sample/augment.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "sample/permute.h"

/* Which of a key's random numbers is for what: never change one, only add. */
enum
{
	DRAW_FLIP_HORIZONTAL = 1,
	DRAW_FLIP_VERTICAL,
	DRAW_ROTATE,
	DRAW_CROP,
	DRAW_CROP_X,
	DRAW_CROP_Y,
	DRAW_WINDOW_CENTER,
	DRAW_WINDOW_WIDTH
};

#define POLL_ROWS 64

/* Uniform in [0, 1). */
static double
draw(uint64_t key, int what)
{
	return (double)(mmn_mix(key, (uint64_t)what) >> 11) * 0x1p-53;
}

/* Uniform in [-1, 1). */
static double
draw_signed(uint64_t key, int what)
{
	return 2 * draw(key, what) - 1;
}

/* |x| <= pi: enough terms for all bits of a double. */
static void
sine_cosine(double x, double *sine, double *cosine)
{
	double s = 0, c = 0, term = 1;

	for (int n = 0; n < 40; n++)
	{
		/* term = x^n / n! */
		double sign = n & 2 ? -1 : 1;

		if (n & 1)
			s += sign * term;
		else
			c += sign * term;
		term = term * x / (n + 1);
	}
	*sine = s;
	*cosine = c;
}

bool
mmn_augment_has_warp(const mmn_augment *augment)
{
	return augment->flip_horizontal || augment->flip_vertical ||
		   augment->rotate > 0 || augment->crop > 0;
}

void
mmn_augment_window(const mmn_augment *augment, uint64_t key, double *base,
				   double *gain)
{
	double center =
		0.5 + augment->window * draw_signed(key, DRAW_WINDOW_CENTER);
	double width = 1 + augment->window * draw_signed(key, DRAW_WINDOW_WIDTH);

	*base = 255 * (center - width / 2);
	*gain = 1 / width;
}

/* From the result's (x, y) to (ax + by + c, dx + ey + f) of the rendition. */
typedef struct affine
{
	double a, b, c;
	double d, e, f;
} affine;

static affine
make_affine(const mmn_augment *augment, const mmn_fit *fit, uint64_t key)
{
	double w = fit->width, h = fit->height;
	double side = 1 - augment->crop * draw(key, DRAW_CROP);
	double mirror_x = 1, mirror_y = 1;
	double sine, cosine, x, y;
	affine map;

	if (augment->flip_horizontal && draw(key, DRAW_FLIP_HORIZONTAL) < 0.5)
		mirror_x = -1;
	if (augment->flip_vertical && draw(key, DRAW_FLIP_VERTICAL) < 0.5)
		mirror_y = -1;
	/* centre of the rectangle; a pixel's centre has whole coordinates */
	x = (w - 1) / 2 + (1 - side) * w * (draw(key, DRAW_CROP_X) - 0.5);
	y = (h - 1) / 2 + (1 - side) * h * (draw(key, DRAW_CROP_Y) - 0.5);
	sine_cosine(augment->rotate * draw_signed(key, DRAW_ROTATE) / 180 *
					3.14159265358979323846,
				&sine, &cosine);
	map.a = side * cosine * mirror_x;
	map.b = -side * sine * mirror_y;
	map.d = side * sine * mirror_x;
	map.e = side * cosine * mirror_y;
	map.c = x - map.a * (w - 1) / 2 - map.b * (h - 1) / 2;
	map.f = y - map.d * (w - 1) / 2 - map.e * (h - 1) / 2;
	return map;
}

static inline double
load(const uint8_t *p, uint8_t dtype)
{
	float f;
	uint32_t bits;

	switch (dtype)
	{
		case MMN_DTYPE_UINT8:
			return *p;
		case MMN_DTYPE_INT16:
			return (int16_t)mmn_load_u16le(p);
		case MMN_DTYPE_UINT16:
			return mmn_load_u16le(p);
		case MMN_DTYPE_FLOAT16:
			return mmn_half_to_double(mmn_load_u16le(p));
		default:
			bits = mmn_load_u32le(p);
			memcpy(&f, &bits, sizeof(f));
			return f;
	}
}

/* A mean of values of the type is in its range. */
static inline void
store(uint8_t *p, uint8_t dtype, double v)
{
	float f = (float)v;
	uint32_t bits;

	switch (dtype)
	{
		case MMN_DTYPE_UINT8:
			*p = (uint8_t)floor(v + 0.5);
			break;
		case MMN_DTYPE_INT16:
			mmn_store_u16le(p, (uint16_t)(int16_t)floor(v + 0.5));
			break;
		case MMN_DTYPE_UINT16:
			mmn_store_u16le(p, (uint16_t)floor(v + 0.5));
			break;
		case MMN_DTYPE_FLOAT16:
			mmn_store_u16le(p, mmn_half_from_double(v));
			break;
		default:
			memcpy(&bits, &f, sizeof(bits));
			mmn_store_u32le(p, bits);
			break;
	}
}

static inline double
between(double p, double q, double far)
{
	/* q may not be finite */
	return far > 0 ? p + (q - p) * far : p;
}

/* The two neighbours of a coordinate below n, and how far it is from the first. */
typedef struct neighbours
{
	size_t first, second;
	double far;
} neighbours;

static inline neighbours
find_neighbours(double at, uint32_t n)
{
	double whole;

	/* the border goes on */
	at = at > 0 ? at : 0;
	at = at < n - 1 ? at : n - 1;
	whole = floor(at);
	return (neighbours){(size_t)whole,
						whole + 1 < n ? (size_t)whole + 1 : (size_t)whole,
						at - whole};
}

mmn_status
mmn_augment_warp(const mmn_env *env, const mmn_augment *augment,
				 const mmn_fit *fit, uint64_t key, const void *in, void *out,
				 mmn_error *err)
{
	affine map = make_affine(augment, fit, key);
	size_t size = mmn_dtype_size(fit->dtype);
	size_t pixel = (fit->channels_last ? fit->channels : 1) * size;
	size_t row = fit->width * pixel;
	size_t channel = fit->channels_last ? size : fit->height * row;

	for (uint32_t y = 0; y < fit->height; y++)
	{
		if (y % POLL_ROWS == 0 && mmn_poll(env, err) != MMN_OK)
			return MMN_CANCELED;
		for (uint32_t x = 0; x < fit->width; x++)
		{
			neighbours h =
				find_neighbours(map.a * x + map.b * y + map.c, fit->width);
			neighbours v =
				find_neighbours(map.d * x + map.e * y + map.f, fit->height);
			const uint8_t *from = in;
			uint8_t *to = (uint8_t *)out + y * row + x * pixel;

			for (int c = 0; c < fit->channels; c++)
			{
				const uint8_t *upper = from + v.first * row;
				const uint8_t *lower = from + v.second * row;
				double p = load(upper + h.first * pixel, fit->dtype);
				double q = load(upper + h.second * pixel, fit->dtype);
				double r = load(lower + h.first * pixel, fit->dtype);
				double s = load(lower + h.second * pixel, fit->dtype);

				store(to, fit->dtype,
					  between(between(p, q, h.far), between(r, s, h.far),
							  v.far));
				from += channel;
				to += channel;
			}
		}
	}
	return MMN_OK;
}
