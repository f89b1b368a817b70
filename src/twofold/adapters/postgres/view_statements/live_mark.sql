SELECT c.mark
FROM twofold_views.twofold_pointers AS p
JOIN twofold_views.twofold_checkpoints AS c ON c.view = p.view AND c.generation = p.generation
WHERE p.view = $1 AND p.generation = $2
ORDER BY c.position
LIMIT 1
