SELECT position, uuid_send(message_id) AS message_id FROM twofold.events WHERE position <= $1 ORDER BY position DESC LIMIT 1
