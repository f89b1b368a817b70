SELECT view, number, fingerprint, epoch, shards, status
FROM twofold_views.twofold_generations
WHERE view = $1 AND fingerprint = $2 AND epoch = $3 AND status <> 'dropped'
ORDER BY number DESC
LIMIT 1
