SELECT number, name, checksum FROM twofold_views.migrations ORDER BY number
