SELECT e.position, e.version, e.type, e.data, e.message_id, e.causation_id, e.correlation_id, e.recorded_at, e.origin
FROM carray(?1) a JOIN events e ON e.position = a.value
