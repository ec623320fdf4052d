SET search_path = medimnet;
SET client_encoding = 'UTF8';

-- codes, names and aliases; both parents
SELECT is_a('39607008', 'thorax') AS lung_in_thorax,
	is_a('Lung', 'CHEST'),
	is_a('39607008', 'abdomen') AS lung_in_abdomen,
	is_a('7832008', 'Abdomen') AS abdominal_aorta_in_abdomen,
	is_a('7832008', 'Artery') AS abdominal_aorta_is_artery,
	is_a('Retina', 'head'),
	is_a('thorax', 'thorax');
SELECT is_a('CR', 'radiography'), is_a('XA', 'radiography'), is_a('CT', 'radiography'),
	is_a('SM', 'microscopy'), is_a('OPT', 'ophthalmology');
SELECT is_a('unknown', 'thorax'), is_a('unknown', 'unknown'), is_a('no such thing', 'thorax'), is_a(NULL, 'thorax') IS NULL;
SELECT is_a('39607008', 'no such thing');

SELECT string_agg(d, ' ' ORDER BY d COLLATE "C") FROM descendants('radiography') AS d;
SELECT count(*) FROM descendants('Entire body') AS d WHERE NOT is_a(d, 'Entire body');
-- descendants and is_a are the same relation
SELECT count(*) AS differ FROM anatomy a
WHERE is_a(a.code, 'thorax') <> (a.code IN (SELECT descendants('thorax')));
SELECT * FROM descendants('no such thing');

-- what files say
SELECT said, name FROM unnest(ARRAY['CHEST', 'THORAX', 'Chest PA', 'chest_2_views', 'C SPINE', 'c-spine', 'CSPINE', 'ABD', 'BLOOD', 'HAND',
	'HEAD', 'BREAST', 'LEFT HAND', 'T SPINE LAT', 'Schädel', 'SCHAEDEL', 'Füße', 'Fuß', 'tête', 'HWS', 'T-28000', 'WHOLE BODY', 'ankle rt', 'JAW']) WITH ORDINALITY AS s (said, n)
LEFT JOIN anatomy ON code = map_anatomy(said) ORDER BY n;
SELECT said, map_modality(said) FROM unnest(ARRAY['CT', 'mr', ' MRI ', 'X-Ray', 'DSA', 'DS', 'WSI', 'unknown']) WITH ORDINALITY AS s (said, n) ORDER BY n;
SELECT map_anatomy('gibberish'), map_anatomy(''), map_anatomy('left'), map_modality('gibberish'), map_anatomy(repeat('x', 10000)), map_anatomy(NULL) IS NULL;

-- the shipped trees are sound
SELECT count(*) AS codes, count(*) FILTER (WHERE parent IS NULL) AS roots, bool_and(builtin) AS builtin FROM anatomy;
SELECT code FROM anatomy WHERE parent IS NULL ORDER BY code;
SELECT count(*) AS codes, count(*) FILTER (WHERE parent IS NULL) AS roots FROM modality;
SELECT alias, code FROM anatomy_alias WHERE map_anatomy(alias) <> code;
SELECT alias, code FROM modality_alias WHERE map_modality(alias) <> code;
SELECT code FROM anatomy WHERE map_anatomy(code) <> code UNION ALL SELECT code FROM modality WHERE map_modality(code) <> code;
SELECT count(*) AS "Annex L" FROM anatomy_alias WHERE source = 'Annex L';

-- rows of one's own
BEGIN;
INSERT INTO anatomy (code, name, parent) VALUES ('my_lobe', 'Lobe of mine', '39607008');
INSERT INTO anatomy_alias (alias, code) VALUES ('CHEST', 'my_lobe'), ('mylobe', 'my_lobe');
SELECT is_a('my_lobe', 'thorax'), map_anatomy('chest'), map_anatomy('My Lobe');
SAVEPOINT s;
UPDATE anatomy SET parent = '85562004' WHERE code = 'my_lobe';
SELECT is_a('my_lobe', 'thorax'), is_a('my_lobe', 'hand');
ROLLBACK TO s;
SELECT is_a('my_lobe', 'thorax'), is_a('my_lobe', 'hand');
INSERT INTO anatomy (code, name, parent) VALUES ('a1', 'a1', 'a2'), ('a2', 'a2', 'a1');
ROLLBACK;
SELECT map_anatomy('chest'), map_anatomy('My Lobe');

-- built-in rows stay
UPDATE anatomy SET name = 'x' WHERE code = '39607008';
DELETE FROM modality_alias WHERE alias = 'MRI';
INSERT INTO modality (code, name, builtin) VALUES ('QQ', 'q', true);
INSERT INTO anatomy (code, name) VALUES ('with space', 'x');

-- anybody may read
CREATE ROLE regress_medimnet_reader;
GRANT USAGE ON SCHEMA medimnet TO regress_medimnet_reader;
SET ROLE regress_medimnet_reader;
SELECT count(*) > 900 FROM anatomy;
SELECT is_a('39607008', 'thorax');
INSERT INTO anatomy (code, name) VALUES ('x', 'x');
RESET ROLE;
REVOKE USAGE ON SCHEMA medimnet FROM regress_medimnet_reader;
DROP ROLE regress_medimnet_reader;
