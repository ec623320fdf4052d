#ifndef MEDIMNET_WALK_H
#define MEDIMNET_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One regular file. */
typedef struct walk_file
{
	char *path;
	uint64_t size;
	dev_t device; /* these two tell whether two names are one file */
	ino_t inode;
} walk_file;

typedef struct walk_list
{
	walk_file *files;
	size_t count;
	size_t capacity;
	size_t links;	   /* symbolic links to folders, not followed */
	size_t unreadable; /* folders and links that could not be read */
} walk_list;

/*
 * Adds path, or if it is a folder all regular files below it in the order of
 * their names, to list. Names that begin with a dot are passed over, symbolic
 * links to files are followed, those to folders are not: so there are no
 * loops. What cannot be read below path is told on stderr and counted; false:
 * path itself cannot be used, see errno.
 */
bool walk(walk_list *list, const char *path);

/* Adds the one regular file path; false: it is not there, see errno. */
bool walk_add(walk_list *list, const char *path);

void walk_free(walk_list *list);

#endif
