SELECT
    (SELECT coalesce(max(id), 0) FROM streams),
    (SELECT coalesce(max(number), 0) FROM outcomes),
    coalesce((SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1), 0)
