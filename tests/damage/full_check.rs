//! The check that looks at every page: what no single read can see.

use std::path::Path;

use opportunity_engine::{Engine, Verification};
use rusqlite::Connection;

/// Verifies a database in full. Here no row was ever deleted and no record pruned, so there must be as many as
/// ids and sequences were given, which an engine cannot know.
pub(crate) fn full_check(path: &Path) -> Result<(), String> {
    let findings = Engine::verify_file(path, Verification::Full).map_err(|e| e.to_string())?;
    if let Some(problem) = findings.problems.first() {
        return Err(problem.to_string());
    }
    let connection = Connection::open(path).unwrap();
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let last_id = number("SELECT last_id FROM engine_state");
    if u64::try_from(last_id) != Ok(findings.opportunities) {
        return Err(format!("{last_id} were added and {} are there", findings.opportunities));
    }
    let last_sequence = number("SELECT last_sequence FROM change_feed");
    let records = number("SELECT count(*) FROM opportunity_change");
    if last_sequence != records {
        return Err(format!("{last_sequence} were recorded and {records} are there"));
    }
    Ok(())
}
