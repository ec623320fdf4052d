/*
 * Loaders: how a split of a dataset becomes an endless stream of batches.
 */
CREATE FUNCTION @extschema@.loader_frozen() RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	frozen record;
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		SELECT l.name INTO frozen FROM @extschema@.loader l WHERE l.samples IS NOT NULL ORDER BY l.loader_id LIMIT 1;
	ELSIF TG_LEVEL = 'ROW' THEN
		frozen := OLD;
	ELSE
		SELECT l.name INTO frozen
		FROM (SELECT DISTINCT c.loader_id FROM changed c) d
		JOIN @extschema@.loader l USING (loader_id)
		WHERE l.samples IS NOT NULL ORDER BY l.loader_id LIMIT 1;
	END IF;
	IF frozen.name IS NOT NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('loader "%s" cannot be changed', frozen.name),
			HINT = 'A batch must stay what it is. Create another loader, or remove this one with drop_loader().';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION @extschema@.loader_frozen() IS 'trigger: nothing of a finished loader changes';

CREATE FUNCTION @extschema@.create_loader_tables() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $body$
DECLARE
	c record;
BEGIN
	PERFORM create_rendition_tables();
	CREATE SEQUENCE @extschema@.loader_id_seq;
	CREATE TABLE @extschema@.loader (
		loader_id bigint PRIMARY KEY DEFAULT nextval('@extschema@.loader_id_seq'),
		name text NOT NULL UNIQUE CHECK (name <> ''),
		dataset_id bigint NOT NULL REFERENCES @extschema@.dataset_version,
		split text NOT NULL,
		batch_size int NOT NULL CHECK (batch_size > 0),
		width int NOT NULL CHECK (width > 0),
		height int NOT NULL CHECK (height > 0),
		channels int NOT NULL CHECK (channels BETWEEN 1 AND 16),
		dtype text NOT NULL CHECK (dtype IN ('uint8', 'int16', 'uint16', 'float16', 'float32')),
		balance text NOT NULL CHECK (balance IN ('none', 'uniform', 'sqrt')),
		balance_by text[] NOT NULL,
		seed bigint NOT NULL,
		options jsonb NOT NULL,
		fit text NOT NULL CHECK (fit IN ('resize', 'crop', 'pad')),
		windows text[] NOT NULL,
		layout text NOT NULL CHECK (layout IN ('NCHW', 'NHWC')),
		rendition_dtype text NOT NULL,
		rule_id int NOT NULL REFERENCES @extschema@.rendition_rule,
		mean real[],
		std real[],
		augment_flip text NOT NULL,
		augment_rotate float8 NOT NULL,
		augment_crop float8 NOT NULL,
		augment_window float8 NOT NULL,
		targets text[],
		strata int,
		samples bigint,
		schedule bytea,
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE @extschema@.loader_id_seq OWNED BY @extschema@.loader.loader_id;
	CREATE INDEX loader_dataset_idx ON @extschema@.loader (dataset_id);
	CREATE INDEX loader_rule_idx ON @extschema@.loader (rule_id);
	CREATE TABLE @extschema@.loader_stratum (
		loader_id bigint NOT NULL REFERENCES @extschema@.loader ON DELETE CASCADE,
		stratum int NOT NULL,
		key jsonb NOT NULL,
		members bigint NOT NULL CHECK (members > 0),
		PRIMARY KEY (loader_id, stratum)
	);
	-- looked up by number only: a copy of what the dataset says, in the order of
	-- the numbers, so that a batch costs the same whatever the dataset's size
	CREATE TABLE @extschema@.loader_member (
		loader_id bigint NOT NULL,
		stratum int NOT NULL,
		ordinal bigint NOT NULL,
		subject_id bigint NOT NULL,
		image_id bigint NOT NULL,
		label int NOT NULL,
		frame int NOT NULL,
		targets boolean[],
		PRIMARY KEY (loader_id, stratum, ordinal),
		FOREIGN KEY (loader_id, stratum) REFERENCES @extschema@.loader_stratum ON DELETE CASCADE
	);

	CREATE TRIGGER frozen AFTER UPDATE ON @extschema@.loader
		FOR EACH ROW WHEN (OLD.samples IS NOT NULL) EXECUTE FUNCTION @extschema@.loader_frozen();
	CREATE TRIGGER frozen_truncate BEFORE TRUNCATE ON @extschema@.loader
		FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.loader_frozen();
	FOR c IN SELECT r.relation, e.* FROM unnest('{loader_stratum,loader_member}'::text[]) AS r (relation),
		(VALUES ('frozen_insert', 'AFTER INSERT', 'REFERENCING NEW TABLE AS changed'),
			('frozen_update_old', 'AFTER UPDATE', 'REFERENCING OLD TABLE AS changed'),
			('frozen_update_new', 'AFTER UPDATE', 'REFERENCING NEW TABLE AS changed'),
			('frozen_delete', 'AFTER DELETE', 'REFERENCING OLD TABLE AS changed'),
			('frozen_truncate', 'BEFORE TRUNCATE', '')) AS e (name, event, transition)
	LOOP
		EXECUTE format('CREATE TRIGGER %I %s ON @extschema@.%I %s FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.loader_frozen()',
			c.name, c.event, c.relation, c.transition);
	END LOOP;

	FOR c IN SELECT * FROM (VALUES
		('loader', NULL, 'how a split of a dataset becomes batches; never changed'),
		('loader', 'loader_id', 'key'),
		('loader', 'name', 'as given to batch()'),
		('loader', 'dataset_id', 'the dataset version'),
		('loader', 'split', 'the split whose members it serves'),
		('loader', 'batch_size', 'images of a step, all ranks together'),
		('loader', 'width', 'columns of every image'),
		('loader', 'height', 'rows of every image'),
		('loader', 'channels', '1 or 3, or as many as windows'),
		('loader', 'dtype', 'element type of the images; uint8: rendered for the eye; others: stored values'),
		('loader', 'balance', 'none, uniform or sqrt: how often each stratum comes'),
		('loader', 'balance_by', 'what makes a stratum: label, or columns of view catalog'),
		('loader', 'seed', 'key of all permutations'),
		('loader', 'options', 'as given to create_loader()'),
		('loader', 'fit', 'how other shapes get this size: resize, crop or pad'),
		('loader', 'windows', 'how stored values become 0..255: presets of render(), or center/width; empty: they do not'),
		('loader', 'layout', 'NCHW or NHWC'),
		('loader', 'rendition_dtype', 'element type of the renditions that its images are made of'),
		('loader', 'rule_id', 'the rule of its renditions'),
		('loader', 'mean', 'subtracted from each channel; NULL: images are not normalised'),
		('loader', 'std', 'divides each channel after that'),
		('loader', 'augment_flip', 'horizontal, vertical or both; empty: never'),
		('loader', 'augment_rotate', 'by at most so many degrees, either way'),
		('loader', 'augment_crop', 'at most this share of each side is cut off'),
		('loader', 'augment_window', 'how far, in widths, the window moves and widens at most'),
		('loader', 'targets', 'names of findings that batch_targets() tells of'),
		('loader', 'strata', 'number of strata'),
		('loader', 'samples', 'number of members; NULL: not finished yet'),
		('loader', 'schedule', 'balance sqrt: the strata of one period of positions, 4 bytes each, little-endian'),
		('loader', 'created_at', 'when create_loader() was called'),
		('loader_stratum', NULL, 'strata of loaders'),
		('loader_stratum', 'loader_id', 'which loader'),
		('loader_stratum', 'stratum', 'number, from 0'),
		('loader_stratum', 'key', 'the values of balance_by that its members have in common'),
		('loader_stratum', 'members', 'number of members'),
		('loader_member', NULL, 'members of loaders, by number'),
		('loader_member', 'loader_id', 'which loader'),
		('loader_member', 'stratum', 'which stratum'),
		('loader_member', 'ordinal', 'number within the stratum, from 0'),
		('loader_member', 'subject_id', 'whose image'),
		('loader_member', 'image_id', 'which image'),
		('loader_member', 'label', 'index into the dataset''s classes, from 0'),
		('loader_member', 'frame', 'which frame, from 1'),
		('loader_member', 'targets', 'for each target of the loader whether it had such a label when the loader was made')
	) AS v (relation, attribute, says)
	LOOP
		IF c.attribute IS NULL THEN
			EXECUTE format('COMMENT ON TABLE @extschema@.%I IS %L', c.relation, c.says);
		ELSE
			EXECUTE format('COMMENT ON COLUMN @extschema@.%I.%I IS %L', c.relation, c.attribute, c.says);
		END IF;
	END LOOP;
	PERFORM create_batch_log_table();
END
$body$;
COMMENT ON FUNCTION @extschema@.create_loader_tables() IS 'the tables of loaders, for create_dataset_tables(); not for direct use';

CREATE FUNCTION @extschema@.loader_schedule(balance text, seed bigint, batch_size int, members bigint[]) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_loader_schedule' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.loader_schedule(text, bigint, int, bigint[]) IS
	'which strata, of that many members each, a period of positions deals when balance is sqrt, else NULL; error when a limit is exceeded';

CREATE FUNCTION @extschema@.check_loader(width int, height int, channels int, dtype text, balance text, batch_size int,
	fit text, windows text[], layout text) RETURNS void
	AS 'MODULE_PATHNAME', 'medimnet_check_loader' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.check_loader(int, int, int, text, text, int, text, text[], text) IS 'error unless batches of that kind can be made';

CREATE FUNCTION @extschema@.check_options(options jsonb, known text[], what text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	unknown text;
BEGIN
	IF jsonb_typeof(options) <> 'object' THEN
		RAISE invalid_parameter_value USING MESSAGE = format('%s must be an object', what),
			HINT = format('Its keys are %s.', array_to_string(known, ', '));
	END IF;
	SELECT string_agg(to_json(k)::text, ', ') INTO unknown FROM jsonb_object_keys(options) k WHERE k <> ALL (known);
	IF unknown IS NOT NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = format('unknown key in %s: %s', what, unknown),
			HINT = format('The keys are %s.', array_to_string(known, ', '));
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.check_options(jsonb, text[], text) IS 'error unless an object has no other keys than these';

CREATE FUNCTION @extschema@.read_windows(option jsonb) RETURNS text[]
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	one jsonb;
	windows text[] := '{}';
BEGIN
	-- a single one stands for a list of one
	IF jsonb_typeof(option) <> 'array' OR jsonb_typeof(option -> 0) = 'number' THEN
		option := jsonb_build_array(option);
	END IF;
	FOR one IN SELECT jsonb_array_elements(option) LOOP
		IF jsonb_typeof(one) = 'string' THEN
			windows := windows || (one #>> '{}');
		ELSIF jsonb_typeof(one) = 'array' AND jsonb_array_length(one) = 2
			AND jsonb_typeof(one -> 0) = 'number' AND jsonb_typeof(one -> 1) = 'number' THEN
			windows := windows || format('%s/%s', trim_scale((one ->> 0)::numeric), trim_scale((one ->> 1)::numeric));
		ELSE
			RAISE invalid_parameter_value USING MESSAGE = format('invalid window of a loader: %s', one),
				HINT = 'A window is the name of a preset such as "lung", or [center, width]; a list of several makes a channel of each.';
		END IF;
	END LOOP;
	RETURN CASE windows WHEN '{none}' THEN '{}' ELSE windows END;
END
$$;
COMMENT ON FUNCTION @extschema@.read_windows(jsonb) IS 'option "window" of create_loader() as column windows has it';

CREATE FUNCTION @extschema@.read_per_channel(option jsonb, channels int, what text) RETURNS real[]
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	n real[];
BEGIN
	IF jsonb_typeof(option) = 'number' THEN
		n := array_fill((option #>> '{}')::real, ARRAY[channels]);
	ELSIF jsonb_typeof(option) = 'array' AND NOT jsonb_path_exists(option, '$[*] ? (@.type() != "number")') THEN
		n := ARRAY(SELECT e::real FROM jsonb_array_elements_text(option) WITH ORDINALITY AS a (e, i) ORDER BY i);
	END IF;
	IF n IS NULL OR cardinality(n) <> channels OR what = 'std' AND 0 >= ANY (n) THEN
		RAISE invalid_parameter_value USING MESSAGE = format('invalid %s of a loader: %s', what, coalesce(option::text, 'none')),
			HINT = format('It is one number, or one for each of the %s channels%s, in units of the images'' values.', channels,
				CASE what WHEN 'std' THEN ', above 0' ELSE '' END);
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION @extschema@.read_per_channel(jsonb, int, text) IS 'option "mean" or "std" of create_loader(): a value for each channel';

CREATE FUNCTION @extschema@.train_statistics(from_dataset bigint, width int, height int, channels int, dtype text, fit text, windows text[],
	layout text, OUT mean real[], OUT std real[])
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
BEGIN
	-- all images have as many pixels: the mean of means is that of all
	SELECT array_agg(s.mean::real ORDER BY s.c), array_agg((CASE WHEN s.variance > 0 THEN sqrt(s.variance) ELSE 1 END)::real ORDER BY s.c)
	INTO mean, std
	FROM (
		SELECT c, avg(o.moments[c]) AS mean, avg(o.moments[channels + c]) - avg(o.moments[c]) ^ 2 AS variance
		FROM (
			SELECT rendition_moments(m.image_id, d.content, m.frame, train_statistics.width, train_statistics.height,
				train_statistics.channels, dtype, fit, windows, layout) AS moments
			FROM @extschema@.dataset_member m JOIN @extschema@.image i USING (subject_id, image_id)
			JOIN @extschema@.image_content d USING (subject_id, image_id)
			WHERE m.dataset_id = from_dataset AND m.split = 'train' AND i.status = 'stored' OFFSET 0) o, generate_series(1, channels) AS c
		GROUP BY c) s;
	IF mean IS NULL THEN
		RAISE no_data_found USING MESSAGE = 'the dataset has no images in a split "train"',
			HINT = 'Give numbers: {"normalize": {"mean": …, "std": …}}.';
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.train_statistics(bigint, int, int, int, text, text, text[], text) IS
	'mean and standard deviation of each channel over split train, decoded for it';

CREATE FUNCTION @extschema@.read_targets(option jsonb) RETURNS text[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	names text[];
	unknown text;
BEGIN
	IF jsonb_typeof(option) <> 'array' OR jsonb_array_length(option) = 0 OR jsonb_path_exists(option, '$[*] ? (@.type() != "string")') THEN
		RAISE invalid_parameter_value USING MESSAGE = 'invalid option "targets" of a loader',
			HINT = 'It is a list of names of findings, such as ["effusion", "nodule"].';
	END IF;
	names := ARRAY(SELECT e FROM jsonb_array_elements_text(option) WITH ORDINALITY AS a (e, i) ORDER BY i);
	SELECT string_agg(quote_literal(n), ', ') INTO unknown FROM unnest(names) n
	WHERE NOT EXISTS (SELECT FROM @extschema@.finding f WHERE f.name = n);
	IF unknown IS NOT NULL THEN
		RAISE undefined_object USING MESSAGE = format('there is no finding %s', unknown),
			HINT = 'Table @extschema@.finding lists them.';
	END IF;
	RETURN names;
END
$$;
COMMENT ON FUNCTION @extschema@.read_targets(jsonb) IS 'option "targets" of create_loader()';

CREATE FUNCTION @extschema@.has_targets(of_subject bigint, of_image bigint, targets text[]) RETURNS boolean[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	names text[];
BEGIN
	-- the names of its findings, and of all that these are kinds of
	WITH RECURSIVE up AS (
		SELECT f.finding_id, f.parent, f.name FROM @extschema@.label l JOIN @extschema@.finding f USING (finding_id)
		WHERE l.subject_id = of_subject AND l.image_id = of_image
		UNION SELECT f.finding_id, f.parent, f.name FROM @extschema@.finding f JOIN up ON f.finding_id = up.parent)
	SELECT array_agg(up.name) INTO names FROM up;
	RETURN ARRAY(SELECT coalesce(t = ANY (names), false) FROM unnest(targets) WITH ORDINALITY AS a (t, i) ORDER BY i);
END
$$;
COMMENT ON FUNCTION @extschema@.has_targets(bigint, bigint, text[]) IS 'whether an image is labelled with these findings or with kinds of them';

CREATE FUNCTION @extschema@.read_augment(option jsonb, rendered boolean,
	OUT flip text, OUT rotate float8, OUT crop float8, OUT window_by float8)
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	wrong text;
BEGIN
	PERFORM check_options(option, '{flip,rotate,crop,window}', 'option "augment"');
	SELECT string_agg(key, ', ') INTO wrong FROM jsonb_each(option) o
	WHERE CASE key WHEN 'flip' THEN value NOT IN ('"horizontal"', '"vertical"', '"both"')
		ELSE CASE WHEN jsonb_typeof(value) = 'number'
			THEN (value #>> '{}')::numeric NOT BETWEEN 0 AND CASE key WHEN 'rotate' THEN 180 WHEN 'crop' THEN 0.9 ELSE 0.5 END
			ELSE true END END;
	IF wrong IS NOT NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = format('invalid option "augment" of a loader: %s', wrong),
			HINT = 'flip is "horizontal", "vertical" or "both", rotate 0..180 degrees, crop 0..0.9 of a side, window 0..0.5 of its width.';
	END IF;
	flip := coalesce(option ->> 'flip', '');
	rotate := coalesce((option ->> 'rotate')::float8, 0);
	crop := coalesce((option ->> 'crop')::float8, 0);
	window_by := coalesce((option ->> 'window')::float8, 0);
	IF window_by > 0 AND NOT rendered THEN
		RAISE invalid_parameter_value USING MESSAGE = 'stored values have no window that could be moved',
			HINT = 'Leave "window" out of option "augment", or give the loader a window.';
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.read_augment(jsonb, boolean) IS 'option "augment" of create_loader()';

CREATE FUNCTION @extschema@.create_loader(name text, dataset text, split text, batch_size int, width int, height int,
	channels int DEFAULT 1, dtype text DEFAULT 'uint8', balance text DEFAULT 'uniform',
	balance_by text[] DEFAULT '{label}', seed bigint DEFAULT 0, options jsonb DEFAULT '{}') RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
	SET jit = off
AS $$
DECLARE
	from_dataset bigint;
	new_id bigint;
	stratum_key text;
	unknown text;
	splits text;
	members bigint[];
	fit text;
	windows text[];
	layout text;
	rendition_dtype text;
	mean real[];
	std real[];
	augment record;
	targets text[];
	with_catalog text;
BEGIN
	IF name IS NULL OR dataset IS NULL OR split IS NULL OR batch_size IS NULL OR width IS NULL OR height IS NULL
		OR channels IS NULL OR dtype IS NULL OR balance IS NULL OR balance_by IS NULL OR seed IS NULL
		OR options IS NULL OR array_position(balance_by, NULL) IS NOT NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'no part of a loader''s definition can be null';
	END IF;
	IF name = '' THEN
		RAISE invalid_name USING MESSAGE = 'the name of a loader cannot be empty';
	END IF;
	from_dataset := dataset_id(dataset);
	PERFORM check_options(options, '{fit,window,layout,normalize,augment,targets}', 'the options of a loader');
	fit := coalesce(options ->> 'fit', 'resize');
	windows := coalesce(read_windows(options -> 'window'), CASE dtype WHEN 'uint8' THEN '{auto}'::text[] ELSE '{}' END);
	layout := coalesce(options ->> 'layout', 'NCHW');
	PERFORM check_loader(width, height, channels, dtype, balance, batch_size, fit, windows, layout);
	IF dtype = 'uint8' AND windows = '{}' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'images of uint8 need a window',
			HINT = 'Leave "window" out for "auto", or take another dtype for stored values.';
	END IF;
	IF EXISTS (SELECT FROM @extschema@.loader l WHERE l.name = create_loader.name) THEN
		RAISE duplicate_object USING MESSAGE = format('loader "%s" exists already', name),
			HINT = 'A loader is never changed; choose another name, or remove it with drop_loader().';
	END IF;
	IF NOT EXISTS (SELECT FROM @extschema@.dataset_group g WHERE g.dataset_id = from_dataset AND g.split = create_loader.split) THEN
		SELECT string_agg(DISTINCT quote_literal(g.split), ', ') INTO splits
		FROM @extschema@.dataset_group g WHERE g.dataset_id = from_dataset;
		RAISE undefined_object USING MESSAGE = format('dataset "%s" has nothing in a split "%s"', dataset, split),
			HINT = format('Its splits are %s.', splits);
	END IF;
	IF cardinality(balance_by) = 0 AND balance <> 'none' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'balance_by is empty',
			HINT = 'Balance by ''{label}'', or say balance => ''none''.';
	END IF;
	rendition_dtype := CASE WHEN windows <> '{}' THEN 'uint8' WHEN options ? 'normalize' THEN 'float32' ELSE dtype END;
	IF options ? 'normalize' AND dtype NOT LIKE 'float%' THEN
		RAISE invalid_parameter_value USING MESSAGE = format('images of %s cannot be normalised', dtype),
			HINT = 'Take dtype float32 or float16.';
	ELSIF jsonb_typeof(options -> 'normalize') = 'object' THEN
		PERFORM check_options(options -> 'normalize', '{mean,std}', 'option "normalize"');
		mean := read_per_channel(options #> '{normalize,mean}', channels, 'mean');
		std := read_per_channel(options #> '{normalize,std}', channels, 'std');
	ELSIF options -> 'normalize' = '"train"' THEN
		SELECT s.mean, s.std INTO mean, std
		FROM train_statistics(from_dataset, width, height, channels, rendition_dtype, fit, windows, layout) s;
	ELSIF options ? 'normalize' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'invalid option "normalize" of a loader',
			HINT = 'It is {"mean": …, "std": …}, or "train" to compute them over split train.';
	END IF;
	IF options ? 'targets' THEN
		targets := read_targets(options -> 'targets');
	END IF;
	augment := read_augment(coalesce(options -> 'augment', '{}'), windows <> '{}');
	SELECT string_agg(quote_literal(b), ', ') INTO unknown FROM unnest(balance_by) b
	WHERE b <> 'label' AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = '@extschema@.catalog'::regclass AND a.attname = b AND a.attnum > 0);
	IF unknown IS NOT NULL THEN
		RAISE undefined_column USING MESSAGE = format('cannot balance by %s', unknown),
			HINT = 'Balance by label, or by columns of view @extschema@.catalog such as modality, anatomy or collection.';
	END IF;
	-- the label is the dataset's, not the catalog's of today
	SELECT CASE WHEN balance = 'none' THEN quote_literal('{}') || '::jsonb'
		ELSE 'jsonb_build_object(' || string_agg(DISTINCT format('%L, %s', b,
			CASE b WHEN 'label' THEN 'v.classes[m.label + 1]' ELSE format('c.%I', b) END), ', ') || ')' END
	INTO stratum_key FROM unnest(balance_by) b;

	INSERT INTO @extschema@.loader AS l (name, dataset_id, split, batch_size, width, height, channels, dtype, balance, balance_by, seed,
		options, fit, windows, layout, rendition_dtype, rule_id,
		mean, std, augment_flip, augment_rotate, augment_crop, augment_window, targets)
	VALUES (name, from_dataset, split, batch_size, width, height, channels, dtype, balance, balance_by, seed,
		options, fit, windows, layout, rendition_dtype,
		rendition_rule_id(width, height, channels, rendition_dtype, fit, windows, layout),
		mean, std, augment.flip, augment.rotate, augment.crop, augment.window_by, targets)
	RETURNING l.loader_id INTO new_id;
	CREATE TEMPORARY TABLE medimnet_member (key jsonb, subject_id bigint, image_id bigint, label int, frame int) ON COMMIT DROP;
	with_catalog := CASE WHEN balance = 'none' OR balance_by <@ '{label}' THEN ''
		ELSE 'LEFT JOIN @extschema@.catalog c USING (subject_id, image_id)' END;
	EXECUTE format('INSERT INTO pg_temp.medimnet_member SELECT %s, m.subject_id, m.image_id, m.label, m.frame
		FROM @extschema@.dataset_member m JOIN @extschema@.dataset_version v USING (dataset_id) %s
		WHERE m.dataset_id = $1 AND m.split = $2', stratum_key, with_catalog) USING from_dataset, split;
	INSERT INTO @extschema@.loader_stratum (loader_id, stratum, key, members)
	SELECT new_id, row_number() OVER (ORDER BY key::text COLLATE "C") - 1, key, count(*)
	FROM pg_temp.medimnet_member GROUP BY key;
	INSERT INTO @extschema@.loader_member (loader_id, stratum, ordinal, subject_id, image_id, label, frame, targets)
	SELECT new_id, s.stratum, row_number() OVER (PARTITION BY s.stratum ORDER BY m.image_id) - 1, m.subject_id, m.image_id, m.label, m.frame,
		CASE WHEN targets IS NOT NULL THEN has_targets(m.subject_id, m.image_id, targets) END
	FROM pg_temp.medimnet_member m JOIN @extschema@.loader_stratum s ON s.loader_id = new_id AND s.key = m.key;
	DROP TABLE pg_temp.medimnet_member;
	SELECT array_agg(s.members ORDER BY s.stratum) INTO members FROM @extschema@.loader_stratum s WHERE s.loader_id = new_id;
	UPDATE @extschema@.loader l SET strata = cardinality(members), samples = (SELECT sum(n) FROM unnest(members) n),
		schedule = loader_schedule(create_loader.balance, create_loader.seed, create_loader.batch_size, members)
	WHERE l.loader_id = new_id;
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.create_loader(text, text, text, int, int, int, int, text, text, text[], bigint, jsonb) IS
	'defines an endless stream of batches of a dataset''s split; returns loader_id';

CREATE FUNCTION @extschema@.loader_id(loader text) RETURNS bigint
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	PERFORM require_catalog();
	SELECT l.loader_id INTO id FROM @extschema@.loader l WHERE l.name = loader_id.loader AND l.samples IS NOT NULL;
	IF id IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('loader "%s" does not exist', loader),
			HINT = 'Table @extschema@.loader lists loaders; create_loader() makes one.';
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.loader_id(text) IS 'key of a loader';

CREATE FUNCTION @extschema@.drop_loader(loader text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id bigint := loader_id(loader);
	rule int;
	runs text;
BEGIN
	SELECT string_agg(DISTINCT quote_literal(b.run), ', ') INTO runs FROM @extschema@.batch_log b WHERE b.loader_id = id;
	IF runs IS NOT NULL THEN
		RAISE dependent_objects_still_exist USING
			MESSAGE = format('cannot drop loader "%s" because runs have logged its batches', loader),
			DETAIL = format('Runs: %s.', runs),
			HINT = 'What they saw could no longer be told. If that is what you want, delete them from @extschema@.batch_log first.';
	END IF;
	DELETE FROM @extschema@.loader l WHERE l.loader_id = id RETURNING l.rule_id INTO rule;
	DELETE FROM @extschema@.rendition_rule r WHERE r.rule_id = rule AND NOT EXISTS (SELECT FROM @extschema@.loader l WHERE l.rule_id = rule);
EXCEPTION WHEN foreign_key_violation THEN
	-- a loader of this rule has just been made: the renditions stay
	DELETE FROM @extschema@.loader l WHERE l.loader_id = id;
END
$$;
COMMENT ON FUNCTION @extschema@.drop_loader(text) IS 'removes a loader, and the renditions that only it used';

CREATE FUNCTION @extschema@.loader_info(loader text)
	RETURNS TABLE (dataset text, split text, classes text[], samples bigint, steps_per_epoch bigint, batch_size int,
		width int, height int, channels int, dtype text, balance text, balance_by text[], strata int,
		smallest_stratum bigint, largest_stratum bigint, seed bigint, options jsonb)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1
	SET search_path = pg_catalog, @extschema@, pg_temp
AS $$
DECLARE
	id bigint := loader_id(loader);
BEGIN
	RETURN QUERY
		SELECT v.name || '@' || v.version, l.split, v.classes, l.samples, (l.samples + l.batch_size - 1) / l.batch_size, l.batch_size,
			l.width, l.height, l.channels, l.dtype, l.balance, l.balance_by, l.strata, s.least, s.most, l.seed, l.options
		FROM @extschema@.loader l JOIN @extschema@.dataset_version v USING (dataset_id),
			(SELECT min(t.members) AS least, max(t.members) AS most FROM @extschema@.loader_stratum t WHERE t.loader_id = id) s
		WHERE l.loader_id = id;
END
$$;
COMMENT ON FUNCTION @extschema@.loader_info(text) IS
	'definition of a loader in one row; steps_per_epoch: steps that show as many images as the split has';

CREATE FUNCTION @extschema@.batch(loader text, step bigint, rank int DEFAULT 0, world_size int DEFAULT 1,
	OUT images @extschema@.tensor, OUT labels int[], OUT image_ids bigint[])
	AS 'MODULE_PATHNAME', 'medimnet_batch' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.batch(text, bigint, int, int) IS
	'a rank''s share of the batch of a step: images as a tensor [N,C,H,W], their labels and image_ids; the same on every call, in every session, on every replica';

CREATE FUNCTION @extschema@.batch_rows(loader text, first_step bigint, last_step bigint, rank int DEFAULT 0, world_size int DEFAULT 1,
	OUT step bigint, OUT "position" int, OUT image_id bigint, OUT label int, OUT image @extschema@.tensor) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'medimnet_batch_rows' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION @extschema@.batch_rows(text, bigint, bigint, int, int) IS
	'the images of batch() of several steps, a row each, as a stream: call it in the SELECT list, where nothing is gathered up first';

REVOKE EXECUTE ON FUNCTION @extschema@.create_loader_tables(),
	@extschema@.create_loader(text, text, text, int, int, int, int, text, text, text[], bigint, jsonb),
	@extschema@.drop_loader(text) FROM PUBLIC;
