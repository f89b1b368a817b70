SELECT g.view, g.number, g.fingerprint, g.epoch, g.shards, g.status, g.shape
FROM twofold_views.twofold_pointers AS p
JOIN twofold_views.twofold_generations AS g ON g.view = p.view AND g.number = p.generation
WHERE p.view = $1
