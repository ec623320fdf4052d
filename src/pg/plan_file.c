/*
 * Planned networks, once per server.
 *
 * A plan (core/nn/network.h) is a block of memory without pointers.  The first
 * session that needs one writes it to a file under base/pgsql_tmp, all map
 * that file read-only, and the operating system keeps its pages once.  The
 * folder and the prefix of the names are PostgreSQL's own for temporary
 * files: base backups leave them out, and a starting server removes what it
 * finds, so nothing has to be cleaned up after a crash.  A standby makes its
 * own.
 *
 *   pgsql_tmp.medimnet.DATABASE.MODEL.XMIN.HASH    a plan
 *   pgsql_tmp.medimnet.new.PID                     one being written
 *
 * The hash is over all that the plan depends on.  A file is written under the
 * second name and renamed: whoever finds the first one finds all of it.
 * Taking a file away does not disturb those who have mapped it.
 *
 * Only the server's account can write there, so what is behind the header is
 * trusted, as is all else in the data directory.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "plan_file.h"

PG_FUNCTION_INFO_V1(medimnet_forget_plans);

#define FOLDER "base/" PG_TEMP_FILES_DIR
#define PREFIX PG_TEMP_FILE_PREFIX ".medimnet."

/* Stands before the plan, which begins on a boundary of 64 bytes. */
typedef struct PlanFileHead
{
	char magic[8];
	uint8 hash[MMN_SHA256_SIZE];
	int32 use;
	char unused[20];
} PlanFileHead;

StaticAssertDecl(sizeof(PlanFileHead) == 64, "plans must stay aligned");

static const char magic[8] = "mmnplan1";

typedef struct Mapping
{
	MemoryContextCallback callback;
	void *start;
	Size len;
} Mapping;

static void
KeyPath(const PlanKey *key, char *path)
{
	char hash[2 * MMN_SHA256_SIZE + 1];

	mmn_hex(key->hash, MMN_SHA256_SIZE / 2, hash);
	snprintf(path, MAXPGPATH, FOLDER "/" PREFIX "%u.%d.%u.%s", MyDatabaseId,
			 key->model_id, key->version, hash);
}

static void
Unmap(void *arg)
{
	Mapping *m = arg;

	munmap(m->start, m->len);
}

/* The whole file, mapped; NULL when there is none to speak of. */
static void *
MapFile(const char *path, Size *len)
{
	int fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	struct stat st;
	void *start = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > sizeof(PlanFileHead))
	{
		*len = st.st_size;
		start = mmap(NULL, *len, PROT_READ, MAP_SHARED, fd, 0);
	}
	CloseTransientFile(fd);
	return start == MAP_FAILED ? NULL : start;
}

const mmn_plan *
PlanFileMap(const PlanKey *key, MemoryContext owner, int wanted, int *use)
{
	char path[MAXPGPATH];
	Mapping *mapping = MemoryContextAllocZero(owner, sizeof *mapping);
	PlanFileHead *head;
	const mmn_plan *plan;
	mmn_error err;
	Size len;

	KeyPath(key, path);
	head = MapFile(path, &len);
	if (!head)
	{
		pfree(mapping);
		return NULL;
	}
	plan = (const mmn_plan *)(head + 1);
	if (memcmp(head->magic, magic, sizeof magic) != 0 ||
		memcmp(head->hash, key->hash, sizeof key->hash) != 0 ||
		mmn_plan_check(plan, len - sizeof *head, &err) != MMN_OK)
	{
		ereport(DEBUG1,
				(errmsg_internal("file \"%s\" does not hold its plan", path)));
		munmap(head, len);
		pfree(mapping);
		unlink(path);
		return NULL;
	}
	if (!(head->use & wanted))
	{
		munmap(head, len);
		pfree(mapping);
		return NULL;
	}
	*use = head->use;
	mapping->start = head;
	mapping->len = len;
	mapping->callback.func = Unmap;
	mapping->callback.arg = mapping;
	MemoryContextRegisterResetCallback(owner, &mapping->callback);
	return plan;
}

/* Removes the plans of a model, but for those of one version of its row. */
static void
RemovePlans(int32 model_id, TransactionId keep)
{
	DIR *dir = AllocateDir(FOLDER);
	struct dirent *e;
	char start[64], kept[96];

	snprintf(start, sizeof start, PREFIX "%u.%d.", MyDatabaseId, model_id);
	snprintf(kept, sizeof kept, "%s%u.", start, keep);
	while (dir && (e = ReadDirExtended(dir, FOLDER, DEBUG1)) != NULL)
	{
		char path[MAXPGPATH];

		if (strncmp(e->d_name, start, strlen(start)) != 0 ||
			(TransactionIdIsValid(keep) &&
			 strncmp(e->d_name, kept, strlen(kept)) == 0))
			continue;
		snprintf(path, sizeof path, FOLDER "/%s", e->d_name);
		unlink(path);
	}
	if (dir)
		FreeDir(dir);
}

/* Writes all of it, in pieces small enough for a cancel to be noticed. */
static bool
WriteAll(int fd, const void *bytes, Size len)
{
	const char *at = bytes;

	while (len > 0)
	{
		ssize_t n = write(fd, at, Min(len, (Size)4 * 1024 * 1024));

		CHECK_FOR_INTERRUPTS();
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			errno = n < 0 ? errno : ENOSPC;
			return false;
		}
		at += n;
		len -= n;
	}
	return true;
}

static bool
WriteFile(const char *path, const PlanFileHead *head, const mmn_plan *plan)
{
	int fd = OpenTransientFile(path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	bool done;

	if (fd < 0 && errno == ENOENT)
	{
		(void)MakePGDirectory(FOLDER); /* made on first need */
		fd = OpenTransientFile(path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	}
	if (fd < 0)
		return false;
	done = WriteAll(fd, head, sizeof *head) &&
		   WriteAll(fd, plan, mmn_plan_bytes(plan));
	if (!done)
	{
		int why = errno;

		CloseTransientFile(fd);
		errno = why;
		return false;
	}
	return CloseTransientFile(fd) == 0;
}

bool
PlanFileWrite(const PlanKey *key, const mmn_plan *plan, int use)
{
	char path[MAXPGPATH], temporary[MAXPGPATH];
	PlanFileHead head = {.use = use};
	volatile bool done = false;

	memcpy(head.magic, magic, sizeof magic);
	memcpy(head.hash, key->hash, sizeof head.hash);
	KeyPath(key, path);
	snprintf(temporary, sizeof temporary, FOLDER "/" PREFIX "new.%d",
			 MyProcPid);
	PG_TRY();
	{
		done = WriteFile(temporary, &head, plan) &&
			   rename(temporary, path) == 0;
	}
	PG_FINALLY();
	{
		if (!done)
		{
			int why = errno;

			unlink(temporary);
			errno = why;
		}
	}
	PG_END_TRY();
	if (done)
		RemovePlans(key->model_id, key->version);
	else
		ereport(DEBUG1,
				(errmsg_internal("could not share a plan in file \"%s\": %m",
								 path)));
	return done;
}

/*
 * An advisory lock apart from those that SQL can take (whose last field is 1
 * or 2): waiting ends with a cancel, and the deadlock detector knows of it.
 * The workers of one parallel query do not exclude each other; they may make
 * the same plan twice, and the later file replaces the earlier.
 */
static void
KeyTag(const PlanKey *key, LOCKTAG *tag)
{
	uint32 word[2];

	memcpy(word, key->hash, sizeof word);
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, word[0], word[1], 77);
}

void
PlanFileLock(const PlanKey *key)
{
	LOCKTAG tag;

	KeyTag(key, &tag);
	(void)LockAcquire(&tag, ExclusiveLock, false, false);
}

void
PlanFileUnlock(const PlanKey *key)
{
	LOCKTAG tag;

	KeyTag(key, &tag);
	LockRelease(&tag, ExclusiveLock, false);
}

/* Models whose plans go when the transaction commits. */
static List *gone = NIL;

static void
AtCommit(XactEvent event, void *arg)
{
	ListCell *lc;

	if (event == XACT_EVENT_COMMIT)
		foreach (lc, gone)
			RemovePlans(lfirst_int(lc), InvalidTransactionId);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		gone = NIL; /* its memory was the transaction's */
}

/*
 * Trigger of table model, after a row has been deleted or changed.  Should
 * the change be undone in part, by a subtransaction, the plans go all the
 * same, and are made again when somebody needs them.
 */
Datum
medimnet_forget_plans(PG_FUNCTION_ARGS)
{
	static bool registered = false;
	TriggerData *data = (TriggerData *)fcinfo->context;
	RangeVar *table = makeRangeVar("medimnet", "model", -1);
	MemoryContext old;
	bool isnull;
	Datum id;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		RelationGetRelid(data->tg_relation) !=
			RangeVarGetRelid(table, NoLock, true))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("forget_plans() is a trigger of table "
							   "medimnet.model")));
	if (!registered)
		RegisterXactCallback(AtCommit, NULL);
	registered = true;
	id = heap_getattr(data->tg_trigtuple,
					  SPI_fnumber(data->tg_relation->rd_att, "model_id"),
					  data->tg_relation->rd_att, &isnull);
	old = MemoryContextSwitchTo(TopTransactionContext);
	gone = lappend_int(gone, DatumGetInt32(id));
	MemoryContextSwitchTo(old);
	return PointerGetDatum(data->tg_trigtuple);
}
