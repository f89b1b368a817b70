WITH RECURSIVE chain (position, version, previous) AS (
    SELECT position, version, previous FROM events WHERE position = ?1
    UNION ALL
    SELECT e.position, e.version, e.previous FROM chain c JOIN events e ON e.position = c.previous WHERE c.version > ?2 + 1
)
SELECT position FROM chain WHERE version > ?2 ORDER BY version
