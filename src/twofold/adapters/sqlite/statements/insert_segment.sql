INSERT INTO segments (stream, version, positions) VALUES (?, ?, ?)
