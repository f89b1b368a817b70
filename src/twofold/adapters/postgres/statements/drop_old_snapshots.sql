DELETE FROM twofold.snapshots WHERE stream = $1 AND (fingerprint <> $2 OR version < $3)
