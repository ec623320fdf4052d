-- looking into files
SET search_path = medimnet, public;

-- what they are
SELECT media_type('\x89504e470d0a1a0a') AS png, media_type('\xffd8ffe0') AS jpeg,
	media_type(convert_to(repeat(' ', 128) || 'DICM', 'UTF8')) AS dicom,
	media_type('GIF89a') AS gif, media_type('') AS empty, media_type(NULL) AS "null";

-- two files: PNG, grey, 2x2; and CT, 2x2, two frames, 12 of 16 bits, slope 2, intercept -1000
CREATE TEMP TABLE file (name text, content bytea);
INSERT INTO file VALUES ('png', '\x89504e470d0a1a0a0000000d494844520000000200000002080000000057dd52f80000000e49444154789c6360646260660100001d000b0db552060000000049454e44ae426082'),
	('ct', decode(repeat('00', 128), 'hex') || '\x4449434d02000000554c04001c0000000200100055491400312e322e3834302e31303030382e312e322e31000800050043530a0049534f5f4952203130300800160055491a00312e322e3834302e31303030382e352e312e342e312e312e32000800600043530200435410001000504e0a004be473655e4f74746f20280002005553020001002800040043530c004d4f4e4f4348524f4d4532202800080049530200322028001000555302000200280011005553020002002800300044530800302e355c302e32352800000155530200100028000101555302000c0028000201555302000b00280003015553020000002800501044530200343028005110445304003430302028005210445306002d313030302028005310445302003220e07f10004f570000100000000000010002f0f4010400050006000700');
-- the same without preamble and file meta information
INSERT INTO file SELECT 'bare', substr(content, 133 + 12 + 28) FROM file WHERE name = 'ct';
SELECT name, media_type(content), frame_count(content), decode_frame(content) FROM file;
SELECT decode_frame(content, 2) FROM file WHERE name = 'ct';
SELECT width(p), height(p), channels(p), sample_type(p), unit(p) FROM file, decode_frame(content) p WHERE name = 'ct';
SELECT j ->> '00100010' AS name, j ->> '00280030' AS spacing, j ->> '7FE00010' AS pixel_data, count(k) AS elements
FROM file, dicom_json(content) j, jsonb_object_keys(j) k WHERE name = 'ct' GROUP BY j;

-- what identifies a person is gone; twice the same gives the same
SELECT name, media_type(d), decode_frame(d)::text = decode_frame(content)::text AS same_pixels,
	d = deidentify(content, sha256('key')) AS same_again
FROM file, deidentify(content, sha256('key')) d;
SELECT dicom_json(deidentify(content, sha256('key'))) -> '00100010' AS name FROM file WHERE name = 'ct';

-- refusals
SELECT decode_frame('\xdeadbeef');
SELECT decode_frame(content, 3) FROM file WHERE name = 'ct';
SELECT decode_frame(content, 0) FROM file WHERE name = 'ct';
SELECT decode_frame(content, 2) FROM file WHERE name = 'png';
SELECT decode_frame(substr(content, 1, 50)) FROM file WHERE name = 'png';
SELECT decode_frame(substr(content, 1, octet_length(content) - 10), 2) FROM file WHERE name = 'ct';
SELECT dicom_json(content) FROM file WHERE name = 'png';
SELECT frame_count('not an image');
SELECT deidentify(content, 'short') FROM file WHERE name = 'ct';
