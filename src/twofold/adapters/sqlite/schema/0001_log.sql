-- The log: who we are, names, streams, events, outcomes, snapshots, queued commands.
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    UNIQUE (name, schema_version)
) STRICT;

CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL,
    slice INTEGER NOT NULL
) STRICT;

-- previous is the position of the stream's event before this one (0: none): the stream is a chain through the log.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    version INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    type INTEGER NOT NULL,
    data BLOB NOT NULL,
    message_id BLOB NOT NULL,
    causation_id BLOB NOT NULL,
    correlation_id BLOB,
    origin BLOB,
    recorded_at INTEGER NOT NULL
) STRICT;

CREATE TABLE heads (
    stream INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL
) STRICT;

-- positions: 128 little-endian int64, one for each version of the segment that ends at version.
CREATE TABLE segments (
    stream INTEGER NOT NULL,
    version INTEGER NOT NULL,
    positions BLOB NOT NULL,
    PRIMARY KEY (stream, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcomes (
    number INTEGER PRIMARY KEY,
    message_id BLOB NOT NULL,
    command INTEGER NOT NULL,
    status INTEGER NOT NULL,
    stream TEXT,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    events INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    correlation_id BLOB,
    origin BLOB,
    key_hash INTEGER,
    scope TEXT,
    key TEXT,
    payload_hash BLOB,
    code TEXT,
    message TEXT,
    details BLOB
) STRICT;

CREATE UNIQUE INDEX outcomes_by_message_id ON outcomes (message_id);

CREATE INDEX outcomes_by_key_hash ON outcomes (key_hash) WHERE key_hash IS NOT NULL;

CREATE TABLE snapshots (
    stream TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    version INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (stream, fingerprint, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE queued_commands (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id BLOB NOT NULL UNIQUE,
    command TEXT NOT NULL,
    data BLOB NOT NULL,
    context BLOB NOT NULL,
    queued_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER events_are_never_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never deleted');
END;
