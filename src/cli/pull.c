/*
 * medimnet pull: what a training job does, without the training.
 *
 * Batches come in binary over one connection in pipeline mode: the next one is
 * asked for before the present one is looked at, so that the server is never
 * idle. Each is checked against the loader's definition.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batch.h"
#include "connect.h"

/* Batches asked for and not yet taken. */
#define AHEAD 2

typedef struct pull_options
{
	const char *loader;
	const char *conninfo;
	const char *output;
	int64_t steps;
	int64_t first_step;
	int rank;
	int world_size;
} pull_options;

typedef struct class_counts
{
	uint64_t total;
	uint64_t least; /* in one batch */
	uint64_t most;
	uint64_t here; /* in the present batch */
} class_counts;

typedef struct pull
{
	pull_options options;
	PGconn *conn;
	batch_spec spec;
	class_counts *classes;
	int64_t batches;
	uint64_t bytes;
	double waited; /* longest time for one batch, seconds */
} pull;

static void
usage(FILE *out)
{
	fputs("Usage: medimnet pull LOADER --steps N [OPTION]...\n"
		  "\n"
		  "Fetches batches in binary, as a training job does; checks type, "
		  "shape and\n"
		  "labels of each against the loader; prints speed and achieved class "
		  "mix.\n"
		  "\n"
		  "      --steps N             batches to fetch\n"
		  "      --first-step K        the first one (default: 0)\n"
		  "      --rank R              which share of each batch (default: 0)\n"
		  "      --world-size W        shares that there are (default: 1)\n"
		  "      --output DIR          write STEP.images.npy, STEP.labels.npy "
		  "and\n"
		  "                            STEP.image_ids.npy there\n"
		  "  -d, --dbname CONNINFO     database, or connection string\n"
		  "      --help                show this text\n"
		  "\n"
		  "Exit status: 0 all batches are as the loader promises; 1 one is "
		  "not; 2 it\n"
		  "could not start, or had to stop; 128 + signal when interrupted.\n",
		  out);
}

static pull_options
parse_options(int argc, char **argv)
{
	enum
	{
		STEPS = 256,
		FIRST_STEP,
		RANK,
		WORLD_SIZE,
		OUTPUT
	};
	static const struct option known[] = {
		{"steps", required_argument, NULL, STEPS},
		{"first-step", required_argument, NULL, FIRST_STEP},
		{"rank", required_argument, NULL, RANK},
		{"world-size", required_argument, NULL, WORLD_SIZE},
		{"output", required_argument, NULL, OUTPUT},
		{"dbname", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	pull_options options = {.world_size = 1};
	int option;

	while ((option = getopt_long(argc, argv, "d:h", known, NULL)) != -1)
	{
		switch (option)
		{
			case STEPS:
				options.steps = cli_number("--steps", optarg, 1, INT32_MAX);
				break;
			case FIRST_STEP:
				options.first_step = cli_number("--first-step", optarg, 0,
												INT64_MAX - INT32_MAX);
				break;
			case RANK:
				options.rank = (int)cli_number("--rank", optarg, 0, INT32_MAX);
				break;
			case WORLD_SIZE:
				options.world_size =
					(int)cli_number("--world-size", optarg, 1, INT32_MAX);
				break;
			case OUTPUT:
				options.output = optarg;
				break;
			case 'd':
				options.conninfo = optarg;
				break;
			case 'h':
				usage(stdout);
				exit(CLI_OK);
			default:
				cli_fail("try: medimnet pull --help");
		}
	}
	if (argc - optind != 1)
		cli_fail(
			"pull needs the name of one loader; try: medimnet pull --help");
	if (options.steps == 0)
		cli_fail("pull needs --steps N; try: medimnet pull --help");
	if (options.rank >= options.world_size)
		cli_fail("--rank must be less than --world-size");
	options.loader = argv[optind];
	return options;
}

static void
ask(pull *state, int64_t step)
{
	/* text, bigint, int, int */
	static const Oid types[] = {25, 20, 23, 23};
	char numbers[3][24];
	const char *values[] = {state->options.loader, numbers[0], numbers[1],
							numbers[2]};

	snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, step);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", state->options.rank);
	snprintf(numbers[2], sizeof(numbers[2]), "%d", state->options.world_size);
	if (!PQsendQueryParams(state->conn,
						   "SELECT images, labels, image_ids FROM "
						   "medimnet.batch($1, $2, $3, $4)",
						   4, types, values, NULL, NULL, 1) ||
		!PQpipelineSync(state->conn))
	{
		connect_tell_error(state->conn, NULL);
		exit(CLI_FAILED);
	}
}

/* The result of the oldest ask(); the program ends if it is an error. */
static PGresult *
take(pull *state)
{
	PGresult *batch_row = PQgetResult(state->conn);
	PGresult *result;

	if (PQresultStatus(batch_row) != PGRES_TUPLES_OK)
	{
		connect_tell_error(state->conn, batch_row);
		exit(CLI_FAILED);
	}
	/* NULL: no more results of this statement; then its Sync */
	do
	{
		bool synced;

		result = PQgetResult(state->conn);
		synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		if (result == NULL && PQstatus(state->conn) == CONNECTION_BAD)
		{
			connect_tell_error(state->conn, NULL);
			exit(CLI_FAILED);
		}
		PQclear(result);
		if (synced)
			break;
	} while (true);
	return batch_row;
}

static void
count_classes(pull *state, const batch *taken)
{
	for (size_t i = 0; i < state->spec.class_count; i++)
		state->classes[i].here = 0;
	for (uint64_t i = 0; i < taken->count; i++)
		state->classes[taken->labels[i]].here++;
	for (size_t i = 0; i < state->spec.class_count; i++)
	{
		class_counts *counts = &state->classes[i];

		counts->total += counts->here;
		if (state->batches == 0 || counts->here < counts->least)
			counts->least = counts->here;
		if (counts->here > counts->most)
			counts->most = counts->here;
	}
}

/* The three arrays of the batch as NPY files; the first one is one already. */
static void
write_batch(const pull *state, const batch *taken, int64_t step)
{
	static const char *const names[] = {"images", "labels", "image_ids"};

	for (int i = 0; i < 3; i++)
	{
		char *path = cli_format("%s/%08" PRId64 ".%s.npy",
								state->options.output, step, names[i]);
		bool written;

		if (i == 0)
		{
			FILE *file = fopen(path, "wb");

			written = file != NULL &&
					  fwrite(taken->npy_bytes, taken->npy_size, 1, file) == 1;
			if (file != NULL && fclose(file) != 0)
				written = false;
		}
		else
			written = npy_write(path, i == 1 ? "<i4" : "<i8", i == 1 ? 4 : 8,
								i == 1 ? (const void *)taken->labels
									   : (const void *)taken->image_ids,
								taken->count);
		if (!written)
			cli_fail("cannot write %s: %s", path, strerror(errno));
		free(path);
	}
}

/* Fetches all steps, or until one is wrong or a signal comes. */
static bool
fetch(pull *state)
{
	const pull_options *options = &state->options;
	int64_t asked = 0;
	bool sound = true;

	if (PQenterPipelineMode(state->conn) != 1)
		cli_fail("libpq has no pipeline mode here");
	while (sound && state->batches < options->steps && cli_signal() == 0)
	{
		int64_t step = options->first_step + state->batches;
		double before = cli_seconds();
		PGresult *result;
		batch taken;
		char *wrong;

		while (asked < options->steps && asked < state->batches + AHEAD)
			ask(state, options->first_step + asked++);
		result = take(state);
		if (cli_seconds() - before > state->waited)
			state->waited = cli_seconds() - before;
		wrong = batch_parse(&taken, result, &state->spec);
		if (wrong != NULL)
		{
			cli_say("step %" PRId64 ": %s", step, wrong);
			sound = false;
		}
		else
		{
			if (options->output != NULL)
				write_batch(state, &taken, step);
			count_classes(state, &taken);
			state->batches++;
			state->bytes += taken.npy_size;
		}
		free(wrong);
		batch_free(&taken);
		PQclear(result);
	}
	return sound;
}

static void
print_summary(const pull *state, double seconds)
{
	const batch_spec *spec = &state->spec;
	uint64_t images = (uint64_t)state->batches * spec->images;

	printf("loader %s: %s samples, %s steps an epoch, %zu classes\n",
		   state->options.loader, spec->samples, spec->steps_per_epoch,
		   spec->class_count);
	printf("%" PRId64 " batches of %" PRIu64 "x%" PRIu64 "x%" PRIu64 "x%" PRIu64
		   " %s",
		   state->batches, spec->images, spec->channels, spec->height,
		   spec->width, spec->dtype);
	if (state->options.world_size > 1)
		printf(", rank %d of %d", state->options.rank,
			   state->options.world_size);
	printf("\n%" PRIu64 " images, %.1f MB in %.2f s: %.0f images/s, %.1f MB/s, "
		   "longest wait %.0f ms\n",
		   images, (double)state->bytes / 1e6, seconds,
		   (double)images / seconds, (double)state->bytes / 1e6 / seconds,
		   state->waited * 1e3);
	if (state->batches == 0)
		return;
	printf("\n%10s  %6s  %7s  class\n", "images", "%", "a batch");
	for (size_t i = 0; i < spec->class_count; i++)
	{
		const class_counts *counts = &state->classes[i];
		char range[48];

		if (counts->least == counts->most)
			snprintf(range, sizeof(range), "%" PRIu64, counts->most);
		else
			snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64,
					 counts->least, counts->most);
		printf("%10" PRIu64 "  %6.2f  %7s  ", counts->total,
			   100.0 * (double)counts->total / (double)images, range);
		cli_print(stdout, spec->classes[i]);
		putchar('\n');
	}
}

int
pull_main(int argc, char **argv)
{
	pull state = {.options = parse_options(argc, argv)};
	bool sound;
	double started;

	if (state.options.output != NULL &&
		mkdir(state.options.output, 0777) != 0 && errno != EEXIST)
		cli_fail("cannot make %s: %s", state.options.output, strerror(errno));
	state.conn = connect_server(state.options.conninfo);
	state.spec = batch_spec_get(state.conn, state.options.loader,
								state.options.world_size);
	state.classes =
		cli_realloc(NULL, state.spec.class_count, sizeof(class_counts));
	memset(state.classes, 0, state.spec.class_count * sizeof(class_counts));
	cli_catch_signals();
	started = cli_seconds();
	sound = fetch(&state);
	print_summary(&state, cli_seconds() - started);
	PQfinish(state.conn);
	batch_spec_free(&state.spec);
	free(state.classes);
	if (!sound)
		return CLI_REFUSED;
	return cli_signal() != 0 ? 128 + cli_signal() : CLI_OK;
}
