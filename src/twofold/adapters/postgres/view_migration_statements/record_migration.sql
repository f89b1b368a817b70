INSERT INTO twofold_views.migrations (number, name, checksum) VALUES ($1, $2, $3)
