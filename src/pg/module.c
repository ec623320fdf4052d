#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "decoder.h"
#include "ingest.h"
#include "model.h"
#include "module.h"

PG_MODULE_MAGIC;

void
_PG_init(void)
{
	DecoderInit();
	IngestInit();
	ModelInit();
	MarkGUCPrefixReserved("medimnet");
}
