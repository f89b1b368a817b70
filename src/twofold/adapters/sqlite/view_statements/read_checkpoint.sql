SELECT mark, fence FROM twofold_checkpoints WHERE view = ? AND generation = ? AND shard = ?
