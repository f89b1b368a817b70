SELECT current_setting('twofold.unit', true) AS unit, s.stream, coalesce(
    (SELECT e.version FROM twofold.events e WHERE e.stream = s.stream ORDER BY e.version DESC LIMIT 1), 0) AS version
FROM (SELECT) AS one
LEFT JOIN unnest($1::text[]) AS s (stream) ON true
