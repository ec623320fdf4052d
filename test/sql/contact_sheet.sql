-- a catalog of this test's own
SET client_min_messages = warning;
DROP SCHEMA medimnet CASCADE;
CREATE EXTENSION medimnet;
RESET client_min_messages;
SET search_path = medimnet, public;

\set SHOW_CONTEXT never
SELECT contact_sheet('{1}');
SELECT create_catalog();
SELECT add_collection('sheet', 'CC0');

-- three images: gray wide, gray tall, colour; and one that is no image
CREATE TEMP TABLE files (n int, content bytea, w int, h int, c int);
INSERT INTO files VALUES
	(1, png(resize('2x2x1 u8 raw \x00ff8010', 100, 50)), 100, 50, 1),
	(2, png(resize('2x2x1 u16 raw \x00ff80104080ffff', 50, 100)), 50, 100, 1),
	(3, png(resize('2x1x3 u8 rgb \x00ff80100000', 50, 50)), 50, 50, 3),
	(4, '\x89504e470d0a1a0a', 1, 1, 1);
INSERT INTO subject (subject_id) SELECT n FROM files;
INSERT INTO image (subject_id, image_id, collection_id, status, media_type, file_hash, width, height, channels, frames)
SELECT n, 10 * n, (SELECT collection_id FROM collection WHERE name = 'sheet'), 'stored', 'image/png', sha256(content), w, h, c, 1 FROM files;
INSERT INTO image_content (subject_id, image_id, content) SELECT n, 10 * n, content FROM files;

-- two columns of 32 pixels with gaps of 4: 76 wide, 76 high, colour
SELECT width(p), height(p), channels(p) FROM decode_frame(contact_sheet('{10,20,30}', 2, 32)) AS p;
-- gray when all are, and as wide as it needs to be
SELECT width(p), height(p), channels(p) FROM decode_frame(contact_sheet(ARRAY[20, 10, 20])) AS p;
-- in the order given
SELECT contact_sheet('{10,20}') = contact_sheet('{20,10}') AS same, contact_sheet('{10,20}') = contact_sheet('{10,20}') AS repeated;

SELECT contact_sheet('{10,99}');
SELECT contact_sheet('{10,40}');
SELECT contact_sheet('{10,NULL}');
SELECT contact_sheet('{}');
SELECT contact_sheet('{10}', 0);
SELECT contact_sheet('{10}', -1);
SELECT contact_sheet('{10}', 1, 5000);
SELECT contact_sheet(array_fill(10, ARRAY[200])::bigint[], 100, 2048);
SELECT contact_sheet(NULL) IS NULL;
