INSERT INTO queued_commands (message_id, command, data, context, queued_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
