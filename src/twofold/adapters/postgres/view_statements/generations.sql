SELECT g.view, g.number, g.fingerprint, g.epoch, g.shards, g.status, g.recipe, low.mark, high.mark, g.why, g.changed_at
FROM twofold_views.twofold_generations AS g
CROSS JOIN LATERAL (
    SELECT c.mark FROM twofold_views.twofold_checkpoints AS c WHERE c.view = g.view AND c.generation = g.number
    ORDER BY c.position LIMIT 1
) AS low
CROSS JOIN LATERAL (
    SELECT c.mark FROM twofold_views.twofold_checkpoints AS c WHERE c.view = g.view AND c.generation = g.number
    ORDER BY c.position DESC LIMIT 1
) AS high
WHERE g.view = $1 AND g.status <> 'dropped'
ORDER BY g.number
