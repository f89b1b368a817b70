-- Generations beside the live one: what built them and why they are what they are; which views are paused; and rows
-- that are parked, each with the events that wait for it. A dropped generation leaves its row, so that its number is
-- not used again.
ALTER TABLE twofold_generations ADD COLUMN recipe TEXT NOT NULL DEFAULT '{}';

ALTER TABLE twofold_generations ADD COLUMN shape TEXT NOT NULL DEFAULT '[]';

ALTER TABLE twofold_generations ADD COLUMN why TEXT NOT NULL DEFAULT '';

ALTER TABLE twofold_generations ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;

CREATE TABLE twofold_paused (view TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE twofold_parked (
    view TEXT NOT NULL,
    generation INTEGER NOT NULL,
    key TEXT NOT NULL,
    shard INTEGER NOT NULL,
    position INTEGER NOT NULL,
    cause TEXT NOT NULL,
    stack TEXT NOT NULL,
    code TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    retry_at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (view, generation, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE twofold_waiting (
    view TEXT NOT NULL,
    generation INTEGER NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (view, generation, key, position)
) STRICT, WITHOUT ROWID;
