#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "keyscan.h"

/* One table or partition, opened when first needed. */
typedef struct KeyScanPart
{
	Relation table;
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	AttrNumber columns[KEYSCAN_MAX_COLUMNS];
} KeyScanPart;

struct KeyScan
{
	Relation table; /* the partitioned one, or the only part's */
	const char *const *columns;
	int ncolumns;
	int nkeys;
	const char *types;
	Snapshot snapshot;
	ResourceOwner owner;
	MemoryContext context;
	PartitionKey partition_key; /* NULL: not partitioned */
	PartitionDesc partitions;
	int nparts;
	KeyScanPart *parts; /* table is NULL until opened */
	KeyScanPart *at;
};

/* Privileges of the table, or of each of the columns. */
static bool
MayRead(Relation table, const char *const *columns, int ncolumns)
{
	Oid id = RelationGetRelid(table);

	if (pg_class_aclcheck(id, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return true;
	for (int i = 0; i < ncolumns; i++)
		if (pg_attribute_aclcheck(id, get_attnum(id, columns[i]), GetUserId(),
								  ACL_SELECT) != ACLCHECK_OK)
			return false;
	return true;
}

/* Whether rows go to partitions by a hash of the first column, and no further. */
static bool
FindPartitions(KeyScan *scan)
{
	PartitionKey key = RelationGetPartitionKey(scan->table);
	PartitionDesc partitions = RelationGetPartitionDesc(scan->table, true);

	if (key->strategy != PARTITION_STRATEGY_HASH || key->partnatts != 1 ||
		key->partattrs[0] !=
			get_attnum(RelationGetRelid(scan->table), scan->columns[0]))
		return false;
	for (int i = 0; i < partitions->nparts; i++)
		if (!partitions->is_leaf[i] ||
			get_rel_relkind(partitions->oids[i]) != RELKIND_RELATION)
			return false;
	scan->partition_key = key;
	scan->partitions = partitions;
	scan->nparts = partitions->nparts;
	return true;
}

/* Opens a table or partition whose primary key begins with our keys. */
static bool
OpenPart(KeyScan *scan, KeyScanPart *part, Relation table)
{
	Oid index_id;

	for (int i = 0; i < scan->ncolumns; i++)
	{
		part->columns[i] =
			get_attnum(RelationGetRelid(table), scan->columns[i]);
		if (part->columns[i] == InvalidAttrNumber)
			return false;
	}
	(void)RelationGetIndexList(table); /* finds the primary key */
	index_id = table->rd_pkindex;
	if (!OidIsValid(index_id))
		return false;
	part->index = index_open(index_id, AccessShareLock);
	for (int i = 0; i < scan->nkeys; i++)
		if (i >= part->index->rd_index->indnkeyatts ||
			part->index->rd_index->indkey.values[i] != part->columns[i] ||
			TupleDescAttr(RelationGetDescr(table), part->columns[i] - 1)
					->atttypid !=
				(scan->types[i] == '8' ? INT8OID : INT4OID))
		{
			index_close(part->index, NoLock);
			return false;
		}
	part->scan =
		index_beginscan(table, part->index, scan->snapshot, scan->nkeys, 0);
	part->slot = table_slot_create(table, NULL);
	part->table = table;
	return true;
}

KeyScan *
KeyScanOpen(const char *table, const char *const *columns, int ncolumns,
			int nkeys, const char *types, bool must, Snapshot snapshot)
{
	KeyScan *scan;
	Oid id = get_relname_relid(table, get_namespace_oid("medimnet", false));
	bool readable;

	if (!OidIsValid(id))
		return NULL;
	scan = palloc0(sizeof(*scan));
	scan->table = table_open(id, AccessShareLock);
	scan->columns = columns;
	scan->ncolumns = ncolumns;
	scan->nkeys = nkeys;
	scan->types = types;
	scan->owner = CurrentResourceOwner;
	scan->context = CurrentMemoryContext;
	readable = MayRead(scan->table, columns, ncolumns);
	if (!readable && must)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, table);
	if (readable && check_enable_rls(id, InvalidOid, true) != RLS_ENABLED)
	{
		scan->snapshot = RegisterSnapshot(snapshot);
		if (scan->table->rd_rel->relkind == RELKIND_RELATION)
		{
			scan->nparts = 1;
			scan->parts = palloc0(sizeof(KeyScanPart));
			if (OpenPart(scan, scan->parts, scan->table))
				return scan;
		}
		else if (scan->table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
				 FindPartitions(scan))
		{
			scan->parts = palloc0(scan->nparts * sizeof(KeyScanPart));
			return scan;
		}
	}
	KeyScanClose(scan);
	return NULL;
}

static void
ClosePart(KeyScan *scan, KeyScanPart *part)
{
	if (part->table == NULL)
		return;
	index_endscan(part->scan);
	ExecDropSingleTupleTableSlot(part->slot);
	index_close(part->index, NoLock);
	if (part->table != scan->table)
		table_close(part->table, NoLock);
	part->table = NULL;
}

void
KeyScanClose(KeyScan *scan)
{
	ResourceOwner caller = CurrentResourceOwner;

	CurrentResourceOwner = scan->owner;
	if (scan->parts != NULL)
		for (int i = 0; i < scan->nparts; i++)
			ClosePart(scan, &scan->parts[i]);
	if (scan->snapshot != NULL)
		UnregisterSnapshot(scan->snapshot);
	table_close(scan->table, NoLock);
	CurrentResourceOwner = caller;
	pfree(scan);
}

/*
 * The partition for a value of the first column; NULL when there is none.  In
 * the scan's memory context.
 */
static KeyScanPart *
ChoosePart(KeyScan *scan, Datum value)
{
	PartitionBoundInfo bounds;
	bool is_null = false;
	uint64 hash;
	int n;

	if (scan->partition_key == NULL)
		return &scan->parts[0];
	bounds = scan->partitions->boundinfo;
	if (scan->nparts == 0)
		return NULL;
	hash = compute_partition_hash_value(1, scan->partition_key->partsupfunc,
										scan->partition_key->partcollation,
										&value, &is_null);
	n = bounds->indexes[hash % bounds->nindexes];
	if (n < 0)
		return NULL;
	if (scan->parts[n].table == NULL)
	{
		ResourceOwner caller = CurrentResourceOwner;
		Relation table;

		CurrentResourceOwner = scan->owner;
		table = table_open(scan->partitions->oids[n], AccessShareLock);
		if (!OpenPart(scan, &scan->parts[n], table))
			elog(ERROR, "partition \"%s\" lacks its primary key",
				 RelationGetRelationName(table));
		CurrentResourceOwner = caller;
	}
	return &scan->parts[n];
}

void
KeyScanFind(KeyScan *scan, const Datum *values)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->context);
	ScanKeyData keys[KEYSCAN_MAX_COLUMNS];

	scan->at = ChoosePart(scan, values[0]);
	for (int i = 0; i < scan->nkeys; i++)
		ScanKeyInit(&keys[i], i + 1, BTEqualStrategyNumber,
					scan->types[i] == '8' ? F_INT8EQ : F_INT4EQ, values[i]);
	if (scan->at != NULL)
		index_rescan(scan->at->scan, keys, scan->nkeys, NULL, 0);
	MemoryContextSwitchTo(caller);
}

bool
KeyScanNext(KeyScan *scan)
{
	/* an index scan allocates as it goes what it frees at its end */
	MemoryContext caller = MemoryContextSwitchTo(scan->context);
	bool found = scan->at != NULL &&
				 index_getnext_slot(scan->at->scan, ForwardScanDirection,
									scan->at->slot);

	MemoryContextSwitchTo(caller);
	return found;
}

Datum
KeyScanColumn(KeyScan *scan, int column, bool *is_null)
{
	return slot_getattr(scan->at->slot, scan->at->columns[column], is_null);
}
