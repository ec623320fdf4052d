-- a catalog of this test's own
SET client_min_messages = warning;
DROP SCHEMA medimnet CASCADE;
CREATE EXTENSION medimnet;
RESET client_min_messages;
SET search_path = medimnet;
\set SHOW_CONTEXT never
SET client_min_messages = warning;
BEGIN;
SELECT create_catalog();
SELECT add_collection('c', 'CC0-1.0');
\set one '\\x89504e470d0a1a0a0000000d49484452000000100000001008000000003a98a0bd000000a44944415478da636060e7139551d632b4b077f30d894eca6460e4e0179355d136b27470f70b8d49ce6260e214109753d531b672f4f00f8b4dc96660e612949057d335b176f20c088f4bcd6160e116925450d733b571f60a8c884fcb6560e5119652d4d037b375f10e8a4c48cf6360e3159156d23430b773f5098e4accc847b7b58001cdd64206345b8b18d06c2d6640b3b58401cdd65206345bcb18d06c2d6740b3b50200e4c33c0191455adf0000000049454e44ae426082'
\set two '\\x89504e470d0a1a0a0000000d49484452000000100000001008000000003a98a0bd000000ae4944415478da636060e7139551d632b4b077f30d894eca6460e214109753d531b672f4f00f8b4dc96660e116925450d733b571f60a8c884fcb6560e3159156d23430b773f5098e4accc867e0e0179355d136b27470f70b8d49ce2a64e012949057d335b176f20c088f4bcd2966e0119652d4d037b375f10e8a4c48cf2b6540b5b4a09c01d5d2a24a06544b4baa19502d2dab6540b5b4a29e01d5d2aa4606544b6b9a19502dad6b6540b5b4a11d0077b0438129b5c6720000000049454e44ae426082'

SELECT * FROM ingest('c', :'one', 'one.png', '{ring, ring ,blob}', 'somebody', 'microscopy', 'blood smear');
SELECT * FROM ingest('c', :'one', 'one.png', '{other}');
SELECT * FROM ingest('c', '', 'empty.png');
SELECT status FROM ingest('c', 'neither DICOM nor PNG nor JPEG');
INSERT INTO upload (collection, content, subject) VALUES ('c', :'two', 'somebody');

SELECT image_id, collection, modality, modality_source, anatomy, anatomy_source, label, labels, media_type, width, height, channels, frames FROM catalog ORDER BY image_id;
SELECT count(DISTINCT subject_id) FROM image;
SELECT log_id, collection, file_hash = sha256(:'one') AS one, status, image_id FROM ingest_log ORDER BY log_id;
SELECT name FROM finding ORDER BY name;
SELECT width(decode_frame(content)), content_hash(decode_frame(content)) = content_hash AS same FROM image JOIN image_content USING (subject_id, image_id) ORDER BY image_id;

-- the decoder's description is not trusted
SELECT (read_description(d)).media_type FROM (VALUES
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 1, "frames": 1}'),
	('{"media_type": "image/png", "width": 0, "height": 1, "channels": 1, "frames": 1}'),
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 2, "frames": 1}'),
	('{"media_type": "image/png", "width": 1e99, "height": 1, "channels": 1, "frames": 1}'),
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 1, "frames": 1, "attributes": {"a": 1e999999}}'),
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 1, "frames": 1, "attributes": "\u0000"}'),
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 1, "frames": 1, "phash": "12"}'),
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 1, "frames": 1, "content_hash": "00"}'),
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 1, "frames": 1, "content_hash": "zz"}'),
	('{"media_type": "image/png", "width": 1, "height": 1, "channels": 1, "frames": 1, "study_uid": "not a uid"}'),
	('{'), ('[]'), ('1')) AS v (d);

SELECT decide_modality(NULL, 'CT'), decide_modality('mri', 'CT'), decide_modality('?', 'ct scan'), decide_modality('', NULL);
SELECT a.* FROM (VALUES (1, NULL, 'SCT', '39607008', 'HEAD', 'CT'), (2, NULL, 'SRT', 'T-28000', NULL, 'CT'), (3, NULL, 'XX', '39607008', 'CHEST', 'CT'),
	(4, NULL, NULL, NULL, 'Chest PA', 'CT'), (5, 'hand', 'SCT', '39607008', 'HEAD', 'CT'), (6, NULL, NULL, NULL, NULL, 'MG'), (7, '?', NULL, NULL, '?', 'CT'),
	(8, NULL, 'FMA', '61423', NULL, 'XC')) v (n, given, scheme, tag, part, modality),
	decide_anatomy(given, scheme, tag, part, modality) AS a ORDER BY n;
SELECT hash_id('\xffffffffffffffff00'), hash_id('\x0000000000000002'), hash_id('\x8000000000000000');

SELECT * FROM ingest('nowhere', 'x');
ROLLBACK;
