SELECT count(*), (SELECT queued_at FROM queued_commands ORDER BY number LIMIT 1)
FROM (SELECT 1 FROM queued_commands LIMIT ?1)
