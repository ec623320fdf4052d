-- a catalog of this test's own
SET client_min_messages = warning;
DROP SCHEMA medimnet CASCADE;
CREATE EXTENSION medimnet;
RESET client_min_messages;
-- loaders and batches
SET client_min_messages = warning;
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT * FROM medimnet.batch('l', 0);
SELECT * FROM medimnet.loader_info('l');
SELECT medimnet.create_loader('l', 'd', 'train', 8, 4, 4);
SELECT medimnet.create_catalog();
SELECT medimnet.add_collection('study', 'CC0-1.0');
SET search_path = medimnet, public;

-- 40 images of 2x2 pixels: rare (3), some (9), many (28); one subject each; the
-- first sample of each is its number
INSERT INTO subject (subject_id) SELECT generate_series(1, 40);
INSERT INTO image (subject_id, image_id, collection_id, status, media_type, file_hash, content_hash, modality, width, height, channels, frames)
SELECT n, n, 1, 'stored', 'image/png', sha256(n::text::bytea), sha256(n::text::bytea), CASE WHEN n % 2 = 0 THEN 'CT' ELSE 'MR' END, 2, 2, 1, 1
FROM generate_series(1, 40) n;
INSERT INTO image_content (subject_id, image_id, content)
SELECT n, n, png(('2x2x1 u8 raw \x' || encode(set_byte('\x00804020', 0, n), 'hex'))::pixels) FROM generate_series(1, 40) n;
CREATE VIEW chosen AS SELECT image_id, CASE WHEN image_id <= 3 THEN 'rare' WHEN image_id <= 12 THEN 'some' ELSE 'many' END AS label FROM catalog;
SELECT create_dataset('all', 'SELECT * FROM chosen', '{"all":1}');

SELECT create_loader('even', 'all', 'all', 6, 2, 2);
SELECT * FROM loader_info('even') \gx
SELECT loader_id, stratum, key, members FROM loader_stratum ORDER BY stratum;

-- a batch is even, whole, and what the images are
SELECT dtype(images), shape(images), labels, image_ids FROM batch('even', 0);
SELECT array_agg(l ORDER BY l) FROM batch('even', 7), unnest(labels) l;
SELECT step, bool_and(label = CASE WHEN image_id <= 3 THEN 1 WHEN image_id <= 12 THEN 2 ELSE 0 END) AS labels_right,
	bool_and(image::real[] = ARRAY[[[image_id, 128], [64, 32]]]::real[]) AS images_right
FROM batch_rows('even', 3, 5) GROUP BY step ORDER BY step;
-- the rows are the batch
SELECT (SELECT array_agg(image_id ORDER BY position) FROM batch_rows('even', 11, 11)) = image_ids,
	(SELECT array_agg(label ORDER BY position) FROM batch_rows('even', 11, 11)) = labels,
	(SELECT array_agg(image::real[] ORDER BY position) FROM batch_rows('even', 11, 11)) = images::real[]
FROM batch('even', 11);
-- so are the ranks
SELECT bool_and(b.image_ids = r1.image_ids || r2.image_ids || r3.image_ids)
FROM generate_series(0, 9) step, batch('even', step) b, batch('even', step, 0, 3) r1, batch('even', step, 1, 3) r2, batch('even', step, 2, 3) r3;
SELECT DISTINCT shape(images) FROM batch('even', 0, 2, 3);
-- as a stream, in the SELECT list
SELECT (r).step, (r).position, (r).image_id, shape((r).image) FROM (SELECT batch_rows('even', 0, 1, 1, 2) AS r) s;
SELECT count(*) FROM batch_rows('even', 5, 4);
-- cycles: each of the rare comes once in three rounds
SELECT image_id, count(*) FROM batch_rows('even', 0, 11) WHERE label = 1 GROUP BY image_id ORDER BY image_id;

-- none: an epoch has everything once
SELECT create_loader('plain', 'all', 'all', 8, 2, 2, balance => 'none');
SELECT strata, samples, steps_per_epoch FROM loader_info('plain');
SELECT count(*), count(DISTINCT image_id) FROM batch_rows('plain', 0, 4);
SELECT count(*), count(DISTINCT image_id) FROM batch_rows('plain', 5, 9);
SELECT a.image_ids = b.image_ids AS same FROM batch('plain', 0) a, batch('plain', 5) b;
-- sqrt: shares by the square root of 3, 9 and 28
SELECT create_loader('root', 'all', 'all', 8, 2, 2, balance => 'sqrt');
SELECT key, length(schedule) FROM loader_stratum JOIN loader USING (loader_id) WHERE name = 'root' ORDER BY stratum;
SELECT label, count(*), round(100 * sqrt(CASE label WHEN 0 THEN 28 WHEN 1 THEN 3 ELSE 9 END) / (sqrt(28) + sqrt(3) + sqrt(9))) AS share
FROM batch_rows('root', 0, 24) WHERE step * 8 + position < 100 GROUP BY label ORDER BY label;
-- by more than the label
SELECT create_loader('fine', 'all', 'all', 6, 2, 2, balance_by => '{label,modality}');
SELECT key, members FROM loader_stratum WHERE loader_id = loader_id('fine') ORDER BY stratum;
SELECT label, image_id % 2, count(*) FROM batch_rows('fine', 2, 3) GROUP BY 1, 2 ORDER BY 1, 2;

-- sizes, channels, types
SELECT create_loader('rgb', 'all', 'all', 1, 4, 3, channels => 3, balance => 'none');
SELECT shape(images), (images::real[])[1:1][1:1] = (images::real[])[1:1][3:3] AS channels_equal FROM batch('rgb', 0);
SELECT create_loader('f32', 'all', 'all', 1, 1, 1, dtype => 'float32', balance => 'none', seed => 3);
SELECT dtype(images), images::real[] = ARRAY[[[[(image_ids[1] + 128 + 64 + 32) / 4.0]]]]::real[] AS mean FROM batch('f32', 0);
SELECT count(create_loader(d, 'all', 'all', 1, 2, 2, dtype => d, balance => 'none')) FROM unnest('{uint16,int16,float16}'::text[]) d;
SELECT d, dtype(images), images::real[] = ARRAY[[[[image_ids[1], 128], [64, 32]]]]::real[] AS exact
FROM unnest('{uint16,int16,float16}'::text[]) d, batch(d, 1) b;
-- colour to gray
INSERT INTO subject VALUES (50);
INSERT INTO image (subject_id, image_id, collection_id, status, media_type, file_hash, width, height, channels, frames)
VALUES (50, 50, 1, 'stored', 'image/png', sha256('50'), 2, 2, 3, 1);
INSERT INTO image_content (subject_id, image_id, content) VALUES (50, 50, png('2x1x3 u8 rgb \xff000000ff00'::pixels));
SELECT create_dataset('colour', 'SELECT 50 AS image_id, ''c'' AS label', '{"all":1}');
SELECT create_loader('gray', 'colour', 'all', 1, 2, 1), create_loader('colour', 'colour', 'all', 1, 2, 1, channels => 3);
SELECT images FROM batch('gray', 0) UNION ALL SELECT images FROM batch('colour', 0);

-- what is refused
SELECT batch('nothing', 0);
SELECT batch('even', -1);
SELECT batch('even', 9223372036854775807);
SELECT batch('even', 0, 3, 3);
SELECT batch('even', 0, -1, 3);
SELECT batch('even', 0, 0, 4);
SELECT batch('even', 0, 0, 0);
SELECT batch_rows('even', -1, 1);
SELECT batch(NULL, 0);
SELECT create_loader('even', 'all', 'all', 6, 2, 2);
SELECT create_loader('x', 'none', 'all', 6, 2, 2);
SELECT create_loader('x', 'all', 'train', 6, 2, 2);
SELECT create_loader('x', 'all', 'all', 0, 2, 2);
SELECT create_loader('x', 'all', 'all', 6, 0, 2);
SELECT create_loader('x', 'all', 'all', 6, 2, 2, channels => 2);
SELECT create_loader('x', 'all', 'all', 6, 2, 2, dtype => 'float64');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, balance => 'fair');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, balance_by => '{hospital}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, balance_by => '{}');
SELECT create_loader('x', 'all', 'all', 100000, 2000, 2000);
SELECT create_loader('', 'all', 'all', 6, 2, 2);
SELECT create_loader('x', 'all', NULL, 6, 2, 2);

-- a loader is never changed, and keeps its dataset
UPDATE loader SET seed = 1;
UPDATE loader_member SET label = 0;
DELETE FROM loader_member WHERE ordinal = 0 AND loader_id = loader_id('even');
INSERT INTO loader_stratum VALUES (loader_id('even'), 9, '{}', 1);
SELECT drop_dataset('colour');
SELECT drop_loader('gray'), drop_loader('colour');
SELECT drop_dataset('colour');
SELECT batch('gray', 0);

-- an image that cannot be served is named
UPDATE image SET status = 'quarantined' WHERE image_id <= 12 AND image_id > 3;
SELECT batch('even', 0);
UPDATE image SET status = 'stored';
UPDATE image_content SET content = 'garbage' WHERE image_id BETWEEN 13 AND 40;
SELECT create_dataset('bad', 'SELECT image_id, label FROM chosen WHERE image_id = 13', '{"all":1}');
SELECT create_loader('bad', 'bad', 'all', 1, 2, 2);
SELECT batch('bad', 0);
UPDATE image_content SET content = png(('2x2x1 u8 raw \x' || encode(set_byte('\x00804020', 0, image_id::int), 'hex'))::pixels) WHERE image_id BETWEEN 13 AND 40;

-- renditions: the same batches; they go with what they are made of
CREATE TEMPORARY TABLE before AS SELECT step, b.* FROM generate_series(0, 5) step, batch('even', step) b;
SET client_min_messages = warning;
CALL prepare_loader('even');
SELECT count(*), count(DISTINCT rule_id) FROM rendition;
CALL prepare_loader('root'); -- of the same rule
SELECT count(*) FROM rendition;
SELECT bool_and(b.images = a.images AND b.labels = a.labels AND b.image_ids = a.image_ids) FROM before b, batch('even', b.step) a;
-- served from them, as a forged one shows
UPDATE rendition SET data = '\x09090909' WHERE image_id = 5;
SELECT DISTINCT image::text FROM batch_rows('even', 0, 9) WHERE image_id = 5;
UPDATE rendition SET data = '\x0909' WHERE image_id = 5;
SELECT count(*) FROM batch_rows('even', 0, 9);
UPDATE rendition SET data = '\x05804020' WHERE image_id = 5;
-- never when the image is not to be served, or of other content
UPDATE image SET status = 'quarantined' WHERE image_id <= 3;
SELECT count(*) FROM batch_rows('even', 0, 9);
UPDATE image SET status = 'stored';
UPDATE image_content SET content = content WHERE image_id = 5;
SELECT image_id, count(*) FROM rendition WHERE image_id BETWEEN 4 AND 6 GROUP BY image_id ORDER BY image_id;
SELECT DISTINCT image::text FROM batch_rows('even', 0, 9) WHERE image_id = 5;
CALL prepare_loader('even');
SELECT count(*) FROM rendition;
SELECT drop_loader('even');
SELECT count(*) FROM rendition;
BEGIN;
SELECT drop_loader(name) FROM loader WHERE name IN ('plain', 'root', 'fine', 'bad');
SELECT count(*) FROM rendition;
ROLLBACK;
CALL prepare_loader('nothing');
BEGIN;
CALL prepare_loader('root');
ROLLBACK;

-- options
INSERT INTO subject VALUES (60);
INSERT INTO image (subject_id, image_id, collection_id, status, media_type, file_hash, width, height, channels, frames)
VALUES (60, 60, 1, 'stored', 'image/png', sha256('60'), 4, 2, 1, 1), (60, 61, 1, 'stored', 'image/png', sha256('61'), 1, 1, 3, 1);
INSERT INTO image_content (subject_id, image_id, content) VALUES (60, 60, png('4x2x1 u16 raw \x0000e803b80ba00f0000d007d007a00f'::pixels)),
	(60, 61, png('1x1x3 u8 rgb \x0a141e'::pixels));
SELECT create_dataset('wide', 'SELECT 60 AS image_id, ''w'' AS label', '{"all":1}'), create_dataset('pixel', 'SELECT 61 AS image_id, ''c'' AS label', '{"all":1}');
SELECT create_loader(f, 'wide', 'all', 1, 2, 2, dtype => 'uint16', options => jsonb_build_object('fit', f)) FROM unnest('{resize,crop,pad}'::text[]) f;
SELECT f, images FROM unnest('{resize,crop,pad}'::text[]) f, batch(f, 0);
SELECT create_loader('windows', 'wide', 'all', 1, 4, 2, channels => 3, options => '{"window": ["full", [2000, 2001], [1000, 1]]}');
SELECT images FROM batch('windows', 0);
SELECT create_loader('last', 'wide', 'all', 1, 4, 2, channels => 3, options => '{"window": ["full", [2000, 2001], [1000, 1]], "layout": "NHWC"}');
SELECT images FROM batch('last', 0);
SELECT create_loader('rgb last', 'pixel', 'all', 1, 2, 1, channels => 3, options => '{"layout": "NHWC"}');
SELECT images FROM batch('rgb last', 0);
CALL prepare_loader('windows');
CALL prepare_loader('last');
CALL prepare_loader('pad');
CALL prepare_loader('rgb last');
SELECT count(*) FROM rendition WHERE image_id >= 60;
SELECT images FROM unnest('{windows,last,pad,rgb last}'::text[]) f, batch(f, 0);
SELECT (loader_info('last')).options;
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"windows": "lung", "crop": 1}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '[]');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"fit": "stretch"}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"layout": "CHWN"}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"window": "lungs"}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"window": [40, 0]}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"window": 40}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"window": "none"}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => '{"window": ["lung", "bone"]}');
SELECT create_loader('x', 'all', 'all', 6, 2, 2, options => NULL);

-- normalised: by numbers, and by what the train split has
SELECT create_loader('n', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"normalize": {"mean": 1000, "std": [500]}}');
SELECT images FROM batch('n', 0);
SELECT create_loader('n8', 'wide', 'all', 1, 4, 2, channels => 3, dtype => 'float16',
	options => '{"window": "full", "layout": "NHWC", "normalize": {"mean": [0, 1, 127.5], "std": [1, 2, 127.5]}}');
SELECT images FROM batch('n8', 0);
SELECT create_loader('shown', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"window": "full"}');
SELECT images FROM batch('shown', 0);
SELECT create_dataset('trained', 'SELECT 60 AS image_id, ''w'' AS label', '{"train":1}');
SELECT create_loader('t', 'trained', 'train', 1, 4, 2, dtype => 'float32', options => '{"normalize": "train"}');
SELECT mean, std FROM loader WHERE name = 't';
SELECT avg(v)::numeric(6, 4), stddev_pop(v)::numeric(6, 4) FROM batch('t', 0), unnest(images::real[]) v;
CREATE TEMPORARY TABLE plain AS SELECT f, images FROM unnest('{n,n8,shown,t}'::text[]) f, batch(f, 0);
CALL prepare_loader('n');
CALL prepare_loader('n8'); -- of the same rule as 'shown', but for the layout
CALL prepare_loader('shown');
SELECT DISTINCT r.dtype FROM rendition JOIN rendition_rule r USING (rule_id) JOIN loader l USING (rule_id) WHERE name IN ('n8', 'shown');
SELECT bool_and(p.images = b.images) FROM plain p, batch(p.f, 0) b;
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, options => '{"normalize": {"mean": 0, "std": 1}}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"normalize": {"mean": 0}}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"normalize": {"mean": 0, "std": [1, 2]}}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"normalize": {"mean": "0", "std": 1}}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"normalize": {"mean": 0, "std": 0}}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"normalize": "val"}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"normalize": "train"}');

-- augmented: another image each time it comes, the same on every call
SELECT create_loader('flip', 'wide', 'all', 1, 4, 2, dtype => 'uint16', options => '{"augment": {"flip": "both"}}');
SELECT image::text, count(*) BETWEEN 30 AND 70 AS a_quarter FROM batch_rows('flip', 0, 199) GROUP BY 1 ORDER BY 1;
SELECT (SELECT array_agg(image::text) FROM batch_rows('flip', 0, 99)) = (SELECT array_agg(image::text) FROM batch_rows('flip', 0, 99));
SELECT create_loader('jitter', 'wide', 'all', 1, 4, 2, options => '{"window": "full", "augment": {"window": 0.2}}');
SELECT count(DISTINCT image::text) > 50, bool_and((image::real[])[1][1][1] <= 64 AND (image::real[])[1][1][2] BETWEEN 0 AND 140
	AND (image::real[])[1][1][4] >= 180) FROM batch_rows('jitter', 0, 99);
SELECT create_loader('turn', 'wide', 'all', 1, 4, 2, dtype => 'float32', options => '{"augment": {"rotate": 10, "crop": 0.3, "flip": "horizontal"}}');
SELECT count(DISTINCT image::text), bool_and(0 <= ALL (image::real[]) AND 4000 >= ALL (image::real[])) FROM batch_rows('turn', 0, 99);
CREATE TEMPORARY TABLE varied AS SELECT f, array_agg(image::text) AS images FROM unnest('{flip,jitter,turn}'::text[]) f, batch_rows(f, 0, 49) GROUP BY f;
CALL prepare_loader('flip');
CALL prepare_loader('turn');
SELECT bool_and(v.images = (SELECT array_agg(image::text) FROM batch_rows(v.f, 0, 49))) FROM varied v;
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, options => '{"augment": {"flip": true, "rotate": 181, "crop": "0.1"}}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, options => '{"augment": {"shear": 3}}');
SELECT create_loader('x', 'wide', 'all', 1, 4, 2, dtype => 'int16', options => '{"augment": {"window": 0.1}}');

-- what else there is to know of a batch
UPDATE image SET modality = 'CT', spacing_row = 0.5, spacing_column = 0.75, height = 2, width = 4 WHERE image_id = 60;
SELECT * FROM batch_metadata('resize', 0) UNION ALL SELECT * FROM batch_metadata('crop', 0) UNION ALL SELECT * FROM batch_metadata('pad', 0);
SELECT bool_and(b.image_ids = ARRAY(SELECT image_id FROM batch_members('root', step, 1, 2) ORDER BY position))
FROM generate_series(0, 5) step, batch('root', step, 1, 2) b;
INSERT INTO finding (finding_id, collection_id, name, parent) VALUES (101, 1, 'opacity', NULL), (102, 1, 'effusion', 101), (103, 1, 'nodule', NULL);
INSERT INTO label (subject_id, image_id, finding_id) VALUES (13, 13, 102), (13, 13, 103), (14, 14, 101), (15, 15, 103);
SELECT create_loader('multi', 'all', 'all', 40, 2, 2, balance => 'none', options => '{"targets": ["opacity", "effusion", "nodule"]}');
DELETE FROM label WHERE image_id = 15; -- too late
SELECT dtype(batch_targets('multi', 0)), shape(batch_targets('multi', 0, 1, 2));
SELECT m.image_id, t[m.position + 1:m.position + 1]
FROM batch_members('multi', 3) m, CAST(batch_targets('multi', 3) AS real[]) t WHERE image_id BETWEEN 13 AND 16 ORDER BY 1;
SELECT batch_targets('root', 0);
SELECT create_loader('x', 'all', 'all', 40, 2, 2, options => '{"targets": ["cough", "opacity"]}');
SELECT create_loader('x', 'all', 'all', 40, 2, 2, options => '{"targets": []}');

-- who saw what
SELECT log_batches('root', 'first', 0, 4), log_batches('root', 'first', 5, 9), log_batches('root', 'first', 3, 7), log_batches('root', 'first', 20, 29);
SELECT log_batches('root', 'two ranks', 0, 9, 0, 2), log_batches('root', 'two ranks', 0, 9, 1, 2), log_batches('even2', 'x', 0, 0);
SELECT create_loader('even2', 'all', 'all', 6, 2, 2);
SELECT log_batches('root', 'first', 0, 4), log_batches('root', 'first', 5, 9), log_batches('root', 'first', 3, 7), log_batches('root', 'first', 20, 29);
SELECT log_batches('root', 'two ranks', 0, 9, 0, 2), log_batches('root', 'two ranks', 0, 9, 1, 2), log_batches('even2', 'other', 7, 30, 2, 3),
	log_batches('plain', 'other', 3, 500);
SELECT name, run, rank, world_size, first_step, last_step FROM batch_log JOIN loader USING (loader_id) ORDER BY 1, 2, 3, 5;
-- what the permutations say is what the batches have
CREATE TEMPORARY TABLE seen AS
SELECT 'first' AS run, 'root' AS loader, image_id, step FROM generate_series(0, 29) step, batch('root', step), unnest(image_ids) image_id WHERE step < 10 OR step >= 20
UNION ALL SELECT 'two ranks', 'root', image_id, step FROM generate_series(0, 9) step, batch('root', step), unnest(image_ids) image_id
UNION ALL SELECT 'other', 'even2', image_id, step FROM generate_series(7, 30) step, batch('even2', step, 2, 3), unnest(image_ids) image_id
UNION ALL SELECT 'other', 'plain', image_id, step FROM generate_series(3, 500) step, batch('plain', step), unnest(image_ids) image_id;
SELECT count(*) FROM (
	SELECT s.run, s.loader, s.image_id, count(*), min(s.step), max(s.step) FROM seen s GROUP BY 1, 2, 3
	EXCEPT SELECT r.* FROM generate_series(1, 40) subject, runs_that_saw(subject) r) missed;
SELECT count(*) FROM (
	SELECT r.* FROM generate_series(1, 60) subject, runs_that_saw(subject) r
	EXCEPT SELECT s.run, s.loader, s.image_id, count(*), min(s.step), max(s.step) FROM seen s GROUP BY 1, 2, 3) made_up;
SELECT * FROM runs_that_saw(2) WHERE loader = 'root';
SELECT log_batches('root', 'x', 3, 2);
SELECT log_batches('root', 'x', 0, 2, 3, 3);
SELECT log_batches('root', 'x', 0, 9223372036854775807);
SELECT drop_loader('root');
