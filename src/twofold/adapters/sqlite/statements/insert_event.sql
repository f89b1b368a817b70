INSERT INTO events (position, stream, version, previous, type, data, message_id, causation_id, correlation_id, origin, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
