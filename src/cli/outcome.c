#include "outcome.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/*
 * Reasons kept apart: they come from a short list, but should a server ever
 * write a different one for each file, memory and output stay bounded.
 */
#define MAX_REASONS 1000
#define MAX_PRINTED 12

static const char *const names[OUTCOMES] = {
	[OUTCOME_STORED] = "stored",		   [OUTCOME_DUPLICATE] = "duplicate",
	[OUTCOME_QUARANTINED] = "quarantined", [OUTCOME_REJECTED] = "rejected",
	[OUTCOME_FAILED] = "failed",		   [OUTCOME_MISSING] = "missing",
};

const char *
outcome_name(outcome what)
{
	return names[what];
}

outcome
outcome_find(const char *name)
{
	int what = 0;

	while (what <= OUTCOME_REJECTED && strcmp(names[what], name) != 0)
		what++;
	return what <= OUTCOME_REJECTED ? (outcome)what : OUTCOMES;
}

void
outcome_add(outcome_tally *tally, outcome what, const char *reason)
{
	tally->counts[what]++;
	if (reason == NULL)
		return;
	for (size_t i = 0; i < tally->reason_count; i++)
	{
		outcome_reason *known = &tally->reasons[i];

		if (known->outcome == what && strcmp(known->text, reason) == 0)
		{
			known->count++;
			return;
		}
	}
	if (tally->reason_count == MAX_REASONS)
		return;
	tally->reasons = cli_realloc(tally->reasons, tally->reason_count + 1,
								 sizeof(outcome_reason));
	tally->reasons[tally->reason_count++] =
		(outcome_reason){what, 1, cli_copy(reason)};
}

uint64_t
outcome_total(const outcome_tally *tally)
{
	uint64_t total = 0;

	for (int i = 0; i < OUTCOMES; i++)
		total += tally->counts[i];
	return total;
}

uint64_t
outcome_refused(const outcome_tally *tally)
{
	return outcome_total(tally) - tally->counts[OUTCOME_STORED] -
		   tally->counts[OUTCOME_DUPLICATE];
}

/* The commonest first. */
static int
compare_reasons(const void *a, const void *b)
{
	const outcome_reason *x = a;
	const outcome_reason *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->text, y->text);
}

static void
print_reasons(const outcome_tally *tally, outcome what, FILE *out)
{
	uint64_t rest = tally->counts[what];
	int printed = 0;

	for (size_t i = 0; i < tally->reason_count && printed < MAX_PRINTED; i++)
	{
		const outcome_reason *reason = &tally->reasons[i];

		if (reason->outcome != what)
			continue;
		fprintf(out, "  %10" PRIu64 "  ", reason->count);
		cli_print(out, reason->text);
		fputc('\n', out);
		rest -= reason->count;
		printed++;
	}
	if (printed > 0 && rest > 0)
		fprintf(out, "  %10" PRIu64 "  for other reasons\n", rest);
}

void
outcome_print(outcome_tally *tally, FILE *out)
{
	if (tally->reason_count > 0)
		qsort(tally->reasons, tally->reason_count, sizeof(outcome_reason),
			  compare_reasons);
	for (int i = 0; i < OUTCOMES; i++)
	{
		/* The server's four are always there, for whoever parses this. */
		if (i > OUTCOME_REJECTED && tally->counts[i] == 0)
			continue;
		fprintf(out, "%-12s %10" PRIu64 "\n", names[i], tally->counts[i]);
		print_reasons(tally, (outcome)i, out);
	}
}

void
outcome_free(outcome_tally *tally)
{
	for (size_t i = 0; i < tally->reason_count; i++)
		free(tally->reasons[i].text);
	free(tally->reasons);
	*tally = (outcome_tally){0};
}
