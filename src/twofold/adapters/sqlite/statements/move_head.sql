REPLACE INTO heads (stream, version, position) VALUES (?, ?, ?)
