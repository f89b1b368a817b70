DELETE FROM twofold_parked WHERE view = ? AND generation = ?
