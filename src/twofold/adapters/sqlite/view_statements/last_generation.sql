SELECT coalesce(max(number), 0) FROM twofold_generations WHERE view = ?
