#ifndef MMN_SAMPLE_DEAL_H
#define MMN_SAMPLE_DEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"

/*
 * The endless stream of samples of a loader: which stratum, and which of its
 * members, stands at a position.  Pure functions of the loader's definition.
 *
 *	position --mmn_deal_at--> (stratum, turn) --mmn_draw--> (stratum, ordinal)
 *
 * "turn" counts from 0 how often the stratum was dealt before.
 */

/* The codes are stored with loaders: never change one, only add. */
typedef enum mmn_balance
{
	MMN_BALANCE_NONE = 1,
	MMN_BALANCE_UNIFORM = 2,
	MMN_BALANCE_SQRT = 3
} mmn_balance;

bool mmn_balance_parse(const char *name, mmn_balance *out);

/* Beyond these a loader is refused; positions stay far below 2^63. */
#define MMN_DEAL_MAX_STRATA (1 << 20)
#define MMN_DEAL_MAX_BATCH (1 << 20)
#define MMN_DEAL_MAX_SQRT_STRATA 4096

typedef struct mmn_deal
{
	uint64_t seed;
	mmn_balance balance;
	uint64_t batch;	 /* positions to a step */
	uint64_t strata; /* 1 when balance is none */
	/* sqrt only: */
	uint64_t period;
	const uint32_t *schedule; /* [period] stratum; not owned */
	const uint32_t *turns;	  /* [period] how often it came before */
	const uint32_t *quotas;	  /* [strata] how often a period has it */
} mmn_deal;

/* Positions after which the schedule of 'sqrt' repeats. */
uint64_t mmn_schedule_period(uint64_t strata);

/*
 * Fills schedule[mmn_schedule_period(strata)] for strata with that many
 * members each, shares proportional to the square roots.  Every stratum has
 * at least one place.
 */
mmn_status mmn_schedule_build(const mmn_env *env, uint64_t seed,
							  uint64_t strata, const uint64_t *members,
							  uint32_t *schedule, mmn_error *err);

/*
 * Makes a deal ready to be asked.  For 'sqrt', schedule is what
 * mmn_schedule_build made, is checked here, and must outlive the deal; for
 * the others it is NULL.  Release with mmn_deal_reset.
 */
mmn_status mmn_deal_init(mmn_deal *deal, const mmn_env *env,
						 mmn_balance balance, uint64_t seed, uint64_t batch,
						 uint64_t strata, const uint32_t *schedule,
						 uint64_t period, mmn_error *err);
void mmn_deal_reset(mmn_deal *deal, const mmn_env *env);

void mmn_deal_at(const mmn_deal *deal, uint64_t position, uint32_t *stratum,
				 uint64_t *turn);

/* The member (0..members-1) that a stratum gives at its turn. */
uint64_t mmn_draw(uint64_t seed, uint32_t stratum, uint64_t members,
				  uint64_t turn);

/*
 * Names one showing of an image: what random augmentation goes by.  "cycle" is
 * turn / members, so it is another one each time the image comes.
 */
uint64_t mmn_showing_key(uint64_t seed, uint64_t cycle, uint64_t image_id);

/*
 * The other way round: the position at which a stratum has its turn, and the
 * turn at which a member comes in a cycle of its stratum.  Of the turns that a
 * stratum has from one position up to another, none is less than turns_before
 * the one, or more than turns_until the other.
 */
uint64_t mmn_deal_turns_before(const mmn_deal *deal, uint32_t stratum,
							   uint64_t position);
uint64_t mmn_deal_turns_until(const mmn_deal *deal, uint32_t stratum,
							  uint64_t position);
uint64_t mmn_deal_find(const mmn_deal *deal, uint32_t stratum, uint64_t turn);
uint64_t mmn_draw_find(uint64_t seed, uint32_t stratum, uint64_t members,
					   uint64_t cycle, uint64_t ordinal);

#endif
