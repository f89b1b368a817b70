SELECT position, message_id FROM events WHERE position <= ? ORDER BY position DESC LIMIT 1
