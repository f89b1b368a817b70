UPDATE twofold_views.twofold_checkpoints
SET epoch = $1, position = $2, "check" = $3, fence = $4
WHERE view = $5 AND generation = $6 AND shard = $7 AND epoch = $8 AND position = $9 AND "check" = $10 AND fence <= $4
RETURNING pg_notify('twofold_views', concat_ws(' ', view, generation, shard, position))
