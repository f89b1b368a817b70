DELETE FROM twofold.queued_commands WHERE number = $1
