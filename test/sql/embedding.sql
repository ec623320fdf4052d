SET search_path = medimnet, public;
SET extra_float_digits = 0;

SELECT '[1,2.5,-3e-2]'::embedding, ' [ 1 , 2 ] '::embedding, '[0.1,1e-45,3.4028235e38,-0]'::embedding, '[1e-60]'::embedding;
SELECT dims('[1,2,3]'::embedding), norm('[3,4]'::embedding), embedding_send('[1,-2]');

-- type modifier
SELECT '[1,2,3]'::embedding(3), '{1,2}'::real[]::embedding(2);
CREATE TEMP TABLE typed (e embedding(3));
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attname = 'e';
INSERT INTO typed VALUES ('[1,2,3]'), ('{4,5,6}'::real[]);
INSERT INTO typed VALUES ('[1,2]');
INSERT INTO typed SELECT '{1,2}'::real[];
INSERT INTO typed SELECT '[1,2]'::embedding;
SELECT '[1]'::embedding(0);
SELECT '[1]'::embedding(16001);
SELECT '[1]'::embedding(1, 2);
SELECT * FROM typed ORDER BY e;

-- to and from arrays
SELECT '[1,2,3]'::embedding::real[], ARRAY[1, 2, 3]::real[]::embedding, '[5:6]={1,2}'::real[]::embedding;
SELECT '{}'::real[]::embedding;
SELECT '{{1,2}}'::real[]::embedding;
SELECT '{1,NULL}'::real[]::embedding;
SELECT '{1,NaN}'::real[]::embedding;

-- distances
SELECT '[1,2,3]'::embedding <-> '[4,6,3]' AS l2, '[1,2,3]'::embedding <#> '[4,5,6]' AS ip, '[1,0]'::embedding <=> '[0,2]' AS cosine,
	'[1,0]'::embedding <=> '[-3,0]' AS opposite, '[1,1]'::embedding <=> '[2,2]' < 1e-15 AS same, '[0,0]'::embedding <=> '[1,1]' AS zero;
SELECT l2_distance('[0]', '[2]'), negative_inner_product('[2]', '[3]'), cosine_distance('[1]', '[5]');
SELECT '[1,2]'::embedding <-> '[1]';
SELECT '[1,2]'::embedding <#> '[1]';
SELECT '[1,2]'::embedding <=> '[1]';
SELECT dims(a), a <-> b AS l2, a <#> b AS ip
FROM (SELECT array_agg((i % 7)::real)::embedding, array_agg((i % 5)::real)::embedding FROM generate_series(1, 16000) AS i) AS v (a, b);

-- order and equality
SELECT e FROM unnest(ARRAY['[2]', '[1,2]', '[1]', '[-1,5]', '[1,-2]']::embedding[]) AS e ORDER BY e;
SELECT count(DISTINCT e) FROM unnest(ARRAY['[1,2]', '[1,2]', '[1,3]', '[0]', '[-0]']::embedding[]) AS e;
SELECT a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, embedding_cmp(a, b) AS cmp
FROM (VALUES ('[1,2]'::embedding, '[1,3]'::embedding), ('[1,2]', '[1,2]'), ('[1,2]', '[1]')) AS v (a, b) ORDER BY a, b;

-- what is refused
SELECT ''::embedding;
SELECT '[]'::embedding;
SELECT '1,2'::embedding;
SELECT '[1,2'::embedding;
SELECT '[1,]'::embedding;
SELECT '[,1]'::embedding;
SELECT '[1 2]'::embedding;
SELECT '[1,2]3'::embedding;
SELECT '[x]'::embedding;
SELECT '[NaN]'::embedding;
SELECT '[Infinity]'::embedding;
SELECT '[1e39]'::embedding;
SELECT ('[' || repeat('1,', 16000) || '1]')::embedding;
SELECT dims(('[' || repeat('1,', 15999) || '1]')::embedding);
