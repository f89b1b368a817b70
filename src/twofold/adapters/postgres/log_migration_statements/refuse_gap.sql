DO $$
BEGIN
    IF (SELECT count(*) FROM twofold.migrations) <> $1 THEN
        RAISE EXCEPTION 'this is no time for migration %: % are applied; print the script again', $1 + 1, (SELECT count(*) FROM twofold.migrations);
    END IF;
END
$$;
