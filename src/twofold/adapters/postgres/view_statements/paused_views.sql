SELECT view FROM twofold_views.twofold_paused
