UPDATE twofold_generations
SET status = 'live', changed_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE view = ? AND number = ? AND status <> 'dropped'
