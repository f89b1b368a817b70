INSERT INTO names (name, schema_version) VALUES (?, ?) ON CONFLICT DO NOTHING
