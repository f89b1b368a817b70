DELETE FROM twofold_parked
WHERE view = ?1 AND generation = ?2 AND key = ?3
  AND NOT EXISTS (SELECT 1 FROM twofold_waiting WHERE view = ?1 AND generation = ?2 AND key = ?3)
