#ifndef MMN_SAMPLE_SPLIT_H
#define MMN_SAMPLE_SPLIT_H

#include <stdint.h>

#include "base/env.h"

/*
 * How the units of a dataset (subjects, or groups of subjects that share an
 * image) are divided into splits.
 */

#define MMN_SPLIT_MAX 64

/* How many images of one label a unit has; sorted by unit. */
typedef struct mmn_unit_count
{
	uint32_t unit;
	uint32_t label;
	uint32_t images;
} mmn_unit_count;

/*
 * Gives every unit a split, out[units], such that each label's images are
 * divided by `fractions` as nearly as whole units allow, every split that can
 * have a unit has one, and every label is in as many splits as it has units
 * for, as far as moving single units can bring about.  The same for the same
 * seed and ids, in whatever order of ids.  Counts must be sorted by unit,
 * name each (unit, label) once, and every unit at least once.
 */
mmn_status mmn_split_assign(const mmn_env *env, uint64_t seed, uint32_t units,
							const int64_t *unit_ids, uint32_t labels,
							const mmn_unit_count *counts, uint64_t n_counts,
							uint32_t splits, const double *fractions,
							uint32_t *out, mmn_error *err);

/*
 * Connected components of nodes 0..n-1 under the given edges: root[i] becomes
 * the lowest node of i's component.
 */
mmn_status mmn_components(uint32_t n, uint64_t edges, const uint32_t *a,
						  const uint32_t *b, uint32_t *root, mmn_error *err);

#endif
