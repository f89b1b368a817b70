SELECT head, last_message_id, last_outcome, floor, recorded, current_setting('twofold.unit', true) AS unit
FROM twofold.lock_head($1, $2)
