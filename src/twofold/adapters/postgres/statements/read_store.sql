SELECT epoch, created_at FROM twofold.store
