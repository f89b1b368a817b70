SELECT c.mark FROM twofold_checkpoints AS c WHERE c.view = ? AND c.generation = ? ORDER BY c.position LIMIT 1
