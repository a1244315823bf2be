//! Opportunities with names by which they are found again.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

/// The body of a request that adds one.
pub(crate) fn lead(name: &str) -> String {
    json!({ "venueId": 107, "name": name, "contactId": 918, "typeId": 18, "sourceId": 25, "stageId": 69 })
        .to_string()
}

/// The body of a request that gives one another name.
pub(crate) fn renamed(id: i64, name: &str) -> String {
    json!({ "id": id, "venueId": 107, "name": name }).to_string()
}

/// What a database holds: each name, and its id. No name may be there twice.
pub(crate) fn stored(db: &Path) -> BTreeMap<String, i64> {
    let connection = Connection::open(db).unwrap();
    let check: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut select = connection.prepare("SELECT name, id FROM opportunity").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let mut found = BTreeMap::new();
    for row in rows {
        let (name, id): (String, i64) = row.unwrap();
        if let Some(other) = found.insert(name.clone(), id) {
            panic!("{name:?} was added twice, as {other} and as {id}");
        }
    }
    found
}
