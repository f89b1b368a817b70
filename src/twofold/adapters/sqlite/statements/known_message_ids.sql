SELECT message_id FROM outcomes WHERE message_id IN (SELECT unhex(value) FROM json_each(?1))
