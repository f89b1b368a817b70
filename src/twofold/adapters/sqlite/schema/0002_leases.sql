-- Processes that share the work out, and who may do what. Times are microseconds; what begins later than now was
-- given out before a clock was set back, and holds no longer.
CREATE TABLE members (
    member TEXT NOT NULL PRIMARY KEY,
    wants TEXT NOT NULL,
    process TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    fence INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
