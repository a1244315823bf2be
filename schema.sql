-- The database of the opportunity engine. One row an opportunity, one row of counters.
--
-- Every rule is checked in Rust before a value comes here: STRICT still turns '50' into 50 and takes
-- U+0000 in a text. The constraints below mirror those rules, so that whatever else writes to the file
-- meets them too, and so that a bug shows as an error and not as a wrong row. Rows have checksums, for damage
-- that keeps the rules: a row that was changed by hand is told of as damaged too.
--
-- application_id is 0x4F505459 ("OPTY"); user_version counts the versions of this schema, from 1.

CREATE TABLE opportunity (
    -- Assigned on add: 1, 2, 3 … in commit order, never reused. The rowid.
    id                       INTEGER PRIMARY KEY CHECK (id >= 1),
    -- The venue (tenant) within which alone the opportunity is found. Never changes.
    venue_id                 INTEGER NOT NULL CHECK (venue_id >= 1),
    -- 1 on add, then one more with each effective update.
    version                  INTEGER NOT NULL CHECK (version >= 1),
    -- When it was added: milliseconds since 1970-01-01T00:00:00Z.
    created_at               INTEGER NOT NULL,
    -- When it was last changed: milliseconds since 1970-01-01T00:00:00Z. Never moves backwards.
    modified_at              INTEGER NOT NULL CHECK (modified_at >= created_at),
    -- What it is called; holds something that is not white space (SQLite checks for blanks only).
    name                     TEXT    NOT NULL CHECK (trim(name) <> ''),
    -- The type of opportunity.
    type_id                  INTEGER NOT NULL CHECK (type_id >= 1),
    -- The stage it has reached.
    stage_id                 INTEGER NOT NULL CHECK (stage_id >= 1),
    -- Where it came from.
    source_id                INTEGER NOT NULL CHECK (source_id >= 1),
    -- The company it belongs to, if there is one.
    company_id               INTEGER CHECK (company_id >= 1),
    -- The contact who leads for the company.
    company_lead_contact_id  INTEGER CHECK (company_lead_contact_id >= 1),
    -- The contact it belongs to when there is no company; kept beside a company too.
    contact_id               INTEGER CHECK (contact_id >= 1),
    -- How good the lead is.
    quality_id               INTEGER CHECK (quality_id >= 1),
    -- The industry it concerns.
    industry_id              INTEGER CHECK (industry_id >= 1),
    -- The quote that was confirmed.
    confirmed_quote_id       INTEGER CHECK (confirmed_quote_id >= 1),
    -- The status of the confirmed quote; 0 is a status too.
    confirmed_quote_status   INTEGER CHECK (confirmed_quote_status >= 0),
    -- The quote that was cancelled.
    cancelled_quote_id       INTEGER CHECK (cancelled_quote_id >= 1),
    -- The reason why it was lost.
    lost_to_competition      INTEGER CHECK (lost_to_competition >= 1),
    -- When it was closed: seconds since 1970-01-01T00:00:00Z, in the years 0001 to 9999.
    -- To read it: datetime(closed_date, 'unixepoch').
    closed_date              INTEGER CHECK (closed_date BETWEEN -62135596800 AND 253402300799),
    -- The user who owns it.
    owner_user_id            INTEGER CHECK (owner_user_id >= 1),
    -- Why it is in its stage.
    stage_reason_id          INTEGER CHECK (stage_reason_id >= 1),
    -- The channel it came through: text, whatever it looks like.
    channel_id               TEXT    CHECK (channel_id <> ''),
    -- Free text about it.
    description              TEXT    CHECK (description <> ''),
    -- The sum of what stands in the other columns, by src/store/checksum.rs; the default is what an upgrade
    -- begins with. A row whose values do not have it is reported as damaged.
    checksum                 INTEGER NOT NULL DEFAULT 0,
    -- It belongs to a company or to a contact.
    CHECK (company_id IS NOT NULL OR contact_id IS NOT NULL)
) STRICT;

-- The opportunities of each venue, in order. Caught up with the table in runs of some thousand rows,
-- because to keep it current costs a page for nearly every add; engine_state says how far it has come.
-- Rows are never deleted.
CREATE TABLE opportunity_by_venue (
    -- The venue.
    venue_id  INTEGER NOT NULL CHECK (venue_id >= 1),
    -- The opportunity.
    id        INTEGER NOT NULL CHECK (id >= 1),
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;

-- What the engine remembers beside the opportunities: exactly one row.
CREATE TABLE engine_state (
    -- Always 1: there is one row.
    singleton     INTEGER PRIMARY KEY CHECK (singleton = 1),
    -- The id that was assigned last, 0 before the first: kept apart from the rows, so that an id is not
    -- reused even if a row is deleted by hand.
    last_id       INTEGER NOT NULL CHECK (last_id >= 0),
    -- Counts the commits that were made only to learn whether the database still accepts commits, after
    -- one had failed.
    fences        INTEGER NOT NULL CHECK (fences >= 0),
    -- Every opportunity up to this id is in opportunity_by_venue.
    indexed_id    INTEGER NOT NULL CHECK (indexed_id >= 0),
    -- The run that is being added to it ends with this id; indexed_id if there is none.
    run_id        INTEGER NOT NULL CHECK (run_id >= indexed_id),
    -- The venue of the entry of the run that was added last: a run goes by venue, then by id. 0 if there
    -- is no run, or nothing of it was added yet.
    run_venue_id  INTEGER NOT NULL CHECK (run_venue_id >= 0),
    -- The id of that entry; 0 likewise.
    run_entry_id  INTEGER NOT NULL CHECK (run_entry_id >= 0)
) STRICT;

INSERT INTO engine_state VALUES (1, 0, 0, 0, 0, 0, 0);

-- What every command changed, in the order of the commits, as long as a history is kept.
CREATE TABLE opportunity_change (
    -- 1, 2, 3 …, without gaps but for records that were pruned from the beginning, and for one where a history
    -- was turned on again.
    sequence        INTEGER PRIMARY KEY CHECK (sequence >= 1),
    -- The venue of the opportunity.
    venue_id        INTEGER NOT NULL CHECK (venue_id >= 1),
    -- The opportunity.
    opportunity_id  INTEGER NOT NULL CHECK (opportunity_id >= 1),
    -- The version that it has since.
    version         INTEGER NOT NULL CHECK (version >= 1),
    -- What happened to it.
    kind            TEXT    NOT NULL CHECK (kind IN ('added', 'updated')),
    -- Its modified_at since: milliseconds since 1970-01-01T00:00:00Z.
    changed_at      INTEGER NOT NULL,
    -- Its created_at if it was added now, likewise: an import keeps the time that it had.
    created_at      INTEGER CHECK (created_at <= changed_at),
    -- A JSON object: the wire name of each field that changed, with its old and its new value.
    fields          TEXT    NOT NULL CHECK (fields <> ''),
    -- The sum of what stands in the other columns, as above.
    checksum        INTEGER NOT NULL DEFAULT 0,
    CHECK ((kind = 'added') = (created_at IS NOT NULL))
) STRICT;

-- Whether a history is kept, and how far it has come: exactly one row.
CREATE TABLE change_feed (
    -- Always 1: there is one row.
    singleton      INTEGER PRIMARY KEY CHECK (singleton = 1),
    -- 1 if what is changed is recorded, else 0.
    is_kept        INTEGER NOT NULL CHECK (is_kept IN (0, 1)),
    -- The sequence of the last record, 0 before the first: kept apart from the records, which may be pruned.
    last_sequence  INTEGER NOT NULL CHECK (last_sequence >= 0)
) STRICT;

INSERT INTO change_feed VALUES (1, 0, 0);

-- What became of the requests that were sent under a key, so that they are not carried out twice. Rows are in the
-- order in which they came, and beside them there is an index by venue and key: a new key costs a page of
-- that, but the larger part of it, the request, goes to the page that the one before went to.
CREATE TABLE idempotency_key (
    -- The venue of the request: each has keys of its own.
    venue_id        INTEGER NOT NULL CHECK (venue_id >= 1),
    -- The key.
    key             TEXT    NOT NULL CHECK (key <> ''),
    -- The request, as JSON: another one under the same key is refused.
    request         TEXT    NOT NULL CHECK (request <> ''),
    -- What was answered.
    outcome         TEXT    NOT NULL CHECK (outcome IN ('added', 'updated', 'unchanged')),
    -- The opportunity that the answer names.
    opportunity_id  INTEGER NOT NULL CHECK (opportunity_id >= 1),
    -- The version that the answer names.
    version         INTEGER NOT NULL CHECK (version >= 1),
    -- Until when it is remembered: milliseconds since 1970-01-01T00:00:00Z.
    expires_at      INTEGER NOT NULL,
    -- The sum of what stands in the other columns, as above.
    checksum        INTEGER NOT NULL DEFAULT 0,
    UNIQUE (venue_id, key)
) STRICT;

-- The keys that are the first to go.
CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at);
