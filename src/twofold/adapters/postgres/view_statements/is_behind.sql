SELECT (SELECT min(position) FROM twofold_views.twofold_checkpoints WHERE view = $1 AND generation = $2)
     < (SELECT max(position) FROM twofold_views.twofold_checkpoints WHERE view = $1 AND generation = $3)
