INSERT INTO twofold_views.twofold_checkpoints (view, generation, shard, epoch, position, "check", fence)
SELECT $1, $2, s.shard, $3, 0, $4, 0 FROM generate_series(0, $5::bigint - 1) AS s (shard)
