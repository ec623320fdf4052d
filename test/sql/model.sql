-- a catalog of this test's own
SET client_min_messages = warning;
DROP SCHEMA medimnet CASCADE;
CREATE EXTENSION medimnet;
RESET client_min_messages;
-- networks: the built-in one, others, embed(), predict(), model_info(), embed_pending(), similar_images()
SET search_path = medimnet, public;
\set SHOW_CONTEXT never
SET client_min_messages = warning;
-- a network that yields the mean of each channel of its input, "means"; and
-- one with an operator that there is not
\set means '\\x08083a4c0a190a01781201702211476c6f62616c41766572616765506f6f6c0a130a017012056d65616e732207466c617474656e12005a090a017812040a020801620d0a056d65616e7312040a02080142040a00100d'
\set unknown '\\x08083a450a120a0178120170220a46726f626e69636174650a130a017012056d65616e732207466c617474656e12005a090a017812040a020801620d0a056d65616e7312040a02080142040a00100d'
-- a picture of 16 by 16: a bright square on a gradient, told from others by its seed
CREATE FUNCTION picture(seed int) RETURNS pixels LANGUAGE sql AS $$
	SELECT ('16x16x1 u8 raw \x' || string_agg(lpad(to_hex(CASE WHEN abs(x - seed % 16) < 4 AND abs(y - 8) < 4 THEN 250
		ELSE (x * 3 + y * (seed % 7)) % 200 END), 2, '0'), '' ORDER BY y, x))::pixels
	FROM generate_series(0, 15) x, generate_series(0, 15) y
$$;

-- without a catalog
SELECT embed(picture(1));
SELECT load_model('m', :'means', 4, 4, 3, '{0,0,0}', '{1,1,1}');
CALL embed_pending();
SELECT * FROM similar_images(1);
SELECT predict(picture(1));
SELECT * FROM model_info();

SELECT create_catalog();
SELECT model_id, name, input_width, input_height, channels, mean, std, channel_order, output, license, dimensions FROM model;
SELECT dims(embed(picture(1))), embed(picture(1)) = embed(picture(1), 'default') AS same,
	cosine_distance(embed(picture(1)), embed(picture(1))) < 1e-6 AS itself,
	cosine_distance(embed(picture(1)), embed(picture(9))) > 1e-4 AS another;

-- what a network is given: rendered, averaged or replicated, resized, normalised
SELECT load_model('rgb', :'means', 1, 1, 3, '{1,2,3}', '{2,4,8}') AS rgb, load_model('bgr', :'means', 1, 1, 3, '{1,2,3}', '{2,4,8}', channel_order => 'BGR') AS bgr,
	load_model('gray', :'means', 2, 2, 1, '{10}', '{10}', 'means', 'CC0-1.0') AS gray, load_model('pool', :'means', 1, 1, 3, '{0,0,0}', '{1,1,1}', 'p') AS pool;
SELECT embed('1x1x3 u8 rgb \x0b1629', 'rgb') AS rgb, embed('1x1x3 u8 rgb \x0b1629', 'bgr') AS bgr, embed('1x1x3 u8 rgb \x0b1629', 'gray') AS gray,
	embed('1x1x1 u8 raw \x0b', 'rgb') AS replicated, embed('1x1x1 u8 raw \x0b', 'pool') AS other_output;
SELECT embed('1x1x1 i16 HU window=0,256 \x0000', 'gray') AS windowed, embed('2x1x1 u8 raw inverted \xff00', 'gray') AS inverted, embed('2x1x1 u8 raw \x2021', 'gray') AS not_rounded;

-- predict(): the output named logits, else the first, whatever embed() yields
SELECT load_model('scores', builtin_model(), 64, 64, 3, '{127.5,127.5,127.5}', '{63.75,63.75,63.75}', 'logits') AS scores,
	load_model('first', builtin_model(), 64, 64, 3, '{127.5,127.5,127.5}', '{63.75,63.75,63.75}') AS first,
	load_model('inside', builtin_model(), 64, 64, 3, '{127.5,127.5,127.5}', '{63.75,63.75,63.75}', '/body/body.3/Relu_1_output_0') AS inside;
SELECT dims(predict(picture(1))) AS classes, predict(picture(1)) = embed(picture(1), 'scores') AS as_embedded, predict(picture(1)) = predict(picture(1), 'scores') AS either_way,
	embed(picture(1), 'first') = embed(picture(1)) AS first_is_features, predict(picture(1), 'first') = predict(picture(1)) AS not_first, dims(embed(picture(1), 'inside')) AS inside,
	predict(picture(1), 'inside') = predict(picture(1)) AS still, predict('1x1x3 u8 rgb \x0b1629', 'rgb') = embed('1x1x3 u8 rgb \x0b1629', 'rgb') AS without;
SELECT max(abs(a - b)) < 1e-5 AS inside_is_inside FROM (
	SELECT (embed(picture(1))::real[])[c] AS a, (SELECT avg(v) FROM unnest((embed(picture(1), 'inside')::real[])[16 * c - 15 : 16 * c]) v) AS b
	FROM generate_series(1, 128) c) t;
SELECT predict(picture(1), 'nothing');
SELECT predict(NULL) IS NULL AS null_in, predict(picture(1), NULL) IS NULL AS null_model;

-- model_info(): what it is made of
SELECT input, input_shape, outputs, output, output_shape, opset, nodes, parameters, flops, operators FROM model_info();
SELECT steps BETWEEN 3 AND nodes AS steps, weight_bytes > 3 * parameters AS weights, workspace_bytes > 4 * 3 * 64 * 64 AS workspace FROM model_info('default');
SELECT output, output_shape, flops = (SELECT flops FROM model_info()) AS same FROM model_info('inside');
SELECT output, outputs, operators, parameters, flops FROM model_info('rgb');
SELECT * FROM model_info('nothing');
SELECT model_info(NULL) IS NULL AS null_in;
SELECT unload_model('scores'), unload_model('first'), unload_model('inside');

-- refused
SELECT load_model('rgb', :'means', 1, 1, 3, '{0,0,0}', '{1,1,1}');
SELECT load_model('x', :'unknown', 1, 1, 3, '{0,0,0}', '{1,1,1}');
SELECT load_model('x', 'no model', 1, 1, 3, '{0,0,0}', '{1,1,1}');
SELECT load_model('x', '', 1, 1, 3, '{0,0,0}', '{1,1,1}');
SELECT load_model('x', :'means', 1, 1, 3, '{0,0,0}', '{1,1,1}', 'logits');
SELECT load_model('x', :'means', 200, 200, 3, '{0,0,0}', '{1,1,1}', 'x');
SELECT load_model('x', builtin_model(), 32, 64, 3, '{0,0,0}', '{1,1,1}');
SELECT load_model('x', builtin_model(), 64, 64, 1, '{0}', '{1}');
SELECT load_model('x', :'means', 0, 1, 3, '{0,0,0}', '{1,1,1}');
SELECT load_model('x', :'means', 1, 5000, 3, '{0,0,0}', '{1,1,1}');
SELECT load_model('x', :'means', 1, 1, 2, '{0,0}', '{1,1}');
SELECT load_model('x', :'means', 1, 1, 3, '{0,0}', '{1,1,1}');
SELECT load_model('x', :'means', 1, 1, 3, '{0,0,NULL}', '{1,1,1}');
SELECT load_model('x', :'means', 1, 1, 3, '{0,0,0}', '{1,0,1}');
SELECT load_model('x', :'means', 1, 1, 1, '{NaN}', '{1}');
SELECT load_model('x', :'means', 1, 1, 1, '{0}', '{1}', channel_order => 'GBR');
SELECT load_model('x', NULL, 1, 1, 1, '{0}', '{1}');
SELECT load_model('', :'means', 1, 1, 1, '{0}', '{1}');
SELECT embed(picture(1), 'nothing');
SELECT embed('1x1x1 f32 raw \x0000807f', 'gray');
SELECT embed(NULL) IS NULL AS null_in, embed(picture(1), NULL) IS NULL AS null_model;

-- several at once: each as it is alone, whatever the group
SELECT array_agg(embed(p)) = embed_batch(p, 'default') AS default_batch, cardinality(embed_batch(p, 'default')) AS images FROM (SELECT picture(n) AS p FROM generate_series(1, 40) n) s;
SELECT n % 3 AS third, array_agg(embed(p, 'gray')) = embed_batch(p, 'gray') AS gray_batch FROM (SELECT n, picture(n) AS p FROM generate_series(1, 10) n) s GROUP BY 1 ORDER BY 1;
SELECT embed_batch(NULL, 'default');
SELECT embed_batch(p, 'default') IS NULL AS of_none FROM (SELECT picture(1) AS p) s WHERE false;

-- the cache: too small for a model, and just large enough for one at a time
SET medimnet.model_cache = '1MB';
SELECT load_model('x', builtin_model(), 64, 64, 3, '{0,0,0}', '{1,1,1}');
SET medimnet.model_cache = '5MB';
SELECT load_model('second', builtin_model(), 64, 64, 3, '{127.5,127.5,127.5}', '{63.75,63.75,63.75}', 'features');
SELECT bool_and(embed(picture(n), 'second') = embed(picture(n), 'default')) FROM generate_series(1, 5) n;
RESET medimnet.model_cache;

-- another model under the same name is another model at once
SELECT unload_model('gray');
SELECT embed(picture(1), 'gray');
SELECT load_model('gray', :'means', 1, 1, 1, '{0}', '{1}') > 4 AS new_id;
SELECT embed('1x1x1 u8 raw \x0b', 'gray');
BEGIN;
UPDATE model SET mean = '{1}' WHERE name = 'gray';
SELECT embed('1x1x1 u8 raw \x0b', 'gray');
ROLLBACK;
SELECT embed('1x1x1 u8 raw \x0b', 'gray');
SELECT unload_model('gray'), unload_model('nothing');

-- every image, once; what does not decode is said and passed over
SELECT add_collection('c', 'CC0-1.0');
SELECT count(*) FROM generate_series(1, 80) n, ingest('c', png(picture(n * 5 + n / 16)), labels => ARRAY[CASE WHEN n % 16 < 8 THEN 'left' ELSE 'right' END]);
SELECT image_id AS broken FROM image ORDER BY image_id LIMIT 1 OFFSET 40 \gset
UPDATE image_content SET content = '\x89504e47' WHERE image_id = :broken;
SELECT count(*) AS stored FROM image WHERE status = 'stored' \gset
CALL embed_pending('nothing');
CALL embed_pending();
SELECT count(*) = :stored - 1 AS all_but_one, min(frame), max(frame), bool_and(dims(embedding) = 128) FROM image_embedding;
CALL embed_pending('rgb');
SELECT name, count(*) = :stored - 1 AS all_but_one FROM image_embedding JOIN model USING (model_id) GROUP BY name ORDER BY name;
SELECT bool_and(e.embedding = embed(decode_frame(content))) FROM image_embedding e JOIN image_content USING (subject_id, image_id) JOIN model USING (model_id) WHERE name = 'default';
-- a procedure that commits cannot run inside a transaction that somebody else began
BEGIN;
CALL embed_pending('bgr');
ROLLBACK;

-- the nearest first, itself not among them
SELECT min(image_id) AS one FROM image \gset
SELECT count(*), bool_and(distance >= 0), bool_or(image_id = :one) FROM similar_images(:one, 1000);
SELECT array_agg(s.image_id ORDER BY n) = (SELECT array_agg(image_id ORDER BY d, image_id) FROM (
	SELECT e.image_id, e.embedding <=> q.embedding AS d FROM image_embedding e JOIN image_embedding q ON q.image_id = :one AND q.model_id = e.model_id
	WHERE e.image_id <> :one AND e.model_id = 1 ORDER BY 2, 1 LIMIT 7) t) AS as_by_hand, max(collection), max(modality), min(cardinality(labels))
FROM similar_images(:one, 7) WITH ORDINALITY AS s (image_id, distance, collection, modality, anatomy, labels, n);
SELECT * FROM similar_images(:one, 0);
SELECT * FROM similar_images(:one, 1, 'nothing');
SELECT * FROM similar_images(0);
SELECT unload_model('rgb');
SELECT count(*) FROM image_embedding WHERE model_id <> 1;
