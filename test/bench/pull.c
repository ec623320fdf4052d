/*
 * pull.c: pulls rows in binary over libpq, one at a time, and looks at them as
 * little as possible: the peer and medimnet are read by the same program.
 *
 *   pull CONNINFO single|copy QUERY [REPETITIONS]
 *
 * Prints for each repetition: seconds, bytes, rows, and seconds of CPU that the
 * backend and this program took.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void
fail(PGconn *conn)
{
	fprintf(stderr, "pull: %s", PQerrorMessage(conn));
	exit(1);
}

/* CPU time of a process, as Linux keeps it to the nanosecond. */
static double
cpu_seconds(int pid)
{
	char path[64];
	FILE *file;
	double spent = 0;

	snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%lf", &spent) != 1)
	{
		fprintf(stderr, "pull: could not read %s\n", path);
		exit(1);
	}
	fclose(file);
	return 1e-9 * spent;
}

static double bytes;
static long rows;
static volatile unsigned seen; /* so that reading is not optimised away */

static void
look(const char *p, size_t n)
{
	rows++;
	bytes += (double)n;
	for (size_t i = 0; i < n; i += 4096)
		seen += (unsigned char)p[i];
}

static void
pull_single(PGconn *conn, const char *query)
{
	PGresult *result;

	if (!PQsendQueryParams(conn, query, 0, NULL, NULL, NULL, NULL, 1) ||
		!PQsetSingleRowMode(conn))
		fail(conn);
	while ((result = PQgetResult(conn)) != NULL)
	{
		int last = PQnfields(result) - 1; /* the image */

		if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
			look(PQgetvalue(result, 0, last),
				 (size_t)PQgetlength(result, 0, last));
		else if (PQresultStatus(result) != PGRES_TUPLES_OK)
			fail(conn);
		PQclear(result);
	}
}

static void
pull_copy(PGconn *conn, const char *query)
{
	char *sql = malloc(strlen(query) + 64);
	PGresult *result;
	char *row;
	int n;

	sprintf(sql, "COPY (%s) TO STDOUT (FORMAT binary)", query);
	result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_COPY_OUT)
		fail(conn);
	PQclear(result);
	while ((n = PQgetCopyData(conn, &row, 0)) > 0)
	{
		if (n > 2) /* not the trailer */
			look(row, (size_t)n);
		PQfreemem(row);
	}
	while ((result = PQgetResult(conn)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			fail(conn);
		PQclear(result);
	}
	free(sql);
}

int
main(int argc, char **argv)
{
	int repetitions = argc > 4 ? atoi(argv[4]) : 1;
	PGconn *conn;

	if (argc < 4)
		return 2;
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
		fail(conn);
	for (int i = 0; i < repetitions; i++)
	{
		double server = cpu_seconds(PQbackendPID(conn));
		double client = cpu_seconds(getpid());
		double start = seconds();
		double end;

		bytes = 0;
		rows = 0;
		if (strcmp(argv[2], "copy") == 0)
			pull_copy(conn, argv[3]);
		else
			pull_single(conn, argv[3]);
		end = seconds();
		printf("%.6f\t%.0f\t%ld\t%.6f\t%.6f\n", end - start, bytes, rows,
			   cpu_seconds(PQbackendPID(conn)) - server,
			   cpu_seconds(getpid()) - client);
		fflush(stdout);
	}
	PQfinish(conn);
	return 0;
}
