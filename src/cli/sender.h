#ifndef MEDIMNET_SENDER_H
#define MEDIMNET_SENDER_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "outcome.h"

/* A file with what is known of it; NULL: nothing. */
typedef struct sender_file
{
	const char *path;
	const char *labels; /* text form of an SQL array; freed by the sender */
	const char *subject;
	const char *modality;
	const char *body_part;
} sender_file;

typedef struct sender_job
{
	const char *collection;
	size_t count; /* of files */
	/* what file number index is */
	sender_file (*describe)(void *user, size_t index);
	/* what became of it; size is what was read of it */
	void (*done)(void *user, size_t index, outcome what, const char *reason,
				 uint64_t size);
	/* called several times a second; true: send no more */
	bool (*tick)(void *user);
	void *user;
} sender_job;

/*
 * Sends the files over all connections at once and waits for the answers.
 * False: it had to stop early, has said why on stderr, and the fate of
 * *in_doubt files is not known.
 */
bool sender_run(const sender_job *job, PGconn **connections, size_t count,
				size_t *in_doubt);

#endif
