SELECT 'CREATE on schema ' || $1 AS lacking
WHERE $2 AND NOT has_schema_privilege(to_regnamespace($1), 'CREATE')
UNION ALL
SELECT needed.privilege || ' on ' || held.oid::regclass
FROM pg_class held
CROSS JOIN LATERAL unnest(CASE held.relname
    WHEN 'migrations' THEN ARRAY['SELECT']
    WHEN 'events' THEN ARRAY['SELECT', 'INSERT']
    ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
END) AS needed (privilege)
WHERE held.relnamespace = to_regnamespace($1) AND held.relkind = 'r'
    AND NOT has_table_privilege(held.oid, needed.privilege)
UNION ALL
SELECT 'EXECUTE on function ' || called.oid::regproc
FROM pg_proc called
WHERE called.pronamespace = to_regnamespace($1) AND NOT has_function_privilege(called.oid, 'EXECUTE')
ORDER BY lacking
