INSERT INTO outcomes (number, message_id, command, status, stream, version, position, events, recorded_at, duration,
                      correlation_id, origin, key_hash, scope, key, payload_hash, code, message, details)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
