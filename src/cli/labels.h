#ifndef MEDIMNET_LABELS_H
#define MEDIMNET_LABELS_H

#include <stdbool.h>
#include <stddef.h>

/* What a table of labels says of one file; NULL: nothing. */
typedef struct labels_row
{
	char *path; /* as the file is opened: the table's folder + column path */
	char *key;	/* the same file always has the same key */
	char **labels;
	size_t label_count;
	char *subject;
	char *modality;
	char *body_part;
	size_t line;
	bool selected; /* for the caller */
} labels_row;

typedef struct labels_table
{
	labels_row *rows; /* in the order of their keys, each key once */
	size_t count;
	size_t capacity;
} labels_table;

/*
 * Reads a tab-separated table with a header. Columns are known by name,
 * whatever their order and case: path (or file, filename), label (labels,
 * finding), patient_id (subject, subject_id), modality, anatomy (body_part);
 * label_column and subject_column name others for two of them, or are NULL.
 * Several labels are separated by '|', or stand in several rows. Ends the
 * program when the table makes no sense.
 */
labels_table labels_read(const char *path, const char *label_column,
						 const char *subject_column);

/* The row for the file, or NULL. */
labels_row *labels_find(const labels_table *table, const char *path);

void labels_free(labels_table *table);

/* The labels as text form of an SQL array, NULL if none; the caller frees. */
char *labels_array(char *const *labels, size_t count);

#endif
