-- Which copies of which views there are, which one answers, and up to where each is folded.
CREATE TABLE twofold_generations (
    view TEXT NOT NULL,
    number INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    epoch TEXT NOT NULL,
    shards INTEGER NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    PRIMARY KEY (view, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE twofold_pointers (
    view TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- mark is the whole place as one text, so that a read by key takes it in one go.
CREATE TABLE twofold_checkpoints (
    view TEXT NOT NULL,
    generation INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    position INTEGER NOT NULL,
    "check" BLOB NOT NULL,
    fence INTEGER NOT NULL,
    mark TEXT NOT NULL GENERATED ALWAYS AS (position || '.' || hex("check") || '.' || epoch) STORED,
    PRIMARY KEY (view, generation, shard)
) STRICT, WITHOUT ROWID;
