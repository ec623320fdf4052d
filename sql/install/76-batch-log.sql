/*
 * What else there is to know of a batch, and which runs saw an image.
 */
CREATE FUNCTION @extschema@.batch_members(loader text, step bigint, rank int DEFAULT 0, world_size int DEFAULT 1,
	OUT "position" int, OUT image_id bigint, OUT subject_id bigint, OUT frame int, OUT label int, OUT stratum int, OUT ordinal bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'medimnet_batch_members' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 64;
COMMENT ON FUNCTION @extschema@.batch_members(text, bigint, int, int) IS 'the members of a batch, without their images';

CREATE FUNCTION @extschema@.batch_metadata(loader text, step bigint, rank int DEFAULT 0, world_size int DEFAULT 1)
	RETURNS TABLE ("position" int, image_id bigint, subject_id bigint, modality text, anatomy text, spacing_row float8, spacing_column float8)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 64
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT m.position, m.image_id, m.subject_id, i.modality, i.anatomy, i.spacing_row * s.rows, i.spacing_column * s.columns
		FROM batch_members(batch_metadata.loader, batch_metadata.step, batch_metadata.rank, batch_metadata.world_size) m
		JOIN @extschema@.image i USING (subject_id, image_id)
		JOIN @extschema@.loader l ON l.name = batch_metadata.loader,
			-- how many pixels of the file are one of the batch
			LATERAL (SELECT i.height::float8 / l.height AS down, i.width::float8 / l.width AS across) z,
			LATERAL (SELECT CASE l.fit WHEN 'crop' THEN least(z.down, z.across) WHEN 'pad' THEN greatest(z.down, z.across) ELSE z.down END AS rows,
				CASE l.fit WHEN 'crop' THEN least(z.down, z.across) WHEN 'pad' THEN greatest(z.down, z.across) ELSE z.across END AS columns) s
		ORDER BY m.position;
END
$$;
COMMENT ON FUNCTION @extschema@.batch_metadata(text, bigint, int, int) IS
	'for each image of a batch: pseudonym of its subject, modality, anatomy, and the spacing in mm between the rows and columns served';

CREATE FUNCTION @extschema@.batch_targets(loader text, step bigint, rank int DEFAULT 0, world_size int DEFAULT 1) RETURNS @extschema@.tensor
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id bigint := loader_id(loader);
	rows real[];
BEGIN
	IF (SELECT l.targets IS NULL FROM @extschema@.loader l WHERE l.loader_id = id) THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = format('loader "%s" has no targets', loader),
			HINT = 'Make one with findings to look for: options => ''{"targets": ["effusion", "nodule"]}''.';
	END IF;
	SELECT array_agg(m.targets::int[]::real[] ORDER BY b.position) INTO rows
	FROM batch_members(loader, step, rank, world_size) b
	JOIN @extschema@.loader_member m ON m.loader_id = id AND m.stratum = b.stratum AND m.ordinal = b.ordinal;
	RETURN tensor(rows);
END
$$;
COMMENT ON FUNCTION @extschema@.batch_targets(text, bigint, int, int) IS
	'for each image of a batch, and each finding of the loader''s option "targets", 1 if the image is labelled with it or with a kind of it, else 0: float32 [N, K]';

CREATE FUNCTION @extschema@.create_batch_log_table() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $body$
DECLARE
	c record;
BEGIN
	CREATE TABLE @extschema@.batch_log (
		loader_id bigint NOT NULL REFERENCES @extschema@.loader,
		run text NOT NULL CHECK (run <> ''),
		rank int NOT NULL,
		world_size int NOT NULL,
		first_step bigint NOT NULL CHECK (first_step >= 0),
		last_step bigint NOT NULL CHECK (last_step >= first_step),
		role text NOT NULL DEFAULT current_user,
		first_at timestamptz NOT NULL DEFAULT now(),
		last_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (loader_id, run, rank, world_size, first_step)
	);
	FOR c IN SELECT * FROM (VALUES
		(NULL, 'which batches which runs have taken, as they say themselves by log_batches()'),
		('loader_id', 'of which loader'),
		('run', 'name of the run'),
		('rank', 'which of its ranks'),
		('world_size', 'of how many'),
		('first_step', 'first of a range of steps'),
		('last_step', 'last of them'),
		('role', 'who said so'),
		('first_at', 'when the first of the range was logged'),
		('last_at', 'when the last was')
	) AS v (attribute, says)
	LOOP
		IF c.attribute IS NULL THEN
			EXECUTE format('COMMENT ON TABLE @extschema@.batch_log IS %L', c.says);
		ELSE
			EXECUTE format('COMMENT ON COLUMN @extschema@.batch_log.%I IS %L', c.attribute, c.says);
		END IF;
	END LOOP;
END
$body$;
COMMENT ON FUNCTION @extschema@.create_batch_log_table() IS 'the table of log_batches(), for create_loader_tables(); not for direct use';

CREATE FUNCTION @extschema@.log_batches(loader text, run text, first_step bigint, last_step bigint, rank int DEFAULT 0, world_size int DEFAULT 1)
	RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id bigint := loader_id(loader);
	size int;
BEGIN
	SELECT l.batch_size INTO size FROM @extschema@.loader l WHERE l.loader_id = id;
	IF first_step < 0 OR last_step < first_step OR last_step >= 9223372036854775807 / size
		OR world_size < 1 OR size % world_size <> 0 OR rank NOT BETWEEN 0 AND world_size - 1 OR run = '' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('loader "%s" has no steps %s to %s for rank %s of %s', loader, first_step, last_step, rank, world_size),
			HINT = 'Steps count from 0, ranks from 0; world_size divides the batch size; a run has a name.';
	END IF;
	-- goes on where the run has come to, or says again what is known
	UPDATE @extschema@.batch_log g SET last_step = greatest(g.last_step, log_batches.last_step), last_at = now()
	WHERE g.loader_id = id AND g.run = log_batches.run AND g.rank = log_batches.rank AND g.world_size = log_batches.world_size
		AND g.first_step = (
			SELECT max(o.first_step) FROM @extschema@.batch_log o
			WHERE o.loader_id = id AND o.run = log_batches.run AND o.rank = log_batches.rank AND o.world_size = log_batches.world_size
				AND o.first_step <= log_batches.first_step)
		AND g.last_step >= log_batches.first_step - 1;
	IF NOT FOUND THEN
		INSERT INTO @extschema@.batch_log AS g (loader_id, run, rank, world_size, first_step, last_step)
		VALUES (id, log_batches.run, log_batches.rank, log_batches.world_size, log_batches.first_step, log_batches.last_step)
		ON CONFLICT ON CONSTRAINT batch_log_pkey DO UPDATE SET last_step = greatest(g.last_step, excluded.last_step), last_at = now();
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.log_batches(text, text, bigint, bigint, int, int) IS
	'notes that a rank of a run has taken the batches of a range of steps; ranges that follow each other become one';

CREATE FUNCTION @extschema@.member_showings(loader text, stratum int, ordinal bigint, first_step bigint, last_step bigint, rank int, world_size int,
	OUT showings bigint, OUT first_seen bigint, OUT last_seen bigint)
	AS 'MODULE_PATHNAME', 'medimnet_member_showings' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION @extschema@.member_showings(text, int, bigint, bigint, bigint, int, int) IS
	'how often a member of a loader comes in a range of steps of a rank, and at which steps first and last; computed from the permutations';

CREATE FUNCTION @extschema@.find_member(loader_id bigint, image_id bigint, OUT stratum int, OUT ordinal bigint)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	part record;
	low bigint;
	high bigint;
	middle bigint;
	found_id bigint;
BEGIN
	-- a stratum has its members in the order of image_id: no index is needed to find one
	FOR part IN SELECT s.stratum, s.members FROM @extschema@.loader_stratum s WHERE s.loader_id = find_member.loader_id LOOP
		low := 0;
		high := part.members - 1;
		WHILE low <= high LOOP
			middle := (low + high) / 2;
			SELECT m.image_id INTO found_id FROM @extschema@.loader_member m
			WHERE m.loader_id = find_member.loader_id AND m.stratum = part.stratum AND m.ordinal = middle;
			IF found_id = find_member.image_id THEN
				stratum := part.stratum;
				ordinal := middle;
				RETURN;
			ELSIF found_id < find_member.image_id THEN
				low := middle + 1;
			ELSE
				high := middle - 1;
			END IF;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.find_member(bigint, bigint) IS 'where an image is among the members of a loader';

CREATE FUNCTION @extschema@.runs_that_saw(subject_id bigint)
	RETURNS TABLE (run text, loader text, image_id bigint, showings bigint, first_step bigint, last_step bigint)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT s.run, s.loader, s.image_id, sum(s.showings)::bigint, min(s.first_seen), max(s.last_seen)
		FROM (
			SELECT g.run, l.name AS loader, m.image_id, t.*
			FROM (SELECT DISTINCT b.loader_id FROM @extschema@.batch_log b) logged
			JOIN @extschema@.loader l USING (loader_id)
			JOIN @extschema@.dataset_member m ON m.dataset_id = l.dataset_id AND m.subject_id = runs_that_saw.subject_id AND m.split = l.split,
				find_member(l.loader_id, m.image_id) f,
				-- ranges said twice count once
				LATERAL (SELECT b.run, b.rank, b.world_size, unnest(range_agg(int8range(b.first_step, b.last_step, '[]'))) AS steps
					FROM @extschema@.batch_log b WHERE b.loader_id = l.loader_id GROUP BY b.run, b.rank, b.world_size) g,
				member_showings(l.name, f.stratum, f.ordinal, lower(g.steps), upper(g.steps) - 1, g.rank, g.world_size) t
			WHERE t.showings > 0) s
		GROUP BY s.run, s.loader, s.image_id
		ORDER BY s.run, s.loader, s.image_id;
END
$$;
COMMENT ON FUNCTION @extschema@.runs_that_saw(bigint) IS
	'which logged runs were shown which images of a subject, how often, and at which steps first and last';

REVOKE EXECUTE ON FUNCTION @extschema@.create_batch_log_table(),
	@extschema@.log_batches(text, text, bigint, bigint, int, int), @extschema@.runs_that_saw(bigint) FROM PUBLIC;
