/*
 * Datasets: frozen, versioned, and split so that no subject is in two splits.
 *
 * Functions that query whole catalogs run without JIT: of such queries
 * compiling took most of the time, and nothing can interrupt it.
 */
CREATE FUNCTION @extschema@.dataset_frozen() RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	frozen record;
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		SELECT v.name, v.version INTO frozen FROM @extschema@.dataset_version v WHERE v.manifest_hash IS NOT NULL ORDER BY v.dataset_id LIMIT 1;
	ELSIF TG_LEVEL = 'ROW' THEN
		frozen := OLD;
	ELSE
		SELECT v.name, v.version INTO frozen
		FROM (SELECT DISTINCT c.dataset_id FROM changed c) d
		JOIN @extschema@.dataset_version v USING (dataset_id)
		WHERE v.manifest_hash IS NOT NULL ORDER BY v.dataset_id LIMIT 1;
	END IF;
	IF frozen.name IS NOT NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('dataset version "%s@%s" is frozen', frozen.name, frozen.version),
			HINT = 'Create the next version with create_dataset(), or remove this one as a whole with drop_dataset().';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION @extschema@.dataset_frozen() IS 'trigger: nothing of a finished dataset version changes';

CREATE FUNCTION @extschema@.create_dataset_tables() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $body$
DECLARE
	c record;
BEGIN
	CREATE SEQUENCE @extschema@.dataset_id_seq;
	CREATE TABLE @extschema@.dataset_version (
		dataset_id bigint PRIMARY KEY DEFAULT nextval('@extschema@.dataset_id_seq'),
		name text NOT NULL CHECK (name ~ '^[^@[:space:]][^@]*$'),
		version int NOT NULL CHECK (version > 0),
		query text NOT NULL,
		split jsonb NOT NULL,
		seed bigint NOT NULL,
		classes text[] NOT NULL,
		manifest_hash bytea CHECK (length(manifest_hash) = 32),
		created_at timestamptz NOT NULL DEFAULT now(),
		UNIQUE (name, version)
	);
	ALTER SEQUENCE @extschema@.dataset_id_seq OWNED BY @extschema@.dataset_version.dataset_id;

	-- subjects that share an image are one group; a group is in one split
	CREATE TABLE @extschema@.dataset_group (
		dataset_id bigint NOT NULL REFERENCES @extschema@.dataset_version ON DELETE CASCADE,
		group_id bigint NOT NULL,
		split text NOT NULL,
		PRIMARY KEY (dataset_id, group_id),
		UNIQUE (dataset_id, group_id, split)
	);
	-- a subject is in one group, hence in one split
	CREATE TABLE @extschema@.dataset_subject (
		dataset_id bigint NOT NULL,
		subject_id bigint NOT NULL,
		group_id bigint NOT NULL,
		split text NOT NULL,
		PRIMARY KEY (dataset_id, subject_id),
		UNIQUE (dataset_id, subject_id, split),
		FOREIGN KEY (dataset_id, group_id, split)
			REFERENCES @extschema@.dataset_group (dataset_id, group_id, split) ON DELETE CASCADE
	);
	CREATE INDEX dataset_subject_group_idx ON @extschema@.dataset_subject (dataset_id, group_id);
	-- an image is in the split of its subject
	CREATE TABLE @extschema@.dataset_member (
		dataset_id bigint NOT NULL,
		subject_id bigint NOT NULL,
		image_id bigint NOT NULL,
		label int NOT NULL CHECK (label >= 0),
		frame int NOT NULL CHECK (frame > 0),
		split text NOT NULL,
		PRIMARY KEY (dataset_id, subject_id, image_id),
		FOREIGN KEY (dataset_id, subject_id, split)
			REFERENCES @extschema@.dataset_subject (dataset_id, subject_id, split) ON DELETE CASCADE
	);

	-- a table owner's UPDATE is refused like anybody's
	CREATE TRIGGER frozen AFTER UPDATE ON @extschema@.dataset_version
		FOR EACH ROW WHEN (OLD.manifest_hash IS NOT NULL) EXECUTE FUNCTION @extschema@.dataset_frozen();
	CREATE TRIGGER frozen_truncate BEFORE TRUNCATE ON @extschema@.dataset_version
		FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.dataset_frozen();
	FOR c IN SELECT r.relation, e.* FROM unnest('{dataset_group,dataset_subject,dataset_member}'::text[]) AS r (relation),
		(VALUES ('frozen_insert', 'AFTER INSERT', 'REFERENCING NEW TABLE AS changed'),
			('frozen_update_old', 'AFTER UPDATE', 'REFERENCING OLD TABLE AS changed'),
			('frozen_update_new', 'AFTER UPDATE', 'REFERENCING NEW TABLE AS changed'),
			('frozen_delete', 'AFTER DELETE', 'REFERENCING OLD TABLE AS changed'),
			('frozen_truncate', 'BEFORE TRUNCATE', '')) AS e (name, event, transition)
	LOOP
		EXECUTE format('CREATE TRIGGER %I %s ON @extschema@.%I %s FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.dataset_frozen()',
			c.name, c.event, c.relation, c.transition);
	END LOOP;

	FOR c IN SELECT * FROM (VALUES
		('dataset_version', NULL, 'datasets: each row a frozen version'),
		('dataset_version', 'dataset_id', 'key'),
		('dataset_version', 'name', 'name of the dataset'),
		('dataset_version', 'version', 'from 1; "name@version" names one, "name" the latest'),
		('dataset_version', 'query', 'the query that chose its members, as it was run once'),
		('dataset_version', 'split', 'the splits and the fractions they should have'),
		('dataset_version', 'seed', 'key of the division into splits'),
		('dataset_version', 'classes', 'labels in C collation; label 0 is the first'),
		('dataset_version', 'manifest_hash', 'SHA-256 of the lines of dataset_manifest(), each with its newline; NULL: not finished yet'),
		('dataset_version', 'created_at', 'when create_dataset() was called'),
		('dataset_group', NULL, 'subjects that must stay together, because they share an image'),
		('dataset_group', 'dataset_id', 'which dataset version'),
		('dataset_group', 'group_id', 'lowest subject_id of the group'),
		('dataset_group', 'split', 'the one split it is in'),
		('dataset_subject', NULL, 'subjects of a dataset version; keys make it impossible that one is in two splits'),
		('dataset_subject', 'dataset_id', 'which dataset version'),
		('dataset_subject', 'subject_id', 'whose images'),
		('dataset_subject', 'group_id', 'the group it is in'),
		('dataset_subject', 'split', 'the one split it is in'),
		('dataset_member', NULL, 'images of a dataset version'),
		('dataset_member', 'dataset_id', 'which dataset version'),
		('dataset_member', 'subject_id', 'whose image'),
		('dataset_member', 'image_id', 'which image'),
		('dataset_member', 'label', 'index into classes, from 0'),
		('dataset_member', 'frame', 'which frame, from 1'),
		('dataset_member', 'split', 'the split of its subject')
	) AS v (relation, attribute, says)
	LOOP
		IF c.attribute IS NULL THEN
			EXECUTE format('COMMENT ON TABLE @extschema@.%I IS %L', c.relation, c.says);
		ELSE
			EXECUTE format('COMMENT ON COLUMN @extschema@.%I.%I IS %L', c.relation, c.attribute, c.says);
		END IF;
	END LOOP;
	PERFORM create_loader_tables();
END
$body$;
COMMENT ON FUNCTION @extschema@.create_dataset_tables() IS 'the tables of datasets and loaders, for create_catalog(); not for direct use';

CREATE FUNCTION @extschema@.dataset_id(dataset text) RETURNS bigint
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id bigint;
	parts text[] := regexp_match(dataset, '^([^@]+)(?:@([0-9]{1,9}))?$');
BEGIN
	PERFORM require_catalog();
	SELECT v.dataset_id INTO id FROM @extschema@.dataset_version v
	WHERE v.name = parts[1] AND (parts[2] IS NULL OR v.version = parts[2]::int) AND v.manifest_hash IS NOT NULL
	ORDER BY v.version DESC LIMIT 1;
	IF id IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('dataset "%s" does not exist', dataset),
			HINT = 'Table @extschema@.dataset_version lists datasets; "name" is the latest version, "name@2" version 2.';
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.dataset_id(text) IS 'key of a dataset version: "name" is the latest, "name@2" version 2';

CREATE FUNCTION @extschema@.dataset_components(n int, a int[], b int[]) RETURNS int[]
	AS 'MODULE_PATHNAME', 'medimnet_dataset_components' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.dataset_components(int, int[], int[]) IS 'for nodes 0..n-1 and edges a-b: the lowest node that each is connected with';

CREATE FUNCTION @extschema@.dataset_assign(unit int[], label int[], images int[], ids bigint[], classes int,
	fractions float8[], seed bigint) RETURNS int[]
	AS 'MODULE_PATHNAME', 'medimnet_dataset_assign' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.dataset_assign(int[], int[], int[], bigint[], int, float8[], bigint) IS
	'divides units, given by how many images of which label they have, into splits';

CREATE FUNCTION @extschema@.dataset_lines(dataset_id bigint) RETURNS SETOF text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
	SELECT line FROM (
		SELECT concat_ws(' ', encode(coalesce(i.content_hash, i.file_hash), 'hex'), m.frame, to_json(m.split), to_json(v.classes[m.label + 1]))
		FROM @extschema@.dataset_member m
		JOIN @extschema@.dataset_version v USING (dataset_id)
		JOIN @extschema@.image i USING (subject_id, image_id)
		WHERE m.dataset_id = dataset_lines.dataset_id) AS l (line)
	ORDER BY line COLLATE "C"
$$;
COMMENT ON FUNCTION @extschema@.dataset_lines(bigint) IS 'lines of a manifest, by key of the dataset version';

CREATE FUNCTION @extschema@.dataset_manifest(dataset text) RETURNS SETOF text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET jit = off
AS $$
BEGIN
	RETURN QUERY SELECT dataset_lines(dataset_id(dataset));
END
$$;
COMMENT ON FUNCTION @extschema@.dataset_manifest(text) IS
	'what a dataset version holds, a line an image: content hash, frame, split, label; the same for the same images on any server';

CREATE FUNCTION @extschema@.dataset_hash(dataset_id bigint) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_dataset_hash' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.dataset_hash(bigint) IS 'SHA-256 of a manifest''s lines, by key of the dataset version, to compare with manifest_hash';

CREATE FUNCTION @extschema@.check_split(split jsonb) RETURNS void
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	problem text;
BEGIN
	IF jsonb_typeof(split) <> 'object' THEN
		problem := 'It is not an object.';
	ELSE
		SELECT CASE
			WHEN count(*) = 0 THEN 'It names no split.'
			WHEN count(*) > 64 THEN 'It names more than 64 splits.'
			WHEN bool_or(key = '') THEN 'A split has no name.'
			WHEN bool_or(jsonb_typeof(value) <> 'number') THEN 'A fraction is not a number.'
		END INTO problem FROM jsonb_each(split);
		IF problem IS NULL THEN
			SELECT CASE
				WHEN bool_or(value::numeric <= 0) THEN 'A fraction is not positive.'
				WHEN abs(sum(value::numeric) - 1) > 1e-6 THEN format('The fractions add up to %s, not 1.', sum(value::numeric))
			END INTO problem FROM jsonb_each(split);
		END IF;
	END IF;
	IF problem IS NOT NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'invalid split', DETAIL = problem,
			HINT = 'A split looks like {"train": 0.8, "val": 0.1, "test": 0.1}.';
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.check_split(jsonb) IS 'error unless a split names splits with fractions that add up to 1';

CREATE FUNCTION @extschema@.check_draft() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	problem record;
BEGIN
	-- each problem with the first few images that have it
	SELECT p.problem, count(*) AS images, min(p.reason) AS reason,
		string_agg(p.image_id::text, ', ' ORDER BY p.image_id) FILTER (WHERE p.n <= 10) || CASE WHEN count(*) > 10 THEN ', …' ELSE '' END AS ids
	INTO problem
	FROM (
		SELECT d.*, row_number() OVER (PARTITION BY d.problem ORDER BY d.image_id) AS n
		FROM (
			SELECT d.image_id, NULL AS reason, CASE
				WHEN d.image_id IS NULL THEN 1
				WHEN d.status IS NULL THEN 2
				WHEN d.status <> 'stored' THEN 3
				WHEN d.label IS NULL THEN 4
				WHEN d.frame NOT BETWEEN 1 AND d.frames THEN 5
			END AS problem
			FROM pg_temp.medimnet_draft d
			UNION ALL
			SELECT d.image_id, string_agg(DISTINCT d.label, ', '), CASE WHEN count(DISTINCT d.label) > 1 THEN 6 ELSE 7 END
			FROM pg_temp.medimnet_draft d
			GROUP BY d.image_id HAVING count(*) > 1
		) d WHERE d.problem IS NOT NULL
	) p GROUP BY p.problem ORDER BY p.problem LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	RAISE invalid_parameter_value USING
		MESSAGE = CASE problem.problem
			WHEN 1 THEN 'the dataset''s query yields a null image_id'
			WHEN 2 THEN 'the dataset''s query yields images that are not in the catalog'
			WHEN 3 THEN 'the dataset''s query yields images that are not released for use'
			WHEN 4 THEN 'the dataset''s query yields images without a label'
			WHEN 5 THEN 'the dataset''s query yields frames that the images do not have'
			WHEN 6 THEN 'the dataset''s query yields images with more than one label'
			ELSE 'the dataset''s query yields images with more than one frame' END,
		DETAIL = format('%s: image_id %s.', CASE problem.images WHEN 1 THEN '1 image' ELSE problem.images || ' images' END,
			coalesce(problem.ids, 'null')),
		HINT = CASE problem.problem
			WHEN 1 THEN 'Add WHERE image_id IS NOT NULL, or look for an outer join.'
			WHEN 2 THEN 'Take image_id from view @extschema@.catalog.'
			WHEN 3 THEN 'View @extschema@.quarantine says why; view @extschema@.catalog has only images that are released.'
			WHEN 4 THEN 'Add WHERE label IS NOT NULL. View @extschema@.catalog has a label only for images with exactly one: see labels.'
			WHEN 5 THEN 'Frames count from 1; leave the column out for the middle frame.'
			WHEN 6 THEN 'Decide on one label, or leave these images out.'
			ELSE 'A dataset has one frame of an image.' END;
END
$$;
COMMENT ON FUNCTION @extschema@.check_draft() IS 'error that says which images a dataset''s query should not have yielded; not for direct use';

CREATE FUNCTION @extschema@.dataset_build(name text, query text, split jsonb, seed bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	new_id bigint;
	class_names text[];
	names text[];
	fractions float8[];
	roots int[];
	assigned int[];
	left_empty text;
BEGIN
	IF dataset_build.name !~ '^[^@[:space:]][^@]*$' THEN
		RAISE invalid_name USING
			MESSAGE = format('invalid name of a dataset: "%s"', dataset_build.name),
			HINT = 'A name is not empty, does not begin with a space, and has no @: that sets off the version.';
	END IF;
	PERFORM check_split(dataset_build.split);
	SELECT array_agg(key ORDER BY key COLLATE "C"), array_agg(value::float8 ORDER BY key COLLATE "C")
	INTO names, fractions FROM jsonb_each(dataset_build.split);

	CREATE TEMPORARY TABLE medimnet_draft ON COMMIT DROP AS
	SELECT q.image_id, i.subject_id, q.label, coalesce(q.frame, i.key_frame, (i.frames + 1) / 2) AS frame, i.frames, i.status, i.content_hash
	FROM pg_temp.medimnet_query q LEFT JOIN @extschema@.image i ON i.image_id = q.image_id;
	IF NOT EXISTS (SELECT FROM pg_temp.medimnet_draft) THEN
		RAISE no_data_found USING MESSAGE = 'the dataset''s query yields no images';
	END IF;
	PERFORM check_draft();
	CREATE TEMPORARY TABLE medimnet_class ON COMMIT DROP AS
	SELECT label, (row_number() OVER (ORDER BY label COLLATE "C") - 1)::int AS number
	FROM (SELECT DISTINCT label FROM pg_temp.medimnet_draft) d;
	SELECT array_agg(c.label ORDER BY c.number) INTO class_names FROM pg_temp.medimnet_class c;

	-- subjects, numbered in the order of their ids; a group is named by its first
	CREATE TEMPORARY TABLE medimnet_numbered ON COMMIT DROP AS
	SELECT subject_id, (row_number() OVER (ORDER BY subject_id) - 1)::int AS number
	FROM (SELECT DISTINCT subject_id FROM pg_temp.medimnet_draft) s;
	ANALYZE pg_temp.medimnet_draft, pg_temp.medimnet_class, pg_temp.medimnet_numbered;
	SELECT dataset_components((SELECT count(*)::int FROM pg_temp.medimnet_numbered),
		coalesce(array_agg(s.number), '{}'), coalesce(array_agg(shared.first), '{}'))
	INTO roots
	FROM (SELECT d.content_hash, min(s.number) AS first
		FROM pg_temp.medimnet_draft d JOIN pg_temp.medimnet_numbered s USING (subject_id)
		WHERE d.content_hash IS NOT NULL
		GROUP BY d.content_hash HAVING min(s.number) < max(s.number)) shared
	JOIN pg_temp.medimnet_draft d USING (content_hash)
	JOIN pg_temp.medimnet_numbered s USING (subject_id);
	CREATE TEMPORARY TABLE medimnet_subject ON COMMIT DROP AS
	SELECT s.subject_id, (dense_rank() OVER (ORDER BY r.root) - 1)::int AS unit, min(s.subject_id) OVER (PARTITION BY r.root) AS group_id
	FROM pg_temp.medimnet_numbered s JOIN unnest(roots) WITH ORDINALITY AS r (root, n) ON s.number = r.n - 1;
	ANALYZE pg_temp.medimnet_subject;

	SELECT dataset_assign(array_agg(c.unit), array_agg(c.label), array_agg(c.images),
		(SELECT array_agg(u.group_id ORDER BY u.unit) FROM (SELECT DISTINCT unit, group_id FROM pg_temp.medimnet_subject) u),
		cardinality(class_names), fractions, dataset_build.seed)
	INTO assigned
	FROM (
		SELECT s.unit, l.number AS label, count(*)::int AS images
		FROM pg_temp.medimnet_draft d
		JOIN pg_temp.medimnet_class l USING (label)
		JOIN pg_temp.medimnet_subject s USING (subject_id)
		GROUP BY s.unit, l.number ORDER BY s.unit, l.number) c;
	CREATE TEMPORARY TABLE medimnet_placed ON COMMIT DROP AS
	SELECT s.subject_id, s.group_id, names[a.split + 1] AS split
	FROM pg_temp.medimnet_subject s JOIN unnest(assigned) WITH ORDINALITY AS a (split, n) ON a.n = s.unit + 1;
	ANALYZE pg_temp.medimnet_placed;

	-- versions of one name are made one after the other
	PERFORM pg_advisory_xact_lock(hashtextextended('medimnet.dataset.' || dataset_build.name, 0));
	INSERT INTO @extschema@.dataset_version (name, version, query, split, seed, classes)
	SELECT dataset_build.name, coalesce(max(v.version), 0) + 1, dataset_build.query, dataset_build.split, dataset_build.seed, class_names
	FROM @extschema@.dataset_version v WHERE v.name = dataset_build.name
	RETURNING dataset_id INTO new_id;
	INSERT INTO @extschema@.dataset_group (dataset_id, group_id, split)
	SELECT DISTINCT new_id, p.group_id, p.split FROM pg_temp.medimnet_placed p;
	INSERT INTO @extschema@.dataset_subject (dataset_id, subject_id, group_id, split)
	SELECT new_id, p.subject_id, p.group_id, p.split FROM pg_temp.medimnet_placed p;
	INSERT INTO @extschema@.dataset_member (dataset_id, subject_id, image_id, label, frame, split)
	SELECT new_id, d.subject_id, d.image_id, l.number, d.frame, p.split
	FROM pg_temp.medimnet_draft d
	JOIN pg_temp.medimnet_class l USING (label)
	JOIN pg_temp.medimnet_placed p USING (subject_id);
	DROP TABLE pg_temp.medimnet_draft, pg_temp.medimnet_class, pg_temp.medimnet_numbered, pg_temp.medimnet_subject, pg_temp.medimnet_placed;

	SELECT string_agg(quote_ident(n), ', ') INTO left_empty FROM unnest(names) n
	WHERE NOT EXISTS (SELECT FROM @extschema@.dataset_group g WHERE g.dataset_id = new_id AND g.split = n);
	IF left_empty IS NOT NULL THEN
		RAISE WARNING 'there are too few subjects for split %', left_empty USING
			HINT = 'A subject is in one split only, and so are subjects that share an image.';
	END IF;
	UPDATE @extschema@.dataset_version v SET manifest_hash = dataset_hash(new_id) WHERE v.dataset_id = new_id;
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.dataset_build(text, text, jsonb, bigint) IS 'makes a dataset version of the rows that create_dataset() has gathered; not for direct use';

CREATE FUNCTION @extschema@.create_dataset(name text, query text, split jsonb DEFAULT '{"train":0.8,"val":0.1,"test":0.1}',
	seed bigint DEFAULT 0) RETURNS bigint
	AS 'MODULE_PATHNAME', 'medimnet_create_dataset' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SET jit = off;
COMMENT ON FUNCTION @extschema@.create_dataset(text, text, jsonb, bigint) IS
	'freezes what a query yields (image_id, label, optionally frame) as the next version of a dataset, split by subject and in proportion for each label; returns dataset_id';

CREATE FUNCTION @extschema@.drop_dataset(dataset text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id bigint := dataset_id(dataset);
	loaders text;
BEGIN
	SELECT string_agg(quote_literal(l.name), ', ' ORDER BY l.name) INTO loaders FROM @extschema@.loader l WHERE l.dataset_id = id;
	IF loaders IS NOT NULL THEN
		RAISE dependent_objects_still_exist USING
			MESSAGE = format('cannot drop dataset "%s" because loaders serve it', dataset),
			DETAIL = format('Loaders: %s.', loaders),
			HINT = 'Remove them first, with drop_loader().';
	END IF;
	DELETE FROM @extschema@.dataset_version v WHERE v.dataset_id = id;
END
$$;
COMMENT ON FUNCTION @extschema@.drop_dataset(text) IS 'removes a dataset version as a whole; its number is given again when it was the latest';

CREATE FUNCTION @extschema@.dataset_summary(dataset text)
	RETURNS TABLE (split text, label text, images bigint, subjects bigint)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	id bigint := dataset_id(dataset);
BEGIN
	RETURN QUERY
		SELECT s.split, v.classes[s.label + 1], s.images, s.subjects
		FROM (
			SELECT m.split, m.label, sum(m.images)::bigint AS images, count(*) AS subjects
			FROM (SELECT split, label, subject_id, count(*) AS images
				FROM @extschema@.dataset_member WHERE dataset_id = id GROUP BY split, label, subject_id) m
			GROUP BY m.split, m.label) s
		JOIN @extschema@.dataset_version v ON v.dataset_id = id
		ORDER BY (v.split ->> s.split)::numeric DESC, s.split COLLATE "C", s.label;
END
$$;
COMMENT ON FUNCTION @extschema@.dataset_summary(text) IS 'images and subjects of a dataset version by split and label, largest split first';

CREATE FUNCTION @extschema@.dataset_diff(a text, b text)
	RETURNS TABLE (image_id bigint, change text, before text, after text)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	id_a bigint := dataset_id(a);
	id_b bigint := dataset_id(b);
BEGIN
	RETURN QUERY
		WITH x AS (
			SELECT m.image_id, m.split, v.classes[m.label + 1] AS label, m.frame
			FROM @extschema@.dataset_member m JOIN @extschema@.dataset_version v USING (dataset_id)
			WHERE m.dataset_id = id_a
		), y AS (
			SELECT m.image_id, m.split, v.classes[m.label + 1] AS label, m.frame
			FROM @extschema@.dataset_member m JOIN @extschema@.dataset_version v USING (dataset_id)
			WHERE m.dataset_id = id_b
		)
		SELECT image_id, c.change, c.before, c.after
		FROM x FULL JOIN y USING (image_id),
			LATERAL (
				SELECT 'removed', x.label, NULL::text WHERE y.label IS NULL
				UNION ALL SELECT 'added', NULL, y.label WHERE x.label IS NULL
				UNION ALL SELECT 'label', x.label, y.label WHERE x.label <> y.label
				UNION ALL SELECT 'split', x.split, y.split WHERE x.split <> y.split
				UNION ALL SELECT 'frame', x.frame::text, y.frame::text WHERE x.frame <> y.frame) AS c (change, before, after)
		ORDER BY image_id, c.change;
END
$$;
COMMENT ON FUNCTION @extschema@.dataset_diff(text, text) IS
	'what changed from one dataset version to another: images removed and added, with their label, and those with another label, split or frame';

CREATE FUNCTION @extschema@.leak_report(images bigint[], split_of text[])
	RETURNS TABLE (leak text, subject_id bigint, content_hash bytea, splits text[], image_ids bigint[])
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET jit = off
AS $$
#variable_conflict use_column
BEGIN
	PERFORM require_catalog();
	RETURN QUERY
		WITH member AS (
			SELECT u.image_id, u.split, i.subject_id, i.content_hash
			FROM unnest($1, $2) AS u (image_id, split) JOIN @extschema@.image i USING (image_id)
		)
		SELECT 'subject', m.subject_id, NULL::bytea, array_agg(DISTINCT m.split), array_agg(m.image_id ORDER BY m.image_id)
		FROM member m GROUP BY m.subject_id HAVING min(m.split) <> max(m.split)
		UNION ALL
		SELECT 'content', NULL, m.content_hash, array_agg(DISTINCT m.split), array_agg(m.image_id ORDER BY m.image_id)
		FROM member m WHERE m.content_hash IS NOT NULL GROUP BY m.content_hash HAVING min(m.split) <> max(m.split);
END
$$;
COMMENT ON FUNCTION @extschema@.leak_report(bigint[], text[]) IS
	'leaks of any split of catalogued images, such as one published with a data set: subjects, and identical images, in more than one split';

CREATE FUNCTION @extschema@.leak_report(dataset text)
	RETURNS TABLE (leak text, subject_id bigint, content_hash bytea, splits text[], image_ids bigint[])
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	id bigint := dataset_id(dataset);
BEGIN
	RETURN QUERY
		SELECT r.* FROM (
			SELECT array_agg(m.image_id) AS image_ids, array_agg(m.split) AS splits
			FROM @extschema@.dataset_member m WHERE m.dataset_id = id) m,
			leak_report(m.image_ids, m.splits) r;
END
$$;
COMMENT ON FUNCTION @extschema@.leak_report(text) IS 'subjects, and identical images, in more than one split of a dataset version: none, unless its tables were tampered with';

REVOKE EXECUTE ON FUNCTION @extschema@.create_dataset_tables(), @extschema@.check_draft(),
	@extschema@.dataset_build(text, text, jsonb, bigint), @extschema@.create_dataset(text, text, jsonb, bigint),
	@extschema@.drop_dataset(text) FROM PUBLIC;
