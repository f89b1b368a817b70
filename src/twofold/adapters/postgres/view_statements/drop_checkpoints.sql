DELETE FROM twofold_views.twofold_checkpoints WHERE view = $1 AND generation = $2
