SELECT g.status, g.shape, p.generation
FROM twofold_generations AS g LEFT JOIN twofold_pointers AS p ON p.view = g.view
WHERE g.view = ? AND g.number = ? AND g.status <> 'dropped'
