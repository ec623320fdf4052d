/*
 * The trees of modalities and anatomy: what a spelling means, what lies in
 * what.
 *
 * Both trees are read once by each session into hash tables, so that
 * is_a(anatomy, 'thorax') over a million images costs two look-ups a row and
 * no query.  Every node has the set of its ancestors; a node may have two
 * parents (a region and an organ system).  A write to any of the four tables
 * sends a relcache invalidation, upon which all sessions read again.
 *
 * Terms are compared by a key: letters and digits only, capitals, without
 * accents, so "C-spine", "C SPINE" and "cspine" are one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"

#define TERM_MAX 96 /* key bytes that are compared; no name is longer */

typedef enum Tree
{
	MODALITY,
	ANATOMY,
	TREES
} Tree;

typedef struct Part
{
	char *code;
	int parent[2];		  /* node, or -1 */
	Bitmapset *ancestors; /* itself included; NULL until closed */
} Part;

typedef struct Term
{
	char key[TERM_MAX];
	int node;
} Term;

typedef struct Taxonomy
{
	MemoryContext context;
	int count;
	Part *nodes;
	HTAB *codes; /* key of a code to Term */
	HTAB *terms; /* keys of all that may be said to Term */
	Oid relations[2];
} Taxonomy;

/* Which words of a text are left out of its key. */
typedef enum Skip
{
	SKIP_NONE,
	SKIP_TECHNIQUE, /* but no single letter: "T SPINE LAT" */
	SKIP_ALL		/* "HAND L" */
} Skip;

/* An ancestor that a query asks for again and again. */
typedef struct Asked
{
	uint64 generation;
	int node[TREES];
	int len;
	char text[FLEXIBLE_ARRAY_MEMBER];
} Asked;

static Taxonomy taxonomies[TREES];
static uint64 taxonomies_generation = 0;
static bool taxonomies_valid = false;

/*
 * Per tree: its nodes (code, parent, second parent), and its terms with the
 * weakest first, so that later ones win: names, built-in aliases, codes, the
 * user's aliases.
 */
static const struct
{
	const char *relations[2];
	const char *nodes;
	const char *terms;
} tree_queries[TREES] = {
	{{"medimnet.modality", "medimnet.modality_alias"},
	 "SELECT code, parent, NULL::text FROM medimnet.modality",
	 "SELECT name, code, 1 AS rank FROM medimnet.modality"
	 " UNION ALL SELECT alias, code, CASE WHEN builtin THEN 2 ELSE 4 END"
	 " FROM medimnet.modality_alias"
	 " UNION ALL SELECT code, code, 3 FROM medimnet.modality"
	 " ORDER BY rank, 2 DESC"},
	{{"medimnet.anatomy", "medimnet.anatomy_alias"},
	 "SELECT code, parent, system FROM medimnet.anatomy",
	 "SELECT name, code, 1 AS rank FROM medimnet.anatomy"
	 " UNION ALL SELECT alias, code, CASE WHEN builtin THEN 2 ELSE 4 END"
	 " FROM medimnet.anatomy_alias"
	 " UNION ALL SELECT code, code, 3 FROM medimnet.anatomy"
	 " ORDER BY rank, 2 DESC"}};

/* Words that say how a part was imaged, not which part. */
static const char *const technique_words[] = {
	"1V",		"2V",		 "3V",	  "AND",	 "AP",		 "AXIAL",
	"BILAT",	"BILATERAL", "BOTH",  "CE",		 "CONTRAST", "COR",
	"CORONAL",	"CT",		 "ET",	  "L",		 "LAT",		 "LATERAL",
	"LEFT",		"LI",		 "LINKS", "LT",		 "MR",		 "MRI",
	"OBL",		"OBLIQUE",	 "OF",	  "PA",		 "PORTABLE", "R",
	"RE",		"RECHTS",	 "RIGHT", "ROUTINE", "RT",		 "SAG",
	"SAGITTAL", "SUPINE",	 "THE",	  "UND",	 "UPRIGHT",	 "US",
	"VIEW",		"VIEWS",	 "W",	  "WITH",	 "WITHOUT",	 "WO",
	"XR"};

/* Latin-1's letters U+00C0 to U+00FF without their accents. */
static const char latin1_base[] = "AAAAAAACEEEEIIIIDNOOOOO OUUUUYTS"
								  "AAAAAAACEEEEIIIIDNOOOOO OUUUUYTY";

static int
compare_words(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool
is_technique(const char *word, Skip skip)
{
	if (skip == SKIP_NONE || (skip == SKIP_TECHNIQUE && word[1] == '\0'))
		return false;
	if (strspn(word, "0123456789") == strlen(word))
		return true;
	return bsearch(word, technique_words, lengthof(technique_words),
				   sizeof(char *), compare_words) != NULL;
}

/*
 * Writes the key of a UTF-8 text.  Letters beyond Latin-1 are kept as they are.
 */
static void
term_key(char key[TERM_MAX], const char *text, int len, Skip skip)
{
	int n = 0;
	int word = 0; /* where the current word begins */

	memset(key, 0, TERM_MAX);
	for (int i = 0; i <= len && n < TERM_MAX - 1; i++)
	{
		unsigned char c = i < len ? text[i] : ' ';

		if (c == 0xC3 && i + 1 < len && (unsigned char)text[i + 1] >= 0x80)
		{
			unsigned char low = (unsigned char)text[++i] - 0x80;

			key[n++] = latin1_base[low & 0x3F];
			if (low == 0x1F && n < TERM_MAX - 1)
				key[n++] = 'S';
		}
		else if (c >= 'a' && c <= 'z')
			key[n++] = c - 'a' + 'A';
		else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80)
			key[n++] = c;
		else
		{
			if (n > word && is_technique(key + word, skip))
			{
				memset(key + word, 0, n - word);
				n = word;
			}
			word = n;
		}
	}
}

static void
taxonomy_invalidated(Datum arg, Oid relid)
{
	for (int t = 0; t < TREES; t++)
		if (relid == InvalidOid || relid == taxonomies[t].relations[0] ||
			relid == taxonomies[t].relations[1])
			taxonomies_valid = false;
}

static int
look_up(HTAB *table, const char *text, int len, Skip skip)
{
	char key[TERM_MAX];
	Term *term;

	term_key(key, text, len, skip);
	if (key[0] == '\0')
		return -1;
	term = hash_search(table, key, HASH_FIND, NULL);
	return term ? term->node : -1;
}

static void
enter(HTAB *table, const char *text, int node)
{
	char key[TERM_MAX];
	Term *term;

	term_key(key, text, strlen(text), SKIP_NONE);
	if (key[0] == '\0')
		return;
	term = hash_search(table, key, HASH_ENTER, NULL);
	term->node = node;
}

/* What a query means: a code before anything else. */
static int
find_node(const Taxonomy *taxonomy, text *term)
{
	const char *data = VARDATA_ANY(term);
	int len = VARSIZE_ANY_EXHDR(term);
	int node = look_up(taxonomy->codes, data, len, SKIP_NONE);

	return node >= 0 ? node : look_up(taxonomy->terms, data, len, SKIP_NONE);
}

/*
 * Computes the ancestors of a node, and of those above it.  A depth beyond
 * the number of nodes is a circle.
 */
static void
close_node(Taxonomy *taxonomy, int i, int depth)
{
	Part *node = &taxonomy->nodes[i];
	Bitmapset *set;

	if (node->ancestors)
		return;
	check_stack_depth();
	if (depth > taxonomy->count)
		ereport(ERROR,
				(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
				 errmsg("\"%s\" would be its own ancestor", node->code)));
	set = bms_make_singleton(i);
	for (int p = 0; p < 2; p++)
	{
		if (node->parent[p] < 0)
			continue;
		close_node(taxonomy, node->parent[p], depth + 1);
		set = bms_add_members(set, taxonomy->nodes[node->parent[p]].ancestors);
	}
	node->ancestors = set;
}

static HTAB *
create_terms(MemoryContext context)
{
	HASHCTL ctl = {
		.keysize = TERM_MAX, .entrysize = sizeof(Term), .hcxt = context};

	return hash_create("medimnet taxonomy", 1024, &ctl,
					   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static void
read_nodes(Taxonomy *taxonomy, const char *query)
{
	SPITupleTable *rows;

	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read taxonomy");
	rows = SPI_tuptable;
	taxonomy->count = (int)SPI_processed;
	taxonomy->nodes = MemoryContextAllocZero(
		taxonomy->context, Max(1, taxonomy->count) * sizeof(Part));
	taxonomy->codes = create_terms(taxonomy->context);
	for (int i = 0; i < taxonomy->count; i++)
	{
		char *code = SPI_getvalue(rows->vals[i], rows->tupdesc, 1);

		taxonomy->nodes[i].code = MemoryContextStrdup(taxonomy->context, code);
		enter(taxonomy->codes, code, i);
	}
	for (int i = 0; i < taxonomy->count; i++)
		for (int p = 0; p < 2; p++)
		{
			char *code = SPI_getvalue(rows->vals[i], rows->tupdesc, 2 + p);

			taxonomy->nodes[i].parent[p] =
				code ? look_up(taxonomy->codes, code, strlen(code), SKIP_NONE)
					 : -1;
		}
	SPI_freetuptable(rows);
}

static void
read_terms(Taxonomy *taxonomy, const char *query)
{
	SPITupleTable *rows;
	uint64 count;

	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read taxonomy");
	rows = SPI_tuptable;
	count = SPI_processed;
	taxonomy->terms = create_terms(taxonomy->context);
	for (uint64 i = 0; i < count; i++)
	{
		char *code = SPI_getvalue(rows->vals[i], rows->tupdesc, 2);
		int node = look_up(taxonomy->codes, code, strlen(code), SKIP_NONE);

		if (node >= 0)
			enter(taxonomy->terms,
				  SPI_getvalue(rows->vals[i], rows->tupdesc, 1), node);
	}
	SPI_freetuptable(rows);
}

/*
 * Reads a tree into a context of its own.  The newest committed rows count,
 * not those of the query's snapshot: what is read here outlives the query.
 */
static void
read_taxonomy(Taxonomy *taxonomy, Tree tree)
{
	MemoryContext old;

	memset(taxonomy, 0, sizeof *taxonomy);
	taxonomy->context = AllocSetContextCreate(
		CurrentMemoryContext, "medimnet taxonomy", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < 2; i++)
		taxonomy->relations[i] = DatumGetObjectId(DirectFunctionCall1(
			regclassin, CStringGetDatum(tree_queries[tree].relations[i])));
	read_nodes(taxonomy, tree_queries[tree].nodes);
	read_terms(taxonomy, tree_queries[tree].terms);
	old = MemoryContextSwitchTo(taxonomy->context);
	for (int i = 0; i < taxonomy->count; i++)
		close_node(taxonomy, i, 0);
	MemoryContextSwitchTo(old);
}

static Taxonomy *
get_taxonomies(void)
{
	static bool registered = false;
	Taxonomy fresh[TREES];
	bool newest = !IsInParallelMode();

	if (taxonomies_valid)
		return taxonomies;
	if (!registered)
	{
		CacheRegisterRelcacheCallback(taxonomy_invalidated, (Datum)0);
		registered = true;
	}

	/* set first: an invalidation while reading must not be lost */
	taxonomies_valid = newest;
	PG_TRY();
	{
		SPI_connect();
		if (newest)
			PushActiveSnapshot(GetLatestSnapshot());
		for (int t = 0; t < TREES; t++)
			read_taxonomy(&fresh[t], t);
		if (newest)
			PopActiveSnapshot();
	}
	PG_CATCH();
	{
		taxonomies_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	for (int t = 0; t < TREES; t++)
	{
		MemoryContextSetParent(fresh[t].context, CacheMemoryContext);
		if (taxonomies[t].context)
			MemoryContextDelete(taxonomies[t].context);
		taxonomies[t] = fresh[t];
	}
	taxonomies_generation++;
	SPI_finish();
	return taxonomies;
}

PG_FUNCTION_INFO_V1(medimnet_taxonomy_guard);
Datum
medimnet_taxonomy_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	TupleDesc desc;
	HeapTuple rows[2];
	HeapTuple result;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("taxonomy_guard must be fired before a row")));
	desc = RelationGetDescr(trigger->tg_relation);
	rows[0] = trigger->tg_trigtuple;
	rows[1] = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
														 : NULL;
	result = rows[1] ? rows[1] : rows[0];
	if (creating_extension)
		return PointerGetDatum(result);
	for (int i = 0; i < 2; i++)
	{
		bool isnull;
		int column = SPI_fnumber(desc, "builtin");

		if (rows[i] &&
			DatumGetBool(SPI_getbinval(rows[i], desc, column, &isnull)) &&
			!isnull)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("built-in rows of \"%s\" cannot be changed",
							RelationGetRelationName(trigger->tg_relation)),
					 errhint("Add rows of your own: an alias of yours goes "
							 "before a built-in one.")));
	}
	return PointerGetDatum(result);
}

PG_FUNCTION_INFO_V1(medimnet_taxonomy_changed);
Datum
medimnet_taxonomy_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *)fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("taxonomy_changed must be fired by a trigger")));
	CacheInvalidateRelcache(trigger->tg_relation);
	if (!creating_extension)
	{
		/* reading finds circles */
		taxonomies_valid = false;
		(void)get_taxonomies();
	}
	return PointerGetDatum(NULL);
}

static Datum
map_term(FunctionCallInfo fcinfo, Tree tree)
{
	text *spelling = PG_GETARG_TEXT_PP(0);
	const char *data = VARDATA_ANY(spelling);
	int len = VARSIZE_ANY_EXHDR(spelling);
	Taxonomy *taxonomy = &get_taxonomies()[tree];
	int node = -1;

	for (Skip s = SKIP_NONE; node < 0 && s <= SKIP_ALL; s++)
		node = look_up(taxonomy->terms, data, len, s);
	return CStringGetTextDatum(node < 0 ? "unknown"
										: taxonomy->nodes[node].code);
}

PG_FUNCTION_INFO_V1(medimnet_map_modality);
Datum
medimnet_map_modality(PG_FUNCTION_ARGS)
{
	return map_term(fcinfo, MODALITY);
}

PG_FUNCTION_INFO_V1(medimnet_map_anatomy);
Datum
medimnet_map_anatomy(PG_FUNCTION_ARGS)
{
	return map_term(fcinfo, ANATOMY);
}

/*
 * The node in each tree that a term of a query means, -1 for none; a term
 * that is in neither is the caller's mistake.
 */
static void
find_ancestor(Taxonomy *trees, text *term, int node[TREES])
{
	bool found = false;

	for (int t = 0; t < TREES; t++)
	{
		node[t] = find_node(&trees[t], term);
		found |= node[t] >= 0;
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is neither a modality nor a part of the body",
						text_to_cstring(term)),
				 errhint("See tables medimnet.modality and medimnet.anatomy, "
						 "and their aliases.")));
}

/* As find_ancestor, once for all rows of a query with the same ancestor. */
static const int *
ask_ancestor(FunctionCallInfo fcinfo, Taxonomy *trees, text *term)
{
	Asked *asked = fcinfo->flinfo->fn_extra;
	int len = VARSIZE_ANY_EXHDR(term);

	if (asked && asked->generation == taxonomies_generation &&
		asked->len == len && memcmp(asked->text, VARDATA_ANY(term), len) == 0)
		return asked->node;
	if (asked)
	{
		fcinfo->flinfo->fn_extra = NULL;
		pfree(asked);
	}
	asked = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
							   offsetof(Asked, text) + len);
	find_ancestor(trees, term, asked->node);
	asked->generation = taxonomies_generation;
	asked->len = len;
	memcpy(asked->text, VARDATA_ANY(term), len);
	fcinfo->flinfo->fn_extra = asked;
	return asked->node;
}

PG_FUNCTION_INFO_V1(medimnet_is_a);
Datum
medimnet_is_a(PG_FUNCTION_ARGS)
{
	text *child = PG_GETARG_TEXT_PP(0);
	Taxonomy *trees = get_taxonomies();
	const int *ancestor = ask_ancestor(fcinfo, trees, PG_GETARG_TEXT_PP(1));

	for (int t = 0; t < TREES; t++)
	{
		int node;

		if (ancestor[t] < 0)
			continue;
		node = find_node(&trees[t], child);
		if (node >= 0 &&
			bms_is_member(ancestor[t], trees[t].nodes[node].ancestors))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

PG_FUNCTION_INFO_V1(medimnet_descendants);
Datum
medimnet_descendants(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
	Taxonomy *trees = get_taxonomies();
	int ancestor[TREES];

	find_ancestor(trees, PG_GETARG_TEXT_PP(0), ancestor);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int t = 0; t < TREES; t++)
		for (int i = 0; ancestor[t] >= 0 && i < trees[t].count; i++)
		{
			Datum code;
			bool isnull = false;

			if (!bms_is_member(ancestor[t], trees[t].nodes[i].ancestors))
				continue;
			code = CStringGetTextDatum(trees[t].nodes[i].code);
			tuplestore_putvalues(result->setResult, result->setDesc, &code,
								 &isnull);
		}
	return (Datum)0;
}
