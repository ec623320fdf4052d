/*
 * Two trees: how an image was made (modality) and what it shows (anatomy),
 * each with a table of the spellings that files really use.  Members of the
 * extension; rows that users add are dumped with their database.
 */
CREATE TABLE @extschema@.anatomy (
	code text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_]+$'),
	scheme text NOT NULL DEFAULT 'local',
	name text NOT NULL CHECK (name <> ''),
	parent text REFERENCES @extschema@.anatomy,
	system text REFERENCES @extschema@.anatomy,
	builtin boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE @extschema@.anatomy IS 'parts of the body, a tree by region and by organ system';
COMMENT ON COLUMN @extschema@.anatomy.code IS 'SNOMED CT code; another scheme''s code with the scheme''s name before it; a word where there is none';
COMMENT ON COLUMN @extschema@.anatomy.scheme IS 'where the code comes from: SCT, FMA, DCM, medimnet, local';
COMMENT ON COLUMN @extschema@.anatomy.name IS 'meaning of the code';
COMMENT ON COLUMN @extschema@.anatomy.parent IS 'the region it lies in';
COMMENT ON COLUMN @extschema@.anatomy.system IS 'the organ system it belongs to, a second parent; NULL: as its parent';
COMMENT ON COLUMN @extschema@.anatomy.builtin IS 'made by the extension: not to be changed, not dumped';
CREATE INDEX anatomy_parent_idx ON @extschema@.anatomy (parent);
CREATE INDEX anatomy_system_idx ON @extschema@.anatomy (system);

CREATE TABLE @extschema@.anatomy_alias (
	alias text NOT NULL CHECK (alias <> ''),
	code text NOT NULL REFERENCES @extschema@.anatomy,
	source text NOT NULL DEFAULT 'local',
	builtin boolean NOT NULL DEFAULT false,
	PRIMARY KEY (alias, builtin)
);
COMMENT ON TABLE @extschema@.anatomy_alias IS 'what files call a part of the body; a row of yours goes before a built-in one';
COMMENT ON COLUMN @extschema@.anatomy_alias.alias IS 'the text; compared by letters and digits only, without regard to case and accents';
COMMENT ON COLUMN @extschema@.anatomy_alias.code IS 'what it means';
COMMENT ON COLUMN @extschema@.anatomy_alias.source IS 'Annex L (PS3.16), CID (PS3.16), SRT (older SNOMED RT code), medimnet, local';
COMMENT ON COLUMN @extschema@.anatomy_alias.builtin IS 'made by the extension: not to be changed, not dumped';

CREATE TABLE @extschema@.modality (
	code text PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9_]+$'),
	name text NOT NULL CHECK (name <> ''),
	parent text REFERENCES @extschema@.modality,
	anatomy text REFERENCES @extschema@.anatomy,
	builtin boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE @extschema@.modality IS 'ways to make an image, a tree: leaves are DICOM''s codes in capitals (PS3.16 CID 33), groups are words';
COMMENT ON COLUMN @extschema@.modality.code IS 'code as in Modality (0008,0060)';
COMMENT ON COLUMN @extschema@.modality.name IS 'meaning of the code';
COMMENT ON COLUMN @extschema@.modality.parent IS 'the group it belongs to';
COMMENT ON COLUMN @extschema@.modality.anatomy IS 'what it shows by definition (mammography: breast), when a file does not say';
COMMENT ON COLUMN @extschema@.modality.builtin IS 'made by the extension: not to be changed, not dumped';
CREATE INDEX modality_parent_idx ON @extschema@.modality (parent);

CREATE TABLE @extschema@.modality_alias (
	alias text NOT NULL CHECK (alias <> ''),
	code text NOT NULL REFERENCES @extschema@.modality,
	source text NOT NULL DEFAULT 'local',
	builtin boolean NOT NULL DEFAULT false,
	PRIMARY KEY (alias, builtin)
);
COMMENT ON TABLE @extschema@.modality_alias IS 'what files call a modality; a row of yours goes before a built-in one';
COMMENT ON COLUMN @extschema@.modality_alias.alias IS 'the text; compared by letters and digits only, without regard to case and accents';
COMMENT ON COLUMN @extschema@.modality_alias.code IS 'what it means';
COMMENT ON COLUMN @extschema@.modality_alias.source IS 'retired (a term DICOM once defined), medimnet, local';
COMMENT ON COLUMN @extschema@.modality_alias.builtin IS 'made by the extension: not to be changed, not dumped';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.anatomy', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.anatomy_alias', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.modality', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.modality_alias', 'WHERE NOT builtin');

GRANT SELECT ON @extschema@.anatomy, @extschema@.anatomy_alias, @extschema@.modality, @extschema@.modality_alias TO PUBLIC;

CREATE FUNCTION @extschema@.taxonomy_guard() RETURNS trigger
	AS 'MODULE_PATHNAME', 'medimnet_taxonomy_guard' LANGUAGE C;
COMMENT ON FUNCTION @extschema@.taxonomy_guard() IS 'refuses changes to built-in rows';

CREATE FUNCTION @extschema@.taxonomy_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'medimnet_taxonomy_changed' LANGUAGE C;
COMMENT ON FUNCTION @extschema@.taxonomy_changed() IS 'refuses circles, and tells all sessions to read the taxonomies again';

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.anatomy
	FOR EACH ROW EXECUTE FUNCTION @extschema@.taxonomy_guard();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.anatomy_alias
	FOR EACH ROW EXECUTE FUNCTION @extschema@.taxonomy_guard();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.modality
	FOR EACH ROW EXECUTE FUNCTION @extschema@.taxonomy_guard();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.modality_alias
	FOR EACH ROW EXECUTE FUNCTION @extschema@.taxonomy_guard();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON @extschema@.anatomy
	EXECUTE FUNCTION @extschema@.taxonomy_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON @extschema@.anatomy_alias
	EXECUTE FUNCTION @extschema@.taxonomy_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON @extschema@.modality
	EXECUTE FUNCTION @extschema@.taxonomy_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON @extschema@.modality_alias
	EXECUTE FUNCTION @extschema@.taxonomy_changed();

CREATE FUNCTION @extschema@.map_modality(spelling text) RETURNS text
	AS 'MODULE_PATHNAME', 'medimnet_map_modality' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.map_modality(text) IS 'code of a modality from what a file or a person calls it; ''unknown'' when nothing fits';

CREATE FUNCTION @extschema@.map_anatomy(spelling text) RETURNS text
	AS 'MODULE_PATHNAME', 'medimnet_map_anatomy' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.map_anatomy(text) IS 'code of a part of the body from what a file or a person calls it; words for side, view and technique are left out; ''unknown'' when nothing fits';

CREATE FUNCTION @extschema@.is_a(child text, ancestor text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'medimnet_is_a' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.is_a(text, text) IS 'whether a modality or part of the body is, or lies within, another: is_a(anatomy, ''thorax''); codes, names and aliases';

CREATE FUNCTION @extschema@.descendants(ancestor text) RETURNS SETOF text
	AS 'MODULE_PATHNAME', 'medimnet_descendants' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 50;
COMMENT ON FUNCTION @extschema@.descendants(text) IS 'codes of all that is_a() the given modality or part of the body, itself included';
