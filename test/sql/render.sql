SET search_path = medimnet, public;

-- render
SELECT render('5x1x1 i16 HU spacing=1,2 \x18fc60ff2800ef00b80b');
SELECT render(p, preset) FROM (SELECT '5x1x1 i16 HU \x18fc60ff2800ef00b80b'::pixels) AS v (p),
	unnest(ARRAY['soft_tissue', 'lung', 'bone', 'brain', 'percentile', 'full']) WITH ORDINALITY AS u (preset, n) ORDER BY n;
SELECT render('3x1x1 i16 HU inverted window=0,101 \xceff00003200');
SELECT render('3x1x1 u8 raw \x0080ff'), render('1x1x3 u8 rgb \x010203'), render('3x1x1 u8 raw inverted \x0080ff');
SELECT render('3x1x1 u16 raw \xe803dc05d007'), render('4x1x1 f32 SUV \x0000c07f000000000000003f0000803f');
SELECT render('1x1x1 u8 raw \x00', 'lungs');
SELECT render('1x1x1 u8 raw \x00', 'lung');

-- window_level
SELECT window_level('4x1x1 i16 raw \xffff000001000200', 1, 1), window_level('4x1x1 i16 raw \xffff000001000200', 1, 3);
SELECT window_level('1x1x1 u8 raw \x00', 1, 0);
SELECT window_level('1x1x1 u8 raw \x00', 'NaN', 1);

-- resize
SELECT resize('4x2x1 u8 raw spacing=1,2 \x004080c0004080c0', 2, 1), resize('2x1x1 i16 HU \x18fc2800', 4, 1), resize('1x1x3 u8 rgb \x010203', 2, 2);
SELECT resize('2x1x1 f32 raw \x000000000000803f', 4, 1), resize('3x1x1 u16 raw \x0000ffffffff', 3, 1);
SELECT resize('1x1x1 u8 raw \x00', 0, 1);
SELECT resize('1x1x1 u8 raw \x00', 1, -1);
SELECT resize('1x1x1 u8 raw \x00', 65536, 1);
SELECT resize('1x1x1 u8 raw \x00', 65535, 65535);

-- png: signature, size, depth, colour type
SELECT substr(png('3x2x1 u8 raw \x000102030405'), 1, 26), substr(png('1x1x3 u16 rgb \x000001000200'), 17, 10);
SELECT png('3x2x1 u8 raw \x000102030405') = png('3x2x1 u8 raw inverted \xfffefdfcfbfa') AS "inverted looks inverted";
SELECT png('1x1x1 f32 raw \x00000000');
SELECT png('1x1x1 i16 HU \x0000');

-- hashes
SELECT content_hash('2x1x1 i16 raw \x18fc2800') = sha256('\x0200000001000000010300'::bytea || '\x0018fc2800') AS "as documented";
SELECT content_hash('2x1x1 i16 HU spacing=1,1 window=1,1 \x18fc2800') = content_hash('2x1x1 i16 raw \x18fc2800') AS same,
	content_hash('1x2x1 i16 raw \x18fc2800') = content_hash('2x1x1 i16 raw \x18fc2800') AS geometry,
	content_hash('2x1x1 u16 raw \x18fc2800') = content_hash('2x1x1 i16 raw \x18fc2800') AS type;
SELECT phash('2x2x1 u8 raw \x00ff8010'), phash('1x1x1 u8 raw \x55'), length(phash('1x1x1 u8 raw \x55'));
SELECT phash('2x2x1 u8 raw \x00ff8010') = phash(resize('2x2x1 u8 raw \x00ff8010', 2, 2)) AS same;

-- cancel while it works; a big image is made first
CREATE TEMP TABLE big AS SELECT resize('2x2x1 u8 raw \x00ff8010', 8000, 8000) AS p;
SET statement_timeout = 100;
SELECT count(resize(p, 7000 + i, 7000)) FROM big, generate_series(1, 20) AS i;
RESET statement_timeout;
