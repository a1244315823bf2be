//! The check that looks at every page: what no single read can see.

use std::collections::BTreeMap;
use std::path::Path;

use opportunity_engine::OpportunityId;
use rusqlite::Connection;
use rusqlite::types::Value;

/// Conditions that hold in every sound database, each with what it means that it does not.
const CONDITIONS: [(&str, &str); 3] = [
    (
        "SELECT count(*) = last_id AND ifnull(max(id), 0) = last_id FROM opportunity, engine_state",
        "the counter does not fit the rows",
    ),
    (
        "SELECT NOT EXISTS (
            SELECT id, venue_id FROM opportunity_by_venue EXCEPT SELECT id, venue_id FROM opportunity)",
        "the index holds what the table does not",
    ),
    (
        "SELECT NOT EXISTS (
            SELECT id, venue_id FROM opportunity, engine_state
            WHERE id <= indexed_id OR id <= run_id AND (venue_id, id) <= (run_venue_id, run_entry_id)
            EXCEPT SELECT id, venue_id FROM opportunity_by_venue)",
        "the index lacks what it should hold",
    ),
];

/// Looks at everything in a database.
pub(crate) fn full_check(path: &Path) -> Result<(), String> {
    let connection = Connection::open(path).map_err(|error| error.to_string())?;
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Value>(0));
    let integrity = one("PRAGMA integrity_check(1)").map_err(|error| error.to_string())?;
    if integrity != Value::Text("ok".to_owned()) {
        return Err(format!("{integrity:?}"));
    }
    for (sql, meaning) in CONDITIONS {
        if one(sql).map_err(|error| error.to_string())? != Value::Integer(1) {
            return Err(meaning.to_owned());
        }
    }
    Ok(())
}

/// The venue that each opportunity of a sound database has.
pub(crate) fn stored_venues(path: &Path) -> BTreeMap<OpportunityId, i64> {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare("SELECT id, venue_id FROM opportunity").unwrap();
    let venue = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
    let venues = select.query_map([], venue).unwrap().map(Result::unwrap);
    venues.map(|(id, venue)| (OpportunityId::new(id).unwrap(), venue)).collect()
}
