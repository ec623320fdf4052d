#include "tsv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool
tsv_open(tsv *table, const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t size = 0;
	size_t capacity = 0;
	char *text = NULL;

	*table = (tsv){.next_line = 1};
	if (file == NULL)
	{
		table->error = strerror(errno);
		return false;
	}
	do
	{
		capacity = capacity ? 2 * capacity : 1 << 16;
		text = cli_realloc(text, capacity, 1);
		size += fread(text + size, 1, capacity - size - 1, file);
	} while (size == capacity - 1);
	if (ferror(file))
		table->error = strerror(errno);
	else if (memchr(text, '\0', size) != NULL)
		table->error = "this is not a text file";
	fclose(file);
	text[size] = '\0';
	table->text = text;
	/* a byte order mark, as Excel writes it */
	table->at = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
	return table->error == NULL;
}

/*
 * Unquotes the field at *at in place and moves *at to what follows it. The
 * closing NUL may fall on the delimiter, so that is returned instead.
 */
static char
take_field(tsv *table, char **at, char **field)
{
	char *from = *at;
	char *to = from;
	char end;

	*field = from;
	if (*from == '"')
	{
		bool closed = false;

		for (from++; *from != '\0'; from++)
		{
			closed = *from == '"' && *++from != '"';
			if (closed)
				break;
			if (*from == '\n')
				table->next_line++;
			*to++ = *from;
		}
		if (!closed)
			table->error = "a quoted field has no end";
		if (*from == '\r')
			from++;
		if (strchr("\t\n", *from) == NULL)
			table->error = "text follows the end of a quoted field";
	}
	else
	{
		from += strcspn(from, "\t\n");
		to = from;
		if (*from != '\t' && to > *field && to[-1] == '\r')
			to--;
	}
	end = *from;
	*to = '\0';
	*at = end == '\0' ? from : from + 1;
	return end;
}

bool
tsv_next(tsv *table)
{
	char end;

	if (table->error != NULL)
		return false;
	do
	{
		if (*table->at == '\0')
			return false;
		table->line = table->next_line++;
		table->count = 0;
		do
		{
			if (table->count == table->capacity)
			{
				table->capacity = table->capacity ? 2 * table->capacity : 32;
				table->fields =
					cli_realloc(table->fields, table->capacity, sizeof(char *));
			}
			end = take_field(table, &table->at, &table->fields[table->count++]);
		} while (end == '\t' && table->error == NULL);
	} while (table->count == 1 && table->fields[0][0] == '\0' &&
			 table->error == NULL);
	return table->error == NULL;
}

void
tsv_close(tsv *table)
{
	free(table->text);
	free(table->fields);
	*table = (tsv){0};
}
