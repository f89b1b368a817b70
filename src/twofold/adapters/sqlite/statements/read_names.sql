SELECT id, name, schema_version FROM names
