SELECT s.id, h.version, h.position FROM streams s JOIN heads h ON h.stream = s.id WHERE s.name = ?
