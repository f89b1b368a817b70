SELECT coalesce(max(number), 0) FROM twofold_views.twofold_generations WHERE view = $1
