DELETE FROM twofold_waiting WHERE view = ? AND generation = ? AND key = ? AND position <= ?
