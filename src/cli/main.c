/*
 * medimnet: the command for those who fill a catalog (import) and those who
 * train from it (pull). Each command has its own file and its own --help.
 */
#include "cli.h"

#include <string.h>

static const struct command
{
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"import", import_main, "send image files into a collection"},
	{"pull", pull_main, "fetch training batches, check and measure them"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
usage(FILE *out)
{
	fputs("Usage: medimnet COMMAND [OPTION]...\n\nCommands:\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs(
		"\n"
		"  --help     show this text\n"
		"  --version  show the version\n"
		"\n"
		"medimnet COMMAND --help shows the options of a command. Where -d is\n"
		"not given, PGHOST, PGPORT, PGUSER, PGDATABASE and the like say which\n"
		"server to use, as for psql.\n",
		out);
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (name == NULL)
	{
		usage(stderr);
		return CLI_FAILED;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
		strcmp(name, "help") == 0)
	{
		usage(stdout);
		return CLI_OK;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
	{
		puts("medimnet " MEDIMNET_VERSION);
		return CLI_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++)
	{
		if (strcmp(name, commands[i].name) == 0)
		{
			int status;

			/* getopt puts this before its messages */
			argv[1] = "medimnet";
			status = commands[i].main(argc - 1, argv + 1);

			if (fflush(stdout) != 0 || ferror(stdout))
				cli_fail("could not write the output");
			return status;
		}
	}
	cli_say("there is no command \"%s\"", name);
	usage(stderr);
	return CLI_FAILED;
}
