SELECT pg_advisory_xact_lock(hashtextextended('twofold_views ' || $1, 0))
