SELECT g.status, g.shape, p.generation AS live
FROM twofold_views.twofold_generations AS g LEFT JOIN twofold_views.twofold_pointers AS p ON p.view = g.view
WHERE g.view = $1 AND g.number = $2 AND g.status <> 'dropped'
