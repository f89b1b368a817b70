DELETE FROM twofold_checkpoints WHERE view = ? AND generation = ?
