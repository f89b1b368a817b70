DELETE FROM twofold_paused WHERE view = ?
