SELECT id FROM twofold_identity
