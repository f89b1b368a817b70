SELECT head, last_message_id, last_outcome, floor, recorded FROM twofold.lock_head($1, $2)
