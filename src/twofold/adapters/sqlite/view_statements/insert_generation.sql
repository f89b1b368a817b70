INSERT INTO twofold_generations (view, number, fingerprint, epoch, shards, status) VALUES (?, ?, ?, ?, ?, ?)
