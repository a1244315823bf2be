//! A request on a connection of rusqlite, which may be within a transaction.

use peer_harness::{Body, Result, Stored, now, sql};
use rusqlite::{Connection, params};

pub(crate) const PRAGMAS: &str =
    "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA busy_timeout = 30000";

/// Carries out a request and tells the id.
pub(crate) fn apply(connection: &Connection, body: &Body) -> Result<i64> {
    match body.id {
        Some(id) => update(connection, id, body),
        None => insert(connection, body),
    }
}

fn insert(connection: &Connection, body: &Body) -> Result<i64> {
    let required = body.required()?;
    Ok(connection.prepare_cached(sql::INSERT)?.insert(params![
        required.venue_id,
        now(),
        required.name,
        required.type_id,
        required.stage_id,
        required.source_id,
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
    ])?)
}

fn update(connection: &Connection, id: i64, body: &Body) -> Result<i64> {
    let venue = body.venue()?;
    if !connection.prepare_cached(sql::EXISTS)?.exists([id, venue])? {
        return Err("the opportunity does not exist".into());
    }
    connection.prepare_cached(sql::UPDATE)?.execute(params![
        id,
        venue,
        now(),
        body.name,
        body.type_id,
        body.stage_id,
        body.source_id,
        body.closed_date,
        body.description
    ])?;
    Ok(id)
}

/// Every row.
pub(crate) fn stored(connection: &Connection) -> Result<Vec<Stored>> {
    let mut statement = connection.prepare(sql::STORED)?;
    let rows = statement.query_map([], |row| row.try_into())?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
