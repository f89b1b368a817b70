SELECT number, message_id, command, data, context, queued_at FROM queued_commands WHERE number > ?1 ORDER BY number LIMIT ?2
