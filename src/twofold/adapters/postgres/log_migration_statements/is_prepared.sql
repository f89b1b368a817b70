SELECT to_regclass('twofold.migrations') IS NOT NULL
