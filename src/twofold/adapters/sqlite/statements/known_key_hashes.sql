SELECT key_hash FROM outcomes WHERE key_hash IN (SELECT value FROM json_each(?1))
