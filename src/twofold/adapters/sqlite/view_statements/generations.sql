SELECT g.view, g.number, g.fingerprint, g.epoch, g.shards, g.status, g.recipe,
       (SELECT c.mark FROM twofold_checkpoints AS c WHERE c.view = g.view AND c.generation = g.number ORDER BY c.position LIMIT 1),
       (SELECT c.mark FROM twofold_checkpoints AS c WHERE c.view = g.view AND c.generation = g.number
        ORDER BY c.position DESC LIMIT 1),
       g.why, g.changed_at
FROM twofold_generations AS g
WHERE g.view = ? AND g.status <> 'dropped'
ORDER BY g.number
