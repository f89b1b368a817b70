DELETE FROM outcomes WHERE number IN (SELECT number FROM outcomes WHERE recorded_at < ?1 ORDER BY number LIMIT ?2)
