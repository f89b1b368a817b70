-- The log: who we are, events, outcomes, snapshots, queued commands, and the one way in.
CREATE TABLE twofold.store (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch text NOT NULL,
    lock_key bigint NOT NULL,
    created_at bigint NOT NULL
);

INSERT INTO twofold.store (epoch, lock_key, created_at)
SELECT id, ('x' || substr(id, 1, 16))::bit(64)::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS id) AS made;

-- Ready for Debezium's Outbox Event Router: category, stream, type, data and message_id are its route, key, type, payload and id.
CREATE TABLE twofold.events (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    category text COLLATE "C" NOT NULL,
    slice smallint NOT NULL,
    type text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    data bytea NOT NULL,
    message_id uuid NOT NULL,
    causation_id uuid NOT NULL,
    correlation_id uuid NOT NULL,
    origin bytea,
    recorded_at bigint NOT NULL
);

CREATE UNIQUE INDEX events_by_stream ON twofold.events (stream, version);

CREATE TABLE twofold.outcomes (
    number bigint PRIMARY KEY,
    message_id uuid NOT NULL,
    command text COLLATE "C" NOT NULL,
    status smallint NOT NULL,
    stream text COLLATE "C",
    version bigint NOT NULL,
    position bigint NOT NULL,
    events integer NOT NULL,
    recorded_at bigint NOT NULL,
    duration bigint NOT NULL,
    correlation_id uuid NOT NULL,
    origin bytea,
    scope text COLLATE "C",
    key text COLLATE "C",
    payload_hash bytea,
    code text,
    message text,
    details bytea
);

CREATE UNIQUE INDEX outcomes_by_message_id ON twofold.outcomes (message_id);

CREATE UNIQUE INDEX outcomes_by_key ON twofold.outcomes (scope, key) WHERE key IS NOT NULL;

CREATE TABLE twofold.snapshots (
    stream text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (stream, fingerprint, version)
);

CREATE TABLE twofold.queued_commands (
    number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    message_id uuid NOT NULL UNIQUE,
    command text NOT NULL,
    data bytea NOT NULL,
    context bytea NOT NULL,
    queued_at bigint NOT NULL
);

CREATE FUNCTION twofold.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed: % on twofold.events', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE ON twofold.events
FOR EACH ROW EXECUTE FUNCTION twofold.refuse_change();

CREATE TRIGGER events_are_never_truncated BEFORE TRUNCATE ON twofold.events
FOR EACH STATEMENT EXECUTE FUNCTION twofold.refuse_change();

-- Takes the writers' lock, which is held until the transaction ends, and says where the log ends.
-- now is the caller's clock (microseconds), NULL the server's; recorded never goes back behind the last event's.
CREATE FUNCTION twofold.lock_head(
    IN lock_key bigint, IN now bigint,
    OUT head bigint, OUT last_message_id bytea, OUT last_outcome bigint, OUT floor bigint, OUT recorded bigint
) LANGUAGE plpgsql VOLATILE SET lock_timeout = '10s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock_key);
    SELECT e.position, uuid_send(e.message_id), e.recorded_at INTO head, last_message_id, floor
    FROM twofold.events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    floor := coalesce(floor, 0);
    recorded := greatest(floor, coalesce(now, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint));
    SELECT coalesce(max(o.number), 0) INTO last_outcome FROM twofold.outcomes o;
END
$$;

-- The nth (from 1) of packed ids.
CREATE FUNCTION twofold.id_at(packed bytea, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(substr(packed, (n * 16 - 15)::integer, 16), 'hex')::uuid
$$;

-- Appends a batch whose streams are all where they are presumed to be; else writes nothing and answers a NULL head.
-- Places of events and outcomes are counted from the head, which is answered as it was before. A row without a time of
-- its own gets the present one. An array that is NULL stands for a column of NULLs.
CREATE FUNCTION twofold.append(
    IN lock_key bigint, IN now bigint, IN presumed_stream text[], IN presumed_version bigint[],
    IN event_stream text[], IN event_version bigint[], IN event_slice smallint[], IN event_type text[],
    IN event_schema integer[], IN event_data bytea[], IN event_id bytea, IN event_causation bytea,
    IN event_correlation bytea, IN event_origin bytea[], IN event_time bigint[],
    IN outcome_id bytea, IN outcome_command text[], IN outcome_status smallint[], IN outcome_stream text[],
    IN outcome_version bigint[], IN outcome_at bigint[], IN outcome_events integer[], IN outcome_duration bigint[],
    IN outcome_correlation bytea, IN outcome_origin bytea[], IN outcome_scope text[], IN outcome_key text[],
    IN outcome_hash bytea[], IN outcome_code text[], IN outcome_message text[], IN outcome_details bytea[],
    IN outcome_time bigint[],
    OUT head bigint, OUT last_message_id bytea, OUT recorded bigint
) LANGUAGE plpgsql VOLATILE SET lock_timeout = '10s' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    last_outcome bigint;
    is_elsewhere boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(lock_key);
    SELECT coalesce(e.position, 0), uuid_send(e.message_id), greatest(
               e.recorded_at, coalesce(now, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)),
           (SELECT coalesce(max(o.number), 0) FROM twofold.outcomes o),
           EXISTS (SELECT FROM unnest(presumed_stream, presumed_version) AS p (stream, version)
                   WHERE p.version <> coalesce((SELECT s.version FROM twofold.events s WHERE s.stream = p.stream
                                                ORDER BY s.version DESC LIMIT 1), 0))
    INTO head, last_message_id, recorded, last_outcome, is_elsewhere
    FROM (SELECT) AS one
    LEFT JOIN LATERAL (SELECT * FROM twofold.events ORDER BY position DESC LIMIT 1) AS e ON true;
    IF is_elsewhere THEN
        head := NULL;
        RETURN;
    END IF;
    IF event_stream IS NOT NULL THEN
        INSERT INTO twofold.events (position, stream, version, category, slice, type, schema_version, data, message_id,
                                    causation_id, correlation_id, origin, recorded_at)
        SELECT append.head + e.n, e.stream, e.version, split_part(e.stream, '-', 1), e.slice, e.type, e.schema, e.data,
               twofold.id_at(event_id, e.n), twofold.id_at(event_causation, e.n), twofold.id_at(event_correlation, e.n),
               e.origin, coalesce(e.time, append.recorded)
        FROM unnest(event_stream, event_version, event_slice, event_type, event_schema, event_data,
                    event_origin, event_time) WITH ORDINALITY
             AS e (stream, version, slice, type, schema, data, origin, time, n);
        PERFORM pg_notify('twofold', (head + cardinality(event_stream))::text);
    END IF;
    IF outcome_id IS NOT NULL THEN
        INSERT INTO twofold.outcomes (number, message_id, command, status, stream, version, position, events, duration,
                                      correlation_id, origin, scope, key, payload_hash, code, message, details,
                                      recorded_at)
        SELECT last_outcome + o.n, twofold.id_at(outcome_id, o.n), o.command, o.status, o.stream, o.version,
               append.head + o.at, o.events, o.duration, twofold.id_at(outcome_correlation, o.n), o.origin, o.scope,
               o.key, o.hash, o.code, o.message, o.details, coalesce(o.time, append.recorded)
        FROM unnest(outcome_command, outcome_status, outcome_stream, outcome_version, outcome_at, outcome_events,
                    outcome_duration, outcome_origin, outcome_scope, outcome_key, outcome_hash, outcome_code,
                    outcome_message, outcome_details, outcome_time) WITH ORDINALITY
             AS o (command, status, stream, version, at, events, duration, origin, scope, key, hash,
                   code, message, details, time, n);
    END IF;
END
$$;

-- The events of a range of the log that match, in order. However little is known of the table, by its key.
CREATE FUNCTION twofold.page(
    low bigint, high bigint, types text[], categories text[], first_slice smallint, end_slice smallint, most integer
) RETURNS SETOF twofold.events LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
    RETURN QUERY SELECT x.* FROM twofold.events x
    WHERE x.position > low AND x.position <= high
      AND (types IS NULL OR x.type = ANY (types))
      AND (categories IS NULL OR x.category = ANY (categories))
      AND (first_slice IS NULL OR (x.slice >= first_slice AND x.slice < end_slice))
    ORDER BY x.position
    LIMIT most;
END
$$;

CREATE FUNCTION twofold.page_backwards(
    low bigint, high bigint, types text[], categories text[], first_slice smallint, end_slice smallint, most integer
) RETURNS SETOF twofold.events LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
    RETURN QUERY SELECT x.* FROM twofold.events x
    WHERE x.position > low AND x.position <= high
      AND (types IS NULL OR x.type = ANY (types))
      AND (categories IS NULL OR x.category = ANY (categories))
      AND (first_slice IS NULL OR (x.slice >= first_slice AND x.slice < end_slice))
    ORDER BY x.position DESC
    LIMIT most;
END
$$;
