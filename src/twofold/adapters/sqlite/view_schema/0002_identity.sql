-- Which store this is: a log may have views in several files.
CREATE TABLE twofold_identity (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO twofold_identity (id) VALUES (lower(hex(randomblob(16))))
