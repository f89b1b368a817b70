SELECT c.mark FROM twofold_views.twofold_checkpoints AS c WHERE c.view = $1 AND c.generation = $2 ORDER BY c.position LIMIT 1
