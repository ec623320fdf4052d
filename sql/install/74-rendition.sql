/*
 * Renditions: images as loaders want them, made once and kept.
 */
CREATE FUNCTION @extschema@.rendition_stale() RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	DELETE FROM @extschema@.rendition r WHERE r.subject_id = OLD.subject_id AND r.image_id = OLD.image_id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION @extschema@.rendition_stale() IS 'trigger: renditions go with the content that they were made of';

CREATE FUNCTION @extschema@.create_rendition_tables() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $body$
DECLARE
	c record;
BEGIN
	CREATE SEQUENCE @extschema@.rendition_rule_id_seq AS int;
	CREATE TABLE @extschema@.rendition_rule (
		rule_id int PRIMARY KEY DEFAULT nextval('@extschema@.rendition_rule_id_seq'),
		width int NOT NULL,
		height int NOT NULL,
		channels int NOT NULL,
		dtype text NOT NULL,
		fit text NOT NULL,
		windows text[] NOT NULL,
		layout text NOT NULL,
		UNIQUE (width, height, channels, dtype, fit, windows, layout)
	);
	ALTER SEQUENCE @extschema@.rendition_rule_id_seq OWNED BY @extschema@.rendition_rule.rule_id;
	-- the order of columns leaves no padding
	CREATE TABLE @extschema@.rendition (
		subject_id bigint NOT NULL,
		image_id bigint NOT NULL,
		rule_id int NOT NULL REFERENCES @extschema@.rendition_rule ON DELETE CASCADE,
		frame int NOT NULL,
		chunk int NOT NULL,
		data bytea NOT NULL,
		PRIMARY KEY (subject_id, image_id, rule_id, frame, chunk),
		FOREIGN KEY (subject_id, image_id) REFERENCES @extschema@.image_content ON DELETE CASCADE
	);
	-- a row is a page: neither compressed nor moved out of it
	ALTER TABLE @extschema@.rendition ALTER data SET STORAGE PLAIN;
	CREATE TRIGGER rendition_stale AFTER UPDATE OF content ON @extschema@.image_content
		FOR EACH ROW EXECUTE FUNCTION @extschema@.rendition_stale();

	FOR c IN SELECT * FROM (VALUES
		('rendition_rule', NULL, 'what renditions there are: loaders of the same rule share them'),
		('rendition_rule', 'rule_id', 'key'),
		('rendition_rule', 'width', 'columns'),
		('rendition_rule', 'height', 'rows'),
		('rendition_rule', 'channels', '1 or 3, or as many as windows'),
		('rendition_rule', 'dtype', 'uint8: rendered for the eye; others: stored values'),
		('rendition_rule', 'fit', 'how other shapes get this size: resize, crop or pad'),
		('rendition_rule', 'windows', 'how stored values become 0..255: presets of render(), or center/width; empty: they do not'),
		('rendition_rule', 'layout', 'NCHW or NHWC'),
		('rendition', NULL, 'renditions, in pieces of a page each; made by prepare_loader(), can be deleted at any time'),
		('rendition', 'subject_id', 'whose image'),
		('rendition', 'image_id', 'which image'),
		('rendition', 'rule_id', 'made by which rule'),
		('rendition', 'frame', 'which frame, from 1'),
		('rendition', 'chunk', 'number of the piece, from 0'),
		('rendition', 'data', 'its bytes: elements of the tensor, little-endian, 8096 bytes a piece')
	) AS v (relation, attribute, says)
	LOOP
		IF c.attribute IS NULL THEN
			EXECUTE format('COMMENT ON TABLE @extschema@.%I IS %L', c.relation, c.says);
		ELSE
			EXECUTE format('COMMENT ON COLUMN @extschema@.%I.%I IS %L', c.relation, c.attribute, c.says);
		END IF;
	END LOOP;
END
$body$;
COMMENT ON FUNCTION @extschema@.create_rendition_tables() IS 'the tables of renditions, for create_loader_tables(); not for direct use';

CREATE FUNCTION @extschema@.rendition_rule_id(width int, height int, channels int, dtype text, fit text, windows text[], layout text)
	RETURNS int
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	id int;
BEGIN
	LOOP
		-- locked: drop_loader() may be about to remove it
		SELECT r.rule_id INTO id FROM @extschema@.rendition_rule r
		WHERE (r.width, r.height, r.channels, r.dtype, r.fit, r.windows, r.layout) = (width, height, channels, dtype, fit, windows, layout)
		FOR KEY SHARE;
		EXIT WHEN id IS NOT NULL;
		INSERT INTO @extschema@.rendition_rule VALUES (DEFAULT, width, height, channels, dtype, fit, windows, layout)
		ON CONFLICT DO NOTHING;
	END LOOP;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.rendition_rule_id(int, int, int, text, text, text[], text) IS 'key of a rule, which is made if it is new; not for direct use';

CREATE FUNCTION @extschema@.rendition_chunks(image_id bigint, content bytea, frame int, width int, height int, channels int, dtype text,
	fit text, windows text[], layout text) RETURNS bytea[]
	AS 'MODULE_PATHNAME', 'medimnet_rendition_chunks' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.rendition_chunks(bigint, bytea, int, int, int, int, text, text, text[], text) IS
	'a frame of a file as a rule wants it, in the pieces that table rendition holds';

CREATE FUNCTION @extschema@.rendition_moments(image_id bigint, content bytea, frame int, width int, height int, channels int, dtype text,
	fit text, windows text[], layout text) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'medimnet_rendition_moments' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.rendition_moments(bigint, bytea, int, int, int, int, text, text, text[], text) IS
	'a frame of a file as a rule wants it: the means of its channels, then those of their squares';

CREATE FUNCTION @extschema@.make_renditions(loader_id bigint, stratum int, first bigint, last bigint) RETURNS int
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	-- by key, even while the tables' statistics are of the time when they were empty
	SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
	todo record;
	done int := 0;
	why text;
BEGIN
	-- ordered: sessions that work for two loaders of one rule must not wait for each other in a circle
	FOR todo IN
		SELECT m.subject_id, m.image_id, m.frame, r.*
		FROM @extschema@.loader l JOIN @extschema@.rendition_rule r USING (rule_id)
		JOIN @extschema@.loader_member m USING (loader_id)
		JOIN @extschema@.image i USING (subject_id, image_id)
		WHERE l.loader_id = make_renditions.loader_id AND m.stratum = make_renditions.stratum
			AND m.ordinal BETWEEN make_renditions.first AND make_renditions.last AND i.status = 'stored'
			AND NOT EXISTS (SELECT FROM @extschema@.rendition d
				WHERE d.subject_id = m.subject_id AND d.image_id = m.image_id AND d.rule_id = l.rule_id AND d.frame = m.frame AND d.chunk = 0)
		ORDER BY m.subject_id, m.image_id
	LOOP
		BEGIN
			INSERT INTO @extschema@.rendition (subject_id, image_id, rule_id, frame, chunk, data)
			SELECT todo.subject_id, todo.image_id, todo.rule_id, todo.frame, d.n - 1, d.data
			FROM @extschema@.image_content c, unnest(rendition_chunks(c.image_id, c.content, todo.frame, todo.width, todo.height, todo.channels, todo.dtype,
				todo.fit, todo.windows, todo.layout)) WITH ORDINALITY d (data, n)
			WHERE c.subject_id = todo.subject_id AND c.image_id = todo.image_id
			ON CONFLICT DO NOTHING;
			done := done + 1;
		EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded OR insufficient_resources
			OR internal_error THEN
			GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
			RAISE WARNING USING
				MESSAGE = format('image %s cannot be served: %s', todo.image_id, SQLERRM),
				DETAIL = why;
		END;
	END LOOP;
	RETURN done;
END
$$;
COMMENT ON FUNCTION @extschema@.make_renditions(bigint, int, bigint, bigint) IS
	'makes the renditions that some members of a loader lack, warns of those that cannot be made; a part of prepare_loader()';

CREATE PROCEDURE @extschema@.prepare_loader(name text)
	LANGUAGE plpgsql
AS $$
DECLARE
	block CONSTANT int := 64;
	of_loader record;
	place record;
	mine boolean;
	left_over boolean;
	done bigint := 0;
	passed bigint;
	started timestamptz := pg_catalog.clock_timestamp();
	said timestamptz := started;
BEGIN
	-- a procedure that commits can have no SET clause: do it once a transaction
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, @extschema@, pg_temp', true);
	SELECT l.loader_id, l.rule_id, l.samples INTO of_loader
	FROM @extschema@.loader l, loader_id(prepare_loader.name) AS id WHERE l.loader_id = id;
	-- refused inside a caller's transaction: so before any work
	COMMIT;
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, @extschema@, pg_temp', true);
	/*
	 * Sessions share the work by locks on blocks of members: what another one
	 * has in hand is passed by, and looked at again in a second round.
	 */
	FOR round IN 1 .. 2 LOOP
		passed := 0;
		left_over := false;
		FOR place IN
			SELECT s.stratum, o.first, least(o.first + block, s.members) - 1 AS last,
				hashtextextended(format('medimnet.prepare_loader.%s.%s.%s', s.loader_id, s.stratum, o.first), 0) AS key
			FROM @extschema@.loader_stratum s, generate_series(0, s.members - 1, block) AS o (first)
			WHERE s.loader_id = of_loader.loader_id
			ORDER BY s.stratum, o.first
		LOOP
			mine := pg_try_advisory_xact_lock(place.key);
			IF round = 2 AND NOT mine THEN
				PERFORM pg_advisory_xact_lock(place.key);
				mine := true;
			END IF;
			IF mine THEN
				done := done + make_renditions(of_loader.loader_id, place.stratum, place.first, place.last);
			ELSE
				left_over := true;
			END IF;
			passed := passed + place.last - place.first + 1;
			COMMIT;
			PERFORM pg_catalog.set_config('search_path', 'pg_catalog, @extschema@, pg_temp', true);
			IF clock_timestamp() > said + interval '2 seconds' THEN
				said := clock_timestamp();
				RAISE NOTICE 'loader "%": looked at % of % images, made % renditions, % a second', prepare_loader.name, passed,
					of_loader.samples, done, round(done / extract(epoch FROM said - started));
			END IF;
		END LOOP;
		EXIT WHEN NOT left_over;
	END LOOP;
	RAISE NOTICE 'loader "%" is prepared: % renditions made in % s', prepare_loader.name, done,
		round(extract(epoch FROM clock_timestamp() - started), 1);
END
$$;
COMMENT ON PROCEDURE @extschema@.prepare_loader(text) IS
	'makes the renditions that make batches fast; commits as it goes, can be called again after an interruption, and in several sessions at once';

REVOKE EXECUTE ON FUNCTION @extschema@.create_rendition_tables(),
	@extschema@.rendition_rule_id(int, int, int, text, text, text[], text),
	@extschema@.make_renditions(bigint, int, bigint, bigint) FROM PUBLIC;
