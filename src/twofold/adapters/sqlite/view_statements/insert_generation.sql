INSERT INTO twofold_generations (view, number, fingerprint, epoch, shards, status, recipe, shape, changed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, CAST(unixepoch('subsec') * 1000000 AS INTEGER))
