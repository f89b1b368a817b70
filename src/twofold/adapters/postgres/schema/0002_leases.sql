-- Processes that share the work out, and who may do what. Times are microseconds; what begins later than now was
-- given out before a clock was set back, and holds no longer.
CREATE TABLE twofold.members (
    member text COLLATE "C" PRIMARY KEY,
    wants text[] NOT NULL,
    since bigint NOT NULL,
    until bigint NOT NULL,
    backend integer
);

COMMENT ON COLUMN twofold.members.backend IS 'the server process of a connection that lives as long as the member, if it has one';

CREATE TABLE twofold.leases (
    name text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    fence bigint NOT NULL,
    since bigint NOT NULL,
    until bigint NOT NULL
);

-- Whoever changes leases does so alone, and reads the clock once it is alone: who comes later has no earlier time.
-- given is the caller's clock, NULL the server's.
CREATE FUNCTION twofold.lease_turn(given bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE SET lock_timeout = '10s' AS $$
BEGIN
    PERFORM FROM twofold.store FOR UPDATE;
    RETURN coalesce(given, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
END
$$;

-- Whether a member's own connection has ended. The number of a server process may be in use again: then it is waited for.
CREATE FUNCTION twofold.is_gone(backend integer) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT backend IS NOT NULL AND NOT EXISTS (SELECT FROM pg_stat_get_activity(backend))
$$;

CREATE FUNCTION twofold.forget_the_gone() RETURNS void LANGUAGE sql VOLATILE AS $$
    WITH gone AS (DELETE FROM twofold.members m WHERE twofold.is_gone(m.backend) RETURNING m.member)
    UPDATE twofold.leases l SET until = l.since FROM gone WHERE l.owner = gone.member
$$;

-- Who is here (a member and what it wants), and which leases are held (a member, a lease and its fence).
CREATE FUNCTION twofold.roster(given bigint)
RETURNS TABLE (member text, wants text[], lease text, fence bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now bigint := coalesce(given, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
BEGIN
    RETURN QUERY
    WITH here AS MATERIALIZED (
        SELECT *, twofold.is_gone(m.backend) AS is_gone FROM twofold.members m WHERE m.since <= now AND m.until > now
    )
    SELECT h.member, h.wants, NULL::text, NULL::bigint FROM here h WHERE NOT h.is_gone
    UNION ALL
    SELECT l.owner, NULL, l.name, l.fence FROM twofold.leases l
    WHERE l.since <= now AND l.until > now AND NOT EXISTS (SELECT FROM here h WHERE h.member = l.owner AND h.is_gone);
END
$$;

CREATE FUNCTION twofold.attend(who text, wanted text[], duration bigint, given bigint, own_backend integer)
RETURNS TABLE (member text, wants text[], lease text, fence bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now bigint := twofold.lease_turn(given);
BEGIN
    DELETE FROM twofold.members m WHERE m.since > now OR m.until <= now;
    INSERT INTO twofold.members AS m VALUES (who, wanted, now, now + duration, own_backend)
    ON CONFLICT ON CONSTRAINT members_pkey DO UPDATE
    SET wants = excluded.wants, since = excluded.since, until = excluded.until, backend = excluded.backend;
    PERFORM twofold.forget_the_gone();
    UPDATE twofold.leases l SET since = now, until = now + duration
    WHERE l.owner = who AND l.since <= now AND l.until > now;
    RETURN QUERY SELECT * FROM twofold.roster(now);
END
$$;

CREATE FUNCTION twofold.take_leases(who text, wanted text[], duration bigint, given bigint)
RETURNS TABLE (lease text, number bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now bigint := twofold.lease_turn(given);
BEGIN
    PERFORM twofold.forget_the_gone();
    RETURN QUERY
    INSERT INTO twofold.leases AS l SELECT DISTINCT w, who, now, now, now + duration FROM unnest(wanted) AS w
    ON CONFLICT (name) DO UPDATE
    SET owner = excluded.owner,
        fence = CASE WHEN l.since <= now AND l.until > now THEN l.fence ELSE greatest(l.fence + 1, now) END,
        since = excluded.since,
        until = excluded.until
    WHERE l.owner = who OR l.since > now OR l.until <= now
    RETURNING l.name, l.fence;
END
$$;

CREATE FUNCTION twofold.give_up_leases(who text, given_up text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM twofold.lease_turn(NULL);
    UPDATE twofold.leases l SET until = l.since WHERE l.owner = who AND l.name = ANY (given_up);
END
$$;

CREATE FUNCTION twofold.leave(who text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM twofold.lease_turn(NULL);
    UPDATE twofold.leases l SET until = l.since WHERE l.owner = who;
    DELETE FROM twofold.members m WHERE m.member = who;
END
$$;
