/*
 * Dividing units into splits.
 *
 * 1. Units are taken from the largest to the smallest, equal ones in an order
 *    keyed by the seed.  Each goes to the split where its labels are least
 *    filled: with t = fraction * N the share of a label's N images that a split
 *    should have and c what it has, a unit with n images of the label would
 *    raise the sum of squared relative errors by about n/N * (c + n/2) / t,
 *    summed over its labels.  For units of one image this is the method of
 *    Webster, whose result is off by less than one image; small units, taken
 *    last, even out what large ones left uneven; and each split gets units of
 *    every size, not train all the large ones.
 * 2. A split that a small label missed gets its smallest unit that can be
 *    spared, rarest label first; likewise a split without any unit.  A unit can
 *    be spared if its split keeps another one of each of its labels.
 *
 * Greedy, so not the best division there is; in the units of a catalog the
 * difference is a few images.
 */
#include "sample/split.h"

#include <stdbool.h>
#include <stdlib.h>

#include "sample/permute.h"

typedef struct unit
{
	uint32_t index;
	uint32_t images; /* of all labels */
	uint64_t key;
	int64_t id;
	uint64_t first; /* in counts */
	uint64_t end;
} unit;

typedef struct label
{
	uint32_t index;
	uint32_t units;
	uint64_t images;
	uint64_t first; /* in division.by_label */
} label;

typedef struct division
{
	uint32_t n_units;
	uint32_t n_labels;
	uint32_t n_splits;
	const mmn_unit_count *counts;
	const double *fractions;
	unit *units;		  /* [n_units] largest first */
	uint32_t *by_label;	  /* [n_counts] units of each label, smallest first */
	label *labels;		  /* [n_labels] */
	uint64_t *images;	  /* [n_splits][n_labels] */
	uint32_t *having;	  /* [n_splits][n_labels] units that have the label */
	uint32_t *split_size; /* [n_splits] units */
	uint32_t *out;		  /* [n_units] split, by the caller's index */
} division;

static int
compare_units(const void *x, const void *y)
{
	const unit *a = x, *b = y;

	if (a->images != b->images)
		return a->images > b->images ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Rarest first. */
static int
compare_labels(const void *x, const void *y)
{
	const label *a = x, *b = y;

	if (a->units != b->units)
		return a->units < b->units ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static void
account(division *d, const unit *u, uint32_t split, int sign)
{
	for (uint64_t i = u->first; i < u->end; i++)
	{
		size_t at = (size_t)split * d->n_labels + d->counts[i].label;

		d->images[at] += (uint64_t)((int64_t)sign * d->counts[i].images);
		d->having[at] += (uint32_t)sign;
	}
	d->split_size[split] += (uint32_t)sign;
}

static void
put(division *d, const unit *u, uint32_t split)
{
	account(d, u, split, 1);
	d->out[u->index] = split;
}

/* The split where u's labels are least filled. */
static uint32_t
neediest(const division *d, const unit *u)
{
	uint32_t best = 0;
	double best_score = 0;

	for (uint32_t s = 0; s < d->n_splits; s++)
	{
		double score = 0;

		for (uint64_t i = u->first; i < u->end; i++)
		{
			const mmn_unit_count *c = &d->counts[i];
			double total = (double)d->labels[c->label].images;
			double have = (double)d->images[(size_t)s * d->n_labels + c->label];

			score += c->images / total * (have + c->images / 2.0) /
					 (d->fractions[s] * total);
		}
		if (s == 0 || score < best_score ||
			(score == best_score && d->fractions[s] > d->fractions[best]))
		{
			best = s;
			best_score = score;
		}
	}
	return best;
}

/* Would u's split keep another unit of each of u's labels, and any unit? */
static bool
can_spare(const division *d, const unit *u, bool keep_labels)
{
	uint32_t split = d->out[u->index];

	if (d->split_size[split] < 2)
		return false;
	for (uint64_t i = u->first; keep_labels && i < u->end; i++)
		if (d->having[(size_t)split * d->n_labels + d->counts[i].label] < 2)
			return false;
	return true;
}

static void
move(division *d, const unit *u, uint32_t to)
{
	account(d, u, d->out[u->index], -1);
	put(d, u, to);
}

/*
 * Gives split `to` the smallest unit with the label that can be spared, from
 * the split which has the most of that label.
 */
static void
supply_label(division *d, const label *l, uint32_t to)
{
	const unit *best = NULL;
	uint32_t best_having = 0;

	for (uint32_t i = 0; i < l->units; i++)
	{
		const unit *u = &d->units[d->by_label[l->first + i]];
		uint32_t having =
			d->having[(size_t)d->out[u->index] * d->n_labels + l->index];

		if (having > best_having && can_spare(d, u, true))
		{
			best = u;
			best_having = having;
		}
	}
	if (best)
		move(d, best, to);
}

/* Gives the empty split `to` the smallest unit of the split with the most. */
static void
supply_unit(division *d, uint32_t to)
{
	const unit *best = NULL;

	for (int keep_labels = 1; !best && keep_labels >= 0; keep_labels--)
		for (uint32_t i = d->n_units; i-- > 0;)
		{
			const unit *u = &d->units[i];

			if (can_spare(d, u, keep_labels) &&
				(!best || d->split_size[d->out[u->index]] >
							  d->split_size[d->out[best->index]]))
				best = u;
		}
	if (best)
		move(d, best, to);
}

/* Lists the (sorted) units by label. */
static void
index_labels(division *d)
{
	uint64_t first = 0;

	for (uint32_t l = 0; l < d->n_labels; l++)
	{
		d->labels[l].first = first;
		first += d->labels[l].units;
		d->labels[l].units = 0;
	}
	for (uint32_t i = d->n_units; i-- > 0;)
		for (uint64_t c = d->units[i].first; c < d->units[i].end; c++)
		{
			label *l = &d->labels[d->counts[c].label];

			d->by_label[l->first + l->units++] = i;
		}
}

/* Step 2; the splits with the largest fractions are served first. */
static mmn_status
fill_gaps(division *d, const mmn_env *env, label *rarest, mmn_error *err)
{
	uint32_t order[MMN_SPLIT_MAX];
	mmn_status status;

	for (uint32_t s = 0; s < d->n_splits; s++)
	{
		uint32_t i = s;

		for (; i > 0 && d->fractions[order[i - 1]] < d->fractions[s]; i--)
			order[i] = order[i - 1];
		order[i] = s;
	}
	index_labels(d);
	for (uint32_t l = 0; l < d->n_labels; l++)
		rarest[l] = d->labels[l];
	qsort(rarest, d->n_labels, sizeof(*rarest), compare_labels);
	for (uint32_t l = 0; l < d->n_labels; l++)
		for (uint32_t i = 0; rarest[l].units > 1 && i < d->n_splits; i++)
			if (d->having[(size_t)order[i] * d->n_labels + rarest[l].index] ==
				0)
			{
				if ((status = mmn_poll(env, err)) != MMN_OK)
					return status;
				supply_label(d, &rarest[l], order[i]);
			}
	for (uint32_t i = 0; i < d->n_splits; i++)
		if (d->split_size[order[i]] == 0)
			supply_unit(d, order[i]);
	return MMN_OK;
}

/* Totals per unit and label, with all that is wrong with the input. */
static mmn_status
read_counts(division *d, uint64_t seed, const int64_t *unit_ids,
			uint64_t n_counts, mmn_error *err)
{
	uint64_t i = 0;

	for (uint32_t l = 0; l < d->n_labels; l++)
		d->labels[l].index = l;
	for (uint32_t u = 0; u < d->n_units; u++)
	{
		d->units[u].index = u;
		d->units[u].id = unit_ids[u];
		d->units[u].key = mmn_mix(seed, (uint64_t)unit_ids[u]);
		d->units[u].first = i;
		for (; i < n_counts && d->counts[i].unit == u; i++)
		{
			if (d->counts[i].label >= d->n_labels || d->counts[i].images < 1)
				return mmn_fail(err, MMN_BAD_ARGUMENT,
								"a unit has a label out of range");
			d->units[u].images += d->counts[i].images;
			d->labels[d->counts[i].label].images += d->counts[i].images;
			d->labels[d->counts[i].label].units++;
		}
		d->units[u].end = i;
		if (d->units[u].first == i)
			return mmn_fail(err, MMN_BAD_ARGUMENT,
							"units are not in order, or one has no image");
	}
	if (i != n_counts)
		return mmn_fail(err, MMN_BAD_ARGUMENT, "a count names no unit");
	return MMN_OK;
}

mmn_status
mmn_split_assign(const mmn_env *env, uint64_t seed, uint32_t units,
				 const int64_t *unit_ids, uint32_t labels,
				 const mmn_unit_count *counts, uint64_t n_counts,
				 uint32_t splits, const double *fractions, uint32_t *out,
				 mmn_error *err)
{
	division d = {.n_units = units,
				  .n_labels = labels,
				  .n_splits = splits,
				  .counts = counts,
				  .fractions = fractions,
				  .out = out};
	label *rarest = NULL;
	mmn_status status;

	if (splits < 1 || splits > MMN_SPLIT_MAX)
		return mmn_fail(err, MMN_LIMIT, "there are 1 to %d splits, not %u",
						MMN_SPLIT_MAX, splits);
	for (uint32_t s = 0; s < splits; s++)
		if (!(fractions[s] > 0))
			return mmn_fail(err, MMN_BAD_ARGUMENT,
							"a split's fraction is not positive");
	d.units = mmn_alloc_zero(env, units, sizeof(*d.units));
	d.by_label = mmn_alloc_zero(env, n_counts, sizeof(*d.by_label));
	d.labels = mmn_alloc_zero(env, labels, sizeof(*d.labels));
	rarest = mmn_alloc_zero(env, labels, sizeof(*rarest));
	d.images = mmn_alloc_zero(env, (size_t)splits * labels, sizeof(*d.images));
	d.having = mmn_alloc_zero(env, (size_t)splits * labels, sizeof(*d.having));
	d.split_size = mmn_alloc_zero(env, splits, sizeof(*d.split_size));
	if (!d.units || !d.by_label || !d.labels || !rarest || !d.images ||
		!d.having || !d.split_size)
	{
		status = mmn_fail(err, MMN_NO_MEMORY, "no memory for %u units", units);
		goto done;
	}
	if ((status = read_counts(&d, seed, unit_ids, n_counts, err)) != MMN_OK)
		goto done;
	qsort(d.units, units, sizeof(*d.units), compare_units);
	for (uint32_t i = 0; i < units; i++)
	{
		put(&d, &d.units[i], neediest(&d, &d.units[i]));
		if (i % 16384 == 0 && (status = mmn_poll(env, err)) != MMN_OK)
			goto done;
	}
	status = fill_gaps(&d, env, rarest, err);

done:
	mmn_free(env, d.split_size);
	mmn_free(env, d.having);
	mmn_free(env, d.images);
	mmn_free(env, rarest);
	mmn_free(env, d.labels);
	mmn_free(env, d.by_label);
	mmn_free(env, d.units);
	return status;
}

static uint32_t
find_root(uint32_t *root, uint32_t i)
{
	while (root[i] != i)
	{
		root[i] = root[root[i]];
		i = root[i];
	}
	return i;
}

mmn_status
mmn_components(uint32_t n, uint64_t edges, const uint32_t *a, const uint32_t *b,
			   uint32_t *root, mmn_error *err)
{
	for (uint32_t i = 0; i < n; i++)
		root[i] = i;
	for (uint64_t e = 0; e < edges; e++)
	{
		uint32_t x, y;

		if (a[e] >= n || b[e] >= n)
			return mmn_fail(err, MMN_BAD_ARGUMENT, "an edge leads nowhere");
		x = find_root(root, a[e]);
		y = find_root(root, b[e]);
		if (x < y)
			root[y] = x;
		else
			root[x] = y;
	}
	for (uint32_t i = 0; i < n; i++)
		root[i] = find_root(root, i);
	return MMN_OK;
}
