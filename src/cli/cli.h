#ifndef MEDIMNET_CLI_H
#define MEDIMNET_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses of every command; an interrupted one ends with 128 + signal. */
enum
{
	CLI_OK = 0,
	CLI_REFUSED = 1, /* it ran, but not everything was as it should be */
	CLI_FAILED = 2	 /* wrong usage, or no (more) connection */
};

/* One command: its own argv, starting with its name; returns an exit status. */
int import_main(int argc, char **argv);
int pull_main(int argc, char **argv);

#define CLI_PRINTF(at) __attribute__((format(printf, at, at + 1)))

/* "medimnet: ..." on stderr; cli_fail() then exits with CLI_FAILED. */
void cli_say(const char *format, ...) CLI_PRINTF(1);
void cli_fail(const char *format, ...) CLI_PRINTF(1) __attribute__((noreturn));

/* Prints text with control characters as \xNN: it may be a file's name. */
void cli_print(FILE *out, const char *text);

/* Memory that is there, or the program ends. The caller frees. */
void *cli_realloc(void *old, size_t count, size_t size);
char *cli_copy(const char *text);
char *cli_format(const char *format, ...) CLI_PRINTF(1);

/* A whole number in lowest..highest given for option, or the program ends. */
int64_t cli_number(const char *option, const char *text, int64_t lowest,
				   int64_t highest);

/* Seconds of a clock that only goes forward. */
double cli_seconds(void);

/* From then on SIGINT and SIGTERM are only noted; the last one, or 0. */
void cli_catch_signals(void);
int cli_signal(void);

#endif
