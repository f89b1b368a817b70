SELECT e.position, e.stream, e.version, e.type, e.schema_version, e.data, uuid_send(e.message_id) AS message_id,
       uuid_send(e.causation_id) AS causation_id, uuid_send(e.correlation_id) AS correlation_id, e.recorded_at,
       coalesce(e.origin, '{}') AS origin
FROM twofold.events e
WHERE e.stream = $1 AND e.version > $2 AND e.version <= $3
ORDER BY e.version
LIMIT $4
