DELETE FROM twofold_views.twofold_waiting WHERE view = $1 AND generation = $2 AND key_hash = $3 AND position <= $4
