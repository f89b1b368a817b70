SELECT number, message_id, command, data, context, queued_at FROM queued_commands WHERE message_id = ?
