INSERT INTO twofold_views.twofold_parked (view, generation, key_hash, shard, position, cause, stack, code, attempts, retry_at, key, since)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
ON CONFLICT (view, generation, key_hash) DO UPDATE
SET position = excluded.position, cause = excluded.cause, stack = excluded.stack, code = excluded.code,
    attempts = excluded.attempts, retry_at = excluded.retry_at
