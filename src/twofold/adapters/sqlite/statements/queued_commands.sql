SELECT number, message_id, command, data, context, queued_at FROM queued_commands ORDER BY number LIMIT ?
