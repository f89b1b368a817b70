DELETE FROM queued_commands WHERE number = ?
