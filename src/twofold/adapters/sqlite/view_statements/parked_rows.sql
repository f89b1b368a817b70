SELECT p.shard, p.key, p.position, p.cause, p.stack, p.code, p.attempts, p.retry_at, count(w.position), max(w.position), p.since
FROM twofold_parked AS p
JOIN twofold_waiting AS w ON w.view = p.view AND w.generation = p.generation AND w.key = p.key
WHERE p.view = ?1 AND p.generation = ?2 AND (?3 IS NULL OR p.shard = ?3)
GROUP BY p.key
ORDER BY p.since, p.position
