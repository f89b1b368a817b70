SELECT number, name, checksum FROM twofold.migrations ORDER BY number
