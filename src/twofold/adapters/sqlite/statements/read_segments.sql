SELECT positions FROM segments WHERE stream = ?1 AND version > ?2 AND version <= ?3 ORDER BY version
