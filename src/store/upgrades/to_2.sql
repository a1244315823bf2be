-- From schema version 1 to 2: the change feed, and the keys under which requests are carried out once.
-- schema.sql explains them.

CREATE TABLE opportunity_change (
    sequence        INTEGER PRIMARY KEY CHECK (sequence >= 1),
    venue_id        INTEGER NOT NULL CHECK (venue_id >= 1),
    opportunity_id  INTEGER NOT NULL CHECK (opportunity_id >= 1),
    version         INTEGER NOT NULL CHECK (version >= 1),
    kind            TEXT    NOT NULL CHECK (kind IN ('added', 'updated')),
    changed_at      INTEGER NOT NULL,
    created_at      INTEGER CHECK (created_at <= changed_at),
    fields          TEXT    NOT NULL CHECK (fields <> ''),
    CHECK ((kind = 'added') = (created_at IS NOT NULL))
) STRICT;

CREATE TABLE change_feed (
    singleton      INTEGER PRIMARY KEY CHECK (singleton = 1),
    is_kept        INTEGER NOT NULL CHECK (is_kept IN (0, 1)),
    last_sequence  INTEGER NOT NULL CHECK (last_sequence >= 0)
) STRICT;

INSERT INTO change_feed VALUES (1, 0, 0);

CREATE TABLE idempotency_key (
    venue_id        INTEGER NOT NULL CHECK (venue_id >= 1),
    key             TEXT    NOT NULL CHECK (key <> ''),
    request         TEXT    NOT NULL CHECK (request <> ''),
    outcome         TEXT    NOT NULL CHECK (outcome IN ('added', 'updated', 'unchanged')),
    opportunity_id  INTEGER NOT NULL CHECK (opportunity_id >= 1),
    version         INTEGER NOT NULL CHECK (version >= 1),
    expires_at      INTEGER NOT NULL,
    UNIQUE (venue_id, key)
) STRICT;

CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at);
