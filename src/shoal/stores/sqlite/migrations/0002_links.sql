-- digest is set for links that are given again to whoever asks for the same target: an index over whole addresses
-- would double the file.
CREATE TABLE links (
    pk          INTEGER PRIMARY KEY,
    code        TEXT    NOT NULL UNIQUE,
    target      TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    permanent   INTEGER NOT NULL,
    preview     INTEGER NOT NULL,
    digest      BLOB,
    created_at  REAL    NOT NULL,
    expires_at  REAL    NOT NULL,               -- 0: never
    click_limit INTEGER NOT NULL,               -- 0: none
    clicks      INTEGER NOT NULL DEFAULT 0,
    last_click  REAL    NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX links_digest ON links (digest)     WHERE digest IS NOT NULL;
CREATE INDEX        links_expiry ON links (expires_at) WHERE expires_at > 0;
