/* sample: permutations, deals, draws, splits */

#include <stdlib.h>

#include "sample/deal.h"
#include "sample/permute.h"
#include "sample/split.h"
#include "tap.h"

static uint64_t random_state = 42;

static uint64_t
random_below(uint64_t n)
{
	random_state = mmn_mix(random_state, 7);
	return random_state % n;
}

static int
is_permutation(uint64_t key, uint64_t n)
{
	char *seen = calloc(n, 1);
	uint64_t count = 0;

	for (uint64_t i = 0; i < n; i++)
	{
		uint64_t j = mmn_permute(key, n, i);

		if (j < n && !seen[j])
		{
			seen[j] = 1;
			count++;
		}
	}
	free(seen);
	return count == n;
}

static void
test_permute(void)
{
	int good = 0, counts[24] = {0}, low = 1000000, high = 0;
	double chi = 0;
	uint64_t big = MMN_PERMUTE_MAX, fixed = 0;

	for (uint64_t n = 1; n <= 600; n++)
		good += is_permutation(n * 31, n);
	is_int(good, 600, "every n from 1 to 600 is permuted");
	good = 0;
	for (int i = 0; i < 200; i++)
		good +=
			is_permutation(random_below(UINT64_MAX), 1 + random_below(30000));
	is_int(good, 200, "so are 200 random n up to 30,000");
	ok(is_permutation(1, 1000003), "and a million");

	good = 0;
	for (uint64_t i = 0; i < 100000; i++)
		good += mmn_permute(9, big, big - 1 - i) < big &&
				mmn_permute(9, big - 17, i) < big - 17;
	is_int(good, 100000, "2^40 is within reach");

	/* all 24 permutations of 4, about equally often */
	for (uint64_t key = 0; key < 24000; key++)
	{
		int p[4], code = 0;

		for (int i = 0; i < 4; i++)
			p[i] = (int)mmn_permute(mmn_mix(1, key), 4, (uint64_t)i);
		for (int i = 0; i < 3; i++)
		{
			int smaller = 0;

			for (int j = i + 1; j < 4; j++)
				smaller += p[j] < p[i];
			code = code * (4 - i) + smaller;
		}
		counts[code]++;
	}
	for (int i = 0; i < 24; i++)
	{
		chi += (counts[i] - 1000.0) * (counts[i] - 1000.0) / 1000;
		low = counts[i] < low ? counts[i] : low;
		high = counts[i] > high ? counts[i] : high;
	}
	ok(chi < 60,
	   "the 24 orders of four are about equally frequent "
	   "(%d..%d of 1000, chi-squared %.0f)",
	   low, high, chi);

	for (uint64_t key = 0; key < 2000; key++)
		for (uint64_t i = 0; i < 100; i++)
			fixed += mmn_permute(mmn_mix(2, key), 100, i) == i;
	ok(fixed > 1800 && fixed < 2200,
	   "one fixed point a permutation, on average (%llu in 2000)",
	   (unsigned long long)fixed);

	is_int((long long)mmn_permute(1, 1000, 0), 691,
		   "what a key means is frozen");
	is_int((long long)mmn_permute(42, 123456789, 5), 19841197, "for ever");
	is_int((long long)mmn_draw(7, 3, 1000, 2500), 360,
		   "and so is what a stratum gives");
}

/* A loader's stream, for tests. */
typedef struct stream
{
	mmn_deal deal;
	uint64_t *members;
	uint32_t *schedule;
	uint64_t total;
} stream;

static stream
make_stream(mmn_balance balance, uint64_t seed, uint64_t batch, uint64_t strata,
			uint64_t max_members)
{
	stream s = {.members = calloc(strata, sizeof(uint64_t))};
	mmn_error err = {0};
	uint64_t period = 0;

	for (uint64_t i = 0; i < strata; i++)
		s.total += s.members[i] = 1 + random_below(max_members);
	if (balance == MMN_BALANCE_SQRT)
	{
		period = mmn_schedule_period(strata);
		s.schedule = calloc(period, sizeof(uint32_t));
		if (mmn_schedule_build(&mmn_env_default, seed, strata, s.members,
							   s.schedule, &err) != MMN_OK)
			printf("# %s\n", err.text);
	}
	if (mmn_deal_init(&s.deal, &mmn_env_default, balance, seed, batch, strata,
					  s.schedule, period, &err) != MMN_OK)
		printf("# %s\n", err.text);
	return s;
}

static void
free_stream(stream *s)
{
	mmn_deal_reset(&s->deal, &mmn_env_default);
	free(s->members);
	free(s->schedule);
}

/* Widest difference between strata's counts, over a run of positions. */
static int
spread(const uint64_t *counts, uint64_t n)
{
	uint64_t low = counts[0], high = counts[0];

	for (uint64_t i = 1; i < n; i++)
	{
		low = counts[i] < low ? counts[i] : low;
		high = counts[i] > high ? counts[i] : high;
	}
	return (int)(high - low);
}

static void
test_uniform(void)
{
	int prefix_worst = 0, batch_worst = 0, wrong_turn = 0;
	uint64_t orders = 0, repeats = 0;

	for (int trial = 0; trial < 400; trial++)
	{
		uint64_t strata = 1 + random_below(trial % 2 ? 12 : 150);
		uint64_t batch = 1 + random_below(trial % 3 ? 64 : 300);
		stream s = make_stream(MMN_BALANCE_UNIFORM, (uint64_t)trial, batch,
							   strata, 20);
		uint64_t *all = calloc(strata, sizeof(*all));
		uint64_t *in_batch = calloc(strata, sizeof(*in_batch));
		uint32_t before = 0;

		for (uint64_t p = 0; p < 4000; p++)
		{
			uint32_t stratum;
			uint64_t turn;
			int d;

			if (p % batch == 0)
				memset(in_batch, 0, strata * sizeof(*in_batch));
			mmn_deal_at(&s.deal, p, &stratum, &turn);
			wrong_turn += turn != all[stratum];
			all[stratum]++;
			in_batch[stratum]++;
			d = spread(all, strata);
			prefix_worst = d > prefix_worst ? d : prefix_worst;
			if (p % batch == batch - 1)
			{
				d = spread(in_batch, strata);
				batch_worst = d > batch_worst ? d : batch_worst;
			}
			if (strata == 6 && p % 6 == 0)
			{
				orders++;
				repeats += before == stratum;
				before = stratum;
			}
		}
		free(all);
		free(in_batch);
		free_stream(&s);
	}
	is_int(prefix_worst, 1,
		   "uniform: no two strata ever differ by more "
		   "than one");
	is_int(batch_worst, 1, "uniform: nor do they within a batch");
	is_int(wrong_turn, 0, "uniform: turns count up");
	ok(orders == 0 || repeats < orders / 3,
	   "uniform: rounds come in different orders");
}

static void
test_sqrt(void)
{
	double worst = 0, share_error = 0;
	int wrong_turn = 0;

	for (int trial = 0; trial < 60; trial++)
	{
		uint64_t strata = 1 + random_below(trial % 4 ? 10 : 200);
		stream s = make_stream(MMN_BALANCE_SQRT, (uint64_t)trial, 32, strata,
							   trial % 3 ? 50 : 1000000);
		uint64_t period = s.deal.period;
		uint64_t *all = calloc(strata, sizeof(*all));
		double sum = 0;

		for (uint64_t i = 0; i < strata; i++)
			sum += sqrt((double)s.members[i]);
		for (uint64_t p = 0; p < period + period / 3; p++)
		{
			uint32_t stratum;
			uint64_t turn;

			mmn_deal_at(&s.deal, p, &stratum, &turn);
			wrong_turn += turn != all[stratum];
			all[stratum]++;
			for (uint64_t i = 0; i < strata; i++)
			{
				double want =
					(double)(p + 1) * s.deal.quotas[i] / (double)period;

				worst = fmax(worst, fabs((double)all[i] - want));
			}
		}
		for (uint64_t i = 0; i < strata; i++)
			share_error =
				fmax(share_error, fabs(s.deal.quotas[i] / (double)period -
									   sqrt((double)s.members[i]) / sum) *
									  (double)period);
		free(all);
		free_stream(&s);
	}
	ok(worst < 1,
	   "sqrt: after any n positions a stratum is within one of "
	   "its share (%.4f)",
	   worst);
	ok(share_error <= 1, "sqrt: shares are right to one in a period (%.2f)",
	   share_error);
	is_int(wrong_turn, 0, "sqrt: turns count up");
}

static void
test_shares(void)
{
	uint64_t members[3] = {1, 100, 10000}, extreme[600];
	uint32_t schedule[4096], quota[3] = {0};
	uint32_t *long_schedule;
	mmn_error err = {0};
	int lacking = 0;

	mmn_schedule_build(&mmn_env_default, 5, 3, members, schedule, &err);
	for (int i = 0; i < 4096; i++)
		quota[schedule[i]]++;
	ok(quota[0] == 37 && quota[1] == 369 && quota[2] == 3690,
	   "sqrt: 1, 100, 10000 members are dealt 1 : 10 : 100 (%u %u %u)",
	   quota[0], quota[1], quota[2]);

	for (int i = 0; i < 600; i++)
		extreme[i] = i ? 1 : MMN_PERMUTE_MAX;
	long_schedule = calloc(mmn_schedule_period(600), sizeof(uint32_t));
	is_int(mmn_schedule_build(&mmn_env_default, 5, 600, extreme, long_schedule,
							  &err),
		   MMN_OK, "sqrt: a giant among dwarfs can be scheduled");
	for (uint32_t s = 0; s < 600; s++)
	{
		uint64_t i = 0;

		while (i < mmn_schedule_period(600) && long_schedule[i] != s)
			i++;
		lacking += i == mmn_schedule_period(600);
	}
	is_int(lacking, 0, "sqrt: and no dwarf is left out");
	free(long_schedule);
	is_int(mmn_schedule_build(&mmn_env_default, 5, 5000, extreme, NULL, &err),
		   MMN_LIMIT, "sqrt: too many strata are refused");
}

/* Exact cover of cycles. */
static void
test_cover(mmn_balance balance, const char *name)
{
	int uneven = 0, not_in_cycle = 0, same_order = 0;

	for (int trial = 0; trial < 100; trial++)
	{
		uint64_t batch = 8 * (1 + random_below(8));
		uint64_t strata = balance == MMN_BALANCE_NONE ? 1 : 1 + random_below(9);
		stream s = make_stream(balance, (uint64_t)trial, batch, strata, 40);
		uint64_t positions = 3000;
		uint64_t *seen = calloc(strata * 40, sizeof(*seen));

		for (uint64_t p = 0; p < positions; p++)
		{
			uint32_t stratum;
			uint64_t turn, ordinal;

			mmn_deal_at(&s.deal, p, &stratum, &turn);
			ordinal = mmn_draw(s.deal.seed, stratum, s.members[stratum], turn);
			/* in cycle c, exactly those seen c times are still to come */
			not_in_cycle +=
				ordinal >= s.members[stratum] ||
				seen[stratum * 40 + ordinal] != turn / s.members[stratum];
			seen[stratum * 40 + ordinal]++;
			if (turn < s.members[stratum] && s.members[stratum] > 20)
				same_order += ordinal == mmn_draw(s.deal.seed, stratum,
												  s.members[stratum],
												  turn + s.members[stratum]);
		}
		for (uint64_t i = 0; i < strata; i++)
			uneven += spread(seen + i * 40, s.members[i]) > 1;
		free(seen);
		free_stream(&s);
	}
	is_int(not_in_cycle, 0, "%s: each member exactly once a cycle", name);
	is_int(uneven, 0, "%s: at any time members differ by one at most", name);
	ok(same_order < 600, "%s: cycles come in different orders (%d)", name,
	   same_order);
}

static void
test_limits(void)
{
	mmn_deal deal;
	mmn_error err = {0};
	uint32_t schedule[4096] = {9};
	mmn_balance balance;

	is_int(mmn_deal_init(&deal, &mmn_env_default, MMN_BALANCE_NONE, 1, 0, 1,
						 NULL, 0, &err),
		   MMN_LIMIT, "a batch of nothing is refused");
	is_int(mmn_deal_init(&deal, &mmn_env_default, MMN_BALANCE_UNIFORM, 1, 1, 0,
						 NULL, 0, &err),
		   MMN_LIMIT, "so are no strata");
	is_int(mmn_deal_init(&deal, &mmn_env_default, MMN_BALANCE_SQRT, 1, 1, 3,
						 schedule, 4096, &err),
		   MMN_BAD_DATA, "so is a schedule with a stratum too many");
	is_int(mmn_deal_init(&deal, &mmn_env_default, MMN_BALANCE_SQRT, 1, 1, 3,
						 schedule, 100, &err),
		   MMN_BAD_DATA, "or of the wrong length");
	ok(mmn_balance_parse("sqrt", &balance) && balance == MMN_BALANCE_SQRT &&
		   !mmn_balance_parse("fair", &balance),
	   "kinds of balance have names");
}

/* Units with one label each: label l has units[l] units of `images`. */
static void
split_simple(uint64_t seed, uint32_t labels, const uint32_t *units,
			 uint32_t images, uint32_t splits, const double *fractions,
			 uint32_t *by_label)
{
	uint32_t total = 0, u = 0;
	mmn_unit_count *counts;
	int64_t *ids;
	uint32_t *out;
	mmn_error err = {0};

	for (uint32_t l = 0; l < labels; l++)
		total += units[l];
	counts = calloc(total, sizeof(*counts));
	ids = calloc(total, sizeof(*ids));
	out = calloc(total, sizeof(*out));
	for (uint32_t l = 0; l < labels; l++)
		for (uint32_t i = 0; i < units[l]; i++, u++)
		{
			ids[u] = (int64_t)u * 1000;
			counts[u] = (mmn_unit_count){u, l, images};
		}
	if (mmn_split_assign(&mmn_env_default, seed, total, ids, labels, counts,
						 total, splits, fractions, out, &err) != MMN_OK)
		printf("# %s\n", err.text);
	memset(by_label, 0, sizeof(*by_label) * labels * splits);
	for (u = 0; u < total; u++)
		by_label[counts[u].label * splits + out[u]]++;
	free(out);
	free(ids);
	free(counts);
}

static void
test_split(void)
{
	const double fractions[3] = {0.8, 0.1, 0.1};
	const uint32_t units[5] = {1000, 100, 4, 2, 1};
	uint32_t n[15];
	mmn_unit_count counts[400];
	int64_t ids[101];
	uint32_t out[101], again[100], other[100];
	uint32_t n_counts = 0, images[4][3] = {{0}}, total[4] = {0};
	int differ = 0, off = 0;
	mmn_error err = {0};

	split_simple(1, 5, units, 1, 3, fractions, n);
	ok(n[0] == 800 && n[1] == 100 && n[2] == 100,
	   "split: 1000 single images: %u %u %u", n[0], n[1], n[2]);
	ok(n[3] == 80 && n[4] == 10 && n[5] == 10, "split: 100: %u %u %u", n[3],
	   n[4], n[5]);
	ok(n[6] == 2 && n[7] == 1 && n[8] == 1, "split: 4: %u %u %u", n[6], n[7],
	   n[8]);
	ok(n[9] == 1 && n[10] + n[11] == 1, "split: 2: %u %u %u", n[9], n[10],
	   n[11]);
	is_int(n[12], 1, "split: a label of one unit is trained on");
	split_simple(1, 1, (const uint32_t[]){3}, 70, 3, fractions, n);
	ok(n[0] == 1 && n[1] == 1 && n[2] == 1,
	   "split: three large units: one each");
	split_simple(1, 3, (const uint32_t[]){1, 1, 1}, 5, 3, fractions, n);
	ok(n[0] + n[3] + n[6] == 1 && n[1] + n[4] + n[7] == 1,
	   "split: no split is left empty for the sake of labels");
	split_simple(1, 1, (const uint32_t[]){2}, 5, 3, fractions, n);
	is_int(n[0], 1, "split: two units make two splits");

	/* units of several labels and many sizes */
	ids[100] = 1;
	for (uint32_t u = 0; u < 100; u++)
	{
		ids[u] = (int64_t)random_below(UINT64_MAX);
		for (uint32_t l = 0; l < 4; l++)
			if (l == u % 4 || random_below(3) == 0)
			{
				uint32_t k = 1 + (uint32_t)random_below(12);

				counts[n_counts++] = (mmn_unit_count){u, l, k};
				total[l] += k;
			}
	}
	mmn_split_assign(&mmn_env_default, 3, 100, ids, 4, counts, n_counts, 3,
					 fractions, out, &err);
	mmn_split_assign(&mmn_env_default, 3, 100, ids, 4, counts, n_counts, 3,
					 fractions, again, &err);
	mmn_split_assign(&mmn_env_default, 4, 100, ids, 4, counts, n_counts, 3,
					 fractions, other, &err);
	ok(memcmp(out, again, sizeof(again)) == 0, "split: same seed, same splits");
	for (int i = 0; i < 100; i++)
		differ += out[i] != other[i];
	ok(differ > 10, "split: another seed, others (%d differ)", differ);
	for (uint32_t i = 0; i < n_counts; i++)
		images[counts[i].label][out[counts[i].unit]] += counts[i].images;
	for (int l = 0; l < 4; l++)
		for (int s = 0; s < 3; s++)
			off += fabs((double)images[l][s] / total[l] - fractions[s]) > 0.04;
	is_int(off, 0, "split: mixed units come out within 4 %% of the fractions");

	is_int(mmn_split_assign(&mmn_env_default, 3, 101, ids, 4, counts, n_counts,
							3, fractions, out, &err),
		   MMN_BAD_ARGUMENT, "split: a unit without images is refused");
}

static void
test_components(void)
{
	const uint32_t a[] = {5, 1, 3, 7}, b[] = {3, 2, 4, 7};
	uint32_t root[8];
	mmn_error err = {0};

	mmn_components(8, 4, a, b, root, &err);
	ok(root[0] == 0 && root[1] == 1 && root[2] == 1 && root[3] == 3 &&
		   root[4] == 3 && root[5] == 3 && root[6] == 6 && root[7] == 7,
	   "components are named by their lowest node");
	is_int(mmn_components(5, 4, a, b, root, &err), MMN_BAD_ARGUMENT,
		   "an edge to nowhere is refused");
}

/* every permutation, deal and draw is found again */
static void
test_inverses(void)
{
	const mmn_balance balances[] = {MMN_BALANCE_NONE, MMN_BALANCE_UNIFORM,
									MMN_BALANCE_SQRT};
	uint64_t lost = 0;

	for (uint64_t n = 1; n <= 300; n++)
		for (uint64_t i = 0; i < n; i++)
			lost += mmn_permute_inverse(n * 31, n, mmn_permute(n * 31, n, i)) != i;
	for (int i = 0; i < 100000; i++)
	{
		uint64_t n = 1 + random_below(MMN_PERMUTE_MAX);
		uint64_t at = random_below(n), key = random_below(UINT64_MAX);

		lost += mmn_permute_inverse(key, n, mmn_permute(key, n, at)) != at;
	}
	is_int(lost, 0, "permutations are undone");

	lost = 0;
	for (int loader = 0; loader < 300; loader++)
	{
		mmn_balance balance = balances[loader % 3];
		uint64_t strata =
			balance == MMN_BALANCE_NONE ? 1 : 1 + random_below(40);
		uint64_t members[40], seed = random_below(UINT64_MAX);
		uint32_t *schedule = NULL;
		uint64_t period = 0;
		mmn_error err;
		mmn_deal deal;

		for (uint64_t s = 0; s < strata; s++)
			members[s] = 1 + random_below(1000);
		if (balance == MMN_BALANCE_SQRT)
		{
			period = mmn_schedule_period(strata);
			schedule = malloc(period * sizeof(*schedule));
			mmn_schedule_build(&mmn_env_default, seed, strata, members,
							   schedule, &err);
		}
		mmn_deal_init(&deal, &mmn_env_default, balance, seed,
					  1 + random_below(64), strata, schedule, period, &err);
		for (int i = 0; i < 200; i++)
		{
			uint64_t position =
				i < 100 ? (uint64_t)i : random_below((uint64_t)1 << 50);
			uint32_t stratum;
			uint64_t turn, n, ordinal;

			mmn_deal_at(&deal, position, &stratum, &turn);
			n = members[stratum];
			ordinal = mmn_draw(seed, stratum, n, turn);
			lost += mmn_deal_turns_before(&deal, stratum, position) > turn ||
					mmn_deal_turns_until(&deal, stratum, position) < turn ||
					mmn_deal_find(&deal, stratum, turn) != position ||
					mmn_draw_find(seed, stratum, n, turn / n, ordinal) != turn;
		}
		mmn_deal_reset(&deal, &mmn_env_default);
		free(schedule);
	}
	is_int(lost, 0, "and so are deals and draws of 300 loaders");
}

int
main(void)
{
	test_permute();
	test_inverses();
	test_uniform();
	test_sqrt();
	test_shares();
	test_cover(MMN_BALANCE_NONE, "none");
	test_cover(MMN_BALANCE_UNIFORM, "uniform");
	test_cover(MMN_BALANCE_SQRT, "sqrt");
	test_limits();
	test_split();
	test_components();
	return done_testing();
}
