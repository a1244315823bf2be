//! A reader looks at a database that others use, and changes nothing of it.

mod support;

use std::io::Write;
use std::path::Path;

use opportunity_engine::{
    Durability, Engine, Filter, ListOrder, OpenError, Opportunity, Options, Reader, Request,
    StoreErrorKind, VenueId,
};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use support::{by_hand, hold_write_lock, id, lead, venue};

fn options() -> Options {
    Engine::options().history(true).durability(Durability::Off)
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Seen to fail for a reader whose snapshot lasts.
#[test]
fn it_sees_what_is_committed_as_the_engine_itself_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = options().open(&path).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.last_change().unwrap(), reader.keeps_history().unwrap()), (None, true));
    for round in 1..=20 {
        engine.add_or_update(lead()).unwrap();
        engine.add_or_update(Request::update(venue(), id(1)).quality_id(round)).unwrap();
        for order in [ListOrder::Id, ListOrder::LastChange] {
            let of_engine = engine.list(venue(), Filter::new()).order(order);
            let of_reader = reader.list(venue(), Filter::new()).order(order);
            let all = |list: opportunity_engine::Listing<'_>| -> Vec<Opportunity> {
                list.iter().map(Result::unwrap).collect()
            };
            assert_eq!(all(of_reader), all(of_engine));
        }
        assert_eq!(reader.get(venue(), id(1)).unwrap(), engine.get(venue(), id(1)).unwrap());
        assert_eq!(reader.changes(None, 999).unwrap(), engine.changes(None, 999).unwrap());
        assert_eq!(reader.last_change().unwrap(), engine.last_change().unwrap());
    }
    assert_eq!(reader.get(VenueId::new(108).unwrap(), id(1)).unwrap(), None);
    let lock = hold_write_lock(&path);
    assert_eq!(reader.inventory().unwrap().opportunities, 20);
    drop(lock);
    engine.close().unwrap();
    assert_eq!(reader.inventory().unwrap().opportunities, 20);
}

/// Engines come and go, each with no patience at all.
#[test]
fn it_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    options().open(&path).unwrap().close().unwrap();
    let reader = Reader::open(&path).unwrap();
    for round in 1..=5 {
        let engine = options().busy_timeout(std::time::Duration::ZERO).open(&path).unwrap();
        engine.add_or_update(lead()).unwrap();
        assert_eq!(reader.list(venue(), Filter::new()).count().unwrap(), round);
        engine.close().unwrap();
        let log = std::fs::metadata(folder.path().join("a.db-wal")).map_or(0, |log| log.len());
        assert_eq!(log, 0, "the engine has moved its log");
    }
    drop(reader);
    assert_eq!(files(folder.path()), 1);
}

/// Writes to a database and leaves the log behind, as a process does that is killed.
fn write_and_be_killed(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    by_hand::change(&connection, "UPDATE opportunity SET quality_id = 5");
}

/// An output during whose first write another process is killed.
struct Kills<'p>(&'p Path);

impl Write for Kills<'_> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        write_and_be_killed(self.0);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The next engine has to verify the file, which it does because of that log. Seen to fail for a connection that
/// is closed as SQLite closes the last one.
#[test]
fn the_log_of_a_process_that_was_killed_meanwhile_stays() {
    type Look = fn(&Path);
    let looks: [Look; 2] = [
        |path| {
            let reader = Reader::open(path).unwrap();
            write_and_be_killed(path);
            assert!(reader.get(venue(), id(1)).unwrap().unwrap().quality_id().is_some());
        },
        |path| assert_eq!(Engine::export_file(path, Kills(path)).unwrap(), 1),
    ];
    for look in looks {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let engine = options().open(&path).unwrap();
        engine.add_or_update(lead()).unwrap();
        engine.close().unwrap();
        let before = std::fs::read(&path).unwrap();
        look(&path);
        assert!(std::fs::read(&path).unwrap() == before);
        assert!(std::fs::metadata(folder.path().join("a.db-wal")).unwrap().len() > 0);
        let engine = Engine::open(&path).unwrap();
        assert!(engine.get(venue(), id(1)).unwrap().unwrap().quality_id().is_some());
    }
}

#[test]
fn a_database_of_the_first_schema_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/schema-1.db");
    std::fs::copy(old, &path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert!(reader.get(venue(), id(1)).unwrap().is_some());
    assert!(reader.list(venue(), Filter::new()).count().unwrap() > 1);
    assert!(!reader.keeps_history().unwrap());
    assert_eq!((reader.last_change().unwrap(), reader.changes(None, 9).unwrap()), (None, vec![]));
    let inventory = reader.inventory().unwrap();
    assert_eq!((inventory.schema_version, inventory.idempotency_keys), (1, 0));
    drop(reader);
    assert!(std::fs::read(&path).unwrap() == before);
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn what_is_no_database_is_refused_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    assert!(matches!(Reader::open(&path), Err(OpenError::Missing { .. })));
    assert_eq!(files(folder.path()), 0);
    std::fs::write(&path, "dear diary").unwrap();
    assert!(matches!(Reader::open(&path), Err(OpenError::Foreign { .. })));
}

/// Seen to fail for counters that are taken as they are.
#[test]
fn an_inventory_does_not_go_by_counters_that_are_damaged() {
    for damage in [
        "PRAGMA ignore_check_constraints = 1; UPDATE engine_state SET last_id = -1",
        "DELETE FROM engine_state",
        "PRAGMA ignore_check_constraints = 1; UPDATE change_feed SET last_sequence = -1",
        "DELETE FROM change_feed",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        options().open(&path).unwrap().close().unwrap();
        let by_hand = Connection::open(&path).unwrap();
        by_hand.execute_batch(damage).unwrap();
        by_hand.close().unwrap();
        let found = Reader::open(&path).unwrap().inventory();
        assert_eq!(found.unwrap_err().kind(), StoreErrorKind::Damaged, "{damage}");
    }
}
