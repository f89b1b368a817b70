SELECT o.number, o.message_id, o.command, o.status, o.stream, o.version, o.position, o.events, o.recorded_at, o.duration,
       o.correlation_id, o.origin, o.scope, o.key, o.payload_hash, o.code, o.message, o.details, e.message_id
FROM outcomes o LEFT JOIN events e ON e.position = o.position
WHERE o.number > ?1
ORDER BY o.number
LIMIT ?2
