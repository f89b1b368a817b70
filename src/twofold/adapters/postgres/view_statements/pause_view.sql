INSERT INTO twofold_views.twofold_paused (view) VALUES ($1) ON CONFLICT DO NOTHING
