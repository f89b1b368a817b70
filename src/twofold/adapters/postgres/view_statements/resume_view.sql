DELETE FROM twofold_views.twofold_paused WHERE view = $1
