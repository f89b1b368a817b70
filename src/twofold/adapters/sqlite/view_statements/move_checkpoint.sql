UPDATE twofold_checkpoints
SET epoch = ?, position = ?, "check" = ?, fence = ?
WHERE view = ? AND generation = ? AND shard = ? AND epoch = ? AND position = ? AND "check" = ? AND fence <= ?
