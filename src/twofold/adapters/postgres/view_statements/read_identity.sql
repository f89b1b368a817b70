SELECT i.id || '-' || d.oid FROM twofold_views.twofold_identity AS i CROSS JOIN pg_database AS d WHERE d.datname = current_database()
