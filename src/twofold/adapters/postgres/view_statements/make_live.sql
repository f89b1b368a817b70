UPDATE twofold_views.twofold_generations
SET status = 'live', changed_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE view = $1 AND number = $2 AND status <> 'dropped'
