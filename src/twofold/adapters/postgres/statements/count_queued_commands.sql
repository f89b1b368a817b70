SELECT count(*), (SELECT queued_at FROM twofold.queued_commands ORDER BY number LIMIT 1)
FROM (SELECT 1 FROM twofold.queued_commands LIMIT $1) AS waiting
