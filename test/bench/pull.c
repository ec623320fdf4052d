/*
 * pull.c: pulls rows in binary over libpq, one at a time, and looks at them as
 * little as possible: the peer and medimnet are read by the same program.
 *
 *   pull CONNINFO single|copy QUERY [REPETITIONS]
 *
 * Prints for each repetition: seconds, bytes, rows, and seconds from before
 * connecting until the first row was there (the first repetition only).
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static double first_row;
static double bytes;
static long rows;
static volatile unsigned seen; /* so that reading is not optimised away */

static void
look(const char *p, size_t n)
{
	if (rows++ == 0 && first_row == 0)
		first_row = seconds();
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
	double connecting = seconds();
	PGconn *conn;

	if (argc < 4)
		return 2;
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
		fail(conn);
	for (int i = 0; i < repetitions; i++)
	{
		double start = seconds();

		bytes = 0;
		rows = 0;
		if (strcmp(argv[2], "copy") == 0)
			pull_copy(conn, argv[3]);
		else
			pull_single(conn, argv[3]);
		printf("%.6f\t%.0f\t%ld\t%.6f\n", seconds() - start, bytes, rows,
			   first_row - connecting);
		fflush(stdout);
	}
	PQfinish(conn);
	return 0;
}
