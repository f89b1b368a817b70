SELECT c.mark
FROM twofold_pointers AS p
JOIN twofold_checkpoints AS c ON c.view = p.view AND c.generation = p.generation
WHERE p.view = ? AND p.generation = ?
ORDER BY c.position
LIMIT 1
