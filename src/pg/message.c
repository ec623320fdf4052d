#include "postgres.h"

#include <errno.h>

#include "libpq/libpq-be.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "replication/walsender.h"

#include "compat.h"
#include "message.h"

/*
 * Large messages to the client.
 *
 * Before PostgreSQL 17 every message passes through an output buffer of 8 kB:
 * a row with an image becomes dozens of system calls, each of which also wakes
 * the client for 8 kB, and takes both of them twice the time.  The methods
 * that PostgreSQL sends by can be replaced, as its parallel workers do; ours
 * send a large message at once.
 */

/* What does not fit into PostgreSQL's buffer. */
#define LARGE_BYTES ((Size)8 << 10)

/*
 * A message, or the start of one, is sent with its header, so that the client
 * does not wake up for less.
 */
#define FIRST_BYTES ((Size)256 << 10)

static const PQcommMethods *buffered; /* NULL: ours are not in place */

/*
 * A message is on its way: another must not get between its bytes.  Like
 * PostgreSQL's own methods, ours drop what is sent meanwhile.
 */
static bool sending = false;

/* Sends bytes now; false: the client is gone. */
static bool
WriteToClient(const char *bytes, Size length)
{
	while (length > 0)
	{
		ssize_t n = secure_write(MyProcPort, unconstify(char *, bytes), length);

		if (n > 0)
		{
			bytes += n;
			length -= n;
		}
		else if (n == 0 || errno != EINTR)
		{
			ereport(COMMERROR, (errcode_for_socket_access(),
								errmsg("could not send data to client: %m")));
			/* the query is ended at the next look at interrupts */
			ClientConnectionLost = 1;
			InterruptPending = 1;
			return false;
		}
	}
	return true;
}

static int
PutMessage(char type, const char *body, size_t length)
{
	static char first[5 + FIRST_BYTES];
	uint32 size = pg_hton32((uint32)(length + 4));
	Size head = Min(length, FIRST_BYTES);
	bool sent;

	if (sending)
		return 0;
	if (length < LARGE_BYTES)
		return buffered->putmessage(type, body, length);
	/* what came before it; leaves the connection in blocking mode */
	if (buffered->flush() != 0)
		return EOF;
	first[0] = type;
	memcpy(first + 1, &size, sizeof size);
	memcpy(first + 5, body, head);
	sending = true;
	sent = WriteToClient(first, 5 + head) &&
		   WriteToClient(body + head, length - head);
	sending = false;
	return sent ? 0 : EOF;
}

static int
Flush(void)
{
	return sending ? 0 : buffered->flush();
}

static int
FlushIfWritable(void)
{
	return sending ? 0 : buffered->flush_if_writable();
}

/* After an error, which may have left WriteToClient. */
static void
Reset(void)
{
	sending = false;
	buffered->comm_reset();
}

void
SendLargeMessagesWhole(void)
{
	static PQcommMethods whole;

	/* a sender of WAL relies on messages that do not wait for the client */
	if (SENDS_LARGE_MESSAGES_WHOLE || buffered || !MyProcPort ||
		IsBackgroundWorker || am_walsender)
		return;
	buffered = PqCommMethods;
	whole = *buffered;
	whole.comm_reset = Reset;
	whole.flush = Flush;
	whole.flush_if_writable = FlushIfWritable;
	whole.putmessage = PutMessage;
	PqCommMethods = &whole;
}
