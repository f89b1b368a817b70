INSERT INTO twofold_views.twofold_waiting (view, generation, key_hash, position)
SELECT $1, $2, $3, p.position FROM unnest($4::bigint[]) AS p (position)
ON CONFLICT DO NOTHING
