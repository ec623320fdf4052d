#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "walk.h"

static void
add(walk_list *list, char *path, const struct stat *about)
{
	if (list->count == list->capacity)
	{
		list->capacity = list->capacity ? 2 * list->capacity : 1024;
		list->files =
			cli_realloc(list->files, list->capacity, sizeof(walk_file));
	}
	list->files[list->count++] = (walk_file){
		.path = path,
		.size = (uint64_t)about->st_size,
		.device = about->st_dev,
		.inode = about->st_ino,
	};
}

static void
tell_unreadable(walk_list *list, const char *path)
{
	int error = errno;

	list->unreadable++;
	cli_print(stderr, path);
	fprintf(stderr, ": %s\n", strerror(error));
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool
walk_folder(walk_list *list, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_visible, alphasort);
	size_t length = strlen(folder);

	if (count < 0)
		return false;
	for (int i = 0; i < count; i++)
	{
		char *path =
			cli_format("%s%s%s", folder,
					   length > 0 && folder[length - 1] == '/' ? "" : "/",
					   entries[i]->d_name);
		struct stat about;
		bool is_link;

		free(entries[i]);
		if (lstat(path, &about) != 0 ||
			((is_link = S_ISLNK(about.st_mode)) && stat(path, &about) != 0))
			tell_unreadable(list, path);
		else if (S_ISREG(about.st_mode))
		{
			add(list, path, &about);
			continue;
		}
		else if (S_ISDIR(about.st_mode))
		{
			if (is_link)
				list->links++;
			else if (!walk_folder(list, path))
				tell_unreadable(list, path);
		}
		free(path);
	}
	free(entries);
	return true;
}

bool
walk_add(walk_list *list, const char *path)
{
	struct stat about;

	if (stat(path, &about) != 0)
		return false;
	if (!S_ISREG(about.st_mode))
	{
		errno = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
		return false;
	}
	add(list, cli_copy(path), &about);
	return true;
}

bool
walk(walk_list *list, const char *path)
{
	if (walk_add(list, path))
		return true;
	return errno == EISDIR && walk_folder(list, path);
}

void
walk_free(walk_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->files[i].path);
	free(list->files);
	*list = (walk_list){0};
}
