DELETE FROM twofold_views.twofold_parked
WHERE view = $1 AND generation = $2 AND key_hash = $3
  AND NOT EXISTS (SELECT FROM twofold_views.twofold_waiting AS w WHERE w.view = $1 AND w.generation = $2 AND w.key_hash = $3)
