INSERT INTO outcomes (number, message_id, command, status, stream, version, position, events, recorded_at, duration)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
