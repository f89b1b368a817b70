INSERT INTO twofold_parked (view, generation, key, shard, position, cause, stack, code, attempts, retry_at, since)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(unixepoch('subsec') * 1000000 AS INTEGER))
ON CONFLICT (view, generation, key) DO UPDATE
SET position = excluded.position, cause = excluded.cause, stack = excluded.stack, code = excluded.code,
    attempts = excluded.attempts, retry_at = excluded.retry_at
