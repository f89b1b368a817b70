INSERT INTO twofold.snapshots (stream, fingerprint, version, data) VALUES ($1, $2, $3, $4)
ON CONFLICT (stream, fingerprint, version) DO UPDATE SET data = excluded.data
