DELETE FROM twofold_views.twofold_parked WHERE view = $1 AND generation = $2
