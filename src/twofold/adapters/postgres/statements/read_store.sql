SELECT epoch, lock_key, created_at FROM twofold.store
