/*
 * Batches of a medimnet loader from C: prefetched, into buffers that are used
 * again and again.
 *
 *   cc -O2 -I$(pg_config --includedir) -o batches examples/batches.c -lpq
 *   ./batches dbname=images chest-train 100
 *
 * Each step is a query of its own in libpq's pipeline mode: while this program
 * works on one batch, the server is already sending the next AHEAD. Within a
 * query, single-row mode hands over one image at a time, which is copied to its
 * place in the batch and given back. A lost connection is no loss: connect
 * again and go on with the step that was due.
 */
#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Steps asked for before their turn. */
#define AHEAD 4

typedef struct batches
{
	PGconn *conn;
	const char *loader;
	int64_t asked; /* next step to ask for */
	int64_t end;   /* no step from here on */
	int rank;
	int world_size;

	/* the present batch */
	int64_t step;
	int count;
	size_t image_size; /* bytes of one image, without its NPY header */
	char *images;	   /* count images, one after the other */
	int32_t *labels;
	int64_t *image_ids;
	size_t room; /* images that there is memory for */
} batches;

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "batches: %s: %s\n", what, why);
	exit(1);
}

static void
ask(batches *b)
{
	static const Oid types[] = {25 /* text */, 20 /* bigint */, 23 /* int */,
								23};
	char step[24], rank[12], world_size[12];
	const char *values[] = {b->loader, step, rank, world_size};

	snprintf(step, sizeof step, "%" PRId64, b->asked++);
	snprintf(rank, sizeof rank, "%d", b->rank);
	snprintf(world_size, sizeof world_size, "%d", b->world_size);
	/* batch_rows() in the SELECT list: one image at a time in the server */
	if (!PQsendQueryParams(
			b->conn,
			"SELECT (r).image_id, (r).label, (r).image FROM (SELECT "
			"medimnet.batch_rows($1, $2, $2, $3, $4) AS r) s",
			4, types, values, NULL, NULL, 1) ||
		!PQpipelineSync(b->conn))
		fail("could not ask for a batch", PQerrorMessage(b->conn));
}

/* Steps first .. first + steps - 1. */
static void
batches_open(batches *b, const char *conninfo, const char *loader,
			 int64_t first, int64_t steps, int rank, int world_size)
{
	memset(b, 0, sizeof *b);
	b->conn = PQconnectdb(conninfo);
	if (PQstatus(b->conn) != CONNECTION_OK)
		fail("could not connect", PQerrorMessage(b->conn));
	if (!PQenterPipelineMode(b->conn))
		fail("could not enter pipeline mode", PQerrorMessage(b->conn));
	b->loader = loader;
	b->step = first - 1;
	b->asked = first;
	b->end = first + steps;
	b->rank = rank;
	b->world_size = world_size;
}

static void
make_room(batches *b)
{
	if ((size_t)b->count < b->room)
		return;
	b->room = b->room ? b->room * 2 : 64;
	b->images = realloc(b->images, b->room * b->image_size);
	b->labels = realloc(b->labels, b->room * sizeof *b->labels);
	b->image_ids = realloc(b->image_ids, b->room * sizeof *b->image_ids);
	if (!b->images || !b->labels || !b->image_ids)
		fail("could not keep a batch", "out of memory");
}

/* Numbers come in network byte order, an image as an NPY 1.0 file. */
static void
take_image(batches *b, const PGresult *row)
{
	const unsigned char *npy =
		(const unsigned char *)PQgetvalue(row, 0, 2);
	size_t header = 10 + (size_t)(npy[8] | npy[9] << 8);
	uint64_t image_id;
	uint32_t label;

	b->image_size = (size_t)PQgetlength(row, 0, 2) - header;
	make_room(b);
	memcpy(&image_id, PQgetvalue(row, 0, 0), sizeof image_id);
	memcpy(&label, PQgetvalue(row, 0, 1), sizeof label);
	b->image_ids[b->count] = (int64_t)be64toh(image_id);
	b->labels[b->count] = (int32_t)be32toh(label);
	memcpy(b->images + (size_t)b->count * b->image_size, npy + header,
		   b->image_size);
	b->count++;
}

/* The next batch: 1, or 0 after the last. */
static int
batches_next(batches *b)
{
	PGresult *result;

	while (b->asked < b->end && b->asked <= b->step + AHEAD)
		ask(b);
	if (b->step + 1 >= b->end)
		return 0;
	b->step++;
	b->count = 0;
	if (!PQsetSingleRowMode(b->conn))
		fail("could not get single rows", PQerrorMessage(b->conn));
	for (;;)
	{
		ExecStatusType status;

		result = PQgetResult(b->conn);
		if (result == NULL)
		{
			/* the end of the query; of the connection, if nothing follows */
			if (PQstatus(b->conn) == CONNECTION_BAD)
				fail("lost the connection", PQerrorMessage(b->conn));
			continue;
		}
		status = PQresultStatus(result);
		if (status == PGRES_SINGLE_TUPLE)
			take_image(b, result);
		else if (status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC)
			fail("could not get a batch", PQresultErrorMessage(result));
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC)
			return 1;
	}
}

static void
batches_close(batches *b)
{
	PQfinish(b->conn);
	free(b->images);
	free(b->labels);
	free(b->image_ids);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int
main(int argc, char **argv)
{
	batches b;
	double start, bytes = 0;
	int64_t images = 0;

	if (argc < 4 || argc > 7)
	{
		fprintf(stderr, "usage: batches CONNINFO LOADER STEPS [FIRST_STEP "
						"[RANK WORLD_SIZE]]\n");
		return 2;
	}
	batches_open(&b, argv[1], argv[2], argc > 4 ? atoll(argv[4]) : 0,
				 atoll(argv[3]), argc > 6 ? atoi(argv[5]) : 0,
				 argc > 6 ? atoi(argv[6]) : 1);
	start = seconds();
	while (batches_next(&b))
	{
		/* here a training job would use b.images, b.labels */
		images += b.count;
		bytes += (double)b.count * (double)b.image_size;
	}
	printf("%" PRId64 " images, %.1f MB in %.2f s: %.0f images/s, %.1f MB/s\n",
		   images, bytes / 1e6, seconds() - start,
		   (double)images / (seconds() - start),
		   bytes / 1e6 / (seconds() - start));
	batches_close(&b);
	return 0;
}
