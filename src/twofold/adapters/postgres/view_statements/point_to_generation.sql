INSERT INTO twofold_views.twofold_pointers (view, generation) VALUES ($1, $2) ON CONFLICT (view) DO UPDATE SET generation = excluded.generation
