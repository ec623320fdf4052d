#ifndef MEDIMNET_PROGRESS_H
#define MEDIMNET_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How far a run over many files is, on stderr: a bar that is redrawn in place
 * on a terminal, else a line every few seconds.
 */
typedef struct progress
{
	bool enabled;
	bool terminal;
	bool drawn; /* a bar stands on the current line of the terminal */
	uint64_t files;
	uint64_t bytes;
	uint64_t refused;
	uint64_t total_files;
	double work;	   /* done: bytes, plus a constant for each file */
	double total_work; /* the remaining time is judged by work, not files */
	double started;
	double last;
} progress;

/* total_files files of total_bytes together are to come. */
void progress_begin(progress *state, bool enabled, uint64_t total_files,
					uint64_t total_bytes);

/* One more file is done: listed with that size, bytes of it were sent. */
void progress_advance(progress *state, uint64_t size, uint64_t bytes,
					  bool refused);

/* Shows how far it is, if that is due. */
void progress_show(progress *state);

/* Makes room on the terminal for a line of other text. */
void progress_clear(progress *state);

/* Shows the end. */
void progress_end(progress *state);

#endif
