SELECT number, uuid_send(message_id) AS message_id, command, data, context, queued_at FROM twofold.queued_commands
WHERE message_id = encode($1, 'hex')::uuid
