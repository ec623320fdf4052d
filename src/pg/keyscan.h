#ifndef MMN_PG_KEYSCAN_H
#define MMN_PG_KEYSCAN_H

#include "access/relscan.h"
#include "utils/snapshot.h"

/*
 * Rows by primary key, straight from the table's access method: what an index
 * scan of the executor does, without a plan to start and to end for every
 * row.  A batch asks for some thousand rows; by SPI that would take longer
 * than to send their bytes.
 *
 * The access method knows nothing of privileges: KeyScanOpen looks at them,
 * and returns NULL where a plan would do more than read (row-level security,
 * foreign tables, partitions other than by hash of the key's first column).
 * Its caller then asks by SPI.
 *
 * Relations and snapshot belong to the resource owner at the time of opening.
 */
typedef struct KeyScan KeyScan;

#define KEYSCAN_MAX_COLUMNS 12

/*
 * Opens a table of schema medimnet to read these columns, the first `keys` of
 * which begin its primary key and are bigint ('8') or int ('4') as types[]
 * says.  "must" says whether missing privileges are an error, or mean NULL as
 * everything else does that cannot be read this way.  In
 * CurrentMemoryContext.
 */
extern KeyScan *KeyScanOpen(const char *table, const char *const *columns,
							int ncolumns, int nkeys, const char *types,
							bool must, Snapshot snapshot);
extern void KeyScanClose(KeyScan *scan);

/* Looks for rows that have these values in the first columns. */
extern void KeyScanFind(KeyScan *scan, const Datum *values);

/*
 * The next of them, in the order of the primary key; false when there is no
 * more.  Values by reference are good until the next call.
 */
extern bool KeyScanNext(KeyScan *scan);
extern Datum KeyScanColumn(KeyScan *scan, int column, bool *is_null);

#endif
