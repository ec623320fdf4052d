/*
 * The catalog: ordinary tables, made once by create_catalog(), that belong to
 * its caller and not to the extension.
 */
CREATE FUNCTION @extschema@.require_catalog() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	IF to_regclass('@extschema@.image') IS NULL THEN
		RAISE undefined_table USING
			MESSAGE = 'the catalog does not exist',
			HINT = 'Make it with: SELECT @extschema@.create_catalog();';
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.require_catalog() IS 'error with a hint when create_catalog() has not been called';

CREATE FUNCTION @extschema@.create_catalog_tables(partitions int) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $body$
DECLARE
	by_subject text := CASE WHEN partitions > 0 THEN 'PARTITION BY HASH (subject_id)' ELSE '' END;
	-- a unique key of a partitioned table must have the partition key in it
	per_subject text := CASE WHEN partitions > 0 THEN 'subject_id, ' ELSE '' END;
	partitioned text;
BEGIN
	CREATE TABLE @extschema@.catalog_info (
		only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
		key_check bytea NOT NULL,
		partitions int NOT NULL,
		created_at timestamptz NOT NULL DEFAULT now()
	);

	CREATE SEQUENCE @extschema@.collection_id_seq AS int;
	CREATE TABLE @extschema@.collection (
		collection_id int PRIMARY KEY DEFAULT nextval('@extschema@.collection_id_seq'),
		name text NOT NULL UNIQUE CHECK (name <> ''),
		license text NOT NULL CHECK (license <> ''),
		title text,
		url text,
		citation text,
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE @extschema@.collection_id_seq OWNED BY @extschema@.collection.collection_id;

	CREATE SEQUENCE @extschema@.finding_id_seq AS int;
	CREATE TABLE @extschema@.finding (
		finding_id int PRIMARY KEY DEFAULT nextval('@extschema@.finding_id_seq'),
		collection_id int NOT NULL REFERENCES @extschema@.collection,
		name text NOT NULL CHECK (name <> ''),
		parent int REFERENCES @extschema@.finding,
		scheme text,
		code text,
		UNIQUE (collection_id, name)
	);
	ALTER SEQUENCE @extschema@.finding_id_seq OWNED BY @extschema@.finding.finding_id;
	CREATE INDEX finding_parent_idx ON @extschema@.finding (parent);

	CREATE TABLE @extschema@.finding_alias (
		collection_id int NOT NULL REFERENCES @extschema@.collection,
		alias text NOT NULL CHECK (alias <> ''),
		finding_id int NOT NULL REFERENCES @extschema@.finding ON DELETE CASCADE,
		PRIMARY KEY (collection_id, alias)
	);

	CREATE SEQUENCE @extschema@.model_id_seq AS int;
	CREATE TABLE @extschema@.model (
		model_id int PRIMARY KEY DEFAULT nextval('@extschema@.model_id_seq'),
		name text NOT NULL UNIQUE CHECK (name <> ''),
		onnx bytea NOT NULL,
		onnx_sha256 bytea NOT NULL GENERATED ALWAYS AS (sha256(onnx)) STORED,
		input_width int NOT NULL CHECK (input_width > 0),
		input_height int NOT NULL CHECK (input_height > 0),
		channels int NOT NULL CHECK (channels IN (1, 3)),
		mean real[] NOT NULL,
		std real[] NOT NULL,
		channel_order text NOT NULL DEFAULT 'RGB' CHECK (channel_order IN ('RGB', 'BGR')),
		output text,
		license text,
		dimensions int NOT NULL CHECK (dimensions > 0),
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE @extschema@.model_id_seq OWNED BY @extschema@.model.model_id;
	-- weights do not compress
	ALTER TABLE @extschema@.model ALTER onnx SET STORAGE EXTERNAL;
	CREATE TRIGGER forget_plans AFTER UPDATE OR DELETE ON @extschema@.model
		FOR EACH ROW EXECUTE FUNCTION @extschema@.forget_plans();

	CREATE SEQUENCE @extschema@.ingest_log_id_seq;
	CREATE TABLE @extschema@.ingest_log (
		log_id bigint PRIMARY KEY DEFAULT nextval('@extschema@.ingest_log_id_seq'),
		at timestamptz NOT NULL DEFAULT clock_timestamp(),
		role text NOT NULL DEFAULT current_user,
		collection text NOT NULL,
		file_hash bytea,
		status text NOT NULL CHECK (status IN ('stored', 'duplicate', 'quarantined', 'rejected', 'released')),
		reason text,
		image_id bigint
	);
	ALTER SEQUENCE @extschema@.ingest_log_id_seq OWNED BY @extschema@.ingest_log.log_id;
	CREATE INDEX ingest_log_at_idx ON @extschema@.ingest_log (at);
	CREATE INDEX ingest_log_file_hash_idx ON @extschema@.ingest_log (file_hash);

	EXECUTE format($ddl$
	CREATE TABLE @extschema@.subject (
		subject_id bigint PRIMARY KEY,
		created_at timestamptz NOT NULL DEFAULT now()
	) %1$s;

	CREATE TABLE @extschema@.study (
		subject_id bigint NOT NULL REFERENCES @extschema@.subject,
		study_id bigint NOT NULL,
		study_uid @extschema@.uid NOT NULL,
		PRIMARY KEY (subject_id, study_id)
	) %1$s;

	CREATE TABLE @extschema@.series (
		subject_id bigint NOT NULL,
		series_id bigint NOT NULL,
		study_id bigint NOT NULL,
		series_uid @extschema@.uid NOT NULL,
		modality text NOT NULL DEFAULT 'unknown' REFERENCES @extschema@.modality,
		PRIMARY KEY (subject_id, series_id),
		FOREIGN KEY (subject_id, study_id) REFERENCES @extschema@.study
	) %1$s;

	CREATE SEQUENCE @extschema@.image_id_seq;
	CREATE TABLE @extschema@.image (
		subject_id bigint NOT NULL REFERENCES @extschema@.subject,
		image_id bigint NOT NULL DEFAULT nextval('@extschema@.image_id_seq'),
		collection_id int NOT NULL REFERENCES @extschema@.collection,
		series_id bigint,
		status text NOT NULL CHECK (status IN ('stored', 'quarantined', 'rejected')),
		reason text,
		media_type text NOT NULL,
		file_hash bytea NOT NULL CHECK (length(file_hash) = 32),
		content_hash bytea CHECK (length(content_hash) = 32),
		phash bit(64),
		sop_instance_uid @extschema@.uid,
		sop_class_uid @extschema@.uid,
		transfer_syntax_uid @extschema@.uid,
		modality text NOT NULL DEFAULT 'unknown' REFERENCES @extschema@.modality,
		modality_source text NOT NULL DEFAULT 'unknown'
			CHECK (modality_source IN ('tag', 'map', 'contributor', 'curator', 'model', 'unknown')),
		anatomy text NOT NULL DEFAULT 'unknown' REFERENCES @extschema@.anatomy,
		anatomy_source text NOT NULL DEFAULT 'unknown'
			CHECK (anatomy_source IN ('tag', 'map', 'contributor', 'curator', 'model', 'unknown')),
		laterality text,
		width int NOT NULL CHECK (width > 0),
		height int NOT NULL CHECK (height > 0),
		channels int NOT NULL CHECK (channels IN (1, 3)),
		frames int NOT NULL CHECK (frames > 0),
		key_frame int CHECK (key_frame BETWEEN 1 AND frames),
		bits_stored int,
		photometric text,
		spacing_row float8,
		spacing_column float8,
		ingested_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (subject_id, image_id),
		UNIQUE (%2$s image_id),
		UNIQUE (%2$s file_hash),
		UNIQUE (%2$s sop_instance_uid),
		FOREIGN KEY (subject_id, series_id) REFERENCES @extschema@.series
	) %1$s;
	ALTER SEQUENCE @extschema@.image_id_seq OWNED BY @extschema@.image.image_id;
	CREATE INDEX image_collection_idx ON @extschema@.image (collection_id);
	CREATE INDEX image_modality_anatomy_idx ON @extschema@.image (modality, anatomy);
	CREATE INDEX image_anatomy_idx ON @extschema@.image (anatomy);
	CREATE INDEX image_series_idx ON @extschema@.image (series_id);
	CREATE INDEX image_content_hash_idx ON @extschema@.image (content_hash);
	CREATE INDEX image_quarantine_idx ON @extschema@.image (ingested_at) WHERE status = 'quarantined';

	CREATE TABLE @extschema@.image_content (
		subject_id bigint NOT NULL,
		image_id bigint NOT NULL,
		content bytea NOT NULL,
		attributes jsonb,
		PRIMARY KEY (subject_id, image_id),
		FOREIGN KEY (subject_id, image_id) REFERENCES @extschema@.image ON DELETE CASCADE
	) %1$s;
	ALTER TABLE @extschema@.image_content ALTER content SET STORAGE EXTERNAL;

	CREATE TABLE @extschema@.label (
		subject_id bigint NOT NULL,
		image_id bigint NOT NULL,
		finding_id int NOT NULL REFERENCES @extschema@.finding,
		source text NOT NULL DEFAULT 'curator' CHECK (source IN ('contributor', 'curator', 'model')),
		created_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (subject_id, image_id, finding_id),
		FOREIGN KEY (subject_id, image_id) REFERENCES @extschema@.image ON DELETE CASCADE
	) %1$s;
	CREATE INDEX label_finding_idx ON @extschema@.label (finding_id);

	CREATE TABLE @extschema@.image_embedding (
		subject_id bigint NOT NULL,
		image_id bigint NOT NULL,
		model_id int NOT NULL REFERENCES @extschema@.model ON DELETE CASCADE,
		frame int NOT NULL CHECK (frame > 0),
		embedding @extschema@.embedding NOT NULL,
		PRIMARY KEY (subject_id, image_id, model_id),
		FOREIGN KEY (subject_id, image_id) REFERENCES @extschema@.image ON DELETE CASCADE
	) %1$s;
	CREATE INDEX image_embedding_model_idx ON @extschema@.image_embedding (model_id);
	$ddl$, by_subject, per_subject);

	IF partitions > 0 THEN
		-- the keys above begin with the subject; these are looked up alone
		CREATE INDEX image_id_idx ON @extschema@.image (image_id);
		CREATE INDEX image_file_hash_idx ON @extschema@.image (file_hash);
		CREATE INDEX image_sop_instance_uid_idx ON @extschema@.image (sop_instance_uid);
		FOREACH partitioned IN ARRAY '{subject,study,series,image,image_content,label,image_embedding}'::text[] LOOP
			FOR n IN 0 .. partitions - 1 LOOP
				EXECUTE format('CREATE TABLE @extschema@.%I PARTITION OF @extschema@.%I FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
					partitioned || '_p' || n, partitioned, partitions, n);
			END LOOP;
		END LOOP;
	END IF;
END
$body$;
COMMENT ON FUNCTION @extschema@.create_catalog_tables(int) IS 'the tables of create_catalog(); not for direct use';

CREATE FUNCTION @extschema@.create_catalog_views() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $body$
BEGIN
	-- what is not selected is not computed: labels and attributes are sub-selects
	CREATE VIEW @extschema@.catalog AS
	SELECT i.image_id, i.subject_id, c.name AS collection,
		i.modality, i.modality_source, i.anatomy, i.anatomy_source,
		(SELECT min(f.name) FROM @extschema@.label l JOIN @extschema@.finding f USING (finding_id)
			WHERE l.subject_id = i.subject_id AND l.image_id = i.image_id HAVING count(*) = 1) AS label,
		(SELECT array_agg(f.name ORDER BY f.name) FROM @extschema@.label l JOIN @extschema@.finding f USING (finding_id)
			WHERE l.subject_id = i.subject_id AND l.image_id = i.image_id) AS labels,
		i.media_type, i.laterality, i.width, i.height, i.channels, i.frames,
		coalesce(i.key_frame, (i.frames + 1) / 2) AS key_frame, i.bits_stored, i.photometric,
		i.spacing_row, i.spacing_column, i.ingested_at,
		(SELECT d.attributes FROM @extschema@.image_content d
			WHERE d.subject_id = i.subject_id AND d.image_id = i.image_id) AS attributes
	FROM @extschema@.image i JOIN @extschema@.collection c USING (collection_id)
	WHERE i.status = 'stored';

	CREATE VIEW @extschema@.quarantine AS
	SELECT i.image_id, i.subject_id, c.name AS collection, i.reason, i.modality, i.anatomy,
		i.media_type, i.width, i.height, i.frames, i.ingested_at
	FROM @extschema@.image i JOIN @extschema@.collection c USING (collection_id)
	WHERE i.status = 'quarantined';

	CREATE VIEW @extschema@.upload AS
	SELECT NULL::text AS collection, NULL::bytea AS content, NULL::text AS filename, NULL::text[] AS labels,
		NULL::text AS subject, NULL::text AS modality, NULL::text AS body_part
	WHERE false;
	CREATE TRIGGER ingest INSTEAD OF INSERT ON @extschema@.upload
		FOR EACH ROW EXECUTE FUNCTION @extschema@.upload_insert();
END
$body$;
COMMENT ON FUNCTION @extschema@.create_catalog_views() IS 'the views of create_catalog(); not for direct use';

CREATE FUNCTION @extschema@.comment_catalog() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $body$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT * FROM (VALUES
		('catalog_info', NULL, 'one row about the catalog itself'),
		('catalog_info', 'only_row', 'there can be no second row'),
		('catalog_info', 'key_check', 'tells whether the server''s key of de-identification is still the one that made the identities here'),
		('catalog_info', 'partitions', 'hash partitions of the tables that grow with images; 0: not partitioned'),
		('catalog_info', 'created_at', 'when create_catalog() was called'),
		('collection', NULL, 'where images come from, and under which licence'),
		('collection', 'collection_id', 'key'),
		('collection', 'name', 'short name, as given to ingest()'),
		('collection', 'license', 'licence of its images, as an SPDX name where there is one'),
		('collection', 'title', 'full name'),
		('collection', 'url', 'home page'),
		('collection', 'citation', 'how its authors want to be cited'),
		('collection', 'created_at', 'when add_collection() was called'),
		('subject', NULL, 'patients, animals, donors, by pseudonym: what must not be in two splits of a dataset'),
		('subject', 'subject_id', 'first 63 bits of the subject''s keyed hash'),
		('subject', 'created_at', 'when the first image of the subject came'),
		('study', NULL, 'one visit''s images'),
		('study', 'subject_id', 'whose'),
		('study', 'study_id', 'first 63 bits of the hash of study_uid'),
		('study', 'study_uid', 'replaced Study Instance UID'),
		('series', NULL, 'images of one acquisition'),
		('series', 'subject_id', 'whose'),
		('series', 'series_id', 'first 63 bits of the hash of series_uid'),
		('series', 'study_id', 'the visit'),
		('series', 'series_uid', 'replaced Series Instance UID'),
		('series', 'modality', 'modality of its first image'),
		('image', NULL, 'one row per file, without its bytes'),
		('image', 'subject_id', 'whose; part of every key, so that tables can be partitioned or distributed by it'),
		('image', 'image_id', 'number of the image'),
		('image', 'collection_id', 'where it comes from'),
		('image', 'series_id', 'its series; NULL for files that are not DICOM'),
		('image', 'status', 'stored; quarantined: a person must look first; rejected: a person has, and the bytes are gone'),
		('image', 'reason', 'why it is not simply stored'),
		('image', 'media_type', 'application/dicom, application/nifti, image/png, image/jpeg'),
		('image', 'file_hash', 'SHA-256 of the file as it was sent'),
		('image', 'content_hash', 'SHA-256 of the key frame''s geometry and samples, as content_hash(); NULL when all its samples are zero'),
		('image', 'phash', 'perceptual hash of the key frame, as phash()'),
		('image', 'sop_instance_uid', 'replaced SOP Instance UID'),
		('image', 'sop_class_uid', 'SOP class of the file'),
		('image', 'transfer_syntax_uid', 'transfer syntax of the file'),
		('image', 'modality', 'how it was made, a code of table modality'),
		('image', 'modality_source', 'where the modality comes from: tag (the file''s own code), map (an alias), contributor, curator, model, unknown'),
		('image', 'anatomy', 'what it shows, a code of table anatomy'),
		('image', 'anatomy_source', 'where the anatomy comes from: tag (the file''s own code), map (an alias), contributor, curator, model, unknown'),
		('image', 'laterality', 'L, R, B (both) or U (unpaired)'),
		('image', 'width', 'columns of a frame'),
		('image', 'height', 'rows of a frame'),
		('image', 'channels', 'samples per pixel of a decoded frame'),
		('image', 'frames', 'number of frames'),
		('image', 'key_frame', 'the frame that stands for all: the middle one, of several volumes that of the first; NULL: the middle one'),
		('image', 'bits_stored', 'bits of a sample that count'),
		('image', 'photometric', 'photometric interpretation of the file'),
		('image', 'spacing_row', 'mm between the centres of rows; NULL: not known'),
		('image', 'spacing_column', 'mm between the centres of columns; NULL: not known'),
		('image', 'ingested_at', 'when it came'),
		('image_content', NULL, 'the bytes of images'),
		('image_content', 'subject_id', 'whose'),
		('image_content', 'image_id', 'which image'),
		('image_content', 'content', 'the de-identified file'),
		('image_content', 'attributes', 'its DICOM attributes after de-identification, as PS3.18 F has it'),
		('finding', NULL, 'what labels say, per collection'),
		('finding', 'finding_id', 'key'),
		('finding', 'collection_id', 'whose word it is'),
		('finding', 'name', 'the label''s text'),
		('finding', 'parent', 'a more general finding'),
		('finding', 'scheme', 'code system of code'),
		('finding', 'code', 'what it means, by code'),
		('finding_alias', NULL, 'other spellings of labels'),
		('finding_alias', 'collection_id', 'in which collection'),
		('finding_alias', 'alias', 'the text as contributors write it'),
		('finding_alias', 'finding_id', 'the finding that it means'),
		('label', NULL, 'findings of images'),
		('label', 'subject_id', 'whose'),
		('label', 'image_id', 'which image'),
		('label', 'finding_id', 'what is seen'),
		('label', 'source', 'who says so: contributor, curator, model'),
		('label', 'created_at', 'since when'),
		('model', NULL, 'networks that embed images'),
		('model', 'model_id', 'key'),
		('model', 'name', 'as given to embed()'),
		('model', 'onnx', 'the network, an ONNX file'),
		('model', 'onnx_sha256', 'its SHA-256: sessions know by it which plan is of this file'),
		('model', 'input_width', 'columns of its input'),
		('model', 'input_height', 'rows of its input'),
		('model', 'channels', 'channels of its input'),
		('model', 'mean', 'subtracted from each channel of 0..255'),
		('model', 'std', 'divides each channel after that'),
		('model', 'channel_order', 'RGB or BGR'),
		('model', 'output', 'name of the output that is the embedding; NULL: the first'),
		('model', 'license', 'licence of the weights'),
		('model', 'dimensions', 'of its embeddings'),
		('model', 'created_at', 'when load_model() was called'),
		('image_embedding', NULL, 'what a network makes of an image'),
		('image_embedding', 'subject_id', 'whose'),
		('image_embedding', 'image_id', 'which image'),
		('image_embedding', 'model_id', 'which network'),
		('image_embedding', 'frame', 'which frame, from 1'),
		('image_embedding', 'embedding', 'the vector'),
		('ingest_log', NULL, 'outcome of every file sent; nothing here names a patient or a file'),
		('ingest_log', 'log_id', 'key'),
		('ingest_log', 'at', 'when'),
		('ingest_log', 'role', 'who sent it'),
		('ingest_log', 'collection', 'where to'),
		('ingest_log', 'file_hash', 'SHA-256 of the file as it was sent'),
		('ingest_log', 'status', 'stored, duplicate, quarantined, rejected; released: from quarantine'),
		('ingest_log', 'reason', 'why, and what to do'),
		('ingest_log', 'image_id', 'the image that was made, or is already there'),
		('catalog', NULL, 'one row per usable image, flattened: what curators query'),
		('catalog', 'label', 'the only label; NULL when there is none, or several'),
		('catalog', 'labels', 'all labels'),
		('quarantine', NULL, 'images that a person must look at: release_image() or reject_image()'),
		('upload', NULL, 'INSERT or COPY files here: each row goes through ingest(), its outcome to ingest_log')
	) AS v (relation, attribute, says)
	LOOP
		IF c.attribute IS NOT NULL THEN
			EXECUTE format('COMMENT ON COLUMN @extschema@.%I.%I IS %L', c.relation, c.attribute, c.says);
		ELSIF c.relation IN ('catalog', 'quarantine', 'upload') THEN
			EXECUTE format('COMMENT ON VIEW @extschema@.%I IS %L', c.relation, c.says);
		ELSE
			EXECUTE format('COMMENT ON TABLE @extschema@.%I IS %L', c.relation, c.says);
		END IF;
	END LOOP;
END
$body$;
COMMENT ON FUNCTION @extschema@.comment_catalog() IS 'the comments of create_catalog(); not for direct use';

CREATE FUNCTION @extschema@.create_catalog(partitions int DEFAULT 0) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET client_min_messages = warning
AS $$
DECLARE
	more regprocedure;
BEGIN
	IF partitions IS NULL OR partitions < 0 OR partitions > 1024 THEN
		RAISE invalid_parameter_value USING MESSAGE = 'partitions must be between 0 and 1024';
	END IF;
	IF to_regclass('@extschema@.image') IS NOT NULL THEN
		RAISE duplicate_table USING
			MESSAGE = 'the catalog exists already',
			HINT = 'There is one catalog per database; its tables are in schema @extschema@.';
	END IF;
	IF getdatabaseencoding() <> 'UTF8' THEN
		RAISE feature_not_supported USING
			MESSAGE = 'the catalog needs a database in encoding UTF8',
			HINT = 'DICOM text comes in many character sets; make a database with ENCODING ''UTF8''.';
	END IF;
	PERFORM create_catalog_tables(partitions);
	INSERT INTO @extschema@.catalog_info (key_check, partitions) VALUES (deid_key_check(true), partitions);
	PERFORM create_catalog_views();
	PERFORM comment_catalog();
	FOR more IN
		SELECT p FROM unnest(ARRAY[to_regprocedure('@extschema@.create_dataset_tables()'),
			to_regprocedure('@extschema@.load_builtin_model()')]) WITH ORDINALITY AS t (p, n)
		WHERE p IS NOT NULL ORDER BY n
	LOOP
		EXECUTE format('SELECT @extschema@.%I()', (SELECT proname FROM pg_proc WHERE oid = more));
	END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.create_catalog(int) IS 'makes the catalog''s tables in schema medimnet, owned by the caller; with partitions, those that grow with images are hash-partitioned by subject';

CREATE FUNCTION @extschema@.add_collection(name text, license text, title text DEFAULT NULL, url text DEFAULT NULL,
	citation text DEFAULT NULL) RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id int;
BEGIN
	PERFORM require_catalog();
	IF btrim(coalesce(add_collection.name, '')) = '' OR btrim(coalesce(add_collection.license, '')) = '' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a collection needs a name and a licence',
			HINT = 'The licence follows the images into every dataset; say ''unknown'' if you do not know it.';
	END IF;
	INSERT INTO @extschema@.collection AS c (name, license, title, url, citation)
	VALUES (add_collection.name, add_collection.license, add_collection.title, add_collection.url, add_collection.citation)
	ON CONFLICT DO NOTHING
	RETURNING c.collection_id INTO id;
	IF id IS NULL THEN
		RAISE unique_violation USING MESSAGE = format('collection %L exists already', add_collection.name);
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.add_collection(text, text, text, text, text) IS 'registers a source of images and its licence; returns collection_id';

CREATE FUNCTION @extschema@.release_image(image_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	PERFORM require_catalog();
	WITH released AS (
		UPDATE @extschema@.image i SET status = 'stored', reason = NULL
		WHERE i.image_id = release_image.image_id AND i.status = 'quarantined'
		RETURNING i.*
	)
	INSERT INTO @extschema@.ingest_log (collection, file_hash, status, reason, image_id)
	SELECT c.name, r.file_hash, 'released', 'looked at and released', r.image_id
	FROM released r JOIN @extschema@.collection c USING (collection_id);
	IF NOT FOUND THEN
		RAISE no_data_found USING MESSAGE = format('image %s is not in quarantine', release_image.image_id);
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.release_image(bigint) IS 'lets an image out of quarantine: a person has looked at it';

CREATE FUNCTION @extschema@.reject_image(image_id bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	rejected record;
BEGIN
	PERFORM require_catalog();
	UPDATE @extschema@.image i SET status = 'rejected', reason = 'rejected by a person'
	WHERE i.image_id = reject_image.image_id AND i.status = 'quarantined'
	RETURNING i.subject_id, i.collection_id, i.file_hash INTO rejected;
	IF NOT FOUND THEN
		RAISE no_data_found USING MESSAGE = format('image %s is not in quarantine', reject_image.image_id);
	END IF;
	-- the row stays, so that the same file is refused when it comes again
	DELETE FROM @extschema@.image_content d
	WHERE d.subject_id = rejected.subject_id AND d.image_id = reject_image.image_id;
	DELETE FROM @extschema@.image_embedding e
	WHERE e.subject_id = rejected.subject_id AND e.image_id = reject_image.image_id;
	INSERT INTO @extschema@.ingest_log (collection, file_hash, status, reason, image_id)
	SELECT c.name, rejected.file_hash, 'rejected', 'rejected by a person', reject_image.image_id
	FROM @extschema@.collection c WHERE c.collection_id = rejected.collection_id;
END
$$;
COMMENT ON FUNCTION @extschema@.reject_image(bigint) IS 'deletes the bytes of a quarantined image; the same file will be refused';

CREATE FUNCTION @extschema@.is_a(child int, ancestor int) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	PERFORM require_catalog();
	RETURN EXISTS (
		WITH RECURSIVE up AS (
			SELECT f.finding_id, f.parent FROM @extschema@.finding f WHERE f.finding_id = is_a.child
			UNION SELECT f.finding_id, f.parent FROM @extschema@.finding f JOIN up ON f.finding_id = up.parent)
		SELECT FROM up WHERE up.finding_id = is_a.ancestor);
END
$$;
COMMENT ON FUNCTION @extschema@.is_a(int, int) IS 'whether a finding (by finding_id) is a kind of another';

CREATE FUNCTION @extschema@.descendants(ancestor int) RETURNS SETOF int
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 50
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	PERFORM require_catalog();
	RETURN QUERY
		WITH RECURSIVE down AS (
			SELECT f.finding_id FROM @extschema@.finding f WHERE f.finding_id = descendants.ancestor
			UNION SELECT f.finding_id FROM @extschema@.finding f JOIN down ON f.parent = down.finding_id)
		SELECT down.finding_id FROM down;
END
$$;
COMMENT ON FUNCTION @extschema@.descendants(int) IS 'all kinds of a finding (by finding_id), itself included';

REVOKE EXECUTE ON FUNCTION @extschema@.create_catalog_tables(int), @extschema@.create_catalog_views(),
	@extschema@.comment_catalog(), @extschema@.create_catalog(int), @extschema@.add_collection(text, text, text, text, text),
	@extschema@.release_image(bigint), @extschema@.reject_image(bigint) FROM PUBLIC;
