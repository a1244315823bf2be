//! What a database file holds, asked by a connection of its own.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// A connection that only reads; whoever writes to the file may go on.
pub(crate) fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("it is there")
}

/// Hands over id, venue and version of every row.
pub(crate) fn stored<T>(
    database: &Connection,
    check: impl FnOnce(&mut dyn Iterator<Item = (i64, i64, i64)>) -> T,
) -> T {
    let mut statement = database
        .prepare("SELECT id, venue_id, version FROM opportunity")
        .expect("there is a table");
    let rows = statement.query_map([], |row| row.try_into()).expect("it can be read");
    check(&mut rows.map(|row| row.expect("it can be read")))
}

/// The size of the table's pages, its indexes left out, for each row.
pub(crate) fn bytes_per_row(database: &Connection) -> f64 {
    let ask = |sql| database.query_row(sql, [], |row| row.get(0)).expect("it can be read");
    let pages: i64 = ask("SELECT sum(pgsize) FROM dbstat WHERE name = 'opportunity'");
    let rows: i64 = ask("SELECT count(*) FROM opportunity");
    pages as f64 / rows as f64
}
