SET search_path = medimnet, public;
SET extra_float_digits = 0;

-- text form, all element types
SELECT t, dtype(t), shape(t) FROM (VALUES
	(1, 'uint8[2]{0,255}'::tensor), (2, 'int8[2]{-128,127}'), (3, 'uint16[1]{65535}'), (4, 'int16[1,1]{-32768}'), (5, 'int32[2]{-2147483648,2147483647}'),
	(6, 'int64[2]{-9223372036854775808,9223372036854775807}'), (7, 'float16[4]{0.1,-65504,6e-8,Infinity}'),
	(8, 'float32[2,3]{0.1,-0,1e-45,3.4028235e38,NaN,-Infinity}'), (9, 'float64[]{0.1}'), (10, 'float32[0,3]{}'), (11, ' float32 [ 2 ] { 1 , 2 } ')) AS v (n, t) ORDER BY n;
SELECT 'float32[2]{NaN(0xffc00000),NaN(0x7f800001)}'::tensor, 'float64[1]{NaN(0x7ff8000000000001)}'::tensor, 'float16[2]{NaN(0x7e01),NaN}'::tensor;

-- binary form: an NPY file
SELECT encode(tensor_send('float32[2,3]{1,2,3,4,5,6}'), 'escape');
SELECT octet_length(tensor_send('uint8[]{1}')), octet_length(tensor_send('uint8[1,1,1,1,1,1,1,1]{1}'));

-- to and from arrays
SELECT '{{1,2,3},{4,5,NaN}}'::real[]::tensor, '{}'::real[]::tensor, ARRAY[0.1]::real[]::tensor;
SELECT 'int32[2,2]{1,2,3,16777217}'::tensor::real[], 'float16[3]{0.1,NaN,-inf}'::tensor::real[], 'float64[]{2.5}'::tensor::real[], 'uint8[0,2]{}'::tensor::real[];
SELECT ('float32[2,2]{1,2,3,4}'::tensor::real[])[2][1];
SELECT '{1,NULL}'::real[]::tensor;
SELECT 'int8[1,1,1,1,1,1,1]{1}'::tensor::real[];

-- equality is of every bit
SELECT t = 'float32[1]{NaN}' AS same, t <> 'float32[1]{NaN}' AS differ, t = 'float32[1,1]{NaN}' AS shape, t = 'float32[1]{1}' AS value, t = 'int32[1]{1}' AS type
FROM (SELECT 'float32[1]{NaN}'::tensor) AS v (t);

-- what is refused
SELECT ''::tensor;
SELECT 'uint32[1]{1}'::tensor;
SELECT 'float32{1}'::tensor;
SELECT 'float32[-1]{1}'::tensor;
SELECT 'float32[1,1,1,1,1,1,1,1,1]{1}'::tensor;
SELECT 'float32[99999999999]{1}'::tensor;
SELECT 'float32[2147483647,2147483647]{1}'::tensor;
SELECT 'uint8[1000000000]{1}'::tensor;
SELECT 'float32[2]{1}'::tensor;
SELECT 'float32[1]{1,2}'::tensor;
SELECT 'float32[2]{one,2}'::tensor;
SELECT 'float32[1]{1e39}'::tensor;
SELECT 'uint8[1]{256}'::tensor;
SELECT 'uint8[1]{1.5}'::tensor;
SELECT 'float32[1]{NaN(0x3f800000)}'::tensor;
SELECT 'float32[1]{1} '::tensor, 'float32[1]{1}x'::tensor;

-- stored out of line
CREATE TEMP TABLE stored (t tensor);
INSERT INTO stored SELECT (array_agg(i::real ORDER BY i))::tensor FROM generate_series(1, 10000) AS i;
SELECT dtype(t), shape(t), (t::real[])[10000], pg_column_size(t) FROM stored;
SELECT s.t = t.t AS same FROM stored s, stored t;
