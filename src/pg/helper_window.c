#include "postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access/detoast.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "base/copy.h"
#include "helper_window.h"

/*
 * Windows start at the one size; what an object filled beyond the other is
 * given back.  To get memory anew takes longer than to copy to it, so that a
 * radiograph should fit.
 */
#define WINDOW_BYTES ((Size)4 << 20)
#define WINDOW_KEEP ((Size)16 << 20)

/* Copying stops this often to look for interrupts. */
#define COPY_BYTES ((Size)16 << 20)

/*
 * From this size on, file and frame, and the windows of both, are together more
 * than most processors' caches hold.
 */
#define CACHED_BYTES ((Size)4 << 20)

void
WindowClose(Window *window)
{
	if (window->size == 0)
		return;
	munmap(window->bytes, window->size);
	close(window->fd);
	ReleaseExternalFD();
	memset(window, 0, sizeof *window);
}

mmn_status
WindowReserve(Window *window, Size size, const char *name, mmn_error *err)
{
	Size rounded = WINDOW_BYTES;
	char *bytes = MAP_FAILED;
	int fd;

	if (size <= window->size)
		return MMN_OK;
	WindowClose(window);
	while (rounded < size)
		rounded *= 2;
	if (!AcquireExternalFD())
		return mmn_fail(err, MMN_NO_MEMORY, "too many open files");
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && ftruncate(fd, (off_t)rounded) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		bytes = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
	{
		mmn_fail(err, MMN_NO_MEMORY,
				 "cannot get %zu bytes of shared memory: %s", rounded,
				 strerror(errno));
		if (fd >= 0)
			close(fd);
		ReleaseExternalFD();
		return err->code;
	}
	window->fd = fd;
	window->size = rounded;
	window->bytes = bytes;
	window->sent = false;
	return MMN_OK;
}

void
WindowCopy(char *to, const char *from, Size n, Size total)
{
	if (total < CACHED_BYTES)
		memcpy(to, from, n);
	else
		mmn_copy_past_caches(to, from, n);
}

void
WindowFill(const Window *window, const Object *object)
{
	Size piece = object->bytes ? COPY_BYTES : FETCH_BYTES;
	Size length;

	for (Size done = 0; done < object->len; done += length)
	{
		length = Min(piece, object->len - done);
		CHECK_FOR_INTERRUPTS();
		if (object->bytes)
			WindowCopy(window->bytes + done, object->bytes + done, length,
					   object->len);
		else
		{
			bytea *slice =
				(bytea *)PG_DETOAST_DATUM_SLICE(object->toasted, done, length);

			if (VARSIZE_ANY_EXHDR(slice) != length)
				elog(ERROR, "a toasted value has lost its end");
			WindowCopy(window->bytes + done, VARDATA_ANY(slice), length,
					   object->len);
			pfree(slice);
		}
	}
}

void
WindowTrim(Window *window, Size used)
{
	if (used > WINDOW_KEEP)
		(void)fallocate(window->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						(off_t)WINDOW_KEEP,
						(off_t)(window->size - WINDOW_KEEP));
}
