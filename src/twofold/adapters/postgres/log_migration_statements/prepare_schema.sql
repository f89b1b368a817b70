DO $$
BEGIN
    IF to_regnamespace('twofold') IS NULL THEN
        CREATE SCHEMA twofold;
    END IF;
    IF to_regclass('twofold.migrations') IS NULL THEN
        CREATE TABLE twofold.migrations (
            number integer PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
    END IF;
END
$$;
