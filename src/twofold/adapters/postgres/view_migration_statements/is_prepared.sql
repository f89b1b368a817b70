SELECT to_regclass('twofold_views.migrations') IS NOT NULL
