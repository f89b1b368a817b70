SELECT number, uuid_send(message_id) AS message_id, command, data, context, queued_at FROM twofold.queued_commands
WHERE number > $1 ORDER BY number LIMIT $2
