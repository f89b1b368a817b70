DO $$
BEGIN
    IF to_regnamespace('twofold_views') IS NULL THEN
        CREATE SCHEMA twofold_views;
    END IF;
    IF to_regclass('twofold_views.migrations') IS NULL THEN
        CREATE TABLE twofold_views.migrations (
            number integer PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
    END IF;
END
$$;
