//! A sync has failed, and the database is opened again while somebody else still has it open.

use std::path::Path;
use std::time::Duration;

use opportunity_engine::{Durability, Engine, OpenError, StoreErrorKind};
use rusqlite::{Connection, OpenFlags};

use super::recorder::{Call, Failure, Fault, Recording};
use super::workload::{self, Ledger};
use super::{LOG_CAP_BYTES, NAME, Story, open};
use crate::support::runs;

const EIO: Failure = Failure::Error(libc::EIO);

/// Opens it, and does not wait long for others. `None` if they are in the way.
fn open_beside(folder: &Path) -> Option<Engine> {
    let options = Engine::options().log_cap_bytes(LOG_CAP_BYTES).history(true);
    match options.busy_timeout(Duration::from_millis(20)).open(folder.join(NAME)) {
        Ok(engine) => Some(engine),
        Err(OpenError::Store { source, .. }) if source.kind() == StoreErrorKind::Busy => None,
        Err(other) => panic!("{other:?}"),
    }
}

/// Somebody who reads, and does not end. Nothing is read where there are no tables yet.
fn reader(folder: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let reader = Connection::open_with_flags(folder.join(NAME), flags).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    drop(reader.query_row("SELECT max(id) FROM opportunity", [], |_| Ok(())));
    reader
}

/// What follows in the log would be lost with what is before it and not on the disk. Caught: an engine that
/// takes whoever is in the way of the log for one that has moved it.
#[test]
fn a_log_that_somebody_reads_is_not_written_on_after_a_failed_sync() {
    let (mut opened, mut refused) = (0, 0);
    for first in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let recording = Recording::of(folder.path());
        let ledger = Ledger::default();
        let seed = 800 + first as u64;
        recording.fail([Fault { call: Call::Sync, first, count: usize::MAX, failure: EIO }]);
        if let Ok(engine) = open(folder.path(), Durability::Full) {
            workload::run(&engine, &ledger, 3 * seed, 2, 3);
            drop(engine.close());
        }
        let calls = recording.calls();
        recording.fail([]);

        let reader = reader(folder.path());
        match open_beside(folder.path()) {
            None => refused += 1,
            Some(engine) => {
                opened += 1;
                workload::run(&engine, &ledger, 3 * seed + 1, 2, 3);
                drop(engine.close());
            }
        }
        drop(reader);
        let engine = open(folder.path(), Durability::Full).unwrap();
        workload::run(&engine, &ledger, 3 * seed + 2, 2, 3);
        engine.close().unwrap();

        let story = Story::told(seed, 0, recording, ledger);
        story.check(&folder.path().join(NAME)).unwrap();
        let flaws = story.flaws(runs(20, 200));
        assert!(flaws.is_empty(), "sync {first}: {flaws:#?}");
        if calls <= first {
            break;
        }
    }
    println!("opened {opened} times beside a reader, {refused} times not; losses: 0");
    assert!(opened > 0 && refused > 0);
}

/// A checkpoint has moved pages, and could not sync them. The next engine would take them for moved, as long
/// as the first has the database open, and let the log start over. Caught: an engine that does not keep the
/// log from others.
#[test]
fn a_log_that_is_needed_is_kept_from_an_engine_that_is_opened_beside() {
    let (mut opened, mut refused) = (0, 0);
    for first in 0..runs(12, 60) {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), Durability::Full).unwrap().close().unwrap();
        let recording = Recording::of(folder.path());
        let ledger = Ledger::default();
        let seed = 900 + first as u64;
        recording.fail([Fault { call: Call::SyncOfDatabase, first, count: 1, failure: EIO }]);
        let engine = open(folder.path(), Durability::Full).unwrap();
        let mut lives = 1_000 * seed..;
        while recording.calls() <= first {
            // As far as it reads the log is moved, and not synced, because there is more.
            let reader = reader(folder.path());
            workload::run(&engine, &ledger, lives.next().unwrap(), 2, 3);
            drop(reader);
            workload::run(&engine, &ledger, lives.next().unwrap(), 2, 5);
        }
        recording.fail([]);
        match open_beside(folder.path()) {
            None => refused += 1,
            Some(second) => {
                opened += 1;
                for life in lives.by_ref().take(4) {
                    workload::run(&second, &ledger, life, 2, 5);
                }
                drop(second.close());
            }
        }
        drop(engine.close());
        let engine = open(folder.path(), Durability::Full).unwrap();
        workload::run(&engine, &ledger, lives.next().unwrap(), 2, 5);
        engine.close().unwrap();

        let story = Story::told(seed, 0, recording, ledger);
        story.check(&folder.path().join(NAME)).unwrap();
        let flaws = story.flaws(runs(30, 300));
        assert!(flaws.is_empty(), "sync {first}: {flaws:#?}");
    }
    println!(
        "an engine beside one that needs its log: opened {opened}, refused {refused} times; losses: 0"
    );
    assert!(refused > 0);
}
