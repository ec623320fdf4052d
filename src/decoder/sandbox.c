#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The socket, /dev/null three times, and a window being handed over; the rest
 * is for libraries that look for a file, which will not be opened anyway.
 */
#define MAX_FILES 16

static mmn_status
limit(int resource, rlim_t value, const char *name, mmn_error *err)
{
	struct rlimit r = {value, value};

	if (setrlimit(resource, &r) != 0)
		return mmn_fail(err, MMN_INTERNAL, "cannot set %s: %s", name,
						strerror(errno));
	return MMN_OK;
}

mmn_status
mmn_sandbox_limit(size_t memory, size_t windows, unsigned cpu, mmn_error *err)
{
	const struct
	{
		int resource;
		rlim_t value;
		const char *name;
	} limits[] = {
		/* private memory; the windows are shared memory and do not count */
		{RLIMIT_DATA, memory, "RLIMIT_DATA"},
		{RLIMIT_AS, memory + windows, "RLIMIT_AS"},
		{RLIMIT_CPU, cpu, "RLIMIT_CPU"},
		{RLIMIT_NOFILE, MAX_FILES, "RLIMIT_NOFILE"},
		{RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"},
		{RLIMIT_CORE, 0, "RLIMIT_CORE"},
		{RLIMIT_NPROC, 0, "RLIMIT_NPROC"},
		{RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"},
		{RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE"},
	};

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
	{
		mmn_status status =
			limit(limits[i].resource, limits[i].value, limits[i].name, err);

		if (status != MMN_OK)
			return status;
	}
	return MMN_OK;
}

/*
 * The rules, from what was seen to be needed.  What a library asks for in
 * vain, but can live without, is denied with an error; all else kills.
 */
static int
add_rules(scmp_filter_ctx filter)
{
	static const int allowed[] = {
		SCMP_SYS(recvmsg),	 SCMP_SYS(sendmsg),		  SCMP_SYS(close),
		SCMP_SYS(munmap),	 SCMP_SYS(mremap),		  SCMP_SYS(brk),
		SCMP_SYS(madvise),	 SCMP_SYS(lseek),		  SCMP_SYS(futex),
		SCMP_SYS(exit),		 SCMP_SYS(exit_group),	  SCMP_SYS(getpid),
		SCMP_SYS(gettid),	 SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(sched_yield),
		SCMP_SYS(sysinfo), /* qsort() */
	};
	static const struct
	{
		int call;
		int error;
	} denied[] = {
		/* a codec that wants threads goes on alone when there are none */
		{SCMP_SYS(clone), EAGAIN},
		{SCMP_SYS(clone3), EAGAIN},
		/* it counts processors first */
		{SCMP_SYS(sched_getaffinity), EPERM},
		{SCMP_SYS(open), EACCES},
		{SCMP_SYS(openat), EACCES},
		{SCMP_SYS(newfstatat), EACCES},
		/* assertions */
		{SCMP_SYS(rt_sigaction), EPERM},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof denied / sizeof denied[0] && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(denied[i].error),
							  denied[i].call, 0);
	/* memory, but never to be executed */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
							  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
							  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* words of a failed assertion, to /dev/null */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
							  SCMP_A0(SCMP_CMP_LE, STDERR_FILENO));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1,
							  SCMP_A0(SCMP_CMP_LE, STDERR_FILENO));
	/* abort(), to itself */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
							  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return rc;
}

mmn_status
mmn_sandbox_close(mmn_error *err)
{
	scmp_filter_ctx filter;
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return mmn_fail(err, MMN_INTERNAL, "cannot give up privileges: %s",
						strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return mmn_fail(err, MMN_INTERNAL, "cannot close its memory: %s",
						strerror(errno));
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return mmn_fail(err, MMN_NO_MEMORY,
						"no memory for the system call filter");
	rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
						  SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add_rules(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc != 0)
		return mmn_fail(err, MMN_INTERNAL,
						"cannot set the system call filter: %s", strerror(-rc));
	return MMN_OK;
}

/* ---- the check ---- */

/* Each returns 0 when the call was refused with an error. */

static int
try_execve(void)
{
	char *argv[] = {"true", NULL};

	return execve("/bin/true", argv, NULL) == -1;
}

static int
try_open(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? 0 : 2;
}

static int
try_create(void)
{
	return open("/tmp/medimnet-decoder-check", O_WRONLY | O_CREAT, 0600) < 0
			   ? 0
			   : 2;
}

static int
try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 0 : 2;
}

static int
try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? 0 : 2;
}

static int
try_kill(void)
{
	return kill(getppid(), 0) < 0 ? 0 : 2;
}

static int
try_process(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child < 0 && errno == EAGAIN ? 0 : 2;
}

static int
try_thread(void)
{
	unsigned long flags =
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

	/* refused before it could need a stack */
	return syscall(SYS_clone, flags, 0, 0, 0, 0) < 0 && errno == EAGAIN ? 0 : 2;
}

static int
try_session(void)
{
	return setsid() < 0 ? 0 : 2;
}

static int
try_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
			   ? 0
			   : 2;
}

static int
try_much_memory(void)
{
	void *p = malloc((size_t)1 << 30);

	return p == NULL ? 0 : 2;
}

static int
try_nothing(void)
{
	return 0;
}

int
mmn_sandbox_check(void)
{
	static const struct
	{
		const char *name;
		int (*attempt)(void);
		int signal; /* that must end it; 0: it must be refused, or be fine */
	} checks[] = {
		{"does its work", try_nothing, 0},
		{"cannot run a program", try_execve, SIGSYS},
		{"cannot read a file", try_open, 0},
		{"cannot write a file", try_create, 0},
		{"cannot open a socket", try_socket, SIGSYS},
		{"cannot trace", try_ptrace, SIGSYS},
		{"cannot signal others", try_kill, SIGSYS},
		{"cannot start a process", try_process, 0},
		{"cannot start a thread", try_thread, 0},
		{"cannot leave its session", try_session, SIGSYS},
		{"cannot make code", try_executable_memory, SIGSYS},
		{"cannot take all memory", try_much_memory, 0},
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
	{
		mmn_error err = {.text = ""};
		pid_t child;
		int status = 0;

		fflush(stdout);
		child = fork();
		if (child == 0)
		{
			if (mmn_sandbox_limit((size_t)512 << 20, 0, 60, &err) != MMN_OK ||
				mmn_sandbox_close(&err) != MMN_OK)
				_exit(99);
			_exit(checks[i].attempt());
		}
		if (child < 0 || waitpid(child, &status, 0) != child ||
			(checks[i].signal
				 ? !WIFSIGNALED(status) || WTERMSIG(status) != checks[i].signal
				 : !WIFEXITED(status) || WEXITSTATUS(status) != 0))
		{
			failed++;
			printf("not ");
		}
		printf("ok %zu - %s (%s %d)\n", i + 1, checks[i].name,
			   WIFSIGNALED(status) ? "signal" : "status",
			   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	printf("1..%zu\n", sizeof checks / sizeof checks[0]);
	return failed;
}
