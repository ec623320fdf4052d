#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "bridge.h"
#include "compat.h"
#include "decoder.h"
#include "loader.h"
#include "rendition.h"
#include "sample/permute.h"

/*
 * From a position of the stream to an image's bytes.
 *
 *	position --computed--> stratum, turn --computed--> stratum, ordinal
 *		--by key--> image --by key--> may it be served?
 *		--by key--> rendition, or else: content, decoded
 *
 * Every step is a computation or a look-up by primary key, so that a batch
 * costs the same whatever the dataset's size.  Nothing is written: a hot
 * standby serves as well.
 */

typedef struct StratumSize
{
	int32 stratum;
	int64 members;
} StratumSize;

/* Columns of loader_member and image, in the order of our KeyScans. */
enum
{
	MEMBER_SUBJECT = 3,
	MEMBER_IMAGE,
	MEMBER_LABEL,
	MEMBER_FRAME,
	IMAGE_STATUS = 2
};

Source *
SourceOpen(Loader *loader)
{
	static const char *const member[] = {"loader_id", "stratum", "ordinal",
										 "subject_id", "image_id", "label",
										 "frame"};
	static const char *const image[] = {"subject_id", "image_id", "status"};
	Snapshot snapshot = GetActiveSnapshot();
	Source *source = palloc0(sizeof(*source));

	source->loader = loader;
	source->members =
		KeyScanOpen("loader_member", member, 7, 3, "848", true, snapshot);
	source->images = KeyScanOpen("image", image, 3, 2, "88", true, snapshot);
	source->renditions = RenditionsOpen(snapshot);
	if (!loader->copied)
		source->rendition = palloc(RenditionSize(&loader->fit));
	source->scratch = AllocSetContextCreate(
		CurrentMemoryContext, "image of a batch", ALLOCSET_DEFAULT_SIZES);
	return source;
}

void
SourceClose(Source *source)
{
	if (source->members)
		KeyScanClose(source->members);
	if (source->images)
		KeyScanClose(source->images);
	if (source->renditions)
		KeyScanClose(source->renditions);
	source->members = source->images = source->renditions = NULL;
}

uint64
LoaderStratumMembers(Loader *loader, int32 stratum)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT8OID, INT4OID};
	Datum values[] = {Int64GetDatum(loader->id), Int32GetDatum(stratum)};
	StratumSize *size;
	int64 members;

	if (loader->strata == NULL)
	{
		HASHCTL control = {.keysize = sizeof(int32),
						   .entrysize = sizeof(StratumSize),
						   .hcxt = loader->context};

		loader->strata = hash_create("strata of a loader", 64, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	size = hash_search(loader->strata, &stratum, HASH_FIND, NULL);
	if (size != NULL)
		return size->members;
	SPI_connect();
	if (!LookUp(&plan,
				"SELECT members FROM medimnet.loader_stratum "
				"WHERE loader_id OPERATOR(pg_catalog.=) $1 "
				"AND stratum OPERATOR(pg_catalog.=) $2",
				2, types, values))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("loader \"%s\" has no stratum %d",
							   loader->name, stratum)));
	members = DatumGetInt64(LookUpRequired(1));
	SPI_finish();
	if (members < 1 || (uint64)members > MMN_PERMUTE_MAX)
		elog(ERROR, "stratum %d of loader \"%s\" is damaged", stratum,
			 loader->name);
	size = hash_search(loader->strata, &stratum, HASH_ENTER, NULL);
	size->members = members;
	return members;
}

/* The member of a key (loader, stratum, ordinal), by SPI. */
static bool
LookUpMember(const Datum *key, Member *member)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT8OID, INT4OID, INT8OID};
	Datum values[] = {key[0], key[1], key[2]};
	bool found;

	SPI_connect();
	found = LookUp(&plan,
				   "SELECT subject_id, image_id, label, frame "
				   "FROM medimnet.loader_member "
				   "WHERE loader_id OPERATOR(pg_catalog.=) $1 "
				   "AND stratum OPERATOR(pg_catalog.=) $2 "
				   "AND ordinal OPERATOR(pg_catalog.=) $3",
				   3, types, values);
	if (found)
	{
		member->subject_id = DatumGetInt64(LookUpRequired(1));
		member->image_id = DatumGetInt64(LookUpRequired(2));
		member->label = DatumGetInt32(LookUpRequired(3));
		member->frame = DatumGetInt32(LookUpRequired(4));
	}
	SPI_finish();
	return found;
}

Member
SourceMember(Source *source, int64 position)
{
	Loader *loader = source->loader;
	KeyScan *scan = source->members;
	Member member = {0};
	uint32_t stratum;
	uint64_t turn;
	Datum key[3];
	uint64 members;
	bool found, is_null;

	CHECK_FOR_INTERRUPTS();
	mmn_deal_at(&loader->deal, position, &stratum, &turn);
	members = LoaderStratumMembers(loader, stratum);
	key[0] = Int64GetDatum(loader->id);
	key[1] = Int32GetDatum((int32)stratum);
	key[2] = Int64GetDatum(
		(int64)mmn_draw(loader->seed, stratum, members, turn));
	if (scan == NULL)
		found = LookUpMember(key, &member);
	else
	{
		KeyScanFind(scan, key);
		found = KeyScanNext(scan);
		if (found)
		{
			member.subject_id =
				DatumGetInt64(KeyScanColumn(scan, MEMBER_SUBJECT, &is_null));
			member.image_id =
				DatumGetInt64(KeyScanColumn(scan, MEMBER_IMAGE, &is_null));
			member.label =
				DatumGetInt32(KeyScanColumn(scan, MEMBER_LABEL, &is_null));
			member.frame =
				DatumGetInt32(KeyScanColumn(scan, MEMBER_FRAME, &is_null));
		}
	}
	if (!found)
		elog(ERROR, "loader \"%s\" lacks a member", loader->name);
	member.stratum = stratum;
	member.ordinal = DatumGetInt64(key[2]);
	member.cycle = turn / members;
	return member;
}

/* The error for a member whose image may not, or cannot, be served. */
static void pg_attribute_noreturn()
RefuseMember(const Loader *loader, const Member *member, const char *status)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("image " INT64_FORMAT " of loader \"%s\" can no longer be "
					"served",
					member->image_id, loader->name),
			 status ? errdetail("Its status is %s.", status)
					: errdetail("Its content is not in the catalog."),
			 errhint("Create a new version of the dataset without it.")));
}

/* The status of a member's image, by SPI; NULL when there is no such image. */
static char *
LookUpStatus(const Datum *key)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {key[0], key[1]};
	MemoryContext context = CurrentMemoryContext;
	char *status = NULL;

	SPI_connect();
	if (LookUp(&plan,
			   "SELECT status FROM medimnet.image "
			   "WHERE subject_id OPERATOR(pg_catalog.=) $1 "
			   "AND image_id OPERATOR(pg_catalog.=) $2",
			   2, types, values))
	{
		status = TextDatumGetCString(LookUpRequired(1));
		status = MemoryContextStrdup(context, status);
	}
	SPI_finish();
	return status;
}

/* ereports unless the image may be served now. */
static void
CheckStatus(Source *source, const Member *member)
{
	Datum key[] = {Int64GetDatum(member->subject_id),
				   Int64GetDatum(member->image_id)};
	char *status = NULL;

	if (source->images == NULL)
		status = LookUpStatus(key);
	else
	{
		KeyScanFind(source->images, key);
		if (KeyScanNext(source->images))
		{
			static const char stored[] = "stored";
			bool is_null;
			text *value = DatumGetTextPP(
				KeyScanColumn(source->images, IMAGE_STATUS, &is_null));

			if (VARSIZE_ANY_EXHDR(value) == sizeof(stored) - 1 &&
				memcmp(VARDATA_ANY(value), stored, sizeof(stored) - 1) == 0)
				return;
			status = text_to_cstring(value);
		}
	}
	if (status == NULL || strcmp(status, "stored") != 0)
		RefuseMember(source->loader, member, status);
}

/* Decodes and fits a member's image. */
static void
DecodeMember(Source *source, const Member *member, void *out)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum(member->subject_id),
					  Int64GetDatum(member->image_id)};
	Loader *loader = source->loader;
	MemoryContext spi_context;
	mmn_image image;
	mmn_status status;
	mmn_error err;
	Pixels *pixels;
	Datum content;

	SPI_connect();
	if (!LookUp(&plan,
				"SELECT content FROM medimnet.image_content "
				"WHERE subject_id OPERATOR(pg_catalog.=) $1 "
				"AND image_id OPERATOR(pg_catalog.=) $2",
				2, types, values))
		RefuseMember(loader, member, NULL);
	content = LookUpRequired(1);
	spi_context = MemoryContextSwitchTo(source->scratch);
	status = DecoderFrame(content, member->frame, &pixels, &err);
	if (status == MMN_OK)
	{
		image = PixelsImage(pixels);
		status =
			mmn_fit_image(&mmn_env_backend, &image, &loader->fit, out, &err);
	}
	mmn_check(status,
			  psprintf("could not serve image " INT64_FORMAT
					   " of loader \"%s\"",
					   member->image_id, loader->name),
			  &err);
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
}

void
SourceImage(Source *source, const Member *member, void *out)
{
	Loader *loader = source->loader;
	void *rendition = loader->copied ? out : source->rendition;
	MemoryContext caller;
	mmn_error err;

	CheckStatus(source, member);
	if (source->renditions == NULL ||
		!RenditionRead(source->renditions, member->subject_id,
					   member->image_id, loader->rule_id, member->frame,
					   rendition, RenditionSize(&loader->fit)))
	{
		DecodeMember(source, member, rendition);
		MemoryContextReset(source->scratch);
	}
	if (loader->copied)
		return;
	caller = MemoryContextSwitchTo(source->scratch);
	mmn_check(mmn_finish_image(&mmn_env_backend, &loader->finish, &loader->fit,
							   mmn_showing_key(loader->seed, member->cycle,
											   (uint64)member->image_id),
							   rendition, out, &err),
			  "could not serve an image", &err);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(source->scratch);
}
