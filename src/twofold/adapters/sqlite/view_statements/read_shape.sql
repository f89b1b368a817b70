SELECT shape FROM twofold_generations WHERE view = ? AND number = ?
