#ifndef MMN_PG_EMBEDDING_H
#define MMN_PG_EMBEDDING_H

#include "fmgr.h"

#include "stats/vector_io.h"

/*
 * SQL type embedding: a vector of 1..MMN_EMBEDDING_MAX_DIM finite float4.
 *
 *  offset size
 *   0     4   varlena length
 *   4     2   dimensions
 *   6     2   zero
 *   8     4*n elements
 */
#define MMN_EMBEDDING_MAX_DIM MMN_VECTOR_MAX_DIM

typedef struct Embedding
{
	int32 vl_len_;
	int16 dim;
	int16 zero;
	float x[FLEXIBLE_ARRAY_MEMBER];
} Embedding;

/* Allocates a vector; elements are not set. */
extern Embedding *EmbeddingCreate(int dim);

#define DatumGetEmbeddingP(d) ((Embedding *) PG_DETOAST_DATUM(d))
#define PG_GETARG_EMBEDDING_P(n) DatumGetEmbeddingP(PG_GETARG_DATUM(n))
#define PG_RETURN_EMBEDDING_P(p) PG_RETURN_POINTER(p)

#endif
