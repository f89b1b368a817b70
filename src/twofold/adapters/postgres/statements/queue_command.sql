INSERT INTO twofold.queued_commands (message_id, command, data, context, queued_at)
VALUES (encode($1, 'hex')::uuid, $2, $3, $4, coalesce($5, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint))
ON CONFLICT DO NOTHING
