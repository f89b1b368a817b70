DELETE FROM twofold_views.twofold_waiting WHERE view = $1 AND generation = $2
