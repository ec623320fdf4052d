#ifndef MEDIMNET_OUTCOME_H
#define MEDIMNET_OUTCOME_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What became of a file; the first four are ingest()'s words. */
typedef enum outcome
{
	OUTCOME_STORED,
	OUTCOME_DUPLICATE,
	OUTCOME_QUARANTINED,
	OUTCOME_REJECTED,
	OUTCOME_FAILED,	 /* the server raised an error, or the file is unreadable */
	OUTCOME_MISSING, /* named in the table of labels, but not there */
	OUTCOMES
} outcome;

typedef struct outcome_reason
{
	outcome outcome;
	uint64_t count;
	char *text;
} outcome_reason;

/* Counts by outcome, and by outcome and reason. */
typedef struct outcome_tally
{
	uint64_t counts[OUTCOMES];
	outcome_reason *reasons;
	size_t reason_count;
} outcome_tally;

const char *outcome_name(outcome what);

/* The outcome that ingest() calls name; OUTCOMES: there is none. */
outcome outcome_find(const char *name);

/* reason: NULL if there is none to tell apart. */
void outcome_add(outcome_tally *tally, outcome what, const char *reason);

/* All files counted. */
uint64_t outcome_total(const outcome_tally *tally);

/* Files that a person should look at. */
uint64_t outcome_refused(const outcome_tally *tally);

/* One line an outcome, "name count", its commonest reasons below it. */
void outcome_print(outcome_tally *tally, FILE *out);

void outcome_free(outcome_tally *tally);

#endif
