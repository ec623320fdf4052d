/*
 * Networks, and what they make of images.
 */
CREATE FUNCTION @extschema@.embed(pixels @extschema@.pixels, model text DEFAULT 'default') RETURNS @extschema@.embedding
	AS 'MODULE_PATHNAME', 'medimnet_embed' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.embed(@extschema@.pixels, text) IS
	'what a model''s network says of an image: rendered, resized and normalised as the model asks, one vector out';

CREATE FUNCTION @extschema@.predict(pixels @extschema@.pixels, model text DEFAULT 'default') RETURNS @extschema@.embedding
	AS 'MODULE_PATHNAME', 'medimnet_predict' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.predict(@extschema@.pixels, text) IS
	'what a classifier''s network says of an image, class by class: the graph''s output "logits", or else its first, whatever output embed() yields';

CREATE FUNCTION @extschema@.model_info(model text DEFAULT 'default', OUT input text, OUT input_shape int[],
	OUT outputs text[], OUT output text, OUT output_shape int[], OUT opset int, OUT nodes int, OUT operators jsonb,
	OUT parameters bigint, OUT flops bigint, OUT steps int, OUT weight_bytes bigint, OUT workspace_bytes bigint)
	AS 'MODULE_PATHNAME', 'medimnet_model_info' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION @extschema@.model_info(text) IS
	'what a model''s network is made of, and its cost: flops are twice the multiply-adds of convolutions and matrix products for one image; steps are what is left of the nodes; weight_bytes is the plan with all weights, workspace_bytes what one image needs besides';

CREATE FUNCTION @extschema@.embed_batch_add(internal, @extschema@.pixels, text) RETURNS internal
	AS 'MODULE_PATHNAME', 'medimnet_embed_batch_add' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.embed_batch_add(internal, @extschema@.pixels, text) IS 'transition function of embed_batch()';
CREATE FUNCTION @extschema@.embed_batch_end(internal) RETURNS @extschema@.embedding[]
	AS 'MODULE_PATHNAME', 'medimnet_embed_batch_end' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.embed_batch_end(internal) IS 'final function of embed_batch()';
CREATE AGGREGATE @extschema@.embed_batch(pixels @extschema@.pixels, model text) (
	SFUNC = @extschema@.embed_batch_add, STYPE = internal, FINALFUNC = @extschema@.embed_batch_end,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE);
COMMENT ON AGGREGATE @extschema@.embed_batch(@extschema@.pixels, text) IS
	'embed() of many images, several at once where that is faster: an array in the order of the images, each to the bit what embed() yields';

CREATE FUNCTION @extschema@.check_model(name text, onnx bytea, input_width int, input_height int, channels int,
	mean real[], std real[], output text, channel_order text) RETURNS int
	AS 'MODULE_PATHNAME', 'medimnet_check_model' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.check_model(text, bytea, int, int, int, real[], real[], text, text) IS
	'reads and plans a network as load_model() does, without storing it; the dimensions of its output. Only output may be NULL';
REVOKE EXECUTE ON FUNCTION @extschema@.check_model(text, bytea, int, int, int, real[], real[], text, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.builtin_model() RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_builtin_model' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.builtin_model() IS 'the ONNX file that comes with the extension';

CREATE FUNCTION @extschema@.forget_plans() RETURNS trigger
	AS 'MODULE_PATHNAME', 'medimnet_forget_plans' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.forget_plans() IS 'trigger of table model: takes away the planned network that sessions share, once the change is committed';

CREATE FUNCTION @extschema@.load_model(name text, onnx bytea, input_width int, input_height int, channels int,
	mean real[], std real[], output text DEFAULT NULL, license text DEFAULT NULL,
	channel_order text DEFAULT 'RGB') RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	dimensions int;
	loaded int;
BEGIN
	PERFORM require_catalog();
	IF name IS NULL OR name = '' OR onnx IS NULL OR input_width IS NULL OR input_height IS NULL OR channels IS NULL
		OR mean IS NULL OR std IS NULL OR channel_order IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'load_model() needs a name, the ONNX file, the size and channels of the input, mean, std and channel_order';
	END IF;
	dimensions := check_model(name, onnx, input_width, input_height, channels, mean, std, output, channel_order);
	INSERT INTO @extschema@.model AS m (name, onnx, input_width, input_height, channels, mean, std, channel_order,
		output, license, dimensions)
	VALUES (load_model.name, load_model.onnx, load_model.input_width, load_model.input_height, load_model.channels,
		load_model.mean, load_model.std, load_model.channel_order, load_model.output, load_model.license, dimensions)
	ON CONFLICT ON CONSTRAINT model_name_key DO NOTHING
	RETURNING m.model_id INTO loaded;
	IF loaded IS NULL THEN
		RAISE duplicate_object USING
			MESSAGE = format('model "%s" exists already', load_model.name),
			HINT = 'Embeddings belong to the model that made them: choose another name, or unload_model() the old one with all its embeddings.';
	END IF;
	RETURN loaded;
END
$$;
COMMENT ON FUNCTION @extschema@.load_model(text, bytea, int, int, int, real[], real[], text, text, text) IS
	'adds a network from an ONNX file: the size and channels of its input, mean and std of each channel for values of 0..255, and the name of the value wanted from its graph (default: its first output). Returns model_id';

CREATE FUNCTION @extschema@.unload_model(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	PERFORM require_catalog();
	DELETE FROM @extschema@.model m WHERE m.name = unload_model.name;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('model "%s" does not exist', unload_model.name),
			HINT = 'Table medimnet.model lists the models.';
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.unload_model(text) IS 'removes a model and all embeddings made with it';

CREATE FUNCTION @extschema@.load_builtin_model() RETURNS int
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	-- the constants of model/train.py
	RETURN @extschema@.load_model('default', @extschema@.builtin_model(), 64, 64, 3,
		'{127.5,127.5,127.5}', '{63.75,63.75,63.75}', 'features', 'CC-BY-SA-4.0');
COMMENT ON FUNCTION @extschema@.load_builtin_model() IS 'adds the model "default" that comes with the extension; create_catalog() calls it';

REVOKE EXECUTE ON FUNCTION @extschema@.load_model(text, bytea, int, int, int, real[], real[], text, text, text),
	@extschema@.unload_model(text), @extschema@.load_builtin_model() FROM PUBLIC;

CREATE FUNCTION @extschema@.embed_images(subject_ids bigint[], image_ids bigint[], model text, model_id int) RETURNS int
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	done int;
BEGIN
	INSERT INTO @extschema@.image_embedding (subject_id, image_id, model_id, frame, embedding)
	SELECT u.subject_id, u.image_id, embed_images.model_id, u.frame, u.embedding
	-- aggregates of one query see its rows in the same order
	FROM (SELECT array_agg(i.subject_id) AS subjects, array_agg(i.image_id) AS images, array_agg(coalesce(i.key_frame, (i.frames + 1) / 2)) AS frames,
			embed_batch(decode_frame(d.content, coalesce(i.key_frame, (i.frames + 1) / 2)), embed_images.model) AS embeddings
		FROM unnest(subject_ids, image_ids) AS wanted (subject_id, image_id)
			JOIN @extschema@.image i USING (subject_id, image_id)
			JOIN @extschema@.image_content d USING (subject_id, image_id)) b,
		unnest(b.subjects, b.images, b.frames, b.embeddings) AS u (subject_id, image_id, frame, embedding)
	ON CONFLICT DO NOTHING;
	GET DIAGNOSTICS done = ROW_COUNT;
	RETURN done;
END
$$;
COMMENT ON FUNCTION @extschema@.embed_images(bigint[], bigint[], text, int) IS 'embeds the middle frames of these images; a part of embed_pending()';

CREATE PROCEDURE @extschema@.embed_pending(model text DEFAULT 'default')
	LANGUAGE plpgsql
AS $$
DECLARE
	batch CONSTANT int := 64;
	the_model int;
	pending bigint;
	subjects bigint[];
	images bigint[];
	last_subject bigint;
	last_image bigint;
	done bigint := 0;
	failed bigint := 0;
	started timestamptz := pg_catalog.clock_timestamp();
	said timestamptz := started;
	why text;
BEGIN
	-- a procedure that commits can have no SET clause: do it once a transaction
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, @extschema@, pg_temp', true);
	PERFORM pg_catalog.set_config('jit', 'off', true);
	PERFORM require_catalog();
	SELECT m.model_id INTO the_model FROM @extschema@.model m WHERE m.name = embed_pending.model;
	IF the_model IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('model "%s" does not exist', embed_pending.model),
			HINT = 'Table medimnet.model lists the models; load_model() adds one.';
	END IF;
	-- refused inside a caller's transaction: so before any work
	COMMIT;
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, @extschema@, pg_temp', true);
	SELECT count(*) INTO pending FROM @extschema@.image i
	WHERE i.status = 'stored' AND NOT EXISTS (SELECT FROM @extschema@.image_embedding e
		WHERE e.subject_id = i.subject_id AND e.image_id = i.image_id AND e.model_id = the_model);
	LOOP
		SELECT array_agg(p.subject_id), array_agg(p.image_id), (array_agg(p.subject_id))[count(*)],
			(array_agg(p.image_id))[count(*)]
		INTO subjects, images, last_subject, last_image
		FROM (SELECT i.subject_id, i.image_id FROM @extschema@.image i
			WHERE i.status = 'stored'
				AND (last_subject IS NULL OR (i.subject_id, i.image_id) > (last_subject, last_image))
				AND NOT EXISTS (SELECT FROM @extschema@.image_embedding e
					WHERE e.subject_id = i.subject_id AND e.image_id = i.image_id AND e.model_id = the_model)
			ORDER BY i.subject_id, i.image_id LIMIT batch) p;
		EXIT WHEN subjects IS NULL;
		BEGIN
			done := done + embed_images(subjects, images, embed_pending.model, the_model);
		EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded OR insufficient_resources
			OR internal_error THEN
			-- at least one of them does not decode: one by one
			FOR n IN 1 .. cardinality(images) LOOP
				BEGIN
					done := done + embed_images(subjects[n:n], images[n:n], embed_pending.model, the_model);
				EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded
					OR insufficient_resources OR internal_error THEN
					failed := failed + 1;
					GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
					RAISE WARNING USING
						MESSAGE = format('image %s has not been embedded: %s', images[n], SQLERRM),
						DETAIL = why;
				END;
			END LOOP;
		END;
		COMMIT;
		PERFORM pg_catalog.set_config('search_path', 'pg_catalog, @extschema@, pg_temp', true);
		PERFORM pg_catalog.set_config('jit', 'off', true);
		IF clock_timestamp() > said + interval '2 seconds' THEN
			said := clock_timestamp();
			RAISE NOTICE 'embedded % of % images, % a second', done, pending,
				round(done / extract(epoch FROM said - started));
		END IF;
	END LOOP;
	RAISE NOTICE 'embedded % images with model "%" in % s, % failed', done, embed_pending.model,
		round(extract(epoch FROM clock_timestamp() - started), 1), failed;
END
$$;
COMMENT ON PROCEDURE @extschema@.embed_pending(text) IS
	'embeds the middle frame of every stored image that the model has not embedded yet; commits as it goes, warns of images that do not decode';

CREATE TYPE @extschema@.similar_image AS (
	image_id bigint, distance float8, collection text, modality text, anatomy text, labels text[]
);
COMMENT ON TYPE @extschema@.similar_image IS 'a row of similar_images()';

CREATE FUNCTION @extschema@.similar_images(image_id bigint, k int DEFAULT 10, model text DEFAULT 'default')
	RETURNS SETOF @extschema@.similar_image
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET jit = off
AS $$
DECLARE
	the_model int;
	query @extschema@.embedding;
BEGIN
	PERFORM require_catalog();
	IF k < 1 THEN
		RAISE invalid_parameter_value USING MESSAGE = 'k must be positive';
	END IF;
	SELECT m.model_id INTO the_model FROM @extschema@.model m WHERE m.name = similar_images.model;
	IF the_model IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('model "%s" does not exist', similar_images.model),
			HINT = 'Table medimnet.model lists the models; load_model() adds one.';
	END IF;
	SELECT e.embedding INTO query FROM @extschema@.image_embedding e
	WHERE e.image_id = similar_images.image_id AND e.model_id = the_model
		AND e.subject_id = (SELECT i.subject_id FROM @extschema@.image i
			WHERE i.image_id = similar_images.image_id AND i.status = 'stored');
	IF query IS NULL THEN
		RAISE no_data_found USING
			MESSAGE = format('image %s has no embedding by model "%s"', similar_images.image_id, similar_images.model),
			HINT = format('Embed all images with: CALL medimnet.embed_pending(%L);', similar_images.model);
	END IF;
	RETURN QUERY
	SELECT n.image_id, n.distance, c.name, i.modality, i.anatomy,
		(SELECT array_agg(f.name ORDER BY f.name) FROM @extschema@.label l JOIN @extschema@.finding f USING (finding_id)
			WHERE l.subject_id = i.subject_id AND l.image_id = i.image_id)
	FROM (
		SELECT e.subject_id, e.image_id, e.embedding OPERATOR(@extschema@.<=>) query AS distance
		FROM @extschema@.image_embedding e
		WHERE e.model_id = the_model AND e.image_id <> similar_images.image_id
			AND EXISTS (SELECT FROM @extschema@.image s
				WHERE s.subject_id = e.subject_id AND s.image_id = e.image_id AND s.status = 'stored')
		ORDER BY 3, 2 LIMIT k) n
		JOIN @extschema@.image i USING (subject_id, image_id)
		JOIN @extschema@.collection c USING (collection_id)
	ORDER BY n.distance, n.image_id;
END
$$;
COMMENT ON FUNCTION @extschema@.similar_images(bigint, int, text) IS
	'the k stored images most like a given one, by the cosine distance of their embeddings, nearest first; looks at all of them';
