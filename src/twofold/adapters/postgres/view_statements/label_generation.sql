UPDATE twofold_views.twofold_generations SET status = $1, why = $2, changed_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE view = $3 AND number = $4 AND status <> 'dropped'
