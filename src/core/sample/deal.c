/*
 * Dealing strata, drawing members.
 *
 * none     One stratum with everything in it.
 *
 * uniform  Rounds of S positions; a round has every stratum once.  Hence after
 *          any number of positions no two strata differ by more than one, and
 *          a stratum's turn is simply the number of the round.  The order
 *          within a round is a keyed permutation, bound by one wish more: the
 *          batches too, whose ends cut rounds into pieces, should be balanced
 *          to one.  A batch may hold the end of one round and the beginning of
 *          the next; if both had the same stratum and lacked another, those
 *          two would differ by two.  So the *sets* that the pieces hold come
 *          from an order of strata that stays the same until a batch and a
 *          round end together (every lcm(batch, S) positions), while the
 *          order *inside* a piece is permuted afresh each time.  Any S strata
 *          in a row of a repeated order are all different, which is what makes
 *          each batch even.
 *
 *          Example, S = 3, batch 4:   A B C|A . B C A|B . C A B|C . next order
 *
 * sqrt     Shares in proportion to the square root of the stratum's size,
 *          rounded to quotas c of a period P by largest remainders.  Within
 *          the period, the k-th place of a stratum (k from 0) is dealt within
 *          positions floor(k P / c) .. ceil((k + 1) P / c) - 1, earliest end
 *          first: these are the windows of a Pfair schedule, which earliest
 *          deadline first always meets since the quotas add up to P.  So after
 *          any n positions every stratum was dealt n c / P times, less than
 *          one more or less.
 *
 * Inside a stratum every cycle is a fresh permutation of its members.
 */
#include "sample/deal.h"

#include <math.h>
#include <string.h>

#include "sample/permute.h"

/* What a key is for: the first word that is mixed into the seed. */
enum
{
	KEY_ORDER = 1, /* order of strata */
	KEY_PIECE = 2, /* order within a piece of a round */
	KEY_DRAW = 3,  /* members of a stratum */
	KEY_TIE = 4,   /* between equal ends in a schedule */
	KEY_SHOWING = 5
};

/* A period long enough that rounding to it hardly bends the shares. */
#define PERIOD_MIN 4096
#define PERIOD_PER_STRATUM 64

bool
mmn_balance_parse(const char *name, mmn_balance *out)
{
	static const char *const names[] = {"none", "uniform", "sqrt"};

	for (int i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0)
		{
			*out = (mmn_balance)(i + 1);
			return true;
		}
	return false;
}

static uint64_t
gcd(uint64_t a, uint64_t b)
{
	while (b != 0)
	{
		uint64_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

uint64_t
mmn_schedule_period(uint64_t strata)
{
	uint64_t period = PERIOD_MIN;

	while (period < strata * PERIOD_PER_STRATUM)
		period *= 2;
	return period;
}

/* One stratum while a schedule is made. */
typedef struct place
{
	uint32_t stratum;
	uint32_t quota;
	uint32_t dealt;
	uint64_t end; /* last position of the next place's window */
	uint64_t tie;
} place;

/* The first position of the next place's window. */
static uint64_t
place_start(const place *p, uint64_t period)
{
	return p->dealt * period / p->quota;
}

static uint64_t
place_end(const place *p, uint64_t period)
{
	return ((p->dealt + (uint64_t)1) * period + p->quota - 1) / p->quota - 1;
}

static bool
place_before(const place *a, const place *b)
{
	if (a->end != b->end)
		return a->end < b->end;
	if (a->tie != b->tie)
		return a->tie < b->tie;
	return a->stratum < b->stratum;
}

/* A binary heap of pointers, earliest end on top. */
static void
heap_push(place **heap, uint64_t *n, place *p)
{
	uint64_t i = (*n)++;

	while (i > 0 && place_before(p, heap[(i - 1) / 2]))
	{
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = p;
}

static place *
heap_pop(place **heap, uint64_t *n)
{
	place *top = heap[0];
	place *last = heap[--*n];
	uint64_t i = 0;

	for (;;)
	{
		uint64_t child = 2 * i + 1;

		if (child >= *n)
			break;
		if (child + 1 < *n && place_before(heap[child + 1], heap[child]))
			child++;
		if (!place_before(heap[child], last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}

/*
 * Quotas that add up to period, each at least 1: floors of the exact shares,
 * then one more for the largest remainders.  What the minimum of 1 gives too
 * much is taken from the largest quota.
 */
static void
set_quotas(uint64_t strata, const uint64_t *members, uint64_t period,
		   place *places, double *remainders)
{
	double sum = 0;
	uint64_t given = 0;

	for (uint64_t s = 0; s < strata; s++)
		sum += sqrt((double)members[s]);
	for (uint64_t s = 0; s < strata; s++)
	{
		double share = sqrt((double)members[s]) / sum * (double)period;

		places[s].quota = share < 1 ? 1 : (uint32_t)share;
		remainders[s] = share - places[s].quota;
		given += places[s].quota;
	}
	/* at most `strata` rounds: floors leave less than that over */
	while (given != period)
	{
		uint64_t best = 0;

		if (given < period)
		{
			for (uint64_t s = 1; s < strata; s++)
				if (remainders[s] > remainders[best])
					best = s;
			places[best].quota++;
			remainders[best] -= 1;
			given++;
		}
		else
		{
			for (uint64_t s = 1; s < strata; s++)
				if (places[s].quota > places[best].quota)
					best = s;
			places[best].quota--;
			given--;
		}
	}
}

mmn_status
mmn_schedule_build(const mmn_env *env, uint64_t seed, uint64_t strata,
				   const uint64_t *members, uint32_t *schedule, mmn_error *err)
{
	uint64_t period = mmn_schedule_period(strata);
	uint64_t heap_size = 0;
	place *places = NULL;
	double *remainders = NULL;
	place **heap = NULL;
	uint32_t *first = NULL, *next = NULL; /* lists of places by start */
	mmn_status status = MMN_OK;

	if (strata < 1 || strata > MMN_DEAL_MAX_SQRT_STRATA)
		return mmn_fail(err, MMN_LIMIT,
						"balance sqrt takes 1 to %d strata, not %llu",
						MMN_DEAL_MAX_SQRT_STRATA, (unsigned long long)strata);
	places = mmn_alloc_zero(env, strata, sizeof(*places));
	remainders = mmn_alloc_zero(env, strata, sizeof(*remainders));
	heap = mmn_alloc_zero(env, strata, sizeof(*heap));
	first = mmn_alloc_zero(env, period, sizeof(*first));
	next = mmn_alloc_zero(env, strata, sizeof(*next));
	if (!places || !remainders || !heap || !first || !next)
	{
		status = mmn_fail(err, MMN_NO_MEMORY, "no memory for a schedule");
		goto done;
	}

	set_quotas(strata, members, period, places, remainders);
	for (uint64_t s = 0; s < strata; s++)
	{
		places[s].stratum = (uint32_t)s;
		places[s].tie = mmn_mix(mmn_mix(seed, KEY_TIE), s);
		places[s].end = place_end(&places[s], period);
		next[s] = first[0];
		first[0] = (uint32_t)s + 1; /* 0 ends a list */
	}
	for (uint64_t n = 0; n < period; n++)
	{
		place *p;

		for (uint32_t s = first[n]; s != 0; s = next[s - 1])
			heap_push(heap, &heap_size, &places[s - 1]);
		if (heap_size == 0)
		{
			status = mmn_fail(err, MMN_INTERNAL, "a schedule has a gap");
			goto done;
		}
		p = heap_pop(heap, &heap_size);
		schedule[n] = p->stratum;
		if (++p->dealt < p->quota)
		{
			uint64_t start = place_start(p, period);

			p->end = place_end(p, period);
			/* adjacent windows may share a position: not this one again */
			if (start <= n)
				start = n + 1;
			if (start >= period)
			{
				status = mmn_fail(err, MMN_INTERNAL, "a schedule overflows");
				goto done;
			}
			next[p->stratum] = first[start];
			first[start] = p->stratum + 1;
		}
		if (n % 4096 == 0 && (status = mmn_poll(env, err)) != MMN_OK)
			goto done;
	}

done:
	mmn_free(env, next);
	mmn_free(env, first);
	mmn_free(env, heap);
	mmn_free(env, remainders);
	mmn_free(env, places);
	return status;
}

mmn_status
mmn_deal_init(mmn_deal *deal, const mmn_env *env, mmn_balance balance,
			  uint64_t seed, uint64_t batch, uint64_t strata,
			  const uint32_t *schedule, uint64_t period, mmn_error *err)
{
	uint32_t *turns, *quotas;

	memset(deal, 0, sizeof(*deal));
	if (batch < 1 || batch > MMN_DEAL_MAX_BATCH)
		return mmn_fail(err, MMN_LIMIT, "a batch has 1 to %d images, not %llu",
						MMN_DEAL_MAX_BATCH, (unsigned long long)batch);
	if (strata < 1 || strata > MMN_DEAL_MAX_STRATA)
		return mmn_fail(err, MMN_LIMIT, "there are 1 to %d strata, not %llu",
						MMN_DEAL_MAX_STRATA, (unsigned long long)strata);
	deal->seed = seed;
	deal->balance = balance;
	deal->batch = batch;
	deal->strata = strata;
	if (balance != MMN_BALANCE_SQRT)
		return MMN_OK;

	if (!schedule || period != mmn_schedule_period(strata))
		return mmn_fail(err, MMN_BAD_DATA,
						"a schedule of %llu positions does not fit %llu strata",
						(unsigned long long)period, (unsigned long long)strata);
	turns = mmn_alloc_array(env, period, sizeof(*turns));
	quotas = mmn_alloc_zero(env, strata, sizeof(*quotas));
	deal->period = period;
	deal->schedule = schedule;
	deal->turns = turns;
	deal->quotas = quotas;
	if (!turns || !quotas)
	{
		mmn_deal_reset(deal, env);
		return mmn_fail(err, MMN_NO_MEMORY, "no memory for a schedule");
	}
	for (uint64_t n = 0; n < period; n++)
	{
		if (schedule[n] >= strata)
		{
			mmn_deal_reset(deal, env);
			return mmn_fail(err, MMN_BAD_DATA,
							"a schedule names a stratum that is not there");
		}
		turns[n] = quotas[schedule[n]]++;
	}
	return MMN_OK;
}

void
mmn_deal_reset(mmn_deal *deal, const mmn_env *env)
{
	mmn_free(env, (void *)deal->turns);
	mmn_free(env, (void *)deal->quotas);
	memset(deal, 0, sizeof(*deal));
}

static uint64_t
deal_uniform(const mmn_deal *deal, uint64_t position)
{
	uint64_t strata = deal->strata;
	uint64_t common = deal->batch / gcd(deal->batch, strata) * strata;
	uint64_t round_start = position - position % strata;
	uint64_t batch_start = position - position % deal->batch;
	/* the piece that this round and this batch have in common */
	uint64_t lo = batch_start > round_start ? batch_start : round_start;
	uint64_t hi = round_start + strata;
	uint64_t key;

	if (hi > batch_start + deal->batch)
		hi = batch_start + deal->batch;
	key = mmn_mix(mmn_mix(deal->seed, KEY_PIECE), lo);
	lo += mmn_permute(key, hi - lo, position - lo);
	key = mmn_mix(mmn_mix(deal->seed, KEY_ORDER), position / common);
	return mmn_permute(key, strata, lo - round_start);
}

void
mmn_deal_at(const mmn_deal *deal, uint64_t position, uint32_t *stratum,
			uint64_t *turn)
{
	switch (deal->balance)
	{
		case MMN_BALANCE_NONE:
			*stratum = 0;
			*turn = position;
			break;
		case MMN_BALANCE_UNIFORM:
			*stratum = (uint32_t)deal_uniform(deal, position);
			*turn = position / deal->strata;
			break;
		case MMN_BALANCE_SQRT:
			*stratum = deal->schedule[position % deal->period];
			*turn = position / deal->period * deal->quotas[*stratum] +
					deal->turns[position % deal->period];
			break;
	}
}

uint64_t
mmn_draw(uint64_t seed, uint32_t stratum, uint64_t members, uint64_t turn)
{
	uint64_t key = mmn_mix(mmn_mix(seed, KEY_DRAW), stratum);

	return mmn_permute(mmn_mix(key, turn / members), members, turn % members);
}

uint64_t
mmn_showing_key(uint64_t seed, uint64_t cycle, uint64_t image_id)
{
	return mmn_mix(mmn_mix(mmn_mix(seed, KEY_SHOWING), cycle), image_id);
}

/* Inverts deal_uniform: of a stratum, the position in a round. */
static uint64_t
find_uniform(const mmn_deal *deal, uint32_t stratum, uint64_t round)
{
	uint64_t strata = deal->strata;
	uint64_t common = deal->batch / gcd(deal->batch, strata) * strata;
	uint64_t round_start = round * strata;
	uint64_t lo = round_start, hi = round_start + strata;
	uint64_t key, at, batch_start;

	/* all positions of a round have the same order of strata */
	key = mmn_mix(mmn_mix(deal->seed, KEY_ORDER), round_start / common);
	at = round_start + mmn_permute_inverse(key, strata, stratum);
	batch_start = at - at % deal->batch;
	lo = batch_start > lo ? batch_start : lo;
	hi = hi < batch_start + deal->batch ? hi : batch_start + deal->batch;
	key = mmn_mix(mmn_mix(deal->seed, KEY_PIECE), lo);
	return lo + mmn_permute_inverse(key, hi - lo, at - lo);
}

uint64_t
mmn_deal_find(const mmn_deal *deal, uint32_t stratum, uint64_t turn)
{
	uint64_t within, at = 0;

	switch (deal->balance)
	{
		case MMN_BALANCE_NONE:
			return turn;
		case MMN_BALANCE_UNIFORM:
			return find_uniform(deal, stratum, turn);
		case MMN_BALANCE_SQRT:
			within = turn % deal->quotas[stratum];
			while (deal->schedule[at] != stratum || deal->turns[at] != within)
				at++;
			return turn / deal->quotas[stratum] * deal->period + at;
	}
	return 0;
}

uint64_t
mmn_draw_find(uint64_t seed, uint32_t stratum, uint64_t members, uint64_t cycle,
			  uint64_t ordinal)
{
	uint64_t key = mmn_mix(mmn_mix(seed, KEY_DRAW), stratum);

	return cycle * members +
		   mmn_permute_inverse(mmn_mix(key, cycle), members, ordinal);
}

uint64_t
mmn_deal_turns_before(const mmn_deal *deal, uint32_t stratum,
					  uint64_t position)
{
	switch (deal->balance)
	{
		case MMN_BALANCE_NONE:
			return position;
		case MMN_BALANCE_UNIFORM:
			return position / deal->strata;
		case MMN_BALANCE_SQRT:
			return position / deal->period * deal->quotas[stratum];
	}
	return 0;
}

uint64_t
mmn_deal_turns_until(const mmn_deal *deal, uint32_t stratum, uint64_t position)
{
	uint64_t turns = mmn_deal_turns_before(deal, stratum, position);

	/* the round or the period may be in progress */
	return deal->balance == MMN_BALANCE_SQRT ? turns + deal->quotas[stratum]
											 : turns;
}
