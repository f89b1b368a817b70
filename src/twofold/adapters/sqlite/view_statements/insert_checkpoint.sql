INSERT INTO twofold_checkpoints (view, generation, shard, epoch, position, "check", fence) VALUES (?, ?, ?, ?, 0, ?, 0)
