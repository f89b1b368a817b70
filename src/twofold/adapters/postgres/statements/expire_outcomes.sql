DELETE FROM twofold.outcomes
WHERE number IN (SELECT number FROM twofold.outcomes WHERE recorded_at < $1 ORDER BY number LIMIT $2)
