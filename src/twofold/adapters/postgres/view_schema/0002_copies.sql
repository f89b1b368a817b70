-- Generations beside the live one: what built them and why they are what they are; which views are paused; and rows
-- that are parked, each with the events that wait for it. A dropped generation leaves its row, so that its number is
-- not used again.
ALTER TABLE twofold_views.twofold_generations
    ADD COLUMN recipe text NOT NULL DEFAULT '{}',
    ADD COLUMN shape text NOT NULL DEFAULT '[]',
    ADD COLUMN why text NOT NULL DEFAULT '',
    ADD COLUMN changed_at bigint NOT NULL DEFAULT 0;

CREATE TABLE twofold_views.twofold_paused (view text COLLATE "C" PRIMARY KEY);

-- A key is told apart by its hash, for an index takes no long ones, and a row whose key is too long is parked for that.
CREATE TABLE twofold_views.twofold_parked (
    view text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    key_hash bytea NOT NULL,
    key text NOT NULL,
    shard bigint NOT NULL,
    position bigint NOT NULL,
    cause text NOT NULL,
    stack text NOT NULL,
    code text NOT NULL,
    attempts bigint NOT NULL,
    retry_at bigint NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (view, generation, key_hash)
);

CREATE TABLE twofold_views.twofold_waiting (
    view text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    key_hash bytea NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (view, generation, key_hash, position)
);
