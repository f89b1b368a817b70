SELECT c.mark
FROM twofold_pointers AS p
JOIN twofold_checkpoints AS c ON c.view = p.view AND c.generation = p.generation AND c.shard = "_shard"
WHERE p.view = ? AND p.generation = ?
