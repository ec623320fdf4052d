/*
 * medimnet-decoder: the process that looks into files.
 *
 * A backend starts it (src/pg/helper.c) as
 *
 *   medimnet-decoder PARENT MEMORY CPU SANDBOX
 *
 * with one end of a socket pair as descriptor 3 and nothing else: PARENT its
 * process id, MEMORY the bytes it may allocate, CPU the seconds it may
 * compute, SANDBOX "on" or "off".  It opens what it needs, closes itself off,
 * says hello, and serves (wire.h).
 *
 *   medimnet-decoder --check-sandbox
 *
 * tells an operator whether this system lets it close itself off.
 */

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sandbox.h"
#include "serve.h"

#define SOCKET 3

/*
 * Shared memory it may map: an input and an output window of what a value of
 * PostgreSQL can hold, 1 GB, each; twice, while one is exchanged; and, under
 * RLIMIT_AS, its programs' code.
 */
#define WINDOWS ((size_t)5 << 30)

/* Memory between frames is kept, not given back: taking it again costs. */
#define KEEP_BYTES (32 << 20)

/* When memory runs out, let the kernel take this process and no backend. */
static void
volunteer_for_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) != 4)
		errno = 0; /* not vital */
	close(fd);
}

static mmn_status
close_off(size_t memory, unsigned cpu, bool sandbox, mmn_error *err)
{
	mmn_status status = mmn_sandbox_limit(memory, WINDOWS, cpu, err);

	if (status == MMN_OK && sandbox)
		status = mmn_sandbox_close(err);
	/* limits are part of the sandbox: without it, what can be had */
	return sandbox ? status : MMN_OK;
}

int
main(int argc, char **argv)
{
	mmn_charsets *charsets = NULL;
	mmn_error err = {.code = MMN_OK, .text = ""};
	mmn_status status;

	if (argc == 2 && strcmp(argv[1], "--check-sandbox") == 0)
		return mmn_sandbox_check() != 0;
	if (argc != 5)
	{
		fprintf(stderr, "medimnet-decoder: started by PostgreSQL, or with "
						"--check-sandbox\n");
		return 2;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
		getppid() != (pid_t)strtol(argv[1], NULL, 10))
		return 2;
	volunteer_for_oom();
	mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, 2 * KEEP_BYTES);
	status = mmn_charsets_open(&mmn_env_default, &charsets, &err);
	if (status == MMN_OK)
		status = close_off(strtoul(argv[2], NULL, 10),
						   (unsigned)strtoul(argv[3], NULL, 10),
						   strcmp(argv[4], "off") != 0, &err);
	err.code = status;
	return mmn_serve(SOCKET, &mmn_env_default, charsets, &err);
}
