/*
 * A decoder helper in an attacker's hands.  A test puts it in the place of
 * medimnet-decoder, in an installation of its own; what it does is in the file
 * medimnet-decoder.fault beside it, and "mixed" is one of the quick faults,
 * by process id.  It needs no library: thousands of them are started.
 *
 * Most faults have the rights of a helper without a sandbox.  Those named
 * "sandboxed ..." close themselves off first, as the honest helper does before
 * it sees a file, and "limited ..." only as far as it does where an operator
 * turned the sandbox off: they show how far an attacker gets from there.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../src/decoder/sandbox.h"
#include "../../src/decoder/wire.h"
#include "image/image.h"

#define SOCKET 3

static char fault[64];
static uint8_t *windows[2]; /* input, output */
static int window_fds[2] = {-1, -1};
static size_t window_sizes[2];

static bool
is(const char *name)
{
	return strcmp(fault, name) == 0;
}

static void
say(const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;)
	{
		struct iovec iov = {(char *)bytes + done, size - done};
		struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = sendmsg(SOCKET, &message, MSG_NOSIGNAL);

		if (n <= 0)
			_exit(0);
		done += (size_t)n;
	}
}

/* By one byte at a time, so many a second. */
static void
drip(const void *bytes, size_t size, unsigned per_second)
{
	for (size_t i = 0; i < size; i++)
	{
		say((const char *)bytes + i, 1);
		usleep(1000000 / per_second);
	}
}

static void
hang(void)
{
	for (;;)
		pause();
}

static void
garbage(size_t size)
{
	uint8_t bytes[4096];
	unsigned seed = (unsigned)getpid();

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)rand_r(&seed);
	for (; size > sizeof bytes; size -= sizeof bytes)
		say(bytes, sizeof bytes);
	say(bytes, size);
}

static mmn_wire_reply
reply_of(int status)
{
	mmn_wire_reply r;

	memset(&r, 0, sizeof r);
	r.magic = MMN_WIRE_MAGIC;
	r.version = MMN_WIRE_VERSION;
	r.status = status;
	return r;
}

/* A frame of 64 by 64 grey samples, whatever the file was. */
static mmn_wire_reply
frame(void)
{
	mmn_wire_reply r = reply_of(MMN_OK);

	r.count = 1;
	r.content_length = 64 * 64;
	r.image = (mmn_wire_image){.width = 64, .height = 64, .channels = 1, .sample_type = MMN_U8};
	return r;
}

/* The next request; its windows are mapped. */
static mmn_wire_request
listen_for(void)
{
	mmn_wire_request request;
	union
	{
		char space[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {&request, sizeof request};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *c;
	unsigned taken = 0;

	if (recvmsg(SOCKET, &message, MSG_WAITALL) != sizeof request)
		_exit(0);
	c = CMSG_FIRSTHDR(&message);
	for (unsigned w = 0; w < 2 && c; w++)
		if (request.windows & (1u << w))
		{
			memcpy(&window_fds[w], CMSG_DATA(c) + taken++ * sizeof(int), sizeof(int));
			window_sizes[w] = (size_t)lseek(window_fds[w], 0, SEEK_END);
			windows[w] = mmap(NULL, window_sizes[w], PROT_READ | PROT_WRITE, MAP_SHARED, window_fds[w], 0);
			if (windows[w] == MAP_FAILED)
				_exit(9);
		}
	return request;
}

/* Whatever may pull the memory from under the backend's feet. */
static mmn_wire_reply
meddle(void)
{
	mmn_wire_reply r = frame();

	for (unsigned w = 0; w < 2; w++)
	{
		int fd = window_fds[w];

		if (ftruncate(fd, 0) == 0 || ftruncate(fd, 4096) == 0 || ftruncate(fd, (off_t)window_sizes[w] * 2) == 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 || fallocate(fd, 0, (off_t)window_sizes[w], 4096) == 0)
		{
			r = reply_of(MMN_INTERNAL);
			strcpy(r.text, "a seal broke");
		}
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)window_sizes[w]);
	}
	return r;
}

/*
 * Answers, and a child of the same group goes on to write over both windows,
 * between bytes that are a JSON text and bytes that are not even UTF-8.
 */
static void
scribble(mmn_wire_op op)
{
	static const char json[] = "{\"00080060\": {\"vr\": \"CS\", \"Value\": [\"CT\"]}}";
	size_t length = sizeof json - 1;
	mmn_wire_reply r = frame();

	if (op != MMN_OP_DECODE)
	{
		r = reply_of(MMN_OK);
		r.json_length = length;
	}
	memcpy(windows[1], json, length);
	if (fork() == 0)
		for (;;)
		{
			memset(windows[1], 0xC3, length);
			memset(windows[0], 0x55, 4096);
			memcpy(windows[1], json, length);
		}
	say(&r, sizeof r);
	hang();
}

/*
 * Answers, and a grandchild in a session of its own, which no signal to the
 * helper's group reaches, writes over both windows for a while.
 */
static void
escape(void)
{
	mmn_wire_reply r = frame();

	if (fork() == 0)
	{
		time_t end = time(NULL) + 2;

		setsid();
		close(SOCKET);
		if (fork() != 0)
			_exit(0);
		while (time(NULL) < end)
		{
			memset(windows[0], 0x55, window_sizes[0]);
			memset(windows[1], 0xC3, window_sizes[1]);
		}
		_exit(0);
	}
	say(&r, sizeof r);
}

/* Each returns what its call does; it should not return at all, or fail. */

static long
try_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		hang();
	return child;
}

static long
try_vfork(void)
{
	return syscall(SYS_vfork);
}

static long
try_clone3(void)
{
	/* struct clone_args: only exit_signal, at 32 */
	uint64_t args[8] = {[4] = SIGCHLD};
	long child = syscall(SYS_clone3, args, sizeof args);

	if (child == 0)
		hang();
	return child;
}

static long
try_setsid(void)
{
	return setsid();
}

static long
try_setpgid(void)
{
	return setpgid(0, getppid());
}

static long
try_open(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
try_create(void)
{
	return open("/tmp/medimnet-hostile", O_CREAT | O_WRONLY, 0600);
}

static long
try_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
try_execve(void)
{
	char *argv[] = {"true", NULL};

	return execve("/bin/true", argv, NULL);
}

static long
try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long
try_kill(void)
{
	return kill(getppid(), SIGTERM);
}

static long
try_write_memory(void)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {&byte, 1};

	return syscall(SYS_process_vm_writev, getppid(), &here, 1, &there, 1, 0);
}

static long
try_truncate(void)
{
	return ftruncate(window_fds[1], 0);
}

/* What an attacker tries who has taken over the honest helper. */
static mmn_wire_reply
attempt(const char *what)
{
	static const struct
	{
		const char *name;
		long (*call)(void);
	} attempts[] = {
		{"forks", try_fork},
		{"vforks", try_vfork},
		{"clones", try_clone3},
		{"leaves the session", try_setsid},
		{"leaves the group", try_setpgid},
		{"opens", try_open},
		{"creates", try_create},
		{"connects", try_socket},
		{"executes", try_execve},
		{"traces", try_ptrace},
		{"kills", try_kill},
		{"writes memory", try_write_memory},
		{"truncates", try_truncate},
	};
	mmn_wire_reply r = frame();

	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		if (strcmp(what, attempts[i].name) == 0 && attempts[i].call() < 0)
		{
			/* what errno says, without a table of words */
			r = reply_of(MMN_BAD_DATA);
			snprintf(r.text, sizeof r.text, "refused with error %d", errno);
		}
	return r;
}

static void
answer(const mmn_wire_request *request)
{
	mmn_wire_reply r = frame();

	if (is("dies"))
		_exit(7);
	if (is("crashes"))
		raise(SIGSEGV);
	if (is("stops"))
		raise(SIGSTOP);
	if (is("hangs"))
		hang();
	if (is("leaves"))
	{
		/* it lives on without a word */
		close(SOCKET);
		hang();
	}
	if (is("half"))
	{
		say(&r, sizeof r / 2);
		_exit(0);
	}
	if (is("half hangs"))
	{
		say(&r, sizeof r - 1);
		hang();
	}
	if (is("drips"))
		drip(&r, sizeof r, 50);
	if (is("drips fast"))
		drip(&r, sizeof r, 5000);
	if (is("garbage"))
		garbage(sizeof r);
	if (is("flood"))
		garbage((size_t)1 << 30);
	if (is("extra"))
	{
		say(&r, sizeof r);
		garbage(4096);
		hang();
	}
	if (is("forks"))
	{
		/* the socket stays open in a child, so that its end goes unnoticed */
		if (fork() != 0)
			_exit(0);
		hang();
	}
	if (is("forks and answers") || is("forks and lies"))
	{
		if (fork() == 0)
			hang();
		if (is("forks and lies"))
			r.status = 99;
	}
	if (is("escapes"))
	{
		escape();
		return;
	}
	if (strncmp(fault, "sandboxed ", 10) == 0)
		r = attempt(fault + 10);
	if (strncmp(fault, "limited ", 8) == 0)
		r = attempt(fault + 8);
	if (is("scribbles"))
		scribble((mmn_wire_op)request->op);
	if (is("meddles"))
		r = meddle();
	if (is("descriptors"))
	{
		/* files that the backend did not ask for */
		union
		{
			char space[CMSG_SPACE(2 * sizeof(int))];
			struct cmsghdr align;
		} control = {.space = ""};
		struct iovec iov = {&r, sizeof r};
		struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(c), (int[]){0, window_fds[0]}, 2 * sizeof(int));
		sendmsg(SOCKET, &message, MSG_NOSIGNAL);
		return;
	}
	if (is("version"))
		r.version++;
	if (is("status"))
		r.status = 99;
	if (is("negative status"))
		r.status = -1;
	if (is("canceled"))
		r.status = MMN_CANCELED;
	if (is("text"))
	{
		r = reply_of(MMN_BAD_DATA);
		memset(r.text, '\n', sizeof r.text);
		memcpy(r.text, "\033[2J%s%n\xff", 9);
	}
	if (is("json length"))
		r.json_length = UINT64_MAX;
	if (is("content length"))
		r.content_length = UINT64_MAX - 1;
	if (is("sum of lengths"))
	{
		r.json_length = UINT64_MAX - 4095;
		r.content_length = 8192;
	}
	if (is("needs all"))
		r.needed = UINT64_MAX;
	if (is("needs 1 TB"))
		r.needed = (uint64_t)1 << 40;
	if (is("needs ever more"))
		r.needed = window_sizes[1] * 2;
	if (is("needs nothing new"))
		r.needed = 1;
	if (is("side"))
		r.image.width = UINT32_MAX;
	if (is("samples"))
		r.image.sample_type = 200;
	if (is("shape"))
		r.image.height = 65;
	if (is("spacing"))
		r.image.spacing_row = -1;
	if (is("count"))
		r.count = UINT32_MAX;
	if (is("no text") && request->op != MMN_OP_DECODE)
	{
		r = reply_of(MMN_OK);
		r.json_length = 4;
		r.content_length = 4;
		memcpy(windows[1], "{\xc3(}", 4);
	}
	say(&r, sizeof r);
}

static void
greet(void)
{
	mmn_wire_reply r = reply_of(MMN_OK);
	bool sandboxed = strncmp(fault, "sandboxed ", 10) == 0;

	if ((sandboxed || strncmp(fault, "limited ", 8) == 0) &&
		mmn_sandbox_limit((size_t)512 << 20, (size_t)5 << 30, 60, NULL) != MMN_OK)
		_exit(11);
	if (sandboxed && mmn_sandbox_close(NULL) != MMN_OK)
		_exit(12);
	if (is("exits at once"))
		_exit(3);
	if (is("crashes at once"))
		abort();
	if (is("hello hangs"))
		hang();
	if (is("hello garbage"))
		garbage(sizeof r);
	if (is("hello half"))
	{
		say(&r, sizeof r / 2);
		_exit(0);
	}
	if (is("hello version"))
		r.version++;
	say(&r, sizeof r);
}

int
main(int argc, char **argv)
{
	static const char *const quick[] = {"dies", "crashes", "half", "garbage", "status", "canceled", "text", "json length",
										"needs 1 TB", "needs ever more", "side", "shape", "forks and lies"};
	char path[4096];
	FILE *f;

	if (argc < 1)
		return 2;
	snprintf(path, sizeof path, "%s.fault", argv[0]);
	f = fopen(path, "re");
	if (!f || !fgets(fault, sizeof fault, f))
		return 2;
	fclose(f);
	fault[strcspn(fault, "\n")] = '\0';
	if (is("mixed"))
		strcpy(fault, quick[(unsigned)getpid() % (sizeof quick / sizeof *quick)]);
	greet();
	for (;;)
	{
		mmn_wire_request request = listen_for();

		answer(&request);
	}
}
