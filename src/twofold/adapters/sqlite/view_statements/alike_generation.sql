SELECT view, number, fingerprint, epoch, shards, status
FROM twofold_generations
WHERE view = ? AND fingerprint = ? AND epoch = ? AND status <> 'dropped'
ORDER BY number DESC
LIMIT 1
