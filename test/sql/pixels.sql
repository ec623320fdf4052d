SET search_path = medimnet, public;
SET extra_float_digits = 0; -- our text forms do not depend on it

-- text form
SELECT '2x1x1 i16 HU spacing=0.5,0.25 window=40,400 inverted \x18fc2800'::pixels;
SELECT e' 1x2x3\tu8 rgb\n\\x000102FFfe80 '::pixels;
SELECT '1x1x1 f32 SUV spacing=0.1,1e-300 window=-0,5e-324 \x0100c07f'::pixels;
SELECT '2x1x1 u16 OD \x0000ffff'::pixels, '1x1x1 u8 BQML \x00'::pixels, '1x1x1 u8 US \x00'::pixels, '1x1x1 u8 raw spacing=-0,0 \x00'::pixels;

-- accessors
SELECT width(p), height(p), channels(p), sample_type(p), unit(p), spacing(p)
FROM (VALUES (1, '2x1x1 i16 HU spacing=0.5,0.25 \x18fc2800'::pixels), (2, '1x2x3 u8 rgb \x000102ffFE80'), (3, '1x1x1 f32 raw spacing=1,0 \x00000000')) AS v (n, p) ORDER BY n;

-- binary form
SELECT pixels_send('2x1x1 i16 HU spacing=0.5,0.25 window=40,400 inverted \x18fc2800');

-- equality is of every bit
SELECT p = '1x1x1 u8 raw \x07' AS same, p <> '1x1x1 u8 raw \x07' AS differ, p = '1x1x1 u8 raw \x08' AS value, p = '1x1x1 u8 HU \x07' AS unit,
	p = '2x1x1 u8 raw \x0707' AS size FROM (SELECT '1x1x1 u8 raw \x07'::pixels) AS v (p);

-- what is refused
SELECT ''::pixels;
SELECT '2x1 u8 raw \x0000'::pixels;
SELECT '2x1x2 u8 raw \x00000000'::pixels;
SELECT '2x1x1 i8 raw \x0000'::pixels;
SELECT '2x1x1 u8 mm \x0000'::pixels;
SELECT '2x1x1 u8 raw spacing=1 \x0000'::pixels;
SELECT '2x1x1 u8 raw spacing=-1,1 \x0000'::pixels;
SELECT '2x1x1 u8 raw window=nan,1 \x0000'::pixels;
SELECT '2x1x1 u8 raw \x00'::pixels;
SELECT '2x1x1 u8 raw \x00zz'::pixels;
SELECT '2x1x1 u8 raw \x000000'::pixels;
SELECT '0x1x1 u8 raw \x'::pixels;
SELECT '65536x1x1 u8 raw \x'::pixels;
SELECT '65535x65535x3 f32 raw \x00'::pixels;
SELECT '65535x4000x1 f32 raw \x00'::pixels;

-- a value stored out of line; its header is read without the rest
CREATE TEMP TABLE stored (p pixels);
INSERT INTO stored SELECT ('100x100x1 u16 raw spacing=2,3 \x' || repeat('0123456789', 4000))::pixels;
SELECT width(p), height(p), sample_type(p), spacing(p), pg_column_size(p), octet_length(pixels_send(p)) FROM stored;
SELECT s.p = t.p AS same FROM stored s, stored t;
SELECT attstorage, attalign FROM pg_attribute WHERE attrelid = 'stored'::regclass AND attname = 'p';
