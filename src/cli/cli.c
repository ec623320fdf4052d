/* What all commands of medimnet share: messages, memory, numbers, signals. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t last_signal;

static void
say(const char *format, va_list args)
{
	fputs("medimnet: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void
cli_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void
cli_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(CLI_FAILED);
}

void
cli_print(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
	{
		if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\x%02x", *c);
		else
			fputc(*c, out);
	}
}

void *
cli_realloc(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count ? count : 1, size);

	if (memory == NULL)
		cli_fail("out of memory");
	return memory;
}

char *
cli_copy(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(cli_realloc(NULL, size, 1), text, size);
}

char *
cli_format(const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		cli_fail("out of memory");
	return text;
}

int64_t
cli_number(const char *option, const char *text, int64_t lowest,
		   int64_t highest)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < lowest ||
		value > highest)
		cli_fail("%s must be a whole number from %lld to %lld, not \"%s\"",
				 option, (long long)lowest, (long long)highest, text);
	return value;
}

double
cli_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
on_signal(int number)
{
	/* Asked twice: the user does not want to wait. */
	if (last_signal != 0)
		_exit(128 + number);
	last_signal = number;
}

void
cli_catch_signals(void)
{
	/* No SA_RESTART: poll() must come back at once. */
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int
cli_signal(void)
{
	return last_signal;
}
