SELECT 1 FROM twofold_views.twofold_checkpoints WHERE view = $1 AND generation IN ($2, $3) ORDER BY generation, shard FOR UPDATE
