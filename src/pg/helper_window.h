#ifndef MMN_PG_HELPER_WINDOW_H
#define MMN_PG_HELPER_WINDOW_H

#include "base/status.h"

/*
 * Memory that backend and decoder helper share: one window for files, one for
 * what becomes of them.
 */

/*
 * A value out of line that is larger than this is fetched in such pieces,
 * which fit the processor's cache.
 */
#define FETCH_BYTES ((Size)512 << 10)

/* A file to look into. */
typedef struct Object
{
	const char *bytes; /* NULL: they are the toasted value's */
	Datum toasted;
	Size len;
} Object;

typedef struct Window
{
	int fd;
	Size size; /* 0: none */
	char *bytes;
	bool sent; /* the helper has it */
} Window;

extern void WindowClose(Window *window);

/* Makes the window at least size bytes large. */
extern mmn_status WindowReserve(Window *window, Size size, const char *name,
								mmn_error *err);

/* Copies, to or from a window, n of "total" bytes. */
extern void WindowCopy(char *to, const char *from, Size n, Size total);

/* Copies the object to the window, which is large enough. */
extern void WindowFill(const Window *window, const Object *object);

/* Gives the memory of a large object back; both sides see zeros then. */
extern void WindowTrim(Window *window, Size used);

#endif
