SELECT h.position AS head, e.found, e.position, e.stream, e.version, e.type, e.schema_version, e.data,
       uuid_send(e.message_id) AS message_id, uuid_send(e.causation_id) AS causation_id, uuid_send(e.correlation_id) AS correlation_id, e.recorded_at,
       coalesce(e.origin, '{}') AS origin
FROM (SELECT coalesce(max(position), 0) AS position FROM twofold.events) AS h
LEFT JOIN LATERAL (
    SELECT page.*, count(*) OVER () AS found,
           sum(octet_length(page.data)) OVER (ORDER BY page.position ROWS UNBOUNDED PRECEDING) AS bytes
    FROM (
        SELECT x.* FROM twofold.events x
        WHERE x.position > $1 AND x.position <= least($9, $1 + $7, h.position)
          AND ($2::text[] IS NULL OR x.type = ANY ($2))
          AND ($3::text[] IS NULL OR x.category = ANY ($3))
          AND ($4::smallint IS NULL OR (x.slice >= $4 AND x.slice < $5))
        ORDER BY x.position
        LIMIT $6
    ) AS page
) AS e ON e.bytes <= $8 OR e.bytes = octet_length(e.data)
ORDER BY e.position
