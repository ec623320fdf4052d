SET search_path = medimnet, public;

SELECT '1.2.840.10008.1.2.1'::uid, '0.0'::uid, '2.25.329800735698586629295641978511506172918'::uid;
SELECT length((repeat('1.', 31) || '10')::uid);
SELECT (repeat('1.', 32) || '1')::uid;
SELECT ''::uid;
SELECT '1'::uid;
SELECT '1.'::uid;
SELECT '.1'::uid;
SELECT '1..2'::uid;
SELECT '1.02'::uid;
SELECT '1.2 '::uid;
SELECT '1.a'::uid;
SELECT e'1.2\n'::uid;
SELECT NULL::uid;
