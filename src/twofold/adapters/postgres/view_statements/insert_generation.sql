INSERT INTO twofold_views.twofold_generations (view, number, fingerprint, epoch, shards, status, recipe, shape, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
