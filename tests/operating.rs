//! What the page *Operating* says of the room that a database takes.

mod support;

use std::path::Path;

use opportunity_engine::{Batch, Durability, Engine};
use support::lead;

const RECORDS: i64 = 20_000;

/// Opens a database with a history, adds to it, and closes it; tells how many bytes the file has then.
fn add(path: &Path, prune: bool) -> u64 {
    let engine = Engine::options().durability(Durability::Off).history(true).open(path).unwrap();
    if prune {
        let last = engine.last_change().unwrap().unwrap();
        assert_eq!(engine.prune_changes(last).unwrap(), RECORDS as u64);
    } else {
        engine.add_or_update_all(vec![lead(); RECORDS as usize], Batch::AllOrNothing).unwrap();
    }
    engine.close().unwrap();
    std::fs::metadata(path).unwrap().len()
}

#[test]
fn what_was_pruned_leaves_room_for_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let first = add(&path, false);
    assert_eq!(add(&path, true), first, "the file does not shrink");
    let second = add(&path, false);

    // The same again in a database of which nothing was pruned.
    let path = folder.path().join("b.db");
    assert_eq!(add(&path, false), first);
    let unpruned = add(&path, false);
    assert!(
        second - first < (unpruned - first) / 2,
        "{first}, {second}, without pruning {unpruned}"
    );
}

/// Room that is free inside of the database is copied too.
#[test]
fn a_backup_takes_the_room_of_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    add(&path, false);
    let bytes = add(&path, true);
    let backup = folder.path().join("backup.db");
    Engine::back_up_file(&path, &backup).unwrap();
    assert_eq!(std::fs::metadata(backup).unwrap().len(), bytes);
}
