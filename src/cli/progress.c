#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

/*
 * What a file costs beside its bytes (round trip, rows written), as bytes. An
 * estimate: only the time said to remain depends on it.
 */
#define BYTES_PER_FILE 100000.0

#define REDRAW_SECONDS 0.1
#define LINE_SECONDS 5.0

static void
format_rate(char *text, size_t size, double per_second)
{
	snprintf(text, size, per_second < 10 ? "%.1f" : "%.0f", per_second);
}

static void
format_time(char *text, size_t size, double seconds)
{
	uint64_t s = (uint64_t)(seconds + 0.5);

	if (s >= 3600)
		snprintf(text, size, "%" PRIu64 ":%02d:%02d", s / 3600,
				 (int)(s / 60 % 60), (int)(s % 60));
	else
		snprintf(text, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

static int
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

static void
draw(progress *state, double now, bool end)
{
	double elapsed = now - state->started;
	double share =
		state->total_work > 0 ? state->work / state->total_work : 1.0;
	double rate = elapsed > 0 ? (double)state->files / elapsed : 0;
	char files_rate[32];
	char bytes_rate[32];
	char when[32];
	char text[256];
	int length;

	format_rate(files_rate, sizeof(files_rate), rate);
	format_rate(bytes_rate, sizeof(bytes_rate),
				elapsed > 0 ? (double)state->bytes / elapsed / 1e6 : 0);
	if (end)
		format_time(when, sizeof(when), elapsed);
	else if (state->work > 0)
		format_time(when, sizeof(when), elapsed * (1 - share) / share);
	else
		strcpy(when, "?");
	length = snprintf(text, sizeof(text),
					  "%3d%%  %" PRIu64 " of %" PRIu64
					  " files, %s files/s, %s MB/s, %s %s",
					  (int)(share * 100), state->files, state->total_files,
					  files_rate, bytes_rate, end ? "took" : "ETA", when);
	if (state->refused > 0 && length < (int)sizeof(text))
		length += snprintf(text + length, sizeof(text) - (size_t)length,
						   ", %" PRIu64 " refused", state->refused);
	if (state->terminal)
	{
		int bar = terminal_width() - length - 4;

		if (bar > 40)
			bar = 40;
		fputs("\r\033[K", stderr);
		if (bar >= 5)
		{
			int filled = (int)(share * bar);

			fputc('[', stderr);
			for (int i = 0; i < bar; i++)
				fputc(i < filled ? '#' : '.', stderr);
			fputs("] ", stderr);
		}
		else
			text[terminal_width() - 1 < length ? terminal_width() - 1
											   : length] = '\0';
		fputs(text, stderr);
		state->drawn = !end;
		if (end)
			fputc('\n', stderr);
	}
	else
		fprintf(stderr, "%s\n", text);
	fflush(stderr);
	state->last = now;
}

void
progress_begin(progress *state, bool enabled, uint64_t total_files,
			   uint64_t total_bytes)
{
	const char *kind = getenv("TERM");

	*state = (progress){
		.enabled = enabled,
		.terminal = isatty(STDERR_FILENO) == 1 && kind != NULL &&
					strcmp(kind, "dumb") != 0,
		.total_files = total_files,
		.total_work =
			(double)total_bytes + (double)total_files * BYTES_PER_FILE,
		.started = cli_seconds(),
	};
	state->last = state->started;
}

void
progress_advance(progress *state, uint64_t size, uint64_t bytes, bool refused)
{
	state->files++;
	state->bytes += bytes;
	state->refused += refused;
	state->work += (double)size + BYTES_PER_FILE;
}

void
progress_show(progress *state)
{
	double now = cli_seconds();

	if (state->enabled &&
		now - state->last >= (state->terminal ? REDRAW_SECONDS : LINE_SECONDS))
		draw(state, now, false);
}

void
progress_clear(progress *state)
{
	if (state->drawn)
		fputs("\r\033[K", stderr);
	state->drawn = false;
}

void
progress_end(progress *state)
{
	if (state->enabled)
		draw(state, cli_seconds(), true);
}
