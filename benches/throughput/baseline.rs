//! What a good engineer writes in an afternoon: one connection behind a mutex, cached statements,
//! serde into a plain struct, one transaction a request.

use std::path::Path;
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use self::body::{Body, decode};

mod body;

const SCHEMA: &str = "
    CREATE TABLE opportunity (
        id INTEGER PRIMARY KEY, venue_id INTEGER NOT NULL, version INTEGER NOT NULL,
        created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, name TEXT NOT NULL,
        type_id INTEGER NOT NULL, stage_id INTEGER NOT NULL, source_id INTEGER NOT NULL, company_id INTEGER,
        company_lead_contact_id INTEGER, contact_id INTEGER, quality_id INTEGER, industry_id INTEGER,
        confirmed_quote_id INTEGER, confirmed_quote_status INTEGER, cancelled_quote_id INTEGER,
        lost_to_competition INTEGER, closed_date TEXT, owner_user_id INTEGER, stage_reason_id INTEGER,
        channel_id TEXT, description TEXT);
    CREATE INDEX opportunity_by_venue ON opportunity (venue_id);";

const INSERT: &str = "INSERT INTO opportunity VALUES (NULL, ?1, 1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
                      ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";

const UPDATE: &str = "UPDATE opportunity SET version = version + 1, modified_at = ?3, name = coalesce(?4, name), \
                      type_id = coalesce(?5, type_id), stage_id = coalesce(?6, stage_id), \
                      source_id = coalesce(?7, source_id), closed_date = coalesce(?8, closed_date), \
                      description = coalesce(?9, description) WHERE id = ?1 AND venue_id = ?2";

pub(crate) struct Baseline {
    connection: Mutex<Connection>,
}

impl Baseline {
    pub(crate) fn open(path: &Path) -> Self {
        let connection = Connection::open(path).expect("it can be created");
        connection
            .execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = full")
            .and_then(|()| connection.execute_batch(SCHEMA))
            .expect("it can be set up");
        Self { connection: Mutex::new(connection) }
    }

    /// Carries out a request and tells the id.
    pub(crate) fn add_or_update(&self, body: &[u8]) -> i64 {
        let body = decode(body);
        self.transaction(|connection| apply(connection, &body))
    }

    /// Carries out many in one transaction.
    pub(crate) fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Vec<i64> {
        let bodies: Vec<_> = bodies.iter().map(|body| decode(body)).collect();
        self.transaction(|connection| bodies.iter().map(|body| apply(connection, body)).collect())
    }

    pub(crate) fn close(self) -> Connection {
        self.connection.into_inner().expect("nobody has panicked")
    }

    fn transaction<T>(&self, run: impl FnOnce(&Connection) -> T) -> T {
        let mut connection = self.connection.lock().expect("nobody has panicked");
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .expect("nobody else writes");
        let result = run(&transaction);
        transaction.commit().expect("the disk has room");
        result
    }
}

fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("and not that far")
}

fn apply(connection: &Connection, body: &Body) -> i64 {
    let venue = body.venue_id.expect("venueId is required");
    let Some(id) = body.id else { return insert(connection, venue, body) };
    let mut exists = connection
        .prepare_cached("SELECT 1 FROM opportunity WHERE id = ?1 AND venue_id = ?2")
        .expect("the statement is right");
    let found: Option<i64> =
        exists.query_row([id, venue], |row| row.get(0)).optional().expect("it can be read");
    assert!(found.is_some(), "the opportunity does not exist");
    let mut update = connection.prepare_cached(UPDATE).expect("the statement is right");
    update
        .execute(params![
            id,
            venue,
            now(),
            body.name,
            body.type_id,
            body.stage_id,
            body.source_id,
            body.closed_date,
            body.description
        ])
        .expect("it can be written");
    id
}

fn insert(connection: &Connection, venue: i64, body: &Body) -> i64 {
    let required = body.name.is_some() && body.type_id.is_some() && body.stage_id.is_some();
    assert!(required && body.source_id.is_some(), "a required field is missing");
    let owned = body.contact_id.is_some()
        || (body.company_id.is_some() && body.company_lead_contact_id.is_some());
    assert!(owned, "it belongs to nobody");
    let mut insert = connection.prepare_cached(INSERT).expect("the statement is right");
    insert
        .insert(params![
            venue,
            now(),
            body.name,
            body.type_id,
            body.stage_id,
            body.source_id,
            body.company_id,
            body.company_lead_contact_id,
            body.contact_id,
            body.quality_id,
            body.industry_id,
            body.confirmed_quote_id,
            body.confirmed_quote_status,
            body.cancelled_quote_id,
            body.lost_to_competition,
            body.closed_date,
            body.owner_user_id,
            body.stage_reason_id,
            body.channel_id,
            body.description
        ])
        .expect("it can be written")
}
