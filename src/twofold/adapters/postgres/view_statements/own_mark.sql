SELECT c.mark FROM twofold_views.twofold_checkpoints AS c WHERE c.view = $1 AND c.generation = $2 AND c.shard = r."_shard"
