INSERT INTO twofold_waiting (view, generation, key, position) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
