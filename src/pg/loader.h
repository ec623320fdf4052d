#ifndef MMN_PG_LOADER_H
#define MMN_PG_LOADER_H

#include "executor/spi.h"
#include "utils/hsearch.h"

#include "keyscan.h"
#include "sample/deal.h"
#include "sample/finish.h"

/* A loader as table medimnet.loader defines it, for one rank. */
typedef struct Loader
{
	char *name;
	int64 id;
	int32 batch_size;
	int32 rank;
	int32 share; /* images of a step for one rank */
	int32 rule_id;
	mmn_fit fit;	   /* the rule: what renditions are */
	mmn_finish finish; /* what becomes of them */
	bool copied;	   /* nothing */
	uint64 seed;
	mmn_deal deal;
	HTAB *strata;		   /* StratumSize, those met so far */
	MemoryContext context; /* what all of this is in */
} Loader;

/* What stands at a position of the stream. */
typedef struct Member
{
	int64 subject_id;
	int64 image_id;
	int32 label;
	int32 frame;
	int32 stratum;
	int64 ordinal;
	uint64 cycle; /* how often it was dealt before */
} Member;

/*
 * Where images come from: the tables opened for reading by key, NULL for
 * those that must be asked by SPI.
 */
typedef struct Source
{
	Loader *loader;
	KeyScan *members;
	KeyScan *images;
	KeyScan *renditions;
	void *rendition;	   /* room for one, unless they are served as such */
	MemoryContext scratch; /* reset for every image */
} Source;

/*
 * Reads a loader's definition; the result is in CurrentMemoryContext.
 * ereports when there is no such loader, or the rank makes no sense.
 */
extern Loader *LoaderOpen(const char *name, int32 rank, int32 world_size);
extern void LoaderCheckStep(const Loader *loader, int64 step);

/* Members of a stratum; ereports when there is no such stratum. */
extern uint64 LoaderStratumMembers(Loader *loader, int32 stratum);

/* Position of the first image of the rank's share of a step. */
extern int64 LoaderFirstPosition(const Loader *loader, int64 step);

/* Dimensions of one image; returns its bytes. */
extern Size LoaderImageDims(const Loader *loader, int32 dims[3]);

/* Opens the tables under the active snapshot, in CurrentMemoryContext. */
extern Source *SourceOpen(Loader *loader);
extern void SourceClose(Source *source);

extern Member SourceMember(Source *source, int64 position);

/* Writes a member's image to out; ereports when it cannot be served. */
extern void SourceImage(Source *source, const Member *member, void *out);

/*
 * One row of a query with a plan that is kept, in the SPI connection's tuple
 * table; false when there is none.
 */
extern bool LookUp(SPIPlanPtr *plan, const char *query, int n, Oid *types,
				   Datum *values);
extern Datum LookUpColumn(int i, bool *is_null);
extern Datum LookUpRequired(int i); /* a column that cannot be null */

#endif
