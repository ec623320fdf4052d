-- a catalog of this test's own
SET client_min_messages = warning;
DROP SCHEMA medimnet CASCADE;
CREATE EXTENSION medimnet;
RESET client_min_messages;
-- datasets: chosen by a query, split by subject, frozen
SET client_min_messages = warning;
\set VERBOSITY default
\set SHOW_CONTEXT never
-- nothing works, and says why, before there is a catalog
SELECT medimnet.create_dataset('d', 'SELECT 1 AS image_id, ''a'' AS label');
SELECT * FROM medimnet.dataset_summary('d');
SELECT * FROM medimnet.leak_report('d');
SELECT medimnet.create_catalog();
SELECT medimnet.add_collection('study', 'CC0-1.0');

-- rows as ingest() would make them: 60 subjects with one to three images; those
-- of subjects 1 and 2, and of 2 and 3, are partly the same
INSERT INTO medimnet.subject (subject_id) SELECT generate_series(1, 60);
INSERT INTO medimnet.image (subject_id, image_id, collection_id, status, media_type, file_hash, content_hash, width, height, channels, frames)
SELECT s, s * 10 + n, 1, 'stored', 'image/png', sha256(format('%s %s', s, n)::bytea),
	sha256(CASE WHEN (s, n) IN ((1, 1), (2, 1)) THEN 'same' WHEN (s, n) IN ((2, 2), (3, 1)) THEN 'also' ELSE format('%s/%s', s, n) END::bytea),
	4, 4, 1, 5
FROM generate_series(1, 60) s, LATERAL generate_series(1, 1 + s % 3) n;
INSERT INTO medimnet.image (subject_id, image_id, collection_id, status, reason, media_type, file_hash, content_hash, width, height, channels, frames)
SELECT 1, 5, 1, 'quarantined', 'burned in', 'image/png', sha256('q'), sha256('q'), 4, 4, 1, 1;
CREATE VIEW chosen AS SELECT image_id, CASE WHEN subject_id % 2 = 0 THEN 'b' WHEN subject_id < 10 THEN 'Z' ELSE 'a' END AS label FROM medimnet.catalog;

-- the query finds what its author sees
SET search_path = public;
SELECT medimnet.create_dataset('demo', 'SELECT * FROM chosen ORDER BY image_id; -- all of them');
SELECT name, version, query, split, seed, classes, length(manifest_hash) FROM medimnet.dataset_version;
SELECT * FROM medimnet.dataset_summary('demo');
SELECT DISTINCT frame FROM medimnet.dataset_member;
SELECT count(*), count(DISTINCT subject_id) FROM medimnet.dataset_member;

-- subjects that share an image are together
SELECT count(DISTINCT group_id), count(DISTINCT split), array_agg(subject_id ORDER BY subject_id)
FROM medimnet.dataset_subject WHERE subject_id <= 3;
SELECT * FROM medimnet.leak_report('demo');
-- a split from elsewhere may leak
SELECT leak, subject_id, content_hash = sha256('same') AS same, content_hash = sha256('also') AS also, splits, image_ids
FROM medimnet.leak_report('{11,12,21,22,31,41,42}', '{train,train,test,test,train,val,test}') ORDER BY 1, 2, 3;

-- the same again is the next version, with the same splits; another seed moves some
SELECT medimnet.create_dataset('demo', 'SELECT image_id, label FROM chosen');
SELECT medimnet.create_dataset('demo', 'SELECT image_id, label FROM chosen WHERE image_id <> 42', seed => 1);
SELECT version, manifest_hash = (SELECT manifest_hash FROM medimnet.dataset_version WHERE version = 1) AS as_first
FROM medimnet.dataset_version ORDER BY version;
SELECT * FROM medimnet.dataset_diff('demo@1', 'demo@2');
SELECT change, count(*) > 0 AS some FROM medimnet.dataset_diff('demo@1', 'demo') GROUP BY change ORDER BY change;
SELECT medimnet.dataset_id('demo'), medimnet.dataset_id('demo@1');
SELECT medimnet.dataset_id('demo@9');
SELECT medimnet.dataset_id('demo@');
-- the manifest's hash can be checked by anybody
SELECT v.manifest_hash = sha256((SELECT string_agg(m || E'\n', '') FROM medimnet.dataset_manifest('demo@1') m)::bytea)
FROM medimnet.dataset_version v WHERE version = 1;
SELECT * FROM medimnet.dataset_manifest('demo@1') LIMIT 2;

-- no key lets a subject, or a group of subjects, into two splits
BEGIN;
ALTER TABLE medimnet.dataset_group DISABLE TRIGGER frozen_insert, DISABLE TRIGGER frozen_update_old, DISABLE TRIGGER frozen_update_new;
ALTER TABLE medimnet.dataset_subject DISABLE TRIGGER frozen_insert, DISABLE TRIGGER frozen_update_old, DISABLE TRIGGER frozen_update_new;
ALTER TABLE medimnet.dataset_member DISABLE TRIGGER frozen_insert, DISABLE TRIGGER frozen_update_old, DISABLE TRIGGER frozen_update_new;
SAVEPOINT s;
INSERT INTO medimnet.dataset_subject SELECT dataset_id, subject_id, group_id, CASE split WHEN 'train' THEN 'val' ELSE 'train' END
FROM medimnet.dataset_subject WHERE dataset_id = 1 AND subject_id = 7;
ROLLBACK TO s;
UPDATE medimnet.dataset_member SET split = CASE split WHEN 'train' THEN 'val' ELSE 'train' END WHERE dataset_id = 1 AND subject_id = 7 AND image_id = 71;
ROLLBACK TO s;
UPDATE medimnet.dataset_subject SET split = CASE split WHEN 'train' THEN 'val' ELSE 'train' END WHERE dataset_id = 1 AND subject_id = 2;
ROLLBACK TO s;
INSERT INTO medimnet.dataset_group SELECT dataset_id, group_id, CASE split WHEN 'train' THEN 'val' ELSE 'train' END
FROM medimnet.dataset_group WHERE dataset_id = 1 AND group_id = 1;
ROLLBACK TO s;
UPDATE medimnet.dataset_group SET split = CASE split WHEN 'train' THEN 'val' ELSE 'train' END WHERE dataset_id = 1 AND group_id = 1;
ROLLBACK;

-- frozen
INSERT INTO medimnet.dataset_member SELECT dataset_id, subject_id, 4711, 0, 1, split FROM medimnet.dataset_subject LIMIT 1;
UPDATE medimnet.dataset_member SET label = 1 - label WHERE image_id = 71 AND dataset_id = 1;
DELETE FROM medimnet.dataset_member WHERE image_id = 71;
UPDATE medimnet.dataset_subject SET subject_id = subject_id;
DELETE FROM medimnet.dataset_subject;
DELETE FROM medimnet.dataset_group WHERE dataset_id = 2;
UPDATE medimnet.dataset_version SET seed = 2 WHERE version = 1;
UPDATE medimnet.dataset_version SET manifest_hash = NULL WHERE version = 1;
TRUNCATE medimnet.dataset_member;
TRUNCATE medimnet.dataset_version CASCADE;
-- but a version as a whole can go
SELECT medimnet.drop_dataset('demo@3');
SELECT dataset_id, count(*) FROM medimnet.dataset_member GROUP BY dataset_id ORDER BY dataset_id;

-- other splits
SELECT medimnet.create_dataset('halves', 'SELECT * FROM chosen', '{"a":0.5,"b":0.5}');
SELECT split, sum(images) FROM medimnet.dataset_summary('halves') GROUP BY split ORDER BY split;
SELECT medimnet.create_dataset('all', 'SELECT * FROM chosen', '{"all":1}');
SELECT medimnet.create_dataset('few', 'SELECT * FROM chosen WHERE image_id < 40');
SELECT medimnet.create_dataset('frames', 'SELECT 2::smallint AS frame, ''x''::varchar AS label, image_id FROM chosen ORDER BY image_id LIMIT 5');
SELECT DISTINCT frame FROM medimnet.dataset_member WHERE dataset_id = medimnet.dataset_id('frames');

-- what is refused
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen', '{"a":0.5,"b":0.4}');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen', '{"a":1.5,"b":-0.5}');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen', '{"a":"1"}');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen', '{}');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen', '[1]');
SELECT medimnet.create_dataset('x@1', 'SELECT * FROM chosen');
SELECT medimnet.create_dataset('', 'SELECT * FROM chosen');
SELECT medimnet.create_dataset('x', NULL);
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen WHERE false');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen UNION ALL VALUES (999999, ''a''), (999998, ''a'')');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen UNION ALL VALUES (5, ''a'')');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen UNION ALL SELECT image_id, ''other'' FROM chosen WHERE image_id > 500');
SELECT medimnet.create_dataset('x', 'SELECT image_id, nullif(label, ''a'') AS label FROM chosen WHERE image_id BETWEEN 180 AND 200');
SELECT medimnet.create_dataset('x', 'SELECT NULL::int AS image_id, label FROM chosen');
SELECT medimnet.create_dataset('x', 'SELECT *, 6 AS frame FROM chosen WHERE image_id < 30');
SELECT medimnet.create_dataset('x', 'SELECT *, 1 AS frame FROM chosen UNION ALL SELECT *, 2 FROM chosen WHERE image_id < 30');
SELECT medimnet.create_dataset('x', 'SELECT image_id FROM chosen');
SELECT medimnet.create_dataset('x', 'SELECT image_id, label, label AS tag FROM chosen');
SELECT medimnet.create_dataset('x', 'SELECT image_id::text, label FROM chosen');
SELECT medimnet.create_dataset('x', 'SELECT * FROM nowhere');
SELECT medimnet.create_dataset('x', 'SELECT * FROM chosen; DROP VIEW chosen');
SELECT medimnet.create_dataset('x', 'DELETE FROM medimnet.image RETURNING image_id, ''a'' AS label');
SELECT medimnet.create_dataset('x', 'WITH gone AS (DELETE FROM medimnet.image RETURNING image_id) SELECT image_id, ''a'' AS label FROM gone');
SELECT medimnet.create_dataset('x', 'SELECT * INTO kept FROM chosen');
SELECT medimnet.create_dataset('x', '');
SELECT count(*) FROM medimnet.dataset_version WHERE name = 'x';

-- compiling queries cannot be interrupted, so there is none
SET jit_above_cost = 0;
SELECT medimnet.create_dataset('jit', 'SELECT image_id, current_setting(''jit'') AS label FROM medimnet.catalog');
SELECT classes FROM medimnet.dataset_version WHERE name = 'jit';
RESET jit_above_cost;
