#ifndef MEDIMNET_BATCH_H
#define MEDIMNET_BATCH_H

#include <libpq-fe.h>

#include "npy.h"

/* What a loader promises of its batches. */
typedef struct batch_spec
{
	uint64_t images; /* in one rank's share of a batch */
	uint64_t channels;
	uint64_t height;
	uint64_t width;
	char *dtype;
	char **classes; /* the name of label i */
	size_t class_count;
	char *samples;		   /* members, as text */
	char *steps_per_epoch; /* as text */
} batch_spec;

/* One batch; all pointers but the last two go into the result it came from. */
typedef struct batch
{
	npy images;
	const uint8_t *npy_bytes;
	size_t npy_size;
	uint64_t count;
	int32_t *labels;	/* owned */
	int64_t *image_ids; /* owned */
} batch;

/* Asks the server; the program ends when there is no such loader. */
batch_spec batch_spec_get(PGconn *conn, const char *loader, int world_size);
void batch_spec_free(batch_spec *spec);

/*
 * Reads a row of batch() in binary and checks it against spec: a malloc'ed
 * text says what is wrong, or NULL. The result must outlive the batch.
 */
char *batch_parse(batch *out, const PGresult *result, const batch_spec *spec);
void batch_free(batch *out);

#endif
