-- what the extension promises of itself
-- every function, type, table and view says what it is
SELECT pg_catalog.pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_catalog.pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'medimnet')
  AND classid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_class'::regclass, 'pg_operator'::regclass)
  AND pg_catalog.obj_description(objid, classid::regclass::name) IS NULL
  AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE classid = 'pg_class'::regclass AND c.oid = objid AND c.relkind IN ('i', 'S'))
  AND NOT EXISTS (SELECT 1 FROM pg_type t WHERE classid = 'pg_type'::regclass AND t.oid = objid AND (t.typrelid <> 0 OR t.typelem <> 0))
ORDER BY 1;
-- every function that is not C has a safe search_path (a procedure that commits
-- cannot have one: those qualify every name)
SELECT p.oid::regprocedure AS without_search_path
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'medimnet'::regnamespace AND l.lanname IN ('sql', 'plpgsql') AND p.prokind <> 'p'
  AND NOT coalesce(p.proconfig::text LIKE '%search_path=pg_catalog%', false)
ORDER BY 1;
