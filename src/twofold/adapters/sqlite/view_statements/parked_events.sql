SELECT w.position
FROM twofold_waiting AS w JOIN twofold_parked AS p ON p.view = w.view AND p.generation = w.generation AND p.key = w.key
WHERE w.view = ? AND w.generation = ? AND p.shard = ? AND w.key = ?
ORDER BY w.position
LIMIT ?
