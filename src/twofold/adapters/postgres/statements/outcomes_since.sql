SELECT o.number, uuid_send(o.message_id) AS message_id, o.command, o.status, o.stream, o.version, o.position, o.events,
       o.recorded_at, o.duration, uuid_send(o.correlation_id) AS correlation_id, o.origin, o.scope, o.key, o.payload_hash,
       o.code, o.message, o.details, uuid_send(e.message_id) AS last_event
FROM twofold.outcomes o LEFT JOIN twofold.events e ON e.position = o.position
WHERE o.number > $1
ORDER BY o.number
LIMIT $2
