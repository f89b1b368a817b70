SELECT h.position AS head, e.found, e.position, e.stream, e.version, e.type, e.schema_version, e.data,
       uuid_send(e.message_id) AS message_id, uuid_send(e.causation_id) AS causation_id,
       uuid_send(e.correlation_id) AS correlation_id, e.recorded_at, coalesce(e.origin, '{}') AS origin
FROM (SELECT coalesce(max(position), 0) AS position FROM twofold.events) AS h
LEFT JOIN LATERAL (
    SELECT page.*, count(*) OVER () AS found,
           sum(octet_length(page.data)) OVER (ORDER BY page.position ROWS UNBOUNDED PRECEDING) AS bytes
    FROM twofold.page(
        $1::bigint, least($9::bigint, $1 + $7::bigint, h.position), $2::text[], $3::text[], $4::smallint, $5::smallint, $6::integer
    ) AS page
) AS e ON e.bytes <= $8 OR e.bytes = octet_length(e.data)
ORDER BY e.position
