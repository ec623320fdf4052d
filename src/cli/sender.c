/*
 * Many files over several connections, driven by one poll() loop.
 *
 * Each connection is in libpq's pipeline mode with up to DEPTH files on their
 * way: while the server works on one, the next is already travelling. After
 * each file comes a Sync, so each file is a transaction of its own, and an
 * error in one does not touch the next.
 *
 * The sessions commit asynchronously. When all answers are in, one last
 * transaction that waits for its WAL to be flushed makes everything before it
 * durable, since WAL is written in order: only then is success reported.
 */
#include "sender.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "connect.h"

/* Files on their way per connection; bytes beyond which there is but one. */
#define DEPTH 3
#define DEPTH_BYTES (16 << 20)

/*
 * PostgreSQL takes messages of less than 1 GB, which also carry the other
 * parameters.
 */
#define MAX_FILE_SIZE ((uint64_t)0x3fffffff - (1 << 20))

/* A deadlock or serialization failure is no fault of the file. */
#define MAX_ATTEMPTS 4

#define TICK_MS 100

typedef struct flight
{
	size_t index;
	uint64_t size;
	int attempt;
} flight;

typedef struct lane
{
	PGconn *conn;
	flight flights[DEPTH]; /* in the order they were sent */
	size_t in_flight;
	uint64_t bytes;
} lane;

typedef struct sender
{
	const sender_job *job;
	lane *lanes;
	size_t count;
	size_t next;   /* file to be sent next */
	flight *again; /* files to be sent once more */
	size_t again_count;
	bool stopping; /* send no more: interrupted, or an error all will meet */
	bool failed;
} sender;

enum
{
	PARAMETERS = 7
};

/* text, bytea, text, text[], text, text, text */
static const Oid parameter_types[PARAMETERS] = {25, 17, 25, 1009, 25, 25, 25};

static const char statement_name[] = "medimnet_ingest";
static const char statement[] =
	"SELECT status, reason FROM medimnet.ingest($1, $2, $3, $4, $5, $6, $7)";

/* The file's bytes, malloc'ed, or NULL with *reason. */
static char *
read_file(const char *path, uint64_t *size, const char **reason)
{
	/* not to hang should a file have become a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat about;
	char *bytes = NULL;
	uint64_t got = 0;

	*reason = NULL;
	*size = 0;
	if (fd < 0 || fstat(fd, &about) != 0)
		*reason = strerror(errno);
	else if (!S_ISREG(about.st_mode))
		*reason = "not a regular file";
	else if ((uint64_t)about.st_size > MAX_FILE_SIZE)
		*reason = "larger than 1 GB, the most that PostgreSQL takes";
	else if ((bytes = malloc((size_t)about.st_size + 1)) == NULL)
		*reason = "too large for this machine's memory";
	while (*reason == NULL && got < (uint64_t)about.st_size)
	{
		ssize_t n = read(fd, bytes + got, (uint64_t)about.st_size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			*reason = strerror(errno);
		if (n <= 0)
			break;
		got += (uint64_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (*reason != NULL)
	{
		free(bytes);
		return NULL;
	}
	*size = got;
	return bytes;
}

static void
lose_connection(sender *state, const lane *where)
{
	if (!state->failed)
		connect_tell_error(where->conn, NULL);
	state->stopping = state->failed = true;
}

/* Reads the file and puts it on its way; a file it cannot send is done. */
static void
send_file(sender *state, lane *where, flight what)
{
	const sender_job *job = state->job;
	sender_file file = job->describe(job->user, what.index);
	const char *reason;
	char *bytes = read_file(file.path, &what.size, &reason);
	/* no file name: it may name a patient, and here the path is known anyway */
	const char *values[PARAMETERS] = {
		job->collection, bytes,			NULL,			file.labels,
		file.subject,	 file.modality, file.body_part,
	};
	int lengths[PARAMETERS] = {0};
	static const int formats[PARAMETERS] = {[1] = 1};

	lengths[1] = (int)what.size;
	if (bytes == NULL)
		job->done(job->user, what.index, OUTCOME_FAILED, reason, 0);
	else if (!PQsendQueryPrepared(where->conn, statement_name, PARAMETERS,
								  values, lengths, formats, 0) ||
			 !PQpipelineSync(where->conn))
		lose_connection(state, where);
	else
	{
		where->flights[where->in_flight++] = what;
		where->bytes += what.size;
	}
	free(bytes);
	free((char *)file.labels);
}

static void
fill_lane(sender *state, lane *where)
{
	while (!state->stopping && where->in_flight < DEPTH &&
		   (where->in_flight == 0 || where->bytes < DEPTH_BYTES))
	{
		flight what = {0};

		if (state->again_count > 0)
			what = state->again[--state->again_count];
		else if (state->next < state->job->count)
			what.index = state->next++;
		else
			break;
		send_file(state, where, what);
	}
}

/*
 * Errors that every file would meet: no right, no such collection or function
 * (42), a read-only server (25), a full disk (53100), the server going down
 * (57P).
 */
static bool
is_hopeless(const char *state)
{
	return strncmp(state, "42", 2) == 0 || strncmp(state, "25", 2) == 0 ||
		   strncmp(state, "3F", 2) == 0 || strncmp(state, "57P", 3) == 0 ||
		   strcmp(state, "53100") == 0;
}

static void
take_error(sender *state, lane *where, const PGresult *result)
{
	flight *what = &where->flights[0];
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (code != NULL && is_hopeless(code))
	{
		if (!state->stopping)
			connect_tell_error(where->conn, result);
		state->stopping = state->failed = true;
		return;
	}
	/* class 40: transaction rollback */
	if (code != NULL && strncmp(code, "40", 2) == 0 &&
		what->attempt + 1 < MAX_ATTEMPTS)
	{
		state->again =
			cli_realloc(state->again, state->again_count + 1, sizeof(flight));
		state->again[state->again_count++] =
			(flight){.index = what->index, .attempt = what->attempt + 1};
		return;
	}
	state->job->done(state->job->user, what->index, OUTCOME_FAILED,
					 text ? text : "the server gave no answer", what->size);
}

static void
take_answer(sender *state, lane *where, const PGresult *result)
{
	const flight *what = &where->flights[0];
	outcome status = OUTCOMES;

	if (PQntuples(result) == 1 && !PQgetisnull(result, 0, 0))
		status = outcome_find(PQgetvalue(result, 0, 0));
	if (status == OUTCOMES)
	{
		cli_say("the server's ingest() gave an answer that this program does "
				"not know: are they of one version?");
		state->stopping = state->failed = true;
		return;
	}
	state->job->done(state->job->user, what->index, status,
					 PQgetisnull(result, 0, 1) ? NULL
											   : PQgetvalue(result, 0, 1),
					 what->size);
}

/* Takes what has arrived. */
static void
drain_lane(sender *state, lane *where)
{
	if (!PQconsumeInput(where->conn))
	{
		lose_connection(state, where);
		return;
	}
	while (where->in_flight > 0 && !PQisBusy(where->conn))
	{
		PGresult *result = PQgetResult(where->conn);

		switch (result ? PQresultStatus(result) : PGRES_EMPTY_QUERY)
		{
			case PGRES_EMPTY_QUERY: /* end of one statement's results */
				break;
			case PGRES_TUPLES_OK:
				take_answer(state, where, result);
				break;
			case PGRES_PIPELINE_SYNC:
				where->bytes -= where->flights[0].size;
				where->in_flight--;
				memmove(where->flights, where->flights + 1,
						where->in_flight * sizeof(flight));
				break;
			default:
				if (PQstatus(where->conn) == CONNECTION_BAD)
					lose_connection(state, where);
				else
					take_error(state, where, result);
		}
		PQclear(result);
		if (PQstatus(where->conn) == CONNECTION_BAD)
		{
			lose_connection(state, where);
			return;
		}
	}
}

static bool
is_live(const lane *where)
{
	return where->in_flight > 0 && PQstatus(where->conn) == CONNECTION_OK;
}

/* One turn: fill, wait, take. False: nothing more is on its way. */
static bool
turn(sender *state, struct pollfd *fds)
{
	size_t waiting = 0;

	if (!state->stopping && state->job->tick(state->job->user))
		state->stopping = true;
	for (size_t i = 0; i < state->count; i++)
	{
		lane *where = &state->lanes[i];
		int unsent;

		fds[i] = (struct pollfd){.fd = -1};
		if (PQstatus(where->conn) == CONNECTION_OK)
			fill_lane(state, where);
		if (!is_live(where))
			continue;
		unsent = PQflush(where->conn);
		if (unsent < 0)
		{
			/* the server's last words may explain it */
			drain_lane(state, where);
			lose_connection(state, where);
			continue;
		}
		fds[i].fd = PQsocket(where->conn);
		fds[i].events = (short)(POLLIN | (unsent ? POLLOUT : 0));
		waiting++;
	}
	if (waiting == 0)
		return !state->stopping &&
			   (state->again_count > 0 || state->next < state->job->count);
	if (poll(fds, state->count, TICK_MS) < 0 && errno != EINTR)
		cli_fail("poll: %s", strerror(errno));
	for (size_t i = 0; i < state->count; i++)
	{
		if (fds[i].fd >= 0 && fds[i].revents != 0)
			drain_lane(state, &state->lanes[i]);
	}
	state->job->tick(state->job->user);
	return true;
}

static bool
prepare_lane(PGconn *conn)
{
	PGresult *result = PQexec(conn, "SET synchronous_commit = off");

	if (PQresultStatus(result) == PGRES_COMMAND_OK)
	{
		PQclear(result);
		result = PQprepare(conn, statement_name, statement, PARAMETERS,
						   parameter_types);
	}
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
	{
		connect_tell_error(conn, result);
		if (strncmp(PQresultErrorField(result, PG_DIAG_SQLSTATE)
						? PQresultErrorField(result, PG_DIAG_SQLSTATE)
						: "",
					"3F", 2) == 0)
			cli_say("is this the right database? It needs CREATE EXTENSION "
					"medimnet");
		PQclear(result);
		return false;
	}
	PQclear(result);
	return PQsetnonblocking(conn, 1) == 0 && PQenterPipelineMode(conn) == 1;
}

/* Waits until all that was committed so far is on the server's disk. */
static bool
make_durable(PGconn *conn)
{
	bool done;
	PGresult *result;

	if (PQexitPipelineMode(conn) != 1 || PQsetnonblocking(conn, 0) != 0)
	{
		connect_tell_error(conn, NULL);
		return false;
	}
	PQclear(PQexec(conn, "RESET synchronous_commit"));
	result =
		PQexec(conn, "SELECT pg_logical_emit_message(true, 'medimnet', '')");
	done = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!done)
		connect_tell_error(conn, result);
	PQclear(result);
	return done;
}

bool
sender_run(const sender_job *job, PGconn **connections, size_t count,
		   size_t *in_doubt)
{
	sender state = {
		.job = job,
		.lanes = cli_realloc(NULL, count, sizeof(lane)),
		.count = count,
	};
	struct pollfd *fds = cli_realloc(NULL, count, sizeof(struct pollfd));
	bool sound = true;

	for (size_t i = 0; i < count; i++)
	{
		state.lanes[i] = (lane){.conn = connections[i]};
		sound = sound && prepare_lane(connections[i]);
	}
	if (sound)
	{
		while (turn(&state, fds))
			;
		*in_doubt = 0;
		for (size_t i = 0; i < count; i++)
			*in_doubt += state.lanes[i].in_flight;
		sound = !state.failed;
		for (size_t i = 0; i < count; i++)
		{
			if (PQstatus(connections[i]) == CONNECTION_OK)
			{
				sound = make_durable(connections[i]) && sound;
				break;
			}
		}
	}
	free(state.lanes);
	free(state.again);
	free(fds);
	return sound;
}
