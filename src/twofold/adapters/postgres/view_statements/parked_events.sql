SELECT w.position
FROM twofold_views.twofold_waiting AS w
JOIN twofold_views.twofold_parked AS p ON p.view = w.view AND p.generation = w.generation AND p.key_hash = w.key_hash
WHERE w.view = $1 AND w.generation = $2 AND p.shard = $3 AND w.key_hash = $4
ORDER BY w.position
LIMIT $5
