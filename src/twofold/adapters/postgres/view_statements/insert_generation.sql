INSERT INTO twofold_views.twofold_generations (view, number, fingerprint, epoch, shards, status) VALUES ($1, $2, $3, $4, $5, $6)
