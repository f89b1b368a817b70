REPLACE INTO snapshots (stream, fingerprint, version, data) VALUES (?, ?, ?, ?)
