SELECT p.shard, p.key, p.position, p.cause, p.stack, p.code, p.attempts, p.retry_at,
    (SELECT count(*) FROM twofold_waiting AS w WHERE w.view = p.view AND w.generation = p.generation AND w.key = p.key),
    (SELECT max(w.position) FROM twofold_waiting AS w WHERE w.view = p.view AND w.generation = p.generation AND w.key = p.key),
    p.since
FROM twofold_parked AS p
WHERE p.view = ?1 AND p.generation = ?2 AND (?3 IS NULL OR p.shard = ?3)
ORDER BY p.since, p.position
