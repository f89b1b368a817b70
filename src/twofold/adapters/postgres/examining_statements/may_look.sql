SELECT coalesce(has_schema_privilege(to_regnamespace($1), 'USAGE'), true)
