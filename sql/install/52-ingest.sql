/*
 * Files into the catalog.
 */
CREATE FUNCTION @extschema@.deid_key_check(make boolean) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_deid_key_check' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.deid_key_check(boolean) IS 'keyed hash of a constant, to know the server''s key of de-identification by; optionally makes the key';

CREATE FUNCTION @extschema@.subject_hash(collection text, subject text, key_check bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_subject_hash' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.subject_hash(text, text, bytea) IS 'keyed hash of a collection''s own name for a subject';

CREATE FUNCTION @extschema@.hide_statement() RETURNS void
	AS 'MODULE_PATHNAME', 'medimnet_hide_statement' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.hide_statement() IS 'keeps the present statement, which may hold a file, out of the server''s log should it fail';

CREATE FUNCTION @extschema@.no_such_collection(collection text) RETURNS void
	AS 'MODULE_PATHNAME', 'medimnet_no_such_collection' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.no_such_collection(text) IS 'raises ingest()''s error for a collection that is not registered';

CREATE FUNCTION @extschema@.receive_image(content bytea, key_check bytea, OUT description text, OUT deidentified bytea, OUT refusal text)
	AS 'MODULE_PATHNAME', 'medimnet_receive_image' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.receive_image(bytea, bytea) IS 'a file as the decoder helper returns it: de-identified, described; or why it is refused';

CREATE FUNCTION @extschema@.hash_id(hash bytea) RETURNS bigint
	AS 'MODULE_PATHNAME', 'medimnet_hash_id' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.hash_id(bytea) IS 'first 63 bits of a hash, as a number';

CREATE FUNCTION @extschema@.accept_deid_key() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	PERFORM require_catalog();
	UPDATE @extschema@.catalog_info SET key_check = deid_key_check(true);
END
$$;
COMMENT ON FUNCTION @extschema@.accept_deid_key() IS 'goes on with the server''s present key of de-identification, made if need be: patients of before will not be recognised';

CREATE TYPE @extschema@.image_description AS (
	media_type text, subject_hash text,
	study_uid @extschema@.uid, series_uid @extschema@.uid, sop_instance_uid @extschema@.uid,
	sop_class_uid @extschema@.uid, transfer_syntax_uid @extschema@.uid,
	photometric text, bits_stored int,
	modality text, body_part text, laterality text,
	anatomy_scheme text, anatomy_code text,
	width int, height int, channels int, frames int, key_frame int,
	spacing_row float8, spacing_column float8,
	content_hash text, phash text,
	quarantine text, attributes jsonb
);
COMMENT ON TYPE @extschema@.image_description IS 'what the decoder helper says of a file';

CREATE FUNCTION @extschema@.read_description(description text) RETURNS @extschema@.image_description
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	d @extschema@.image_description;
BEGIN
	d := jsonb_populate_record(NULL::@extschema@.image_description, description::jsonb);
	IF d.media_type IS NULL OR d.channels NOT IN (1, 3) OR coalesce(least(d.width, d.height, d.channels, d.frames), 0) < 1
		OR d.key_frame < 1 OR d.key_frame > d.frames
		OR coalesce(length(decode(d.content_hash, 'hex')), 32) <> 32
		OR coalesce(length(decode(d.subject_hash, 'hex')), 32) <> 32
		OR coalesce(length(d.phash), 64) <> 64 OR d.phash ~ '[^01]' THEN
		RETURN NULL;
	END IF;
	RETURN d;
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION @extschema@.read_description(text) IS 'the decoder helper''s JSON as a row; NULL when it makes no sense, for the helper is not trusted either';

CREATE FUNCTION @extschema@.decide_modality(given text, tag text, OUT code text, OUT source text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	code := map_modality(given);
	source := 'contributor';
	IF code IS NULL OR code = 'unknown' THEN
		code := coalesce(map_modality(tag), 'unknown');
		source := CASE code WHEN 'unknown' THEN 'unknown' WHEN tag THEN 'tag' ELSE 'map' END;
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.decide_modality(text, text) IS 'the contributor''s word goes before the file''s';

CREATE FUNCTION @extschema@.decide_anatomy(given text, scheme text, tag text, body_part text, modality text, OUT code text, OUT source text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	code := map_anatomy(given);
	source := 'contributor';
	IF code IS NULL OR code = 'unknown' THEN
		-- SNOMED CT codes stand alone, those of other schemes after the scheme's name
		tag := CASE WHEN scheme IN ('SCT', 'SRT', 'SNM3', '99SDM') THEN tag ELSE scheme || tag END;
		code := map_anatomy(tag);
		source := CASE code WHEN tag THEN 'tag' ELSE 'map' END;
	END IF;
	IF code IS NULL OR code = 'unknown' THEN
		code := map_anatomy(body_part);
		source := 'map';
	END IF;
	IF code IS NULL OR code = 'unknown' THEN
		code := (SELECT m.anatomy FROM @extschema@.modality m WHERE m.code = decide_anatomy.modality);
		source := 'map';
	END IF;
	IF code IS NULL OR code = 'unknown' THEN
		code := 'unknown';
		source := 'unknown';
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.decide_anatomy(text, text, text, text, text) IS 'the contributor''s word, the file''s code, the file''s words, what the modality always shows: the first that is known';

CREATE FUNCTION @extschema@.add_labels(of_subject bigint, of_image bigint, of_collection int, labels text[]) RETURNS int
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	said text;
	means int;
	added int;
	total int := 0;
BEGIN
	FOR said IN SELECT DISTINCT btrim(l) FROM unnest(labels) AS l WHERE btrim(l) <> '' LOOP
		SELECT a.finding_id INTO means FROM @extschema@.finding_alias a
		WHERE a.collection_id = of_collection AND a.alias = said;
		IF NOT FOUND THEN
			SELECT f.finding_id INTO means FROM @extschema@.finding f
			WHERE f.collection_id = of_collection AND f.name = said;
		END IF;
		IF NOT FOUND THEN
			INSERT INTO @extschema@.finding AS f (collection_id, name) VALUES (of_collection, said)
			ON CONFLICT (collection_id, name) DO UPDATE SET name = excluded.name
			RETURNING f.finding_id INTO means;
		END IF;
		INSERT INTO @extschema@.label (subject_id, image_id, finding_id, source)
		VALUES (of_subject, of_image, means, 'contributor') ON CONFLICT DO NOTHING;
		GET DIAGNOSTICS added = ROW_COUNT;
		total := total + added;
	END LOOP;
	RETURN total;
END
$$;
COMMENT ON FUNCTION @extschema@.add_labels(bigint, bigint, int, text[]) IS 'labels an image as its contributor says, and counts the labels it did not have; findings are made on demand';

CREATE FUNCTION @extschema@.find_image(hash bytea, instance text, OUT status text, OUT image_id bigint, OUT reason text,
	OUT owner bigint, OUT of_collection int)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	known record;
	same text := 'the same file';
BEGIN
	SELECT i.image_id, i.status, i.subject_id, i.collection_id INTO known FROM image i WHERE i.file_hash = hash LIMIT 1;
	IF NOT FOUND AND instance IS NOT NULL THEN
		SELECT i.image_id, i.status, i.subject_id, i.collection_id INTO known FROM image i WHERE i.sop_instance_uid = instance LIMIT 1;
		same := 'another file with the same SOP Instance UID';
	END IF;
	IF known.image_id IS NULL THEN
		RETURN;
	END IF;
	image_id := known.image_id;
	owner := known.subject_id;
	of_collection := known.collection_id;
	status := CASE known.status WHEN 'rejected' THEN 'rejected' ELSE 'duplicate' END;
	reason := format(CASE known.status WHEN 'rejected' THEN '%s was rejected by a person, as image %s'
		WHEN 'quarantined' THEN '%s is in quarantine, as image %s' ELSE '%s is there already, as image %s' END, same, image_id);
END
$$;
COMMENT ON FUNCTION @extschema@.find_image(bytea, text) IS 'what ingest() says of a file that has been sent before, and whose image it is; NULL of a new one';

CREATE FUNCTION @extschema@.repeat_image(by_collection int, hash bytea, instance text, labels text[],
	OUT status text, OUT image_id bigint, OUT reason text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	known record;
	added int;
BEGIN
	SELECT f.* INTO known FROM find_image(hash, instance) f;
	status := known.status;
	image_id := known.image_id;
	reason := known.reason;
	-- a label is a collection's own word: no other's image gets it
	IF status = 'duplicate' AND array_to_string(labels, '') ~ '[^[:space:]]' THEN
		IF known.of_collection = by_collection THEN
			added := add_labels(known.owner, image_id, by_collection, labels);
			reason := concat_ws('; ', reason, CASE WHEN added = 1 THEN '1 label added' WHEN added > 1 THEN added || ' labels added' END);
		ELSE
			reason := reason || ', of another collection: its labels are not changed';
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.repeat_image(int, bytea, text, text[]) IS 'what ingest() does with a file that has been sent before: labels that are new to the image are added, when its own collection sends them; NULL of a new one';

CREATE FUNCTION @extschema@.store_image(of_collection int, file bytea, owner bigint, d @extschema@.image_description,
	modality_source text, anatomy text, anatomy_source text, content bytea) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	new_study bigint := hash_id(sha256(convert_to(d.study_uid, 'UTF8')));
	new_series bigint := hash_id(sha256(convert_to(d.series_uid, 'UTF8')));
	new_image bigint;
BEGIN
	INSERT INTO subject (subject_id) VALUES (owner) ON CONFLICT DO NOTHING;
	IF new_study IS NULL THEN
		new_series := NULL;
	ELSE
		INSERT INTO study (subject_id, study_id, study_uid) VALUES (owner, new_study, d.study_uid) ON CONFLICT DO NOTHING;
		IF new_series IS NOT NULL THEN
			INSERT INTO series (subject_id, series_id, study_id, series_uid, modality)
			VALUES (owner, new_series, new_study, d.series_uid, d.modality) ON CONFLICT DO NOTHING;
		END IF;
	END IF;
	-- a conflict: another session has just stored the same
	INSERT INTO image (subject_id, collection_id, series_id, status, reason, media_type, file_hash, content_hash, phash,
		sop_instance_uid, sop_class_uid, transfer_syntax_uid, modality, modality_source, anatomy, anatomy_source, laterality,
		width, height, channels, frames, key_frame, bits_stored, photometric, spacing_row, spacing_column)
	VALUES (owner, of_collection, new_series, CASE WHEN d.quarantine IS NULL THEN 'stored' ELSE 'quarantined' END, d.quarantine,
		d.media_type, file, decode(d.content_hash, 'hex'), d.phash::bit(64),
		d.sop_instance_uid, d.sop_class_uid, d.transfer_syntax_uid, d.modality, store_image.modality_source,
		store_image.anatomy, store_image.anatomy_source, d.laterality,
		d.width, d.height, d.channels, d.frames, d.key_frame, d.bits_stored, d.photometric, d.spacing_row, d.spacing_column)
	ON CONFLICT DO NOTHING
	RETURNING image_id INTO new_image;
	IF new_image IS NOT NULL THEN
		INSERT INTO image_content (subject_id, image_id, content, attributes)
		VALUES (owner, new_image, store_image.content, d.attributes);
	END IF;
	RETURN new_image;
END
$$;
COMMENT ON FUNCTION @extschema@.store_image(int, bytea, bigint, @extschema@.image_description, text, text, text, bytea) IS 'the rows of a new image; NULL when it is no longer new';

CREATE FUNCTION @extschema@.ingest(collection text, content bytea, filename text DEFAULT NULL, labels text[] DEFAULT NULL,
	subject text DEFAULT NULL, modality text DEFAULT NULL, body_part text DEFAULT NULL,
	OUT status text, OUT image_id bigint, OUT reason text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	source record;
	file bytea := sha256(content);
	answer record;
	d @extschema@.image_description;
	owner bigint;
	modality_source text;
	part record;
BEGIN
	PERFORM hide_statement();
	PERFORM require_catalog();
	SELECT c.*, i.key_check INTO source FROM collection c, catalog_info i WHERE c.name = ingest.collection;
	IF NOT FOUND THEN
		PERFORM no_such_collection(coalesce(ingest.collection, ''));
	END IF;

	<<receive>>
	BEGIN
		IF coalesce(length(content), 0) = 0 THEN
			status := 'rejected';
			reason := 'the file is empty; send it again';
			EXIT receive;
		END IF;
		-- more than an index can hold would end the load
		IF EXISTS (SELECT FROM unnest(ingest.labels) AS l WHERE length(l) > 500) THEN
			status := 'rejected';
			reason := 'a label is longer than 500 characters; send the file again with a shorter one';
			EXIT receive;
		END IF;
		-- a file that is here already is not decoded again
		SELECT f.* INTO status, image_id, reason FROM repeat_image(source.collection_id, file, NULL, ingest.labels) f;
		EXIT receive WHEN status IS NOT NULL;

		SELECT r.* INTO answer FROM receive_image(content, source.key_check) r;
		IF answer.refusal IS NULL THEN
			d := read_description(answer.description);
		END IF;
		IF d.media_type IS NULL THEN
			status := 'rejected';
			reason := coalesce(answer.refusal, 'the decoder''s description of the file makes no sense; if this is an image, send an undamaged copy');
			EXIT receive;
		END IF;
		SELECT f.* INTO status, image_id, reason FROM repeat_image(source.collection_id, file, d.sop_instance_uid, ingest.labels) f;
		EXIT receive WHEN status IS NOT NULL;

		-- whose it is, how it was made, what it shows
		owner := coalesce(hash_id(subject_hash(ingest.collection, nullif(btrim(ingest.subject), ''), source.key_check)),
			hash_id(decode(d.subject_hash, 'hex')), hash_id(sha256(convert_to(d.study_uid, 'UTF8'))), hash_id(file));
		SELECT m.code, m.source INTO d.modality, modality_source FROM decide_modality(ingest.modality, d.modality) m;
		SELECT a.code, a.source INTO part
		FROM decide_anatomy(ingest.body_part, d.anatomy_scheme, d.anatomy_code, d.body_part, d.modality) a;

		image_id := store_image(source.collection_id, file, owner, d, modality_source, part.code, part.source, answer.deidentified);
		IF image_id IS NULL THEN
			SELECT f.* INTO status, image_id, reason FROM repeat_image(source.collection_id, file, d.sop_instance_uid, ingest.labels) f;
			EXIT receive;
		END IF;
		status := CASE WHEN d.quarantine IS NULL THEN 'stored' ELSE 'quarantined' END;
		reason := d.quarantine;
		PERFORM add_labels(owner, image_id, source.collection_id, ingest.labels);
		-- not said with the word itself: it may be anything
		IF ingest.modality <> '' AND modality_source <> 'contributor' OR ingest.body_part <> '' AND part.source <> 'contributor' THEN
			reason := concat_ws('; ', reason, 'the modality or body part given is not known: add it to modality_alias or anatomy_alias');
		END IF;
	END;

	-- never the file's name, which may be a patient's
	INSERT INTO ingest_log (collection, file_hash, status, reason, image_id)
	VALUES (ingest.collection, file, ingest.status, ingest.reason, ingest.image_id);
END
$$;
COMMENT ON FUNCTION @extschema@.ingest(text, bytea, text, text[], text, text, text) IS 'takes a DICOM, NIfTI, PNG or JPEG file into the catalog, de-identified: stored, duplicate, quarantined or rejected, with the reason; a bad file is no error';

CREATE FUNCTION @extschema@.upload_insert() RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	outcome record;
BEGIN
	SELECT i.* INTO outcome
	FROM ingest(NEW.collection, NEW.content, NEW.filename, NEW.labels, NEW.subject, NEW.modality, NEW.body_part) i;
	-- to the client; a server logs notices only when told to
	IF outcome.status IN ('rejected', 'quarantined') AND NEW.filename <> '' THEN
		RAISE NOTICE '%', format('%s: %s: %s', NEW.filename, outcome.status, outcome.reason);
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION @extschema@.upload_insert() IS 'trigger of view upload: gives each row to ingest(), and tells the client which files were not simply stored';

REVOKE EXECUTE ON FUNCTION @extschema@.deid_key_check(boolean), @extschema@.subject_hash(text, text, bytea),
	@extschema@.receive_image(bytea, bytea), @extschema@.accept_deid_key(),
	@extschema@.add_labels(bigint, bigint, int, text[]),
	@extschema@.store_image(int, bytea, bigint, @extschema@.image_description, text, text, text, bytea),
	@extschema@.ingest(text, bytea, text, text[], text, text, text) FROM PUBLIC;
