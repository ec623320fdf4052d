#ifndef MMN_PG_INGEST_H
#define MMN_PG_INGEST_H

/* Registers the setting medimnet.deid_key_file. */
extern void IngestInit(void);

#endif
