#ifndef MEDIMNET_TSV_H
#define MEDIMNET_TSV_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A reader of tab-separated text. A field that begins with a double quote is
 * quoted as in CSV: "" is one quote, tabs and line ends inside belong to it.
 */
typedef struct tsv
{
	char *text;		   /* the whole file; fields point into it */
	char *at;		   /* where the next row begins */
	size_t line;	   /* of the row just read, counted from 1 */
	size_t next_line;  /* of the row to be read next */
	char **fields;	   /* of the row just read */
	size_t count;	   /* of fields */
	size_t capacity;   /* of the array fields */
	const char *error; /* why tsv_open() or tsv_next() failed, or NULL */
} tsv;

/* Reads the file; false: see error, and errno says no more. */
bool tsv_open(tsv *table, const char *path);

/* The next row that is not empty; false at the end, or with error set. */
bool tsv_next(tsv *table);

void tsv_close(tsv *table);

#endif
