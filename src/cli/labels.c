/*
 * A table that says what is to be seen on each file: "path, label, ...".
 *
 * Rows are found by the file's real folder plus its own name, so that
 * "images/1.png" in the table and "../set/./images/1.png" on the command line
 * are one. The name itself is not resolved: two names that are links to one
 * file may well carry different labels.
 */
#include "labels.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "tsv.h"

enum column
{
	COLUMN_PATH,
	COLUMN_LABEL,
	COLUMN_SUBJECT,
	COLUMN_MODALITY,
	COLUMN_BODY_PART,
	COLUMNS
};

static const char *const column_names[COLUMNS][4] = {
	[COLUMN_PATH] = {"path", "file", "filename"},
	[COLUMN_LABEL] = {"label", "labels", "finding"},
	[COLUMN_SUBJECT] = {"patient_id", "subject", "subject_id"},
	[COLUMN_MODALITY] = {"modality"},
	[COLUMN_BODY_PART] = {"anatomy", "body_part"},
};

#define NO_COLUMN SIZE_MAX

/* The file's key; NULL when its folder is not there. */
static char *
file_key(const char *path)
{
	/* files of one folder mostly follow each other */
	static char *last_folder;
	static char *last_real;
	const char *slash = strrchr(path, '/');
	char *folder = slash ? cli_format("%.*s", (int)(slash - path) + 1, path)
						 : cli_copy("./");

	if (last_folder == NULL || strcmp(folder, last_folder) != 0)
	{
		free(last_folder);
		free(last_real);
		last_folder = folder;
		last_real = realpath(folder, NULL);
	}
	else
		free(folder);
	if (last_real == NULL)
		return NULL;
	return cli_format("%s/%s", last_real, slash ? slash + 1 : path);
}

static size_t
find_column(const tsv *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
	{
		if (strcasecmp(table->fields[i], name) == 0)
			return i;
	}
	return NO_COLUMN;
}

static void
find_columns(const tsv *table, const char *path, const char *label_column,
			 const char *subject_column, size_t *columns)
{
	const char *const given[COLUMNS] = {
		[COLUMN_LABEL] = label_column,
		[COLUMN_SUBJECT] = subject_column,
	};

	for (int c = 0; c < COLUMNS; c++)
	{
		columns[c] = NO_COLUMN;
		if (given[c] != NULL)
		{
			columns[c] = find_column(table, given[c]);
			if (columns[c] == NO_COLUMN)
				cli_fail("%s has no column \"%s\"", path, given[c]);
			continue;
		}
		for (int i = 0; i < 4 && column_names[c][i] != NULL; i++)
		{
			if (columns[c] == NO_COLUMN)
				columns[c] = find_column(table, column_names[c][i]);
		}
	}
	if (columns[COLUMN_PATH] == NO_COLUMN)
		cli_fail("%s has no column \"path\": its first line must name the "
				 "columns, separated by tabs",
				 path);
}

/* The field of the column, or NULL when it is not there or empty. */
static char *
take(const tsv *table, size_t column)
{
	if (column >= table->count || table->fields[column][0] == '\0')
		return NULL;
	return cli_copy(table->fields[column]);
}

static void
add_label(labels_row *row, const char *label, size_t length)
{
	char *copy;

	while (length > 0 && *label == ' ')
		label++, length--;
	while (length > 0 && label[length - 1] == ' ')
		length--;
	if (length == 0)
		return;
	copy = cli_format("%.*s", (int)length, label);
	for (size_t i = 0; i < row->label_count; i++)
	{
		if (strcmp(row->labels[i], copy) == 0)
		{
			free(copy);
			return;
		}
	}
	row->labels =
		cli_realloc(row->labels, row->label_count + 1, sizeof(char *));
	row->labels[row->label_count++] = copy;
}

static void
add_row(labels_table *rows, const tsv *table, const char *folder,
		const size_t *columns)
{
	const char *name = columns[COLUMN_PATH] < table->count
						   ? table->fields[columns[COLUMN_PATH]]
						   : "";
	char *label = take(table, columns[COLUMN_LABEL]);
	labels_row *row;

	if (rows->count == rows->capacity)
	{
		rows->capacity = rows->capacity ? 2 * rows->capacity : 1024;
		rows->rows =
			cli_realloc(rows->rows, rows->capacity, sizeof(labels_row));
	}
	row = &rows->rows[rows->count++];
	*row = (labels_row){
		.path = cli_format("%s%s", name[0] == '/' ? "" : folder, name),
		.subject = take(table, columns[COLUMN_SUBJECT]),
		.modality = take(table, columns[COLUMN_MODALITY]),
		.body_part = take(table, columns[COLUMN_BODY_PART]),
		.line = table->line,
	};
	row->key = file_key(row->path);
	if (row->key == NULL)
		row->key = cli_copy(row->path);
	for (const char *at = label; at != NULL && *at != '\0';)
	{
		size_t length = strcspn(at, "|");

		add_label(row, at, length);
		at += length + (at[length] == '|');
	}
	free(label);
}

static void
free_row(labels_row *row)
{
	for (size_t i = 0; i < row->label_count; i++)
		free(row->labels[i]);
	free(row->labels);
	free(row->path);
	free(row->key);
	free(row->subject);
	free(row->modality);
	free(row->body_part);
}

/* Two rows say something of one file: it must not contradict. */
static void
merge_field(char **into, char **from, const char *what, const char *path,
			const labels_row *first, const labels_row *second)
{
	if (*into == NULL)
	{
		*into = *from;
		*from = NULL;
	}
	else if (*from != NULL && strcmp(*into, *from) != 0)
		cli_fail("%s: lines %zu and %zu name one file, but two different %s",
				 path, first->line, second->line, what);
}

static int
compare_rows(const void *a, const void *b)
{
	const labels_row *x = a;
	const labels_row *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static void
merge_rows(labels_table *rows, const char *path)
{
	size_t kept = 0;

	if (rows->count == 0)
		return;
	qsort(rows->rows, rows->count, sizeof(labels_row), compare_rows);
	for (size_t i = 1; i < rows->count; i++)
	{
		labels_row *into = &rows->rows[kept];
		labels_row *row = &rows->rows[i];

		if (strcmp(into->key, row->key) != 0)
		{
			rows->rows[++kept] = *row;
			continue;
		}
		merge_field(&into->subject, &row->subject, "subjects", path, into, row);
		merge_field(&into->modality, &row->modality, "modalities", path, into,
					row);
		merge_field(&into->body_part, &row->body_part, "body parts", path, into,
					row);
		for (size_t k = 0; k < row->label_count; k++)
			add_label(into, row->labels[k], strlen(row->labels[k]));
		free_row(row);
	}
	rows->count = kept + 1;
}

labels_table
labels_read(const char *path, const char *label_column,
			const char *subject_column)
{
	const char *slash = strrchr(path, '/');
	char *folder =
		cli_format("%.*s", slash ? (int)(slash - path) + 1 : 0, path);
	size_t columns[COLUMNS];
	labels_table rows = {0};
	tsv table;

	if (!tsv_open(&table, path))
		cli_fail("cannot read %s: %s", path, table.error);
	if (tsv_next(&table))
		find_columns(&table, path, label_column, subject_column, columns);
	else if (table.error == NULL)
		cli_fail("%s is empty", path);
	while (tsv_next(&table))
	{
		if (columns[COLUMN_PATH] >= table.count ||
			table.fields[columns[COLUMN_PATH]][0] == '\0')
			cli_fail("%s: line %zu names no file", path, table.line);
		add_row(&rows, &table, folder, columns);
	}
	if (table.error != NULL)
		cli_fail("%s: line %zu: %s", path, table.line, table.error);
	tsv_close(&table);
	free(folder);
	merge_rows(&rows, path);
	return rows;
}

labels_row *
labels_find(const labels_table *table, const char *path)
{
	labels_row wanted = {.key = file_key(path)};
	size_t low = 0;
	size_t high = table->count;

	while (wanted.key != NULL && low < high)
	{
		size_t middle = low + (high - low) / 2;
		int order = strcmp(table->rows[middle].key, wanted.key);

		if (order == 0)
		{
			free(wanted.key);
			return &table->rows[middle];
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	free(wanted.key);
	return NULL;
}

void
labels_free(labels_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free_row(&table->rows[i]);
	free(table->rows);
	*table = (labels_table){0};
}

char *
labels_array(char *const *labels, size_t count)
{
	size_t size = 3;
	char *array;
	char *to;

	if (count == 0)
		return NULL;
	for (size_t i = 0; i < count; i++)
		size += 2 * strlen(labels[i]) + 3;
	to = array = cli_realloc(NULL, size, 1);
	*to++ = '{';
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			*to++ = ',';
		*to++ = '"';
		for (const char *from = labels[i]; *from; from++)
		{
			if (*from == '"' || *from == '\\')
				*to++ = '\\';
			*to++ = *from;
		}
		*to++ = '"';
	}
	*to++ = '}';
	*to = '\0';
	return array;
}
