-- a catalog of this test's own
SET client_min_messages = warning;
DROP SCHEMA medimnet CASCADE;
CREATE EXTENSION medimnet;
RESET client_min_messages;
SET search_path = medimnet;
\set SHOW_CONTEXT never
SET client_min_messages = warning;

SELECT require_catalog();
BEGIN;
SELECT create_catalog();
SELECT c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relname IN ('catalog_info', 'collection', 'subject', 'study', 'series', 'image', 'image_content', 'finding', 'finding_alias', 'label', 'model',
	'image_embedding', 'ingest_log', 'catalog', 'quarantine', 'upload') AND c.relnamespace = 'medimnet'::regnamespace
GROUP BY c.relname ORDER BY c.relname COLLATE "C";
-- the keys of what grows with images begin with the subject
SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'p' AND conrelid::regclass::text IN ('subject', 'study', 'series', 'image', 'image_content', 'label', 'image_embedding')
ORDER BY conrelid::regclass::text COLLATE "C";
SELECT partitions, length(key_check) FROM catalog_info;

-- findings are a tree
SELECT add_collection('c', 'CC0-1.0');
INSERT INTO finding (collection_id, name) VALUES (1, 'opacity');
INSERT INTO finding (collection_id, name, parent) VALUES (1, 'consolidation', 1), (1, 'fracture', NULL);
INSERT INTO finding (collection_id, name, parent) VALUES (1, 'pneumonia', 2);
SELECT is_a(4, 1), is_a(4, 4), is_a(3, 1), is_a(1, 4);
SELECT array_agg(d ORDER BY d) FROM descendants(1) d;
-- even a circle ends
UPDATE finding SET parent = 4 WHERE finding_id = 1;
SELECT is_a(4, 3), (SELECT count(*) FROM descendants(1));
ROLLBACK;

BEGIN;
SELECT create_catalog(2);
SELECT inhparent::regclass, count(*) FROM pg_inherits JOIN pg_class c ON c.oid = inhparent AND relkind = 'p' GROUP BY 1 ORDER BY 1::text COLLATE "C";
SAVEPOINT s;
SELECT create_catalog();
ROLLBACK;

-- the registry
SELECT count(*), count(*) FILTER (WHERE unverified <> '{}') AS with_doubts FROM known_dataset;
SELECT DISTINCT m FROM known_dataset, unnest(modality) m WHERE m NOT IN (SELECT code FROM medimnet.modality);
SELECT DISTINCT u FROM known_dataset, unnest(unverified) u ORDER BY u;
SELECT name, modality, size, license, access, unverified FROM known_dataset WHERE name LIKE 'HAM%';
SELECT name FROM known_dataset WHERE concat(size, license, access, anatomy, format) ~ '[^ -~]|verify';
