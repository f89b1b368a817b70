SELECT p.shard, p.key, p.position, p.cause, p.stack, p.code, p.attempts, p.retry_at, w.waiting, w.last, p.since
FROM twofold_views.twofold_parked AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, max(w.position) AS last FROM twofold_views.twofold_waiting AS w
    WHERE w.view = p.view AND w.generation = p.generation AND w.key_hash = p.key_hash
) AS w
WHERE p.view = $1 AND p.generation = $2 AND ($3::bigint IS NULL OR p.shard = $3)
ORDER BY p.since, p.position
