SELECT mark, fence FROM twofold_views.twofold_checkpoints WHERE view = $1 AND generation = $2 AND shard = $3
