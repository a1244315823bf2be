//! A look at a database after the processes that wrote it are gone.

use std::collections::BTreeMap;
use std::path::Path;

use opportunity_engine::{Engine, OpportunityId, VenueId, Verification};
use rusqlite::Connection;

use super::again::{Told, send_again};
use super::content::Row;
use super::feed::feed;
use super::history::History;
use super::invariant::{Rows, complaints};
use super::record::Line;

/// Opens the database again and checks that it holds what it must and may, given what was in it `before`
/// and what was told since. Some of what was sent under a key is sent again before. Gives back what is in
/// it, or everything that is wrong.
pub(crate) fn look(path: &Path, before: &Rows, record: &[Line]) -> Result<Rows, Vec<String>> {
    let (rows, told_again, mut found) = read(path, &History::of(record));
    let record = [record, &[Line::Answered(told_again)]].concat();
    found.extend(complaints(before, &History::of(&record), &rows));
    if found.is_empty() { Ok(rows) } else { Err(found) }
}

/// Complains of what is wrong with the lists of the venues and with the tables, whatever was told.
pub(crate) fn look_at_lists(path: &Path) -> Vec<String> {
    open_and(path, |engine, connection| {
        [lists(engine, &stored(connection)), tables(connection)].concat()
    })
    .unwrap_or_else(|complaint| vec![complaint])
}

/// Sends again, reads every opportunity, and complains of what contradicts itself.
fn read(path: &Path, history: &History) -> (Rows, Told, Vec<String>) {
    open_and(path, |engine, connection| {
        let told_again = send_again(engine, history);
        let mut rows = Rows::new();
        let mut complaints = Vec::new();
        for (id, venue) in stored(connection) {
            match row(engine, id, venue) {
                Ok(row) => drop(rows.insert(id, row)),
                Err(complaint) => complaints.push(complaint),
            }
        }
        complaints.extend(lists(engine, &stored(connection)));
        complaints.extend(tables(connection));
        complaints.extend(verified(engine));
        if keeps_history(connection) {
            complaints.extend(feed(engine, &rows));
        }
        (rows, told_again, complaints)
    })
    .unwrap_or_else(|complaint| (Rows::new(), Told::new(), vec![complaint]))
}

/// What the engine itself finds wrong.
fn verified(engine: &Engine) -> Vec<String> {
    match engine.verify(Verification::Full) {
        Ok(findings) => findings.problems.iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("it cannot be verified: {error:?}")],
    }
}

/// Whether the file says that a history is kept.
pub(crate) fn keeps_history(connection: &Connection) -> bool {
    connection.query_row("SELECT is_kept FROM change_feed", [], |row| row.get(0)).unwrap()
}

/// Looks at a database through the engine, and past it.
fn open_and<T>(path: &Path, look: impl FnOnce(&Engine, &Connection) -> T) -> Result<T, String> {
    let engine = Engine::open(path).map_err(|error| format!("it cannot be opened: {error:?}"))?;
    let seen = look(&engine, &Connection::open(path).unwrap());
    engine.close().map_err(|error| format!("it cannot be closed: {error:?}"))?;
    Ok(seen)
}

fn row(engine: &Engine, id: OpportunityId, venue: VenueId) -> Result<Row, String> {
    match engine.get(venue, id) {
        Ok(Some(found)) => Row::of(&found),
        Ok(None) => Err(format!("{id} is stored and not found")),
        Err(error) => Err(format!("{id}: {error:?}")),
    }
}

fn stored(connection: &Connection) -> Vec<(OpportunityId, VenueId)> {
    let mut statement =
        connection.prepare("SELECT id, venue_id FROM opportunity ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(|row| {
        let (id, venue): (i64, i64) = row.unwrap();
        (OpportunityId::new(id).unwrap(), VenueId::new(venue).unwrap())
    })
    .collect()
}

/// The list of each venue is that of its rows.
fn lists(engine: &Engine, stored: &[(OpportunityId, VenueId)]) -> Vec<String> {
    let mut expected: BTreeMap<VenueId, Vec<OpportunityId>> = BTreeMap::new();
    for (id, venue) in stored {
        expected.entry(*venue).or_default().push(*id);
    }
    let differs = |(venue, ids): &(VenueId, Vec<OpportunityId>)| {
        engine.ids(*venue, None, usize::MAX).map_or(true, |listed| listed != *ids)
    };
    let wrong = expected.into_iter().filter(differs);
    wrong.map(|(venue, _)| format!("the list of venue {venue} is not that of its rows")).collect()
}

/// SQLite finds the file whole, the counter is that of the last row, the index knows only rows.
fn tables(connection: &Connection) -> Vec<String> {
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let mut complaints = Vec::new();
    let integrity = text("PRAGMA integrity_check");
    if integrity != "ok" {
        complaints.push(integrity);
    }
    let last_row = number("SELECT coalesce(max(id), 0) FROM opportunity");
    let counter = number("SELECT last_id FROM engine_state");
    if counter != last_row {
        complaints.push(format!("the counter is {counter}, and the last row is {last_row}"));
    }
    let strays = number(
        "SELECT count(*) FROM opportunity_by_venue LEFT JOIN opportunity USING (id, venue_id) \
         WHERE opportunity.version IS NULL",
    );
    if strays > 0 {
        complaints.push(format!("{strays} entries of the index are of no row"));
    }
    complaints
}
