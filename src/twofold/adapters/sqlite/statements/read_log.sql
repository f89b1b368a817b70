SELECT e.position, s.name, e.version, e.type, e.data, e.message_id, e.causation_id, e.correlation_id, e.recorded_at, e.origin
FROM events e JOIN streams s ON s.id = e.stream
WHERE e.position > ?1 AND e.position <= ?2
  AND (?3 IS NULL OR e.type IN (SELECT id FROM names WHERE name IN (SELECT value FROM json_each(?3))))
  AND (?4 IS NULL OR s.category IN (SELECT value FROM json_each(?4)))
  AND (?5 IS NULL OR (s.slice >= ?5 AND s.slice < ?6))
ORDER BY e.position
LIMIT ?7
