/*
 * medimnet import: sends files to ingest() and tells what became of them.
 *
 * First all files are listed, so that progress is known and nothing is sent
 * before the command line makes sense; then sender.c does the work.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "connect.h"
#include "labels.h"
#include "outcome.h"
#include "progress.h"
#include "sender.h"
#include "walk.h"

#define MAX_JOBS 64
#define DEFAULT_JOBS 4

typedef struct import_options
{
	const char *collection;
	const char *license;
	const char *labels_path;
	const char *subject_column;
	const char *label_column;
	const char *modality;
	const char *body_part;
	const char *conninfo;
	size_t jobs;
	bool create;
	bool label_from_folder;
	bool quiet;
} import_options;

typedef struct import
{
	import_options options;
	walk_list files;
	labels_table labels;
	uint64_t unlisted; /* files that the table of labels does not name */
	outcome_tally tally;
	progress progress;
} import;

static void
usage(FILE *out)
{
	fputs(
		"Usage: medimnet import --collection NAME [OPTION]... DIR|FILE...\n"
		"\n"
		"Sends files, and all files below folders, to the collection: DICOM, "
		"PNG\n"
		"and JPEG. The server de-identifies and stores each, or says why not.\n"
		"Running it again is safe: what is there already is a duplicate.\n"
		"\n"
		"      --collection NAME     collection to import into\n"
		"      --create              make the collection if it is not there\n"
		"      --license TEXT        licence of a collection made by --create\n"
		"                            (default: unknown)\n"
		"      --label-from-folder   label each file with its folder's name\n"
		"      --labels FILE.tsv     take labels from a table: send the files "
		"that\n"
		"                            it lists (below DIR..., if given) and no "
		"other\n"
		"      --label-column COL    its labels (default: label)\n"
		"      --subject-column COL  its subjects (default: patient_id)\n"
		"      --modality M          modality, where the table says none\n"
		"      --body-part B         body part, where the table says none\n"
		"  -j, --jobs N              connections to use (default: 4)\n"
		"  -d, --dbname CONNINFO     database, or connection string\n"
		"      --quiet               show no progress\n"
		"      --help                show this text\n"
		"\n"
		"Exit status: 0 all files are stored or duplicates; 1 some are not; 2 "
		"it\n"
		"could not start, or had to stop; 128 + signal when interrupted.\n",
		out);
}

static import_options
parse_options(int argc, char **argv)
{
	enum
	{
		COLLECTION = 256,
		CREATE,
		LICENSE,
		LABEL_FROM_FOLDER,
		LABELS,
		LABEL_COLUMN,
		SUBJECT_COLUMN,
		MODALITY,
		BODY_PART,
		QUIET
	};
	static const struct option known[] = {
		{"collection", required_argument, NULL, COLLECTION},
		{"create", no_argument, NULL, CREATE},
		{"license", required_argument, NULL, LICENSE},
		{"label-from-folder", no_argument, NULL, LABEL_FROM_FOLDER},
		{"labels", required_argument, NULL, LABELS},
		{"label-column", required_argument, NULL, LABEL_COLUMN},
		{"subject-column", required_argument, NULL, SUBJECT_COLUMN},
		{"modality", required_argument, NULL, MODALITY},
		{"body-part", required_argument, NULL, BODY_PART},
		{"jobs", required_argument, NULL, 'j'},
		{"dbname", required_argument, NULL, 'd'},
		{"quiet", no_argument, NULL, QUIET},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	import_options options = {.jobs = DEFAULT_JOBS};
	int option;

	while ((option = getopt_long(argc, argv, "j:d:h", known, NULL)) != -1)
	{
		switch (option)
		{
			case COLLECTION:
				options.collection = optarg;
				break;
			case CREATE:
				options.create = true;
				break;
			case LICENSE:
				options.license = optarg;
				break;
			case LABEL_FROM_FOLDER:
				options.label_from_folder = true;
				break;
			case LABELS:
				options.labels_path = optarg;
				break;
			case LABEL_COLUMN:
				options.label_column = optarg;
				break;
			case SUBJECT_COLUMN:
				options.subject_column = optarg;
				break;
			case MODALITY:
				options.modality = optarg;
				break;
			case BODY_PART:
				options.body_part = optarg;
				break;
			case 'j':
				options.jobs = (size_t)cli_number("-j", optarg, 1, MAX_JOBS);
				break;
			case 'd':
				options.conninfo = optarg;
				break;
			case QUIET:
				options.quiet = true;
				break;
			case 'h':
				usage(stdout);
				exit(CLI_OK);
			default:
				cli_fail("try: medimnet import --help");
		}
	}
	if (options.collection == NULL)
		cli_fail("import needs --collection NAME; try: medimnet import --help");
	if (optind == argc && options.labels_path == NULL)
		cli_fail("import needs folders or files; try: medimnet import --help");
	if (options.license != NULL && !options.create)
		cli_fail("--license belongs to --create");
	if (options.label_from_folder && options.labels_path != NULL)
		cli_fail("--label-from-folder and --labels exclude each other");
	if (options.labels_path == NULL &&
		(options.label_column != NULL || options.subject_column != NULL))
		cli_fail("--label-column and --subject-column belong to --labels");
	return options;
}

/* Drops the files that the table does not name, and the table itself. */
static void
keep_listed(import *state)
{
	walk_list *files = &state->files;
	struct stat table;
	bool table_known = stat(state->options.labels_path, &table) == 0;
	size_t kept = 0;

	for (size_t i = 0; i < files->count; i++)
	{
		walk_file *file = &files->files[i];
		labels_row *row = labels_find(&state->labels, file->path);

		if (row != NULL && !row->selected)
		{
			row->selected = true;
			files->files[kept++] = *file;
			continue;
		}
		state->unlisted +=
			row == NULL && !(table_known && file->device == table.st_dev &&
							 file->inode == table.st_ino);
		free(file->path);
	}
	files->count = kept;
}

/* Is the file with this key one of the folder's, or the folder itself? */
static bool
is_below(const char *key, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(key, folder, length) == 0 &&
		   (key[length] == '\0' || key[length] == '/' ||
			folder[length - 1] == '/');
}

static void
tell_refused(import *state, const char *path, outcome what, const char *reason)
{
	progress_clear(&state->progress);
	cli_print(stderr, path);
	fputs(": ", stderr);
	/* a rejected file's reason speaks for itself */
	if (what == OUTCOME_QUARANTINED)
		fprintf(stderr, "%s: ", outcome_name(what));
	else if (what == OUTCOME_MISSING)
		fprintf(stderr, "listed in %s, but: ", state->options.labels_path);
	cli_print(stderr, reason ? reason : "no reason given");
	fputc('\n', stderr);
}

/* Adds the files that only the table names; those not there are told. */
static void
add_rows(import *state, char **roots, int root_count)
{
	for (size_t i = 0; i < state->labels.count; i++)
	{
		labels_row *row = &state->labels.rows[i];
		bool wanted = root_count == 0;

		if (row->selected)
			continue;
		for (int r = 0; r < root_count && !wanted; r++)
		{
			char *root = realpath(roots[r], NULL);

			wanted = root != NULL && is_below(row->key, root);
			free(root);
		}
		if (!wanted)
			continue;
		if (walk_add(&state->files, row->path))
		{
			row->selected = true;
			continue;
		}
		tell_refused(state, row->path, OUTCOME_MISSING, strerror(errno));
		outcome_add(&state->tally, OUTCOME_MISSING, NULL);
	}
}

static void
list_files(import *state, char **roots, int root_count)
{
	const import_options *options = &state->options;

	if (options->labels_path != NULL)
		state->labels = labels_read(options->labels_path, options->label_column,
									options->subject_column);
	for (int i = 0; i < root_count; i++)
	{
		if (!walk(&state->files, roots[i]))
			cli_fail("cannot read %s: %s", roots[i], strerror(errno));
	}
	if (options->labels_path != NULL)
	{
		keep_listed(state);
		add_rows(state, roots, root_count);
	}
}

static char *
label_of_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder =
		slash ? cli_format("%.*s", (int)(slash - path), path) : cli_copy(".");
	char *real = realpath(slash == path ? "/" : folder, NULL);
	char *name = real ? strrchr(real, '/') : NULL;
	char *label =
		name ? labels_array((char *[]){name + 1}, name[1] != '\0') : NULL;

	free(real);
	free(folder);
	return label;
}

static const char *
or_default(const char *value, const char *otherwise)
{
	return value ? value : otherwise;
}

static sender_file
describe(void *user, size_t index)
{
	import *state = user;
	const import_options *options = &state->options;
	const char *path = state->files.files[index].path;
	const labels_row *row =
		options->labels_path ? labels_find(&state->labels, path) : NULL;
	sender_file file = {
		.path = path,
		.modality = options->modality,
		.body_part = options->body_part,
	};

	if (row != NULL)
	{
		file.labels = labels_array(row->labels, row->label_count);
		file.subject = row->subject;
		file.modality = or_default(row->modality, options->modality);
		file.body_part = or_default(row->body_part, options->body_part);
	}
	else if (options->label_from_folder)
		file.labels = label_of_folder(path);
	return file;
}

static void
done(void *user, size_t index, outcome what, const char *reason, uint64_t size)
{
	import *state = user;
	const walk_file *file = &state->files.files[index];
	bool refused = what != OUTCOME_STORED && what != OUTCOME_DUPLICATE;

	outcome_add(&state->tally, what, refused ? reason : NULL);
	progress_advance(&state->progress, file->size, size, refused);
	if (refused)
		tell_refused(state, file->path, what, reason);
}

static bool
tick(void *user)
{
	import *state = user;

	progress_show(&state->progress);
	return cli_signal() != 0;
}

/* Makes the collection, if asked to; it must be there in the end. */
static void
find_collection(const import_options *options, PGconn *conn)
{
	const char *values[] = {options->collection,
							options->license ? options->license : "unknown"};
	PGresult *result = connect_query(
		conn, "SELECT FROM medimnet.collection WHERE name = $1", 1, values);
	bool there = PQntuples(result) > 0;

	PQclear(result);
	if (there)
		return;
	if (!options->create)
		cli_fail("there is no collection \"%s\"; --create makes it",
				 options->collection);
	PQclear(connect_query(conn, "SELECT medimnet.add_collection($1, $2)", 2,
						  values));
}

static void
print_summary(import *state, double seconds)
{
	const walk_list *files = &state->files;
	uint64_t sent =
		outcome_total(&state->tally) - state->tally.counts[OUTCOME_MISSING];

	printf("collection %s: %" PRIu64 " of %zu files in %.1f s, %.0f files/s\n",
		   state->options.collection, sent, files->count, seconds,
		   seconds > 0 ? (double)sent / seconds : 0);
	outcome_print(&state->tally, stdout);
	if (state->unlisted > 0)
		printf("%" PRIu64 " files are not listed in %s: not sent\n",
			   state->unlisted, state->options.labels_path);
	if (files->links > 0)
		printf("%zu links to folders: not followed\n", files->links);
	if (files->unreadable > 0)
		printf("%zu folders or links: not readable\n", files->unreadable);
}

/* Sends all that is listed; an exit status. */
static int
send_all(import *state)
{
	const import_options *options = &state->options;
	PGconn *connections[MAX_JOBS];
	sender_job job = {
		.collection = options->collection,
		.count = state->files.count,
		.describe = describe,
		.done = done,
		.tick = tick,
		.user = state,
	};
	uint64_t bytes = 0;
	size_t jobs = options->jobs < job.count ? options->jobs : job.count;
	size_t in_doubt = 0;
	bool sound = true;
	double started;

	if (jobs == 0)
		jobs = 1;
	for (size_t i = 0; i < jobs; i++)
	{
		connections[i] = connect_server(options->conninfo);
		if (i == 0)
			find_collection(options, connections[0]);
	}
	for (size_t i = 0; i < job.count; i++)
		bytes += state->files.files[i].size;
	cli_catch_signals();
	started = cli_seconds();
	progress_begin(&state->progress, !options->quiet, job.count, bytes);
	if (job.count > 0)
		sound = sender_run(&job, connections, jobs, &in_doubt);
	progress_end(&state->progress);
	for (size_t i = 0; i < jobs; i++)
		PQfinish(connections[i]);
	print_summary(state, cli_seconds() - started);
	if (in_doubt > 0)
		cli_say("the fate of %zu files is not known", in_doubt);
	if (!sound)
	{
		cli_say("stopped early; run the same command again to go on");
		return CLI_FAILED;
	}
	if (cli_signal() != 0)
	{
		cli_say("interrupted; run the same command again to go on");
		return 128 + cli_signal();
	}
	return outcome_refused(&state->tally) > 0 || state->files.unreadable > 0
			   ? CLI_REFUSED
			   : CLI_OK;
}

int
import_main(int argc, char **argv)
{
import state = {.options = parse_options(argc, argv) };
	int status;

	list_files(&state, argv + optind, argc - optind);
	status = send_all(&state);
	walk_free(&state.files);
	labels_free(&state.labels);
	outcome_free(&state.tally);
	return status;
}
