SELECT version, data FROM twofold.snapshots WHERE stream = $1 AND fingerprint = $2 AND version <= $3 ORDER BY version DESC LIMIT 1
