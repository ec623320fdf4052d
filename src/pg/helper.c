#include "postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "../decoder/wire_check.h"
#include "compat.h"
#include "decoder.h"
#include "helper.h"

/*
 * One helper per backend, started on first need.  A call is synchronous: it
 * ends with an answer, or with the helper killed and reaped.  So whatever
 * ends the call early (cancel, timeout, an error, in whatever subtransaction)
 * is dealt with here, and only the end of the process needs a callback.
 */

/* A helper is replaced after so many objects, or seconds of work. */
#define RECYCLE_OBJECTS 1000
#define RECYCLE_SECONDS 600

/* Starting takes some 5 ms, on a machine that is not out of breath. */
#define START_MS (30 * 1000)

#define HELPER_SOCKET 3

typedef struct Helper
{
	pid_t pid; /* 0: none */
	int socket;
	WaitEventSet *events; /* to wait for its answer, or NULL */
	Window input;
	Window output;
	Oid role;	   /* on whose behalf it was started */
	int memory_mb; /* settings it was started with */
	bool sandbox;
	int objects;	 /* it has served */
	instr_time busy; /* time it took */
} Helper;

int helper_timeout_ms = 60 * 1000;
int helper_memory_mb = 512;
bool helper_sandbox = true;

static Helper helper;

/* ---- the process ---- */

/*
 * Ends the helper, if there is one, at once; *status, when not NULL, gets how
 * it ended: by our signal, unless it was quicker.
 */
static void
HelperStop(int *status)
{
	int ended = 0;

	if (helper.pid != 0)
	{
		/* it leads a process group: should it have children, they go as well */
		kill(-helper.pid, SIGKILL);
		while (waitpid(helper.pid, &ended, 0) < 0 && errno == EINTR)
			;
		helper.pid = 0;
		if (helper.events)
			FreeWaitEventSet(helper.events);
		helper.events = NULL;
		close(helper.socket);
		ReleaseExternalFD();
	}
	WindowClose(&helper.input);
	WindowClose(&helper.output);
	if (status)
		*status = ended;
}

static void
HelperAtExit(int code, Datum arg)
{
	HelperStop(NULL);
}

/*
 * Starts the program with one end of a socket pair.  Between the spawn and
 * the assignment to "helper" nothing can raise.
 */
static mmn_status
HelperSpawn(mmn_error *err)
{
	static bool registered = false;
	char path[MAXPGPATH];
	char parent[16];
	char memory[32];
	char cpu[16];
	char *argv[6];
	char *envp[] = {NULL};
	int pair[2];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	pid_t pid = 0;
	int rc;

	if (!registered)
	{
		before_shmem_exit(HelperAtExit, (Datum)0);
		registered = true;
	}
	snprintf(path, sizeof path, "%s/medimnet-decoder", pkglib_path);
	snprintf(parent, sizeof parent, "%d", (int)MyProcPid);
	snprintf(memory, sizeof memory, "%zu", (Size)helper_memory_mb << 20);
	snprintf(cpu, sizeof cpu, "%d",
			 RECYCLE_SECONDS + helper_timeout_ms / 1000 + 60);
	argv[0] = path;
	argv[1] = parent;
	argv[2] = memory;
	argv[3] = cpu;
	argv[4] = helper_sandbox ? "on" : "off";
	argv[5] = NULL;

	if (!AcquireExternalFD())
		return mmn_fail(err, MMN_NO_MEMORY, "too many open files");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
	{
		mmn_fail(err, MMN_INTERNAL, "cannot make a socket pair: %s",
				 strerror(errno));
		ReleaseExternalFD();
		return err->code;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	/* /dev/null thrice, the socket, and none of the backend's files */
	rc = posix_spawn_file_actions_adddup2(&actions, pair[1], HELPER_SOCKET);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && rc == 0; fd++)
		rc = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR,
											  0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&actions,
													  HELPER_SOCKET + 1);
	/* its own session: the postmaster signals whole process groups */
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
													   POSIX_SPAWN_SETSIGMASK |
													   POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(&attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attributes, &all);
	if (rc == 0)
		rc = posix_spawn(&pid, path, &actions, &attributes, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(pair[1]);
	if (rc != 0)
	{
		close(pair[0]);
		ReleaseExternalFD();
		return mmn_fail(err, MMN_INTERNAL, "cannot start \"%s\": %s", path,
						strerror(rc));
	}
	helper.pid = pid;
	helper.socket = pair[0];
	helper.role = GetUserId();
	helper.memory_mb = helper_memory_mb;
	helper.sandbox = helper_sandbox;
	helper.objects = 0;
	INSTR_TIME_SET_ZERO(helper.busy);
	return MMN_OK;
}

/* ---- talking ---- */

/* What to wait for an answer with: making it takes six system calls. */
static void
HelperWatch(void)
{
	helper.events = CreateLastingWaitEventSet(3);
	AddWaitEventToSet(helper.events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch,
					  NULL);
	AddWaitEventToSet(helper.events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET,
					  NULL, NULL);
	AddWaitEventToSet(helper.events, WL_SOCKET_READABLE, helper.socket, NULL,
					  NULL);
}

/* What a helper that hung up died of; it is gone afterwards. */
static mmn_status
HelperDied(mmn_error *err)
{
	int status;

	/*
	 * It closed its socket: give it the moment it needs to be dead.  It is
	 * not reaped here, so that its process group keeps its number.
	 */
	for (int tries = 0; tries < 100; tries++)
	{
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_PID, helper.pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
				0 &&
			info.si_pid == helper.pid)
			break;
		pg_usleep(1000);
	}
	HelperStop(&status);
	if (WIFSIGNALED(status))
		return mmn_fail(err, MMN_BAD_DATA,
						"the decoder helper was ended by signal %d (%s)",
						WTERMSIG(status), strsignal(WTERMSIG(status)));
	return mmn_fail(err, MMN_BAD_DATA,
					"the decoder helper exited with status %d",
					WEXITSTATUS(status));
}

mmn_status
HelperBabbles(mmn_error *err)
{
	HelperStop(NULL);
	return mmn_fail(err, MMN_BAD_DATA,
					"the decoder helper gave an answer that makes no sense");
}

/*
 * Reads exactly size bytes, interruptibly; deadline as by GetCurrentTimestamp.
 * Only the caller's PG_TRY keeps an interrupt from leaving a helper behind.
 */
static mmn_status
HelperRead(void *to, Size size, TimestampTz deadline, mmn_error *err)
{
	Size have = 0;

	while (have < size)
	{
		long timeout =
			TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		WaitEvent event;
		ssize_t n;

		if (WaitEventSetWait(helper.events, timeout, &event, 1,
							 PG_WAIT_EXTENSION) == 0)
		{
			HelperStop(NULL);
			return mmn_fail(err, MMN_LIMIT,
							"decoding took longer than %d ms "
							"(medimnet.decoder_timeout)",
							helper_timeout_ms);
		}
		if (event.events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (!(event.events & WL_SOCKET_READABLE))
			continue;
		n = recv(helper.socket, (char *)to + have, size - have, MSG_DONTWAIT);
		if (n > 0)
			have += n;
		else if (n == 0 ||
				 (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			return HelperDied(err);
	}
	return MMN_OK;
}

static mmn_status
HelperReadReply(mmn_wire_reply *reply, TimestampTz deadline, mmn_error *err)
{
	mmn_status status = HelperRead(reply, sizeof *reply, deadline, err);

	if (status != MMN_OK)
		return status;
	if (!mmn_wire_check_status(reply, &status))
		return HelperBabbles(err);
	if (status == MMN_OK)
		return MMN_OK;
	return mmn_fail(err, status, "%s", reply->text);
}

/* Sends a request, with the windows that the helper does not have yet. */
static mmn_status
HelperSend(mmn_wire_request *request, mmn_error *err)
{
	union
	{
		char space[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {request, sizeof *request};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[2];
	int count = 0;
	ssize_t n;

	request->magic = MMN_WIRE_MAGIC;
	request->version = MMN_WIRE_VERSION;
	request->windows = 0;
	if (!helper.input.sent)
	{
		request->windows |= MMN_WIRE_INPUT;
		fds[count++] = helper.input.fd;
	}
	if (!helper.output.sent)
	{
		request->windows |= MMN_WIRE_OUTPUT;
		fds[count++] = helper.output.fd;
	}
	if (count > 0)
	{
		struct cmsghdr *c;

		memset(&control, 0, sizeof control);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	/* fits any socket buffer: the other side reads one before it writes one */
	do
		n = sendmsg(helper.socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != sizeof *request)
		return HelperDied(err);
	helper.input.sent = helper.output.sent = true;
	return MMN_OK;
}

/* Whether the helper can serve this call, or has to make way for a new one. */
static bool
HelperIsFit(void)
{
	char byte;

	if (helper.pid == 0 || helper.role != GetUserId() ||
		helper.memory_mb != helper_memory_mb ||
		helper.sandbox != helper_sandbox || helper.objects >= RECYCLE_OBJECTS ||
		INSTR_TIME_GET_DOUBLE(helper.busy) > RECYCLE_SECONDS)
		return false;
	/* between calls it has nothing to say: neither words nor its death */
	return recv(helper.socket, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/*
 * No file is at fault when the helper or its windows cannot be had: were that
 * a failure like others, ingest() would turn away all files of a load.
 */
static void
HelperUnavailable(const mmn_error *err)
{
	HelperStop(NULL);
	ereport(ERROR,
			(errcode(err->code == MMN_NO_MEMORY ? ERRCODE_INSUFFICIENT_RESOURCES
												: ERRCODE_SYSTEM_ERROR),
			 errmsg("could not start the decoder helper"),
			 errdetail("%s.", err->text),
			 err->code == MMN_NO_MEMORY
				 ? errhint("Let the server's processes have more memory and "
						   "open files.")
				 : errhint("The operator should see whether "
						   "\"%s/medimnet-decoder --check-sandbox\" works for "
						   "the server's account.",
						   pkglib_path)));
}

static void
HelperStart(void)
{
	TimestampTz deadline =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), START_MS);
	mmn_wire_reply hello;
	mmn_error err;

	if (HelperIsFit())
		return;
	HelperStop(NULL);
	if (HelperSpawn(&err) != MMN_OK)
		HelperUnavailable(&err);
	HelperWatch();
	if (!helper.sandbox)
		ereport(WARNING, (errmsg("the decoder helper runs without its sandbox"),
						  errhint("Set medimnet.decoder_sandbox to on.")));
	if (HelperReadReply(&hello, deadline, &err) == MMN_OK)
		return;
	if (err.code == MMN_LIMIT)
		mmn_fail(&err, MMN_INTERNAL, "it did not answer within %d s",
				 START_MS / 1000);
	HelperUnavailable(&err);
}

static mmn_status
HelperConverse(mmn_wire_request *request, const Object *object,
			   mmn_wire_reply *reply, mmn_error *err)
{
	TimestampTz deadline;
	mmn_status status;

	HelperStart();
	if (WindowReserve(&helper.input, object->len, "medimnet-input", err) !=
			MMN_OK ||
		WindowReserve(&helper.output, 1, "medimnet-output", err) != MMN_OK)
		HelperUnavailable(err);
	/* how long the table takes to give the file is not the helper's fault */
	WindowFill(&helper.input, object);
	deadline =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), helper_timeout_ms);
	request->length = object->len;
	status = HelperSend(request, err);
	if (status == MMN_OK)
		status = HelperReadReply(reply, deadline, err);
	if (status == MMN_OK && reply->needed > helper.output.size)
	{
		if (reply->needed > 2 * (uint64)MaxAllocSize)
			return mmn_fail(err, MMN_LIMIT,
							"the result would be larger than 1 GB");
		status = WindowReserve(&helper.output, reply->needed, "medimnet-output",
							   err);
		request->op = MMN_OP_FETCH;
		if (status == MMN_OK)
			status = HelperSend(request, err);
		if (status == MMN_OK)
			status = HelperReadReply(reply, deadline, err);
	}
	if (status != MMN_OK)
		return status;
	if (!mmn_wire_check_payload(reply, helper.output.size))
		return HelperBabbles(err);
	return MMN_OK;
}

mmn_status
HelperCallPart(mmn_wire_op op, const Object *object, Size head, Size total,
			   int32 frame, const uint8 *key, mmn_wire_reply *reply,
			   mmn_error *err)
{
	mmn_wire_request request = {
		.op = op,
		.head = head,
		.total = total,
		.frame = (uint32)frame,
		.max_frame =
			Min((uint64)decoder_max_frame_kb * 1024, MMN_PIXELS_MAX_BYTES),
		.max_object = (uint64)decoder_max_object_kb * 1024,
	};
	volatile mmn_status status = MMN_INTERNAL;
	instr_time start;
	instr_time took;

	DecoderHideStatement();
	if (object->len > request.max_object)
		return mmn_fail(err, MMN_LIMIT,
						"the file of %zu bytes exceeds the limit of %d kB "
						"(medimnet.max_object_size)",
						object->len, decoder_max_object_kb);
	if (key)
		memcpy(request.key, key, MMN_WIRE_KEY_SIZE);
	INSTR_TIME_SET_CURRENT(start);
	PG_TRY();
	{
		status = HelperConverse(&request, object, reply, err);
	}
	PG_CATCH();
	{
		HelperStop(NULL);
		PG_RE_THROW();
	}
	PG_END_TRY();
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, start);
	INSTR_TIME_ADD(helper.busy, took);
	helper.objects++;
	if (status != MMN_OK)
		HelperStop(NULL);
	return status;
}

const char *
HelperOutput(void)
{
	return helper.output.bytes;
}

void
HelperRelease(const mmn_wire_reply *reply, Size len)
{
	WindowTrim(&helper.input, len);
	WindowTrim(&helper.output, reply->json_length + reply->content_length);
}
