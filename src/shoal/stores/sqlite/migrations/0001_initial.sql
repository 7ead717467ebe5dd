-- "Shol": tells our files from those of other programs.
PRAGMA application_id = 1399353196;

-- Columns are what statements search, count or merge by; all else stands in body (see stores/codec.py).
CREATE TABLE records (
    pk            INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    key           TEXT    NOT NULL UNIQUE,
    own           INTEGER NOT NULL,             -- 1: the user's own, 0: public
    verified      INTEGER NOT NULL DEFAULT 0,   -- 1: a path once worked
    checked       INTEGER NOT NULL DEFAULT 0,   -- 1: checked at least once
    next_check    REAL    NOT NULL,
    claimed_until REAL,                         -- NULL: not claimed
    last_seen     REAL    NOT NULL,
    last_ok       REAL    NOT NULL DEFAULT 0,
    origin        BLOB    NOT NULL,             -- what sources own: claims, sources, tags
    body          BLOB    NOT NULL              -- what checks own
) STRICT;

-- Each partial index holds just the rows that its statement wants, in the order in which it wants them. The column of
-- the condition stands in the index too: without it SQLite reads every row again to test the condition once more.
CREATE INDEX records_due      ON records (next_check, claimed_until) WHERE claimed_until IS NULL;
CREATE INDEX records_claimed  ON records (claimed_until, next_check) WHERE claimed_until IS NOT NULL;
CREATE INDEX records_verified ON records (id)                        WHERE verified = 1;
CREATE INDEX records_unseen   ON records (last_seen)                 WHERE own = 0;

-- Kept in step by every change, since count(*) over a million rows reads them all.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones (
    key   TEXT PRIMARY KEY,
    until REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    lease_id   TEXT PRIMARY KEY,
    key        TEXT    NOT NULL,
    expires_at REAL    NOT NULL,
    exclusive  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX leases_key ON leases (key);

CREATE TABLE sources (
    name  TEXT PRIMARY KEY,
    state BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
